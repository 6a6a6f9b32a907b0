import type { HeaderField } from './alibaba-message.ts';
import type { HuaweiNames } from './huawei-authorization.ts';
import { formatSdkDate, unsignedPayload, type HuaweiMessage } from './huawei-message.ts';
import { canonicalRequest, huaweiAlgorithm, signatureOf } from './huawei-request.ts';
import type { Secret } from './hmac.ts';

/** What the canonical request of an outgoing message needs besides the message. */
export interface HuaweiOutgoing {
  readonly timestampMs: number;
  /** The Host that will be sent. */
  readonly host: string;
  /** Headers to sign besides Host and X-Sdk-Date, in any letter case; those the message does not have are passed over. */
  readonly names?: readonly string[] | undefined;
}

/** What `signHuawei` needs besides the message. */
export interface HuaweiSigning extends HuaweiOutgoing {
  /** AppKey, access key id, or name of the backend signature key. */
  readonly key: string;
  readonly secret: Secret;
}

/** What there is to sign of an outgoing message. */
export interface HuaweiCanonical {
  readonly text: string;
  /** The value of X-Sdk-Date. */
  readonly date: string;
  /** The value of SignedHeaders. */
  readonly signedHeaders: string;
  /** Fields that the text covers and that are to be set on the message, X-Sdk-Date first. */
  readonly fields: HeaderField[];
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
  const canonical = canonicalOutgoing(message, payload, signing);
  if (canonical === undefined) return undefined;
  const { text, date, signedHeaders, fields } = canonical;
  const signature = signatureOf(text, date, signing.secret);
  fields.push([
    'Authorization',
    `${huaweiAlgorithm} Access=${signing.key}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
  ]);
  return fields;
}

/** The canonical request that `signHuawei` signs, for those who sign it in another way; undefined as there. */
export function canonicalOutgoing(
  message: HuaweiMessage,
  payload: string,
  { timestampMs, host, names = [] }: HuaweiOutgoing,
): HuaweiCanonical | undefined {
  const date = formatSdkDate(timestampMs);
  const fields: HeaderField[] = [['X-Sdk-Date', date]];
  const isStated = payload === unsignedPayload || message.header('x-sdk-content-sha256') !== undefined;
  if (isStated) fields.push(['X-Sdk-Content-Sha256', payload]);
  const header = (name: string): string | undefined => {
    if (name === 'host') return host;
    if (name === 'x-sdk-date') return date;
    return isStated && name === 'x-sdk-content-sha256' ? payload : message.header(name);
  };
  const present = names.filter((name) => message.header(name) !== undefined);
  const { sorted, joined } = present.length === 0 && !isStated ? least : listOf(present, isStated);
  const { method, path, rawQuery } = message;
  const outgoing = { method, path, rawQuery, header };
  const text = canonicalRequest(outgoing, { sorted, joined }, payload);
  return text === undefined ? undefined : { text, date, signedHeaders: joined, fields };
}

type List = Pick<HuaweiNames, 'sorted' | 'joined'>;

const required: readonly string[] = ['host', 'x-sdk-date'];

/** What most requests have, being without content. */
const least: List = { sorted: required, joined: required.join(';') };

function listOf(present: readonly string[], isStated: boolean): List {
  const all = new Set([...required, ...present.map((name) => name.toLowerCase())]);
  if (isStated) all.add('x-sdk-content-sha256');
  all.delete('authorization');
  const sorted = [...all].sort();
  return { sorted, joined: sorted.join(';') };
}
