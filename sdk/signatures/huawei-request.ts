import { createHmac, hash } from 'node:crypto';
import type { HuaweiNames, HuaweiScope } from './huawei-authorization.ts';
import { canonicalHeaders, canonicalQuery, canonicalUri } from './huawei-canonical.ts';
import type { HuaweiMessage } from './huawei-message.ts';
import { hmacHexOfHash, isHmacHexOfHash, isSameText, type Secret } from './hmac.ts';

/** Which canonical request a signature fits; `documented` is the vendor's rule, the others are habits of its clients. */
export type HuaweiVariant = 'documented' | 'rawPath' | 'localeSorted' | 'rawPathLocaleSorted';

/** The scheme's name, in the Authorization header and in the string to sign. */
export const huaweiAlgorithm = 'SDK-HMAC-SHA256';

/** The documented canonical request, which is what a signer signs. Undefined beyond `maxQueryParameters`. */
export function canonicalRequest(
  message: HuaweiMessage,
  { sorted, joined }: Pick<HuaweiNames, 'sorted' | 'joined'>,
  payload: string,
): string | undefined {
  const query = canonicalQuery(message.rawQuery);
  if (query === undefined) return undefined;
  const start = `${message.method.toUpperCase()}\n${canonicalUri(message.path, 'decoded')}\n${query}\n`;
  return `${start}${canonicalHeaders(message, sorted)}\n${joined}\n${payload}`;
}

/**
 * The canonical requests that a verifier may accept as what the client signed, best first, each built when it is asked
 * for: the documented one; with the escapes of the path encoded twice; and both with the header lines in the order of
 * `localeCompare`. The last three are what the official JavaScript client signs (npm `@huaweicloud/huaweicloud-sdk-core`).
 *
 * A path encoded twice lets `/a%20b` be passed off for `/a%2520b` where a client signed the latter; the order of lines
 * lets nothing be passed off.
 *
 * @param payload the last line: a hash of the body, or the value of X-Sdk-Content-Sha256. Yields nothing beyond
 * `maxQueryParameters`.
 */
export function* canonicalRequests(
  message: HuaweiMessage,
  names: HuaweiNames,
  payload: string,
): Generator<{ text: string; variant: HuaweiVariant }, void, undefined> {
  const query = canonicalQuery(message.rawQuery);
  if (query === undefined) return;
  const start = `${message.method.toUpperCase()}\n`;
  const end = `\n${names.joined}\n${payload}`;
  const uri = `${canonicalUri(message.path, 'decoded')}\n${query}\n`;
  const headers = canonicalHeaders(message, names.sorted);
  yield { text: start + uri + headers + end, variant: 'documented' };
  const rawUri = `${canonicalUri(message.path, 'raw')}\n${query}\n`;
  const isAmbiguous = rawUri !== uri;
  if (isAmbiguous) yield { text: start + rawUri + headers + end, variant: 'rawPath' };
  if (names.localeSorted === undefined) return;
  const lines = canonicalHeaders(message, names.localeSorted);
  yield { text: start + uri + lines + end, variant: 'localeSorted' };
  if (isAmbiguous) yield { text: start + rawUri + lines + end, variant: 'rawPathLocaleSorted' };
}

/**
 * What is signed: algorithm, X-Sdk-Date, the scope of a derived key if there is one, SHA-256 of the canonical request.
 */
export function stringToSign(canonicalRequest: string, date: string, scope?: HuaweiScope): string {
  return startToSign(date, scope) + hash('sha256', canonicalRequest, 'hex');
}

// Not kept for the next one: callers' clocks differ, and what the gateway signs itself has a time of its own.
function startToSign(date: string, scope?: HuaweiScope): string {
  const start = `${huaweiAlgorithm}\n${date}\n`;
  return scope === undefined ? start : `${start}${scopeText(scope)}\n`;
}

/** The signature of a canonical request, in lower-case hexadecimal. */
export function signatureOf(canonicalRequest: string, date: string, secret: Secret): string {
  return hmacHexOfHash(secret, startToSign(date), canonicalRequest);
}

/** Whether that is the signature; `scope` is that of a derived key. */
export function isSignature(
  given: string,
  canonicalRequest: string,
  date: string,
  secret: Secret,
  scope: HuaweiScope | undefined,
): boolean {
  if (scope === undefined) return isHmacHexOfHash(secret, startToSign(date), canonicalRequest, given);
  const text = stringToSign(canonicalRequest, date, scope);
  return isSameText(
    createHmac('sha256', derivedKey(secret, scope)).update(text, 'utf8').digest('hex'),
    given,
  );
}

function scopeText({ date, region, service }: HuaweiScope): string {
  return `${date}/${region}/${service}/sdk_request`;
}

// Not kept: only clients of 2021 and before use it, and regions and services are the client's choice.
function derivedKey(secret: Secret, { date, region, service }: HuaweiScope): Buffer {
  const own = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret.export();
  let key: Buffer = Buffer.concat([Buffer.from('SDK'), own]);
  for (const step of [date, region, service, 'sdk_request']) {
    key = createHmac('sha256', key).update(step, 'utf8').digest();
  }
  return key;
}
