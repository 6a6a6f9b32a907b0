import type { HeaderField } from './alibaba-message.ts';
import { formatSdkDate, unsignedPayload, type HuaweiMessage } from './huawei-message.ts';
import { canonicalRequests, huaweiAlgorithm, signatureOf, stringToSign } from './huawei-request.ts';
import type { Secret } from './hmac.ts';

/** What `signHuawei` needs besides the message. */
export interface HuaweiSigning {
  /** AppKey, access key id, or name of the backend signature key. */
  readonly key: string;
  readonly secret: Secret;
  readonly timestampMs: number;
  /** The Host that will be sent. */
  readonly host: string;
  /** Headers to sign besides Host and X-Sdk-Date, in any letter case; those the message does not have are passed over. */
  readonly names?: readonly string[] | undefined;
}

/**
 * Signs an outgoing request by SDK-HMAC-SHA256, as a Huawei client does and as the gateway does for its backends (`hmac`
 * signature keys), and gives the fields to set on it. All other fields must have their final value before.
 *
 * X-Sdk-Content-Sha256 is among them for `UNSIGNED-PAYLOAD`, and in place of one that the message carries already: the
 * receiver would take that for the hash of the body.
 *
 * Undefined when there are more than `maxQueryParameters` parameters; refuse the call then.
 *
 * @param payload `bodyHash` of the body, or `UNSIGNED-PAYLOAD`
 */
export function signHuawei(
  message: HuaweiMessage,
  payload: string,
  signing: HuaweiSigning,
): HeaderField[] | undefined {
  const { key, secret, timestampMs, host } = signing;
  const date = formatSdkDate(timestampMs);
  const fields: HeaderField[] = [['X-Sdk-Date', date]];
  const own = new Map([
    ['host', host],
    ['x-sdk-date', date],
  ]);
  if (payload === unsignedPayload || message.header('x-sdk-content-sha256') !== undefined) {
    own.set('x-sdk-content-sha256', payload);
    fields.push(['X-Sdk-Content-Sha256', payload]);
  }
  const listed = new Set(own.keys());
  for (const name of signing.names ?? []) {
    const lower = name.toLowerCase();
    if (lower !== 'authorization' && message.header(lower) !== undefined) listed.add(lower);
  }
  const { method, path, rawQuery } = message;
  const header = (name: string): string | undefined => own.get(name) ?? message.header(name);
  const sorted = [...listed].sort();
  const outgoing = { method, path, rawQuery, header };
  const joined = sorted.join(';');
  const first = canonicalRequests(outgoing, { sorted, joined, localeSorted: undefined }, payload).next();
  if (first.done === true) return undefined;
  const signature = signatureOf(stringToSign(first.value.text, date), secret);
  const value = `${huaweiAlgorithm} Access=${key}, SignedHeaders=${joined}, Signature=${signature}`;
  fields.push(['Authorization', value]);
  return fields;
}
