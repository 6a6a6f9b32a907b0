import type { Static, TSchema } from 'typebox';
import type {
  Backend,
  Completed,
  Exchange,
  Group,
  Inbound,
  Outbound,
  Api,
  Arrival,
  Published,
  Route,
} from './exchange.ts';
import type { Fields } from './fields.ts';
import type { Machine } from './machine.ts';
import type { HandlerTiming, ManagementPage } from './management.ts';
import type { Reply } from './reply.ts';
import type { ServiceToken } from './services.ts';

/** What a handler answers: undefined means "go on"; anything else ends the hook. */
export type Answer<T> = T | undefined | Promise<T | undefined>;

/**
 * Steps of `auth`, in this order whatever the order of the bindings: who is it, may it, how much of it, serve it
 * from here. A handler bound to `authenticate` makes the API require an identity.
 */
export type Stage = HookStages['auth'];

/**
 * The steps of each hook that has some. Within a step handlers run in the order of the bindings, in `response` in the
 * reverse order; a handler given as a bare function is at the last step, in `backendSigning` at the first.
 */
export interface HookStages {
  auth: 'authenticate' | 'authorize' | 'admit' | 'serve';
  /** `guard`: may any backend be called, and what stands in for it; `choose`: which one. */
  backendRouting: 'guard' | 'choose';
  /** `change` the request; `copy` it, now that it holds nothing that is not for the backend; then `sign` what is sent. */
  backendSigning: 'change' | 'copy' | 'sign';
  /** `read` what was answered; `map` it to another answer; `change` that. */
  response: 'read' | 'map' | 'change';
}

/** A handler with its step. */
export interface Staged<Name extends keyof HookStages, Subject, Result> {
  readonly stage: HookStages[Name];
  handle(subject: Subject): Answer<Result>;
}

/** The per-API hooks, and what else a binding may have. Each is one function; see the table in README.md. */
export interface Hooks {
  /** Before anything is known of the caller. */
  preAuth?(exchange: Exchange): Answer<Reply>;
  auth?: Staged<'auth', Exchange, Reply>;
  /** Chooses a backend instead of the API's own. */
  backendRouting?:
    | ((exchange: Exchange) => Answer<Reply | Backend>)
    | Staged<'backendRouting', Exchange, Reply | Backend>;
  /** Last look at, and change of, the request before it leaves. */
  backendSigning?: ((outbound: Outbound) => Answer<Reply>) | Staged<'backendSigning', Outbound, Reply>;
  /** Runs in the reverse order of the bindings, for backend answers and refusals alike. */
  response?: ((inbound: Inbound) => Answer<Reply>) | Staged<'response', Inbound, Reply>;
  /**
   * After `response`, for every answer, one that a `response` handler returned included. Synchronous; in the reverse
   * order of the bindings; changes the answer in place.
   */
  finish?(inbound: Inbound): void;
  /** Synchronous; told after the last byte. */
  completed?(notice: Completed): void;
  /** The API's own backend; only for plugins named `backend-*`. */
  backend?: Backend;
  /**
   * For the command `explain` alone: what this does to a request, in words, a line each; never a secret. The exchange
   * knows what the command line tells: nobody is authenticated, there is no content, the address is 127.0.0.1.
   */
  describe?(exchange: Exchange): readonly string[];
  /** The configuration that bound this is gone, and no request uses it any more. A gateway that stops waits for it. */
  dispose?(): void | Promise<void>;
}

