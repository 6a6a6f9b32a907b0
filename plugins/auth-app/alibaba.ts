import { type App, type Apps, type Clock, type Exchange, type Reply, type Values, refuse } from '#sdk';
import { type ClientVerdict, verifyClient } from '#sdk/signatures/alibaba';
import { type SignedMessage, contentMd5, isFormType } from '#sdk/signatures/alibaba-message';
import { answerAlibaba } from './alibaba-answer.ts';
import { credentialsOf, decoy } from './apps.ts';
import { claimNonce } from './nonces.ts';
import { type Scheme, fault, windowMs } from './scheme.ts';

/** What the scheme needs of its binding. */
export interface AlibabaOptions {
  readonly apps: Apps;
  readonly clock: Clock;
  readonly values: Values;
  /** Whether a signed nonce and a signed timestamp are required. */
  readonly forceNonce: boolean;
}

/** Longest string to sign that a refusal shows. */
const maxShown = 1024;

/** The client signature of Alibaba Cloud API Gateway (doc 29475). */
export function alibabaScheme(options: AlibabaOptions): Scheme {
  return {
    fields: [
      'x-ca-key',
      'x-ca-nonce',
      'x-ca-signature',
      'x-ca-signature-headers',
      'x-ca-signature-method',
      'x-ca-timestamp',
    ],
    recognizes: ({ headers }) => headers.has('x-ca-key') || headers.has('x-ca-signature'),
    verify: (exchange) => verify(exchange, options),
    answer: answerAlibaba,
  };
}

function verify(exchange: Exchange, options: AlibabaOptions): App | Reply | Promise<App | Reply> {
  const { headers } = exchange;
  if (!headers.has('x-ca-key'))
    return refuse('app-auth-missing', { message: `${fault}: X-Ca-Key is missing` });
  if (!headers.has('x-ca-signature'))
    return refuse('app-auth-missing', { message: `${fault}: Empty Signature` });
  const untimely = timestampFault(headers.combined('x-ca-timestamp'), options.clock.now());
  if (untimely !== undefined) return untimely;
  if (!isFormType(headers.combined('content-type'))) return verifySigned(exchange, undefined, options);
  if (!exchange.hasBody) return verifySigned(exchange, Buffer.alloc(0), options);
  return exchange.readBody().then((form) => verifySigned(exchange, form, options));
}

function timestampFault(timestamp: string | undefined, now: number): Reply | undefined {
  if (timestamp === undefined) return undefined;
  if (!/^\d{1,15}$/.test(timestamp)) {
    return refuse('app-auth-header-invalid', { message: `${fault}: Invalid Timestamp` });
  }
  return Math.abs(now - Number(timestamp)) > windowMs ? refuse('app-auth-timestamp-expired') : undefined;
}

/** @param form the body when the content type is a form */
function verifySigned(
  exchange: Exchange,
  form: Buffer | undefined,
  options: AlibabaOptions,
): App | Reply | Promise<App | Reply> {
  const { headers } = exchange;
  const app = options.apps.byKey(headers.combined('x-ca-key') ?? '');
  const known = credentialsOf(app);
  // An unknown key takes the way of a known one, so that the time tells little about which keys exist.
  const verdict = verifyClient(messageOf(exchange, form), known?.secret ?? decoy);
  if (app === undefined || known === undefined) {
    return refuse('app-auth-unknown-key', { message: `${fault}: Invalid AppKey` });
  }
  if (!verdict.ok) return refuseVerdict(verdict);
  const proven = (): App | Reply | Promise<App | Reply> =>
    spendNonce(exchange, app, verdict.signedNames, options);
  const md5 = headers.combined('content-md5') ?? '';
  if (form !== undefined || md5 === '') return proven();
  // Before the nonce is spent: a body exchanged on the way must not use up what the real request needs.
  return exchange
    .readBody()
    .then((body) => (contentMd5(body) === md5 ? proven() : refuse('app-auth-content-md5')));
}

// Repeated fields count with all their values: were the first alone signed, another one could be slipped in behind it.
function messageOf({ method, path, rawQuery, headers }: Exchange, form: Buffer | undefined): SignedMessage {
  return { method, path, rawQuery, form, header: (name) => headers.combined(name) };
}

function refuseVerdict({ reason, serverStringToSign }: ClientVerdict & { ok: false }): Reply {
  const words = {
    mismatch: `Invalid Signature, Server StringToSign:\`${shown(serverStringToSign)}\``,
    algorithm: 'Invalid X-Ca-Signature-Method, allowed are HmacSHA256 and HmacSHA1',
    headers: 'Invalid X-Ca-Signature-Headers',
    parameters: 'Too Many Parameters',
  }[reason];
  const isHeader = reason === 'algorithm' || reason === 'headers';
  return refuse(isHeader ? 'app-auth-header-invalid' : 'app-auth-failed', {
    message: `${fault}: ${words}`,
    cause: `signature: ${reason}`,
  });
}

function shown(stringToSign: string): string {
  const line = stringToSign.slice(0, maxShown).toWellFormed().replaceAll('\n', '#');
  return stringToSign.length > maxShown ? `${line}...` : line;
}

/**
 * A nonce or timestamp that is not signed counts as absent here: whoever holds one request could make up any number
 * of nonces for it, and fill the store with them.
 */
function spendNonce(
  { headers }: Exchange,
  app: App,
  signedNames: readonly string[],
  { clock, values, forceNonce }: AlibabaOptions,
): App | Reply | Promise<App | Reply> {
  const signed = (name: string): string => (signedNames.includes(name) ? (headers.combined(name) ?? '') : '');
  const nonce = signed('x-ca-nonce');
  const timestamp = signed('x-ca-timestamp');
  // Without a timestamp the request would be good again as soon as its nonce is forgotten.
  if (forceNonce && (nonce === '' || timestamp === '')) return refuse('app-auth-nonce-missing');
  if (nonce === '') return app;
  // Its content may have come so slowly that the nonce of its first use is forgotten by now.
  const untimely = timestamp === '' ? undefined : timestampFault(timestamp, clock.now());
  if (untimely !== undefined) return untimely;
  // For as long as the timestamp is good, which is up to twice the window.
  const ttlMs = timestamp === '' ? windowMs : Number(timestamp) + windowMs - clock.now() + 1;
  return claimNonce(values, app, nonce, ttlMs);
}
