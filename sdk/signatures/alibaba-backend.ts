import { contentMd5, textOf, type HeaderField, type SignedMessage } from './alibaba-message.ts';
import { canonicalParameters } from './alibaba-params.ts';
import { hmacBase64, type Secret } from './hmac.ts';

/** What `signBackend` needs besides the message. */
export interface BackendSigning {
  /** Name of the secret, sent along so that a backend can hold several. */
  readonly key: string;
  readonly secret: Secret;
  /**
   * Headers to sign, in any letter case; those the message does not have are passed over. `X-Ca-Proxy-Signature-Secret-Key`
   * may be listed and is then signed with the value of `key`.
   */
  readonly names: readonly string[];
  /** The whole body when it is no form: Content-MD5 is then sent and signed. Ignored beside `form`, or when empty. */
  readonly body?: Uint8Array | undefined;
}

const secretKeyName = 'x-ca-proxy-signature-secret-key';
const neverSigned: ReadonlySet<string> = new Set(['x-ca-proxy-signature', 'x-ca-proxy-signature-headers']);

/**
 * Signs a request to a backend as Alibaba Cloud API Gateway does ("Backend signature", doc 170128), and gives the fields
 * to set on it. All three are always given, so that nothing a caller sent under these names passes through.
 *
 * Content-MD5 counts as it stands in the message unless `body` is given: a backend that computes it itself from every
 * body then agrees. Undefined when there are more than `maxParameters` parameters; refuse the call then.
 */
export function signBackend(message: SignedMessage, signing: BackendSigning): HeaderField[] | undefined {
  const parameters = canonicalParameters(message, { repeated: 'first', empty: 'equals' });
  if (parameters === undefined) return undefined;
  const { key, body } = signing;
  const isHashed = message.form === undefined && body !== undefined && body.length > 0;
  const md5 = isHashed ? contentMd5(body) : textOf(message.header('content-md5') ?? '');
  let text = `${message.method.toUpperCase()}\n${md5}\n`;
  const listed: string[] = [];
  // Lower case before sorting: a backend that lowers first and one that sorts first then build the same string.
  for (const name of [...new Set(signing.names.map((name) => name.toLowerCase()))].sort()) {
    const value = name === secretKeyName ? key : message.header(name);
    if (value === undefined || neverSigned.has(name)) continue;
    listed.push(name);
    text += `${name}:${textOf(value)}\n`;
  }
  text += textOf(message.path) + parameters;
  const fields: HeaderField[] = [
    ['X-Ca-Proxy-Signature-Secret-Key', key],
    ['X-Ca-Proxy-Signature-Headers', listed.join(',')],
    ['X-Ca-Proxy-Signature', hmacBase64('sha256', signing.secret, text)],
  ];
  if (isHashed) fields.unshift(['Content-MD5', md5]);
  return fields;
}
