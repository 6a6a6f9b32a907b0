import { type Clock, type Exchange, type Reply, refuse } from '#sdk';
import { type HuaweiSignature, parseAuthorization } from '#sdk/signatures/huawei-authorization';
import { type HuaweiReason, type HuaweiVerdict, verifyHuawei } from '#sdk/signatures/huawei';
import {
  type HuaweiMessage,
  bodyHash,
  formatSdkDate,
  isBodyHashNeeded,
  parseSdkDate,
} from '#sdk/signatures/huawei-message';
import type { Directory, User } from './accounts.ts';
import type { Attempts } from './attempts.ts';
import { failed } from './refused.ts';

/** How far X-Sdk-Date may be from the gateway's clock, either way. */
const windowMs = 15 * 60_000;

/** Longest canonical request that a refusal shows. */
const maxShown = 1024;

/** What verifying needs. */
export interface SignatureOptions {
  readonly directory: Directory;
  readonly attempts: Attempts;
  readonly clock: Clock;
}

/** Whether the value of Authorization is for this plugin; other schemes are the backend's. */
export function isSignature(authorization: string | undefined): authorization is string {
  return authorization !== undefined && parseAuthorization(authorization) !== undefined;
}

/** The user who signed, or why the request is refused. */
export function verifySignature(
  exchange: Exchange,
  value: string,
  options: SignatureOptions,
): User | Reply | Promise<User | Reply> {
  const authorization = parseAuthorization(value);
  if (authorization === undefined || authorization.kind === 'unsupported')
    return failed('the scheme of Authorization is not supported; allowed: SDK-HMAC-SHA256');
  if (authorization.kind === 'malformed') return failed(`Invalid Header: ${authorization.problem}`);
  const user = options.directory.byAccessKey(authorization.access);
  if (user === undefined) {
    const shown = authorization.access.slice(0, 200).toWellFormed();
    return failed(`Get secretKey failed,ak:${shown},err:ak not exist`);
  }
  const message = messageOf(exchange);
  // Before the content is read: nobody should make the gateway take 12 MB with an old request or a locked key.
  const early = lockFault(exchange, authorization, options) ?? dateFault(message, options.clock);
  if (early !== undefined) return early;
  if (!isBodyHashNeeded(message)) return judge(exchange, message, undefined, authorization, user, options);
  if (!exchange.hasBody)
    return judge(exchange, message, bodyHash(Buffer.alloc(0)), authorization, user, options);
  return exchange.readBody().then(
    (body) =>
      // The lock may have come while the content did.
      lockFault(exchange, authorization, options) ??
      judge(exchange, message, bodyHash(body), authorization, user, options),
  );
}

// Repeated fields count with all their values: were the first alone signed, another one could be slipped in behind it.
function messageOf({ method, path, rawQuery, headers }: Exchange): HuaweiMessage {
  return { method, path, rawQuery, header: (name) => headers.combined(name) };
}

function lockFault(
  { clientAddress }: Exchange,
  { access }: HuaweiSignature,
  { attempts }: SignatureOptions,
): Reply | undefined {
  if (!attempts.isLocked(access, clientAddress)) return undefined;
  return refuse('iam-auth-failed', {
    message: 'Incorrect IAM authentication information: AK access failed to reach the limit,forbidden',
    cause: 'the access key is locked for this address',
  });
}

function dateFault(message: HuaweiMessage, clock: Clock): Reply | undefined {
  const date = message.header('x-sdk-date') ?? '';
  const signedAt = parseSdkDate(date);
  if (signedAt === undefined) return failed('Invalid Header: X-Sdk-Date must be YYYYMMDDTHHMMSSZ');
  const now = clock.now();
  if (Math.abs(now - signedAt) <= windowMs) return undefined;
  return failed(`signature expired, signature time:${date},server time:${formatSdkDate(now)}`);
}

function judge(
  exchange: Exchange,
  message: HuaweiMessage,
  hash: string | undefined,
  authorization: HuaweiSignature,
  user: User,
  { attempts }: SignatureOptions,
): User | Reply | Promise<User | Reply> {
  if (user.secretKey === undefined) return failed('verify aksk signature fail');
  const verdict = verifyHuawei(message, hash, authorization, user.secretKey);
  if (!verdict.ok) {
    if (verdict.reason === 'mismatch') attempts.failed(authorization.access, exchange.clientAddress);
    return failed(wordsFor(verdict), `signature: ${verdict.reason}`);
  }
  attempts.succeeded(authorization.access, exchange.clientAddress);
  const { pendingBodyHash } = verdict;
  if (pendingBodyHash === undefined) return user;
  const compare = (body: Uint8Array): User | Reply =>
    bodyHash(body) === pendingBodyHash
      ? user
      : failed('the body is not the one that X-Sdk-Content-Sha256 stands for');
  return exchange.hasBody ? exchange.readBody().then(compare) : compare(Buffer.alloc(0));
}

const words: Readonly<Record<Exclude<HuaweiReason, 'mismatch'>, string>> = {
  date: 'Invalid Header: X-Sdk-Date must be among SignedHeaders',
  contentHash:
    'Invalid Header: X-Sdk-Content-Sha256 must be signed, and UNSIGNED-PAYLOAD or the hash of the body',
  host: 'Invalid Header: Host must be among SignedHeaders',
  scope: 'Invalid Header: the day of Credential is not that of X-Sdk-Date',
  parameters: 'the query has too many parameters',
};

function wordsFor({ reason, canonicalRequest }: HuaweiVerdict & { ok: false }): string {
  if (reason !== 'mismatch') return words[reason];
  return `verify aksk signature fail,canonicalRequest:${shown(canonicalRequest)}`;
}

function shown(text: string): string {
  const start = text.slice(0, maxShown).toWellFormed();
  return text.length > maxShown ? `${start}...` : start;
}