/** The gateway-wide hooks, and what else a plugin sets up once for a configuration. */
export interface GatewayHooks {
  /**
   * Called for each of `kit.published`, after the `setup` of all plugins and before anything is bound, while requests are
   * served in between: what takes a while for ten thousand APIs belongs here. An Error is a problem of the configuration.
   */
  publish?(published: Published): void;
  /**
   * Only APIs have changed: whatever else the configuration says is as it was, and so are the APIs that `change` does not
   * name. What was set up may then stay, and with it all that is bound to those, which makes a reload cost what has
   * changed and not what there is. Asked when a plugin was told of APIs (`publish`, or it has read `kit.published`), or
   * when what is bound to a new API uses one of its services. Changes nothing yet: the change may still be refused.
   *
   * Answers undefined when there is nothing to do, a function that is called when the change comes into force and must not
   * throw, or `false` when all has to be set up anew. That is also what happens to a plugin that does not have this, or throws.
   */
  amend?(change: Amendment): (() => void) | false | undefined;
  /** Finds the API. Synchronous. The first answer wins; a Reply ends the request. */
  routing?(arrival: Arrival): Route | Reply | undefined;
  /** For the command `explain` alone: why `routing` found no API for this, and what it would find, a line each. */
  describeMiss?(arrival: Arrival): readonly string[];
  /** Serves a request that found no API, with an address of the plugin's own; 404 when nobody does. */
  fallback?(request: UnroutedRequest): Answer<Reply>;
  /** As in `Hooks`, for every request, those that found no API included. */
  completed?(notice: Completed): void;
  /** Completes the answer to a request that found no API. Synchronous; changes it in place. */
  unrouted?(inbound: UnroutedInbound): void;
  /**
   * Beginnings of names of request fields, in lower case, that are addressed to this gateway: such fields are not
   * forwarded. Costs a look at each field's name, where a handler at `backendSigning` would cost a chain.
   */
  readonly withheld?: readonly string[];
  /** What `kit.use` hands to others, one entry for each token in `offers`. */
  services?: readonly OfferedService[];
  /** Pages of the management listener, which callers do not reach; the configuration must have `management`. */
  readonly management?: ManagementPage | readonly ManagementPage[];
  /** What `/status` of the management listener tells under the plugin's name: plain JSON, never a secret. */
  status?(): unknown;
  /** Asks how long handlers take. Handlers of a configuration in which nobody asks run as they are. */
  readonly timing?: HandlerTiming;
  /**
   * Just before the configuration comes into force, the earlier one still being there; never for one that is only
   * checked. Here, not in `setup`, a plugin takes what one gateway can have at a time, such as a folder. An Error that it
   * throws is a problem of the configuration, which is then refused; its message reaches the operator.
   */
  activate?(): void;
  /** The gateway stops: begin nothing more of your own accord, and settle within that time when what runs has ended. */
  stop?(withinMs: number): Promise<void>;
  /** As in `Hooks`. A gateway that stops waits for it. */
  dispose?(): void | Promise<void>;
}

/** APIs that have come and gone. One that has changed has gone and come. */
export interface Amendment {
  readonly added: readonly Published[];
  /** As they were told when they came. */
  readonly removed: readonly Published[];
  /** All that there are with the change; listed when it is read, which takes a while where there are many. */
  readonly published: readonly Published[];
}

/** A request that found no API. */
export interface UnroutedRequest extends Arrival {
  /** Reads the whole body, 64 KiB at most. Rejects with a `Reply` (413, 408 or 400), as `exchange.readBody` does. */
  readBody(): Promise<Buffer>;
}

/** The answer to a request that found no API; it has no exchange yet, only its arrival. */
export interface UnroutedInbound extends Omit<Inbound, 'exchange'> {
  readonly exchange: Arrival;
}

export interface OfferedService {
  readonly token: ServiceToken<unknown>;
  readonly service: unknown;
}

/** Pairs a token with what it stands for, with the types checked. */
export function offer<T>(token: ServiceToken<T>, service: T): OfferedService {
  return { token, service };
}

