import { type App, type Apps, type Clock, type Exchange, type Outbound, type Reply, refuse } from '#sdk';
import { type HuaweiReason, verifyHuawei } from '#sdk/signatures/huawei';
import { type HuaweiSignature, parseAuthorization } from '#sdk/signatures/huawei-authorization';
import {
  type HuaweiMessage,
  bodyHash,
  emptyBodyHash,
  formatSdkDate,
  isBodyHashNeeded,
  parseSdkDate,
} from '#sdk/signatures/huawei-message';
import { credentialsOf, decoy } from './apps.ts';
import { type Scheme, fault, windowMs } from './scheme.ts';

/** What the scheme needs of its binding. */
export interface HuaweiOptions {
  readonly apps: Apps;
  readonly clock: Clock;
}

/** The largest body that is hashed (reference 1.1); one that is not signed is bounded by the API's limit alone. */
const maxSignedBytes = 12 * 1024 * 1024;

/** The longest AppKey that the configuration knows, and the longest canonical request that a refusal shows. */
const maxShownKey = 200;
const maxShown = 4096;

const usual = 'SDK-';
const family = /^ *(?:SDK|V11)-/i;

const mismatch: Readonly<Record<Exclude<HuaweiReason, 'mismatch'>, string>> = {
  date: 'X-Sdk-Date is not among the signed headers',
  contentHash:
    'X-Sdk-Content-Sha256 must be signed, and the SHA-256 of the body in hexadecimal or UNSIGNED-PAYLOAD',
  host: 'Host is not among the signed headers',
  scope: 'the day in Credential is not that of X-Sdk-Date',
  parameters: 'too many query parameters',
};

/** `SDK-HMAC-SHA256`, the signature of Huawei Cloud API Gateway, with the key and secret of an app. */
export function huaweiScheme(options: HuaweiOptions): Scheme {
  return {
    fields: ['x-sdk-content-sha256', 'x-sdk-date'],
    recognizes: ({ headers }) => isOurs(headers.combined('authorization')),
    verify: (exchange) => verify(exchange, options),
    strip,
  };
}

function isOurs(authorization: string | undefined): authorization is string {
  return authorization !== undefined && (authorization.startsWith(usual) || family.test(authorization));
}

/** Compared with what came in: by now the field may be what the gateway itself says to the backend. */
function strip({ exchange, headers }: Outbound): void {
  const given = headers.get('authorization');
  if (isOurs(given) && exchange.headers.get('authorization') === given) headers.delete('authorization');
}

function verify(exchange: Exchange, options: HuaweiOptions): App | Reply | Promise<App | Reply> {
  const { headers } = exchange;
  const authorization = parseAuthorization(headers.combined('authorization') ?? '');
  if (authorization === undefined) return invalid('Authorization names no known scheme');
  if (authorization.kind === 'malformed') return invalid(`Authorization: ${authorization.problem}`);
  if (authorization.kind === 'unsupported') {
    return invalid(`the scheme ${authorization.scheme} is not supported, allowed is SDK-HMAC-SHA256`);
  }
  const untimely = dateFault(headers.combined('x-sdk-date'), options.clock.now());
  if (untimely !== undefined) return untimely;
  const message = messageOf(exchange);
  if (!isBodyHashNeeded(message)) return verifySigned(exchange, message, undefined, authorization, options);
  if (!exchange.hasBody) return verifySigned(exchange, message, emptyBodyHash, authorization, options);
  return exchange
    .readBody(maxSignedBytes)
    .then((body) => verifySigned(exchange, message, bodyHash(body), authorization, options));
}

function dateFault(date: string | undefined, now: number): Reply | undefined {
  if (date === undefined) return refuse('app-auth-missing', { message: `${fault}: X-Sdk-Date is missing` });
  const signedAt = parseSdkDate(date);
  if (signedAt === undefined) return invalid('X-Sdk-Date is not a time of the form YYYYMMDDTHHMMSSZ');
  if (Math.abs(now - signedAt) <= windowMs) return undefined;
  return refuse('app-auth-timestamp-expired', {
    message: `${fault}: signature expired, signature time:${date},server time:${formatSdkDate(now)}`,
  });
}

// Repeated fields count with all their values: were the first alone signed, another one could be slipped in behind it.
function messageOf({ method, path, rawQuery, headers }: Exchange): HuaweiMessage {
  return { method, path, rawQuery, header: (name) => headers.combined(name) };
}

/** @param hash of the body; undefined when the request states one, which is compared last */
function verifySigned(
  exchange: Exchange,
  message: HuaweiMessage,
  hash: string | undefined,
  authorization: HuaweiSignature,
  { apps }: HuaweiOptions,
): App | Reply | Promise<App | Reply> {
  const { access } = authorization;
  const app = apps.byKey(access);
  const known = credentialsOf(app);
  // An unknown key takes the way of a known one, so that the time tells nothing more than the words.
  const verdict = verifyHuawei(message, hash, authorization, known?.secret ?? decoy);
  if (app === undefined || known === undefined) {
    const key = access.slice(0, maxShownKey).toWellFormed();
    return refuse('app-auth-unknown-key', { message: `${fault}: app not found, appkey ${key}` });
  }
  if (!verdict.ok) return refuseVerdict(verdict.reason, verdict.canonicalRequest);
  const { pendingBodyHash: pending } = verdict;
  if (pending === undefined) return app;
  const compare = (actual: string): App | Reply =>
    actual === pending ? app : invalid('X-Sdk-Content-Sha256 is not the SHA-256 of the body');
  if (!exchange.hasBody) return compare(emptyBodyHash);
  return exchange.readBody(maxSignedBytes).then((body) => compare(bodyHash(body)));
}

function refuseVerdict(reason: HuaweiReason, canonicalRequest: string): Reply {
  if (reason !== 'mismatch') return invalid(mismatch[reason]);
  const shown = canonicalRequest.slice(0, maxShown).toWellFormed();
  const more = canonicalRequest.length > maxShown ? '...' : '';
  return refuse('app-auth-failed', {
    message: `${fault}: verify signature fail, canonicalRequest:${shown}${more}`,
    cause: 'signature: mismatch',
  });
}

function invalid(words: string): Reply {
  return refuse('app-auth-header-invalid', { message: `${fault}: ${words}` });
}
