import { contentMd5, textOf, type HeaderField, type SignedMessage } from './alibaba-message.ts';
import { neverListed, readSignedNames } from './alibaba-names.ts';
import { canonicalParameters, type ParameterStyle } from './alibaba-params.ts';
import { hmacBase64, isSameText, type HmacDigest, type Secret } from './hmac.ts';

/** Value of `X-Ca-Signature-Method`. */
type ClientAlgorithm = 'HmacSHA256' | 'HmacSHA1';

/** Which reading of a message its signature fits; `documented` is the vendor's rule, the others are tolerances. */
export type ClientVariant = 'documented' | 'decodedPath' | 'joinedRepeats' | 'decodedPathJoinedRepeats';

/**
 * The outcome of `verifyClient`.
 *
 * `signedNames`, in lower case, are the headers that the signature covers. A replay check is worth nothing unless
 * `x-ca-nonce` and `x-ca-timestamp` are among them, since an unsigned nonce can be exchanged.
 *
 * `reason`: `mismatch`, the signature is absent, malformed or another one; `algorithm`, `X-Ca-Signature-Method` is
 * unknown; `headers`, the list of signed headers is too long or holds what is no name; `parameters`, too many of them.
 *
 * `serverStringToSign` is the documented string, for the caller to compare with; '' unless the reason is `mismatch`. It
 * holds line feeds and any text the caller sent, form fields included: not a header value as it is, and not for a log.
 */
export type ClientVerdict =
  | { readonly ok: true; readonly signedNames: readonly string[]; readonly variant: ClientVariant }
  | {
      readonly ok: false;
      readonly reason: 'mismatch' | 'algorithm' | 'headers' | 'parameters';
      readonly serverStringToSign: string;
    };

/** What `signClient` needs besides the message. */
export interface ClientSigning {
  /** AppKey. */
  readonly key: string;
  /** AppSecret. */
  readonly secret: Secret;
  readonly timestampMs: number;
  /** A UUID never used before with this key. */
  readonly nonce: string;
  /** Default `HmacSHA256`. */
  readonly algorithm?: ClientAlgorithm | undefined;
  /** Sent and signed as `X-Ca-Stage` when given, such as `RELEASE`. */
  readonly stage?: string | undefined;
  /** Further headers of the message to sign, in any letter case; those it does not have are passed over. */
  readonly names?: readonly string[] | undefined;
  /** The whole body when it is no form: Content-MD5 is then sent and signed. Ignored beside `form`, or when empty. */
  readonly body?: Uint8Array | undefined;
}

const documented: ParameterStyle = { repeated: 'first', empty: 'bare' };
const joinedRepeats: ParameterStyle = { repeated: 'joined', empty: 'bare' };

// A path whose escapes hide a separator, a percent sign or a control character has no decoded reading: one signature
// would stand for `/a/b` and for `/a%2Fb`, or for a path with `%3F` and for a path with a query.
const ambiguousEscape = /%(?:2[5f]|3f|5c|7f|[01][0-9a-f])/i;

/**
 * Checks the client signature of a request (Alibaba Cloud API Gateway, "Request signature", doc 29475).
 *
 * Tries the documented string first, which is all an honest call costs, then the tolerances of `clientStrings`. Reads no
 * clock and keeps no nonces; comparing Content-MD5 with the body is the caller's part too. Never throws on what a client
 * can send, and never gives away the signature it computed.
 */
export function verifyClient(message: SignedMessage, secret: Secret): ClientVerdict {
  const digest = digestOf(message.header('x-ca-signature-method'));
  if (digest === undefined) return refused('algorithm');
  const names = readSignedNames(message.header('x-ca-signature-headers') ?? '');
  if (names === undefined) return refused('headers');
  const signature = message.header('x-ca-signature') ?? '';
  let first: string | undefined;
  for (const { text, variant } of clientStrings(message, names.listed)) {
    first ??= text;
    if (isSameText(hmacBase64(digest, secret, text), signature)) {
      return { ok: true, signedNames: names.lowerCase, variant };
    }
  }
  return first === undefined ? refused('parameters') : refused('mismatch', first);
}

