import { parseObject } from './json.ts';

/** Longer ones are refused unread: a header of a request is no longer either. */
const maxLength = 16_384;
const segment = /^[A-Za-z0-9_-]*$/;

/** A token in its parts, of which nothing is verified. */
export interface Unverified {
  readonly algorithm: string;
  readonly kid: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Takes a token apart (RFC 7515 section 3.1, JWS compact serialization); says what is wrong with it, for the log, otherwise.
 * What its header says about keys (`jwk`, `jku`, `x5u`, `x5c`) is not looked at: keys come from the configuration alone.
 */
export function readToken(token: string): Unverified | string {
  if (token.length > maxLength) return `the token has more than ${maxLength} characters`;
  const parts = token.split('.', 4);
  const [head = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || signature === '') return 'the token is not made of three parts';
  const header = readPart(head);
  const claims = readPart(payload);
  if (header === undefined || claims === undefined || decode(signature) === undefined)
    return 'a part of the token is not the base64url of a JSON object with each member once';
  const { alg, kid } = header;
  if (typeof alg !== 'string') return 'the header of the token has no "alg"';
  if (kid !== undefined && typeof kid !== 'string') return 'the "kid" of the token is no text';
  // No extension is understood here, `b64` among them (RFC 7515 section 4.1.11, RFC 7797 section 6).
  if (header['crit'] !== undefined || header['b64'] !== undefined) return 'the token has critical extensions';
  return { algorithm: alg, kid, claims };
}

function readPart(text: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = decode(text);
  return bytes === undefined ? undefined : parseObject(bytes);
}

/** Without padding, blanks or left-over bits, so that there is one way to write a token. */
function decode(text: string): Buffer | undefined {
  if (!segment.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