/** JSON lines for the operator. Never pass a secret. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The time, as an argument, so that tests set it. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
}

/** Small values shared by all who use the same key; they outlive a reload. Keys are private to the plugin. */
export interface Values {
  /** Keeps the key for `ttlMs`. Answers false when it is kept already: a replay. Rejects when the store is out of reach. */
  claim(key: string, ttlMs: number): boolean | Promise<boolean>;
  /** Whether the key is kept, whoever claimed it. Rejects when the store is out of reach. */
  has?(key: string): boolean | Promise<boolean>;
  /**
   * What was put under the key by `set`. For what can be had again: a store that is full forgets some of it early.
   * Nothing that was claimed is found here. Rejects when the store is out of reach.
   */
  get?(key: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Puts bytes under the key for `ttlMs`, in the place of what was there. Rejects when the store is out of reach. */
  set?(key: string, value: Uint8Array, ttlMs: number): void | Promise<void>;
  /** Forgets what `set` put there. Rejects when the store is out of reach. */
  delete?(key: string): void | Promise<void>;
}

/** One limit that a request counts against: at most `limit` in each period, periods being aligned to 1970-01-01 UTC. */
export interface Limit {
  /** Private to the plugin. */
  readonly key: string;
  readonly limit: number;
  readonly periodMs: number;
  /**
   * A token bucket instead of periods: it holds `limit`, each request takes one, and it fills evenly, an empty one in
   * `periodMs`. So `limit` are admitted at once, and no more than that in `periodMs` on average. Another count than that
   * of the key's periods.
   */
  readonly isBucket?: boolean;
}

/** What became of a request's limits. Indices are those of the limits asked for. */
export interface Taken {
  /** The first limit that is used up, in which case none was counted; -1 when all were. */
  readonly refusedBy: number;
  /** How many more each limit admits in its period. */
  readonly remaining: readonly number[];
  /** Milliseconds until each period ends; of a bucket, until it admits one more than `remaining`, 0 when it is full. */
  readonly resetMs: readonly number[];
}

/**
 * Counts shared by all who use the same key; they outlive a reload. A limit of N admits N, however many ask at once, and
 * never more, unless the operator lets machines count by themselves or the store they share is out of reach.
 */
export interface Counters {
  /**
   * Counts one request against all the limits, or against none when one of them is used up.
   * @param partition a part of the plugin's keys whose counts may be kept apart from the others', on another node of a
   *   store that has several. A key always comes with the same one; keys that are ever taken together share one. All
   *   keys of the plugin are one part unless given.
   */
  take(limits: readonly Limit[], partition?: string): Taken | Promise<Taken>;
}

/** What both kits lend. */
interface CommonKit {
  readonly log: Log;
  readonly clock: Clock;
  readonly values: Required<Values>;
  readonly counters: Counters;
  /** Counts of this machine alone, whatever store the configuration names. */
  readonly ownCounters: Counters;
  /** The other processes that serve the same configuration on this machine. */
  readonly machine: Machine;
  readonly http: HttpClient;
  /** The service another plugin offers. A configuration problem when none does. */
  use<T>(token: ServiceToken<T>): T;
  /** The same, or undefined when no plugin offers it: for what a plugin can do without. */
  find<T>(token: ServiceToken<T>): T | undefined;
  /**
   * Reports what is wrong with the configuration; the whole of it is then refused, with file and line.
   * @param path in `bind` and `translate`: into the options, for example `['routes', 0, 'condition']`; in `setup`:
   *   from the top of the configuration
   * @param offset characters into a text value
   */
  problem(path: readonly (string | number)[], message: string, offset?: number): void;
}

/** Lent to `bind`. */
export interface Kit extends CommonKit {
  readonly api: Api;
  readonly environment: string;
  /** The name under `plugins:`, or the field that bound it. */
  readonly binding: string;
  /** Makes a backend from a definition such as an API's `backend:`; problems are reported under `path`. */
  backend(definition: Readonly<Record<string, unknown>>, path: readonly (string | number)[]): Backend;
}

/** Lent to `setup`. */
export interface SetupKit extends CommonKit {
  /**
   * Reads a text file that the configuration names, relative to the YAML file in which the name stands. A change of it
   * means loading the configuration again. Undefined when it cannot be read, which is then a problem at `path`.
   */
  readText(path: readonly (string | number)[], name: string): TextFile | undefined;
  /** The absolute path of a file or folder that is named at `path`, relative to the YAML file in which that stands. */
  absolutePath(path: readonly (string | number)[], name: string): string;
  /** As it is when it is read: see `amend`. */
  readonly published: readonly Published[];
  /** Requests that the gateway is serving now, on earlier configurations too; calls to itself are requests of their own. */
  inFlight(): number;
  readonly environments: readonly string[];
  readonly groups: readonly Group[];
  /** What the configuration has under one of the plugin's `moreSections`, checked; undefined when it has nothing. */
  section(name: string): unknown;
}

/** A file beside the configuration. */
export interface TextFile {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
}

/** Calls servers. An address that is one of the gateway's own domains is served in process, through every hook. */
export interface HttpClient {
  /**
   * A place to send requests to: `http://host`, `https://host:port`, `host` or `host:port` (http).
   * @throws TypeError when it is none of these
   */
  target(address: string): HttpTarget;
  /**
   * A target for a server that comes and goes, such as one of the addresses of a name: its connections are released
   * when told, or with the configuration.
   * @param servername what a TLS server's certificate must be for, and is asked for; unless given, the `Host` of each
   *   request. An address stands for itself.
   * @throws TypeError as `target` does
   */
  lease(address: string, servername?: string): TargetLease;
  /**
   * A request of the plugin's own, for a target to send. It ends when the caller of the exchange goes away, unless it is
   * detached; whoever detaches it reads or cancels the answer's content.
   */
  request(exchange: Exchange, parts: OwnRequest): Outbound;
}

/** What a plugin asks a server. */
export interface OwnRequest {
  readonly method: string;
  /** As on the wire. */
  readonly path: string;
  readonly rawQuery?: string;
  /** Sent as they are, beside `Host`, `Via` and the framing. */
  readonly headers: Fields;
  readonly body?: Uint8Array | null;
  /** The `Host` to send; the target's own unless given. */
  readonly host?: string;
  readonly isDetached?: boolean;
}

/** A target to be given back. */
export interface TargetLease {
  readonly target: HttpTarget;
  /** Requests in flight end as they would. Once is enough. */
  release(): void;
}

export interface HttpTarget {
  /** `http://host:port`, without a default port. */
  readonly origin: string;
  /** Sends and answers when the head has come. Failures are refusals, not exceptions. */
  send(outbound: Outbound, timeouts: Timeouts): Promise<Reply>;
}

/** Milliseconds. `headersMs` counts from the request's last byte, `bodyMs` between two pieces of the answer. */
export interface Timeouts {
  readonly headersMs: number;
  readonly bodyMs: number;
  /**
   * Longest time without a byte where silence is ordinary: between two pieces of a `text/event-stream`, and on a
   * connection that switched to WebSocket. `bodyMs` when absent.
   */
  readonly idleMs?: number;
}

/** Another vendor's document for the same capability: its schema, and its translation to the plugin's own options. */
export interface Dialect<Config = unknown> {
  readonly config: TSchema;
  /** Pure. Reports problems at paths of the vendor's document. */
  translate(document: never, problem: CommonKit['problem']): Config;
}

/** Types a dialect: the document by its schema, the result by the plugin's options. */
export function defineDialect<S extends TSchema, Config>(
  config: S,
  translate: (document: Static<S>, problem: CommonKit['problem']) => Config,
): Dialect<Config> {
  return { config, translate };
}

/**
 * What a sandboxed plugin is handed beside the request line: only what it names here. In the gateway's own process a
 * plugin sees everything anyway, and this says what it looks at.
 */
export interface Needs {
  /** Names of request fields, in lower case, at every hook; `*` for all. */
  readonly headers?: readonly string[];
  /** Names of fields of the answer, at `response`; `*` for all. */
  readonly answerHeaders?: readonly string[];
  /** Content of the request up to this size; a request with more is refused with 413. */
  readonly bodyBytes?: number;
  /** Content of the answer, at `response`, up to this size; reading more is an error. */
  readonly answerBodyBytes?: number;
}

/** A plugin: what it is called, what it takes, and what it does at the hooks. */
export interface PluginDefinition<Config extends TSchema = TSchema, Section extends TSchema = TSchema> {
  /** Kebab-case; the folder's name, the `type` in YAML. `auth-x` answers to `auth: x`, `backend-x` to `backend: {type: x}`
   * unless a dialect or an API field binds it. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Options of a binding: validation, defaults, type and documentation in one. */
  readonly config?: Config;
  /** By `type` in YAML, such as `huawei/rate_limit`. */
  readonly dialects?: Readonly<Record<string, Dialect<Static<Config>>>>;
  /**
   * A field of an API that binds this plugin: `true` for the defaults, `false` for not at all, else its options.
   * `request.x` is a field of the API's `request`. A dialect of the field's name, if there is one, is what it is written in.
   */
  readonly apiField?: string;
  /** A field of a group that this plugin owns; it finds it in `group.definition`. */
  readonly groupField?: { readonly name: string; readonly schema: TSchema };
  /**
   * A field of a backend, an API's own or one of `kit.backend`, that this plugin owns. `bind` gets what it holds, checked,
   * once for each backend that has it; what it returns runs when that backend was chosen, before it completes the request.
   */
  readonly backendField?: {
    readonly name: string;
    readonly schema: TSchema;
    bind(value: unknown, kit: Kit): (exchange: Exchange) => Answer<Reply>;
  };
  readonly needs?: Needs;
  /** What "one of a kind for an API and environment" means among this plugin's bindings; its name unless given. */
  kind?(config: Static<Config>): string;
  /** A top-level key of the configuration that this plugin owns. */
  readonly section?: { readonly name: string; readonly schema: Section };
  /** Further top-level keys that this plugin owns; `setup` asks for them by `kit.section`. */
  readonly moreSections?: readonly { readonly name: string; readonly schema: TSchema }[];
  readonly offers?: readonly ServiceToken<unknown>[];
  /** Once for a configuration. `section` is undefined when the file does not have it. */
  setup?(section: Static<Section> | undefined, kit: SetupKit): GatewayHooks;
  /** Once for each API and environment it is bound to, at load. */
  bind?(config: Static<Config>, kit: Kit): Hooks;
  /**
   * Once for each API and environment that nothing binds it to, after every `bind` of the configuration; what it returns
   * runs before what is bound.
   */
  bindRest?(section: Static<Section> | undefined, kit: Kit): Hooks | undefined;
}

/** Declares a plugin; a plugin file's default export. */
export function definePlugin<Config extends TSchema, Section extends TSchema>(
  definition: PluginDefinition<Config, Section>,
): PluginDefinition<Config, Section> {
  return definition;
}
