import type { HuaweiNames, HuaweiSignature } from './huawei-authorization.ts';
import { parseSdkDate, unsignedPayload, type HuaweiMessage } from './huawei-message.ts';
import { canonicalRequest, canonicalRequests, isSignature, type HuaweiVariant } from './huawei-request.ts';
import type { Secret } from './hmac.ts';

/**
 * Why `verifyHuawei` refuses:
 * - `mismatch`: the signature is another one;
 * - `date`: X-Sdk-Date is absent, repeated, not a date, or not among the signed headers;
 * - `contentHash`: X-Sdk-Content-Sha256 is neither `UNSIGNED-PAYLOAD` nor a SHA-256, is not among the signed headers, or
 *   is not the hash of the body; also when there is no such header and no hash was given;
 * - `host`: Host is required and not among the signed headers;
 * - `scope`: the day in `Credential=` is not that of X-Sdk-Date;
 * - `parameters`: the query has more than `maxQueryParameters`.
 */
export type HuaweiReason = 'mismatch' | 'date' | 'contentHash' | 'host' | 'scope' | 'parameters';

/** The outcome of `verifyHuawei`. */
export type HuaweiVerdict =
  | {
      readonly ok: true;
      /** In lower case. Any other header of the message may have been changed on the way. */
      readonly signedNames: readonly string[];
      /** X-Sdk-Date, for the caller to compare with the clock: the vendor allows 15 minutes either way. */
      readonly timestampMs: number;
      /** Whether the signature covers the body, which it does not with `UNSIGNED-PAYLOAD`. */
      readonly isBodySigned: boolean;
      /** What `bodyHash` of the body must still turn out to be; undefined when nothing is left to compare. */
      readonly pendingBodyHash: string | undefined;
      readonly variant: HuaweiVariant;
    }
  | {
      readonly ok: false;
      readonly reason: HuaweiReason;
      /**
       * The documented canonical request with `|` for line feeds, as the vendor's gateway answers it; '' unless the
       * reason is `mismatch`. It repeats header values and any other text the caller sent: for the answer to that
       * caller, and not for a log.
       */
      readonly canonicalRequest: string;
    };

/** Rules of `verifyHuawei` beyond the vendor's. */
export interface HuaweiRules {
  /**
   * Whether Host must be signed, default false: the vendor demands X-Sdk-Date only, though all its clients sign Host. A
   * signature without it is good on every host where the app may call.
   */
  readonly isHostRequired?: boolean | undefined;
}

const hexHash = /^[0-9a-f]{64}$/i;

/**
 * Checks a signature of the scheme SDK-HMAC-SHA256 (Huawei Cloud API Gateway: app and AK/SK authentication, `hmac`
 * signature keys).
 *
 * Tries the documented canonical request first, which is all an honest call costs, then the others of
 * `canonicalRequests`. Reads no clock. Never throws on what a client can send, and gives away neither the signature it
 * computed nor the secret.
 *
 * @param bodyHash `bodyHash` of the body, compared with X-Sdk-Content-Sha256 if there is one. Undefined when the body was
 * not read (`isBodyHashNeeded`); the caller then compares `pendingBodyHash`.
 */
export function verifyHuawei(
  message: HuaweiMessage,
  bodyHash: string | undefined,
  authorization: HuaweiSignature,
  secret: Secret,
  rules: HuaweiRules = {},
): HuaweiVerdict {
  const { names, scope, signature } = authorization;
  const { sorted } = names;
  const date = message.header('x-sdk-date') ?? '';
  const timestampMs = parseSdkDate(date);
  if (timestampMs === undefined || !sorted.includes('x-sdk-date')) return refused('date');
  if (scope !== undefined && !date.startsWith(scope.date)) return refused('scope');
  if (rules.isHostRequired === true && !sorted.includes('host')) return refused('host');
  const payload = payloadOf(message, bodyHash, sorted);
  if (payload === undefined) return refused('contentHash');
  const matches = (text: string): boolean => isSignature(signature, text, date, secret, scope);
  const documented = canonicalRequest(message, names, payload);
  if (documented === undefined) return refused('parameters');
  const variant = matches(documented) ? 'documented' : otherVariant(message, names, payload, matches);
  if (variant === undefined) return refused('mismatch', documented.replaceAll('\n', '|'));
  const isBodySigned = payload !== unsignedPayload;
  const pendingBodyHash = isBodySigned && bodyHash === undefined ? payload.toLowerCase() : undefined;
  return { ok: true, signedNames: sorted, timestampMs, isBodySigned, pendingBodyHash, variant };
}

/** Which of the undocumented canonical requests was signed; undefined when none was. */
function otherVariant(
  message: HuaweiMessage,
  names: HuaweiNames,
  payload: string,
  matches: (text: string) => boolean,
): HuaweiVariant | undefined {
  for (const { text, variant } of canonicalRequests(message, names, payload)) {
    if (variant !== 'documented' && matches(text)) return variant;
  }
  return undefined;
}

function payloadOf(
  message: HuaweiMessage,
  bodyHash: string | undefined,
  signedNames: readonly string[],
): string | undefined {
  const declared = message.header('x-sdk-content-sha256');
  if (declared === undefined) return bodyHash;
  // Unsigned, it could be added by anyone: the hash of the body that was signed, beside another body.
  if (!signedNames.includes('x-sdk-content-sha256')) return undefined;
  if (declared === unsignedPayload) return declared;
  if (!hexHash.test(declared)) return undefined;
  return bodyHash === undefined || bodyHash === declared.toLowerCase() ? declared : undefined;
}

function refused(reason: HuaweiReason, canonicalRequest = ''): HuaweiVerdict {
  return { ok: false, reason, canonicalRequest };
}
