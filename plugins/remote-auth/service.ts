import {
  BodyStream,
  Channels,
  type Exchange,
  type Fields,
  type HttpTarget,
  type Kit,
  type RefusalKind,
  Reply,
  describeAllowed,
} from '#sdk';
import type { Told } from './identities.ts';
import type { Config } from './options.ts';
import type { Answered } from './success.ts';

/** The answer, or why there is none. */
export type Asked = Answered | { readonly trouble: RefusalKind; readonly isTimeout: boolean };

/** More than anybody needs to say yes or no. */
const maxAnswerBytes = 1024 * 1024;
const rawPathField = 'X-Ca-Remote-Auth-Raw-Path';

/** The service that is asked. */
export interface Service {
  /** Never rejects, but with a Reply when the caller's content cannot be read. */
  ask(exchange: Exchange, told: Told, isDetached: boolean): Promise<Asked>;
}

export function openService(config: Config, kit: Kit): Service {
  const target = targetOf(config, kit);
  return { ask: (exchange, told, isDetached) => ask(target, config, kit, exchange, told, isDetached) };
}

/** Undefined when something is wrong, which is then a problem. */
function targetOf(config: Config, kit: Kit): HttpTarget | undefined {
  const { address, channel: name, scheme = 'http', hostHeader } = config;
  if ((address === undefined) === (name === undefined)) {
    kit.problem([], 'a service must have "address" or "channel", one of them');
    return undefined;
  }
  if (name === undefined) return addressed(address ?? '', kit);
  const channels = kit.use(Channels);
  const channel = channels.channel(name);
  if (channel !== undefined)
    return channel.target({ scheme, retries: -1, ...(hostHeader === undefined ? {} : { hostHeader }) });
  const allowed = channels.names.length === 0 ? 'none is configured' : describeAllowed(channels.names, name);
  kit.problem(['channel'], `there is no channel "${name}"; ${allowed}`);
  return undefined;
}

function addressed(address: string, kit: Kit): HttpTarget | undefined {
  try {
    return kit.http.target(address);
  } catch (error) {
    kit.problem(['address'], `found ${JSON.stringify(address)}; ${(error as TypeError).message}`);
    return undefined;
  }
}

async function ask(
  target: HttpTarget | undefined,
  config: Config,
  kit: Kit,
  exchange: Exchange,
  told: Told,
  isDetached: boolean,
): Promise<Asked> {
  // A configuration with problems is never served.
  if (target === undefined) return { trouble: 'third-auth-unreachable', isTimeout: false };
  const { method, timeoutMs, hostHeader, originalPath } = config;
  const headers = told.headers.clone();
  if (originalPath === 'header') headers.set(rawPathField, exchange.path);
  const body = await contentOf(config, exchange, told, headers);
  const outbound = kit.http.request(exchange, {
    method,
    path: originalPath === 'append' ? joined(config.path, exchange.path) : config.path,
    rawQuery: told.rawQuery,
    headers,
    body,
    isDetached,
    ...(hostHeader === undefined ? {} : { host: hostHeader }),
  });
  const reply = await target.send(outbound, { headersMs: timeoutMs, bodyMs: timeoutMs });
  const { refusal } = reply;
  if (refusal !== undefined) {
    const trouble = refusal.kind === 'backend-no-member' ? 'third-auth-no-channel' : 'third-auth-unreachable';
    return { trouble, isTimeout: refusal.kind === 'backend-timeout' };
  }
  const content = await contentIn(reply, timeoutMs);
  if (content === undefined) return { trouble: 'third-auth-bad-answer', isTimeout: false };
  return { exchange, status: reply.status, headers: reply.headers, body: content };
}

/** What the service gets: made of identities, or the caller's own. */
async function contentOf(
  { body }: Config,
  exchange: Exchange,
  { form }: Told,
  headers: Fields,
): Promise<Uint8Array | null> {
  if (form !== undefined) {
    headers.set('Content-Type', 'application/x-www-form-urlencoded');
    return Buffer.from(form);
  }
  if (body === undefined || !exchange.hasBody) return null;
  for (const name of ['Content-Type', 'Content-Encoding']) {
    const value = exchange.headers.get(name);
    if (value !== undefined) headers.set(name, value);
  }
  return exchange.readBody(body.maxBytes);
}

function joined(prefix: string, path: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) + path : prefix + path;
}

/** Undefined when it is too large, late, or breaks off. */
function contentIn({ body }: Reply, timeoutMs: number): Promise<Buffer | undefined> {
  if (!(body instanceof BodyStream)) return Promise.resolve(Buffer.from(body ?? ''));
  return new Promise((resolve) => {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    const settle = (content: Buffer | undefined): void => {
      clearTimeout(timer);
      resolve(content);
    };
    const giveUp = (): void => {
      body.cancel(new Error('more than an answer of such a service may be'));
      settle(undefined);
    };
    const timer = setTimeout(giveUp, timeoutMs);
    body.pipe({
      data(chunk) {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) giveUp();
        else pieces.push(chunk);
        return true;
      },
      end: () => settle(Buffer.concat(pieces)),
      fail: () => settle(undefined),
    });
  });
}
