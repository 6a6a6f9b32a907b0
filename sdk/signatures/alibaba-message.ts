import { hash } from 'node:crypto';

/** What a signature of Alibaba Cloud API Gateway covers, taken from a request that came in or is about to go out. */
export interface SignedMessage {
  readonly method: string;
  /** As on the wire, without the query, one character a byte where it is not ASCII (as Node shows it). */
  readonly path: string;
  /** As on the wire, what follows `?`; '' when there is none. */
  readonly rawQuery: string;
  /**
   * The body as sent when the content type is a form (`isFormType`), else undefined. Bytes are read as UTF-8. Leaving
   * the body of a form out leaves its fields unsigned.
   */
  readonly form: string | Uint8Array | undefined;
  /** The field of that name in any letter case, as Node shows it (Latin-1); the first when it is repeated. */
  header(name: string): string | undefined;
}

/** A header field to put on a message: replaces every field of that name. */
export type HeaderField = readonly [name: string, value: string];

const beyondAscii = /[^\x00-\x7f]/;
const beyondLatin1 = /[^\x00-\xff]/;

/** Whether a body of this Content-Type takes part in the signature field by field instead of through Content-MD5. */
export function isFormType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/x-www-form-urlencoded/i.test(contentType);
}

/** The value of Content-MD5 for the body: base64 of its MD5. */
export function contentMd5(body: Uint8Array): string {
  return hash('md5', body, 'base64');
}

/**
 * The text that the sender meant by a value which Node read byte by byte. Bytes that are not UTF-8 stay as they are: then
 * the sender really sent Latin-1, and signed the same letters.
 */
export function textOf(value: string): string {
  if (!beyondAscii.test(value) || beyondLatin1.test(value)) return value;
  const decoded = Buffer.from(value, 'latin1').toString('utf8');
  return decoded.includes('\ufffd') ? value : decoded;
}
