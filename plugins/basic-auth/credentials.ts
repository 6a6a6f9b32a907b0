/** Who says to call. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

const maxLength = 4_096;
/** RFC 7617 section 2: neither may have control characters. */
// oxlint-disable-next-line no-control-regex -- those are what is looked for
const control = /[\x00-\x1f\x7f-\x9f]/;

/**
 * Reads an `Authorization` field of the scheme Basic (RFC 7617). Undefined when there is none of that scheme; null when it is malformed.
 */
export function readCredentials(field: string | undefined): Credentials | null | undefined {
  if (field === undefined || !/^basic(?: |$)/i.test(field)) return undefined;
  const encoded = field.slice(6).trim();
  if (encoded === '') return undefined;
  if (encoded.length > maxLength || encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded))
    return null;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return null;
  }
  const colon = text.indexOf(':');
  if (colon < 1 || control.test(text)) return null;
  // What looks the same is typed in several ways (RFC 7617 section 2.1, RFC 8265).
  const normal = text.normalize('NFC');
  const end = normal.indexOf(':');
  return { name: normal.slice(0, end), password: normal.slice(end + 1) };
}

/** What is wrong with a name or a password of the configuration; undefined when nothing is. */
export function credentialProblem(text: string, isName: boolean): string | undefined {
  if (control.test(text)) return 'it has control characters';
  return isName && text.includes(':') ? 'a name has no colon' : undefined;
}
