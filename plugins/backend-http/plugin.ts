import {
  type Backend,
  type Hooks,
  type HttpTarget,
  type Kit,
  Matching,
  OneOf,
  Options,
  type Static,
  Type,
  definePlugin,
  type Outbound,
  type Reply,
  type Timeouts,
} from '#sdk';
import { BackendParameters, compileMapping } from '#sdk/mapping';
import { channelTarget } from './channel.ts';
import { expandAddress, expandPath } from './variables.ts';

const Config = Options({
  address: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "`http://host`, `https://host:port`, or `host:port`. One of the gateway's own domains is served in process. May hold `#variables#`.",
    }),
  ),
  channel: Type.Optional(
    Type.String({ minLength: 1, description: 'A name under `channels`, instead of `address`.' }),
  ),
  scheme: Type.Optional(
    OneOf(['http', 'https'], { description: 'How members of the channel are called; `http` when absent.' }),
  ),
  memberGroup: Type.Optional(
    Type.String({ minLength: 1, description: 'The group of the channel whose members are called.' }),
  ),
  retries: Type.Optional(
    Type.Integer({
      minimum: -1,
      maximum: 10,
      description:
        'How often another member of the channel is tried, less than it has enabled members; -1, the default: once.',
    }),
  ),
  path: Type.Optional(
    Matching('^[/#]', 'a path, which starts with / or a #variable#', {
      description:
        'As sent by the caller when absent. `{p}` is filled from `parameters` or the request path. May hold `#variables#`.',
    }),
  ),
  method: Type.Optional(
    Matching('^[A-Z]+$', 'a method in upper case, or ANY', {
      description: "The caller's when absent or ANY.",
    }),
  ),
  hostHeader: Type.Optional(
    Type.String({
      minLength: 1,
      description: "The `Host` to send; the address's own when absent, with a channel the caller's.",
    }),
  ),
  timeoutMs: Type.Integer({
    minimum: 1,
    maximum: 600_000,
    default: 5000,
    description: 'Longest time until the head of the answer, and between two pieces of it.',
  }),
  idleTimeoutMs: Type.Integer({
    minimum: 1,
    maximum: 86_400_000,
    default: 300_000,
    description:
      'Longest time without a byte on a WebSocket, and between two pieces of a `text/event-stream` answer.',
  }),
  parameters: BackendParameters,
});

export type Config = Static<typeof Config>;

export default definePlugin({
  name: 'backend-http',
  summary: 'Calls an HTTP or HTTPS server, or another API of this gateway by its domain.',
  config: Config,
  bind(config: Config, kit): Hooks {
    const path = config.path === undefined ? undefined : expandPath(config.path, kit);
    const place = config.channel === undefined ? undefined : channelTarget(config, kit);
    const target = config.channel === undefined ? targetOf(config, kit) : place?.target;
    if (target === undefined || (path === undefined && config.path !== undefined))
      return { backend: unusable };
    const steps = stepsOf(config, path, kit);
    const timeouts = { headersMs: config.timeoutMs, bodyMs: config.timeoutMs, idleMs: config.idleTimeoutMs };
    const backend = new HttpBackend(target, timeouts, steps);
    return place === undefined ? { backend } : { backend, describe: () => place.describe() };
  },
});

// A class, so that ten thousand APIs run the same two functions: each closure of its own would warm up by itself.
class HttpBackend implements Backend {
  readonly #target: HttpTarget;
  readonly #timeouts: Timeouts;
  readonly #steps: Steps;

  constructor(target: HttpTarget, timeouts: Timeouts, steps: Steps) {
    this.#target = target;
    this.#timeouts = timeouts;
    this.#steps = steps;
  }

  prepare(outbound: Outbound): Reply | undefined {
    const { path, mapping, isPrefix, method, hostHeader, keepsHost } = this.#steps;
    outbound.origin = this.#target.origin;
    if (path !== undefined) outbound.path = path;
    if (mapping !== undefined) {
      const refusal = mapping.apply(outbound);
      if (refusal !== undefined) return refusal;
    }
    if (isPrefix) outbound.path = join(outbound.path, outbound.exchange.pathRest);
    if (method !== undefined) outbound.method = method;
    if (hostHeader !== undefined) outbound.host = hostHeader;
    else if (keepsHost) outbound.host = outbound.exchange.headers.get('host');
    return undefined;
  }

  invoke(outbound: Outbound): Promise<Reply> {
    return this.#target.send(outbound, this.#timeouts);
  }
}

/** What is done to a request beside choosing the server. */
interface Steps {
  /** A path that is the same for every request. */
  readonly path: string | undefined;
  readonly mapping: ReturnType<typeof compileMapping>;
  readonly isPrefix: boolean;
  readonly method: string | undefined;
  readonly hostHeader: string | undefined;
  /** Without a `hostHeader`, the caller's goes on (guide, table 3-7). */
  readonly keepsHost: boolean;
}

/** Stands where a problem was reported; a configuration with problems is never served. */
const unusable: Backend = { invoke: () => Promise.reject(new Error('the backend is not configured')) };

function targetOf(config: Config, kit: Kit): HttpTarget | undefined {
  if (config.address === undefined) {
    kit.problem([], '"address" is missing; allowed instead: "channel"');
    return undefined;
  }
  for (const field of ['scheme', 'memberGroup', 'retries'] as const) {
    if (config[field] !== undefined) kit.problem([field], 'allowed only with "channel"');
  }
  const address = expandAddress(config.address, kit);
  if (address === undefined) return undefined;
  try {
    return kit.http.target(address);
  } catch (error) {
    // As it is written: the values of variables may be none that anybody should read in a log.
    const found = `found "${config.address}"${address === config.address ? '' : ', variables put in'}`;
    kit.problem(['address'], `${found}; ${error instanceof Error ? error.message : 'not an address'}`);
    return undefined;
  }
}

function stepsOf(config: Config, path: string | undefined, kit: Kit): Steps {
  const { hostHeader } = config;
  const method = config.method === 'ANY' ? undefined : config.method;
  const isFixed = path !== undefined && plainPath.test(path) && isUnmapped(config, kit);
  const mapping = isFixed
    ? undefined
    : compileMapping({
        api: kit.api,
        parameters: config.parameters,
        path,
        // Behind a variable that was put in, places in the text are no longer those of the file.
        problem: (at, message, offset) => kit.problem(at, message, path === config.path ? offset : undefined),
      });
  const isPrefix = path !== undefined && kit.api.request.match === 'prefix';
  const keepsHost = config.channel !== undefined;
  return { path: isFixed ? path : undefined, mapping, isPrefix, method, hostHeader, keepsHost };
}

/** A path that needs neither filling nor a closer look. */
const plainPath = /^\/[\w\-.~/:@!$&'()*+,;=%]*$/;

/** No parameter is declared or mapped, so that nothing depends on the request. */
function isUnmapped({ parameters }: Config, { api }: Kit): boolean {
  const { parameters: declared } = api.definition['request'] as { parameters?: unknown };
  return parameters.length === 0 && declared === undefined;
}

/** Puts what follows a prefix behind the backend's path, with one slash between them. */
function join(base: string, rest: string): string {
  if (rest === '') return base;
  if (base.endsWith('/')) return base + (rest.startsWith('/') ? rest.slice(1) : rest);
  return rest.startsWith('/') ? base + rest : `${base}/${rest}`;
}