/**
 * The strings that a verifier may accept as what the client signed, best first, each built when it is asked for:
 * 1. the documented one, with the path as it came;
 * 2. with the path decoded, where that is unambiguous and differs: it is unknown which of the two the vendor signs;
 * 3. and 4. the same with the values of a repeated parameter joined by commas, as the official client for Node signs them.
 *
 * The joined form is safe to accept: it covers all values of a name, where the documented form leaves all but the first
 * unsigned. All that can be passed off is `x=1,2` for `x=1&x=2` and the reverse.
 *
 * `names` are those of `X-Ca-Signature-Headers` in their own letter case, sorted. Yields nothing beyond `maxParameters`.
 */
export function* clientStrings(
  message: SignedMessage,
  names: readonly string[],
): Generator<{ text: string; variant: ClientVariant }, void, undefined> {
  const parameters = canonicalParameters(message, documented);
  if (parameters === undefined) return;
  const start = clientStart(message, names, (name) => textOf(message.header(name) ?? ''));
  const path = textOf(message.path);
  yield { text: start + path + parameters, variant: 'documented' };
  const decoded = decodedPath(path);
  if (decoded !== path) yield { text: start + decoded + parameters, variant: 'decodedPath' };
  const joined = canonicalParameters(message, joinedRepeats);
  if (joined === undefined || joined === parameters) return;
  yield { text: start + path + joined, variant: 'joinedRepeats' };
  if (decoded !== path) yield { text: start + decoded + joined, variant: 'decodedPathJoinedRepeats' };
}

/**
 * Signs an outgoing request as a client of an Alibaba gateway does (doc 29475), and gives the fields to set on it. Names
 * are listed in lower case and sorted, so that it does not matter whether a verifier sorts or lowers them first. Every
 * other field must have its final value before: Accept, Content-Type and Date are signed as well.
 *
 * Undefined when there are more than `maxParameters` parameters; refuse the call then.
 */
export function signClient(message: SignedMessage, signing: ClientSigning): HeaderField[] | undefined {
  const parameters = canonicalParameters(message, documented);
  if (parameters === undefined) return undefined;
  const algorithm = signing.algorithm ?? 'HmacSHA256';
  const own = new Map<string, HeaderField>([
    ['x-ca-key', ['X-Ca-Key', signing.key]],
    ['x-ca-timestamp', ['X-Ca-Timestamp', String(signing.timestampMs)]],
    ['x-ca-nonce', ['X-Ca-Nonce', signing.nonce]],
    ['x-ca-signature-method', ['X-Ca-Signature-Method', algorithm]],
  ]);
  if (signing.stage !== undefined) own.set('x-ca-stage', ['X-Ca-Stage', signing.stage]);
  const listed = new Set(own.keys());
  for (const name of signing.names ?? []) {
    const lower = name.toLowerCase();
    if (!neverListed.has(lower) && message.header(lower) !== undefined) listed.add(lower);
  }
  const { body } = signing;
  if (message.form === undefined && body !== undefined && body.length > 0) {
    own.set('content-md5', ['Content-MD5', contentMd5(body)]);
  }
  const names = [...listed].sort();
  const valueOf = (name: string): string => textOf(own.get(name)?.[1] ?? message.header(name) ?? '');
  const text = clientStart(message, names, valueOf) + textOf(message.path) + parameters;
  const digest = algorithm === 'HmacSHA1' ? 'sha1' : 'sha256';
  return [
    ...own.values(),
    ['X-Ca-Signature-Headers', names.join(',')],
    ['X-Ca-Signature', hmacBase64(digest, signing.secret, text)],
  ];
}

function clientStart(
  message: SignedMessage,
  names: readonly string[],
  valueOf: (lowerCaseName: string) => string,
): string {
  let text = `${message.method.toUpperCase()}\n${valueOf('accept')}\n${valueOf('content-md5')}\n`;
  text += `${valueOf('content-type')}\n${valueOf('date')}\n`;
  for (const name of names) text += `${name}:${valueOf(name)}\n`;
  return text;
}

function digestOf(algorithm: string | undefined): HmacDigest | undefined {
  if (algorithm === undefined || algorithm === '' || algorithm === 'HmacSHA256') return 'sha256';
  return algorithm === 'HmacSHA1' ? 'sha1' : undefined;
}

function refused(
  reason: 'mismatch' | 'algorithm' | 'headers' | 'parameters',
  serverStringToSign = '',
): ClientVerdict {
  return { ok: false, reason, serverStringToSign };
}

function decodedPath(path: string): string {
  if (!path.includes('%') || ambiguousEscape.test(path)) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
