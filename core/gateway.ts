import { randomBytes } from 'node:crypto';
import type {
  Clock,
  Log,
  ManagementAnswer,
  ManagementPage,
  ManagementRequest,
  PluginDefinition,
  Values,
} from '#sdk';
import { ConfigError, type Path, formatPath } from './config/problems.ts';
import { type ConfigText, readConfig } from './config/read.ts';
import { type Limits, type ManagementConfig, defaultListeners } from './config/schema.ts';
import { GatewayClient, Pools, type TargetFactory, networkTargets } from './http/client.ts';
import { DevelopmentCertificates } from './http/development-certificate.ts';
import { stalledMs as defaultStalledMs } from './http/delivery.ts';
import { type Attach, listenItself } from './http/attach.ts';
import { type Listener, listen } from './http/ingress.ts';
import { type ManagementListener, listenForManagement } from './http/management.ts';
import type { TlsPlan } from './http/tls-plan.ts';
import { type Status, answerPage, guardedPages, statusOf } from './management.ts';
import { type BuildHost, type Built, build } from './plugins/build.ts';
import type { BuiltSnapshot, Traffic } from './plugins/snapshot.ts';
import { Cages } from './sandbox/cages.ts';
import { MemoryCounters } from './state/memory-counters.ts';
import { MemoryValues } from './state/memory-values.ts';
import type { State } from './state/state.ts';
import { States } from './state/states.ts';
import { MachineHub } from './workers/machine.ts';

/** What a test replaces; the defaults are the real things. */
export interface GatewayOptions {
  readonly log: Log;
  readonly clock?: Clock;
  /** Where replays are remembered unless the configuration says; in this process when absent. */
  readonly values?: Values;
  /** Serves the addresses that are not the gateway's own. */
  readonly targets?: TargetFactory;
  /** Plugins given in code, beside the gateway's own. */
  readonly plugins?: readonly PluginDefinition[];
  /** Set where this is one of several workers of a machine. */
  readonly worker?: Partial<WorkerPlace>;
  /** Called once, when a configuration is built and nobody is served yet. */
  readonly ready?: () => void;
  /** How long a caller over HTTP/2 may take nothing of an answer that waits for it. */
  readonly stalledMs?: number;
}

/** What a worker has in common with the others of its machine. */
interface WorkerPlace {
  readonly pseudonym: string;
  readonly hub: MachineHub;
  readonly development: DevelopmentCertificates;
  /** Counts and values; its own when undefined. */
  readonly state: State | undefined;
  /** Gives servers the connections that the supervisor accepts. */
  readonly attach: Attach;
}

/** A configuration that is built and not in force. Ends with `commit` or `discard`. */
export interface Prepared {
  readonly built: Built;
  /**
   * Tells its plugins that it comes into force.
   * @throws ConfigError when one of them cannot
   */
  activate(): void;
  commit(): Promise<void>;
  discard(): void;
}

const closed = 'the gateway is closed';

const systemClock: Clock = { now: () => Date.now() };

/** One gateway: the configuration in force, its listeners, and what outlives a reload. */
export class Gateway {
  readonly log: Log;
  readonly clock: Clock;
  readonly pseudonym: string;
  readonly stalledMs: number;
  readonly #options: GatewayOptions;
  readonly #states: States;
  readonly #pools = new Pools();
  readonly #development: DevelopmentCertificates;
  readonly #hub: MachineHub;
  readonly #attach: Attach;
  readonly #cages = new Cages(() => this.clock.now());
  readonly #listeners = new Map<string, Listener>();
  readonly #traffic: Traffic = { inFlight: 0 };
  readonly #startedAt: number;
  #management: { readonly key: string; readonly listener: ManagementListener } | null = null;
  #applied = { number: 0, since: 0 };
  #built: Built | null = null;
  #isClosed = false;
  #applying: Promise<void> = Promise.resolve();

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.log = options.log;
    this.clock = options.clock ?? systemClock;
    this.stalledMs = options.stalledMs ?? defaultStalledMs;
    this.#startedAt = this.clock.now();
    const values = options.values ?? new MemoryValues(this.clock);
    const counters = new MemoryCounters(this.clock);
    this.#states = new States(options.worker?.state ?? { values, counters, ownCounters: counters }, this.log);
    this.pseudonym = options.worker?.pseudonym ?? newPseudonym();
    this.#development = options.worker?.development ?? new DevelopmentCertificates();
    this.#hub = options.worker?.hub ?? new MachineHub(this.log);
    this.#attach = options.worker?.attach ?? listenItself;
  }

  /** The configuration in force. */
  current(): BuiltSnapshot {
    return this.#inForce().snapshot;
  }

  guarded(): TlsPlan['guarded'] {
    return this.#inForce().tls.guarded;
  }

  limits(): Limits {
    return this.#inForce().limits;
  }

  /** The files the configuration in force came from, and what they held. */
  get hashes(): ReadonlyMap<string, string> {
    return this.#inForce().hashes;
  }

  /** Addresses in the order of `listeners`. */
  get listeners(): readonly Listener[] {
    return [...this.#listeners.values()];
  }

  /** Where the pages for operators are; null when the configuration does not say. */
  get management(): ManagementListener | null {
    return this.#management?.listener ?? null;
  }

  /** Requests that are served now. */
  get inFlight(): number {
    return this.#traffic.inFlight;
  }

  /** Answers for a page of the management listener. Never rejects. */
  manage(path: string, request: ManagementRequest): Promise<ManagementAnswer> {
    return answerPage(path, request, {
      isDraining: this.#isClosed,
      isInForce: this.#built !== null,
      status: () => this.status(),
      pages: () => this.pages(),
    });
  }

  /** Pages of the plugins in force. */
  pages(): readonly ManagementPage[] {
    return guardedPages(this.#built?.snapshot.setups ?? new Map(), this.log);
  }

  status(): Status {
    const built = this.#built;
    return statusOf({
      log: this.log,
      now: this.clock.now(),
      startedAt: this.#startedAt,
      isDraining: this.#isClosed,
      inFlight: this.#traffic.inFlight,
      inForce: built && {
        ...this.#applied,
        hashes: built.hashes,
        apis: built.snapshot.apis,
        setups: built.snapshot.setups,
      },
    });
  }

  /**
   * Checks and builds a configuration beside the one in force, then puts it in force at once. Requests in flight
   * finish on the one they began with.
   * @throws ConfigError when anything is wrong; nothing has changed then
   */
  apply(text: ConfigText, options: { listen: boolean } = { listen: false }): Promise<void> {
    // One after the other: of two at once the slower one would win, or bring back what the other had replaced.
    const applied = this.#applying.then(() => this.#apply(text, options.listen));
    this.#applying = applied.catch(() => undefined);
    return applied;
  }

  /**
   * The first half of `apply` alone, for a worker: what follows waits for the others. One at a time.
   * @param waiting what the worker has prepared before, while it serves nothing; discarded whatever comes of this
   * @throws ConfigError when anything is wrong; nothing is then left behind
   */
  async prepare(text: ConfigText, waiting: Prepared | null = null): Promise<Prepared> {
    const built = await this.#open(text, waiting);
    const { snapshot } = built;
    try {
      this.#wanted(built, text);
    } catch (error) {
      snapshot.retire();
      throw error;
    }
    return {
      built,
      activate: () => snapshot.activate(),
      commit: () => this.#putInForce(built, text, true).finally(() => text.release()),
      discard: () => {
        text.release();
        snapshot.retire();
      },
    };
  }

  async #apply(text: ConfigText, isListening: boolean): Promise<void> {
    const built = await this.#open(text);
    if (this.#built === null) this.#options.ready?.();
    const open = this.#management;
    // Before anything changes: what follows may not be interrupted until the listeners are renewed.
    let management = open;
    try {
      if (isListening) management = await this.#openManagement(built.root.management, text);
      if (this.#isClosed) throw new Error(closed);
      built.snapshot.activate();
      await this.#putInForce(built, text, isListening);
    } catch (error) {
      built.snapshot.retire();
      if (management !== open) await management?.listener.close();
      throw error;
    }
    // Closing while the ports were being opened closed the one that was open.
    this.#management = this.#isClosed ? null : management;
    if (this.#isClosed) await management?.listener.close();
    if (management !== open) void open?.listener.close();
  }

  /** Builds, and connects to what is shared. */
  async #open(text: ConfigText, waiting: Prepared | null = null): Promise<Built> {
    const discard = (): void => waiting?.discard();
    let built: Built;
    try {
      built = await this.build(text, waiting?.built ?? this.#built, discard);
      // Where nobody is served the change need not wait.
      if (waiting !== null) built.enact?.();
    } finally {
      discard();
    }
    try {
      await built.state.open();
    } catch (error) {
      built.snapshot.retire();
      throw error;
    }
    return built;
  }

  async #putInForce(built: Built, text: ConfigText, isListening: boolean): Promise<void> {
    const previous = this.#built;
    this.#built = built;
    built.enact?.();
    try {
      if (isListening) await this.#listen(built, text);
    } catch (error) {
      this.#built = previous;
      // Closing retired what was in force while the ports were being opened.
      if (this.#isClosed) previous?.snapshot.retire();
      throw error;
    }
    this.#applied = { number: this.#applied.number + 1, since: this.clock.now() };
    previous?.snapshot.retire();
  }

  /**
   * Builds without putting in force; for `check` and `explain`.
   * @param before what it may have much in common with; `anew` is told when it has not
   */
  build(text: ConfigText, before: Built | null = null, anew?: () => void): Promise<Built> {
    const host: BuildHost = {
      log: this.log,
      clock: this.clock,
      state: (plan) => this.#states.hold(plan),
      pseudonym: this.pseudonym,
      development: this.#development,
      traffic: this.#traffic,
      cages: this.#cages,
      machine: (plugin) => this.#hub.of(plugin),
      plugins: this.#options.plugins ?? [],
      client: (limits, own) => {
        const create = this.#options.targets ?? networkTargets(this.#pools, limits);
        return new GatewayClient(own, create);
      },
    };
    return build(text, host, before, anew);
  }

  /** Stops accepting, lets requests finish within the configured time, then frees everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const drainTimeoutMs = this.#built?.limits.drainTimeoutMs ?? 0;
    const snapshot = this.#built?.snapshot;
    await Promise.all([
      snapshot?.stop(drainTimeoutMs),
      ...[...this.#listeners.values()].map((listener) => listener.close(drainTimeoutMs)),
    ]);
    this.#listeners.clear();
    snapshot?.retire();
    await snapshot?.disposed;
    // Last: until here it says that the gateway drains.
    await this.#management?.listener.close();
    this.#management = null;
  }

  #inForce(): Built {
    if (this.#built === null) throw new Error('no configuration is in force yet');
    return this.#built;
  }

  async #openManagement(config: ManagementConfig | undefined, text: ConfigText) {
    if (config === undefined) return null;
    const key = listenerKey(config);
    if (this.#management?.key === key) return this.#management;
    try {
      return { key, listener: await listenForManagement(config, (...asked) => this.manage(...asked)) };
    } catch (error) {
      throw cannotListen(text, ['management', 'port'], error);
    }
  }

  /** Which listeners a configuration has, by the place in its list. */
  #wanted({ root, tls }: Built, text: ConfigText): ReadonlyMap<string, number> {
    const wanted = new Map<string, number>();
    for (const [index, config] of (root.listeners ?? defaultListeners).entries()) {
      const key = listenerKey(config);
      wanted.set(key, index);
      const isSecure = tls.listeners[index] !== undefined;
      const open = this.#listeners.get(key);
      if (open === undefined || (open.secure !== null) === isSecure) continue;
      const message = 'an open port cannot change between HTTP and HTTPS; take another port, or restart';
      throw refused(text, ['listeners', index, 'port'], message);
    }
    return wanted;
  }

  /** Opens what is new before it closes what is gone: a port that cannot be had refuses the configuration. */
  async #listen(built: Built, text: ConfigText): Promise<void> {
    const { listeners } = built.tls;
    const configs = built.root.listeners ?? defaultListeners;
    const wanted = this.#wanted(built, text);
    // Before anything is awaited: requests are served by the new configuration from now on, under its rules.
    const undo = this.#renew(wanted, listeners);
    const opened: string[] = [];
    for (const [key, index] of wanted) {
      if (this.#listeners.has(key)) continue;
      const { port, host } = configs[index] ?? { port: 0 };
      try {
        this.#listeners.set(key, await listen({ port, host, tls: listeners[index] }, this, this.#attach));
        opened.push(key);
        if (this.#isClosed) throw new Error(closed);
      } catch (error) {
        undo();
        for (const each of opened) await this.#drop(each);
        throw cannotListen(text, ['listeners', index, 'port'], error);
      }
    }
    for (const key of this.#listeners.keys()) if (!wanted.has(key)) void this.#drop(key);
  }

  /** Gives the listeners that stay what they are to show and ask for; answers what takes that back. */
  #renew(wanted: ReadonlyMap<string, number>, listeners: TlsPlan['listeners']): () => void {
    const before: (() => void)[] = [];
    for (const [key, { secure }] of this.#listeners) {
      const tls = listeners[wanted.get(key) ?? -1];
      if (secure === null || tls === undefined) continue;
      const old = secure.tls;
      before.push(() => secure.renew(old));
      secure.renew(tls);
    }
    return () => {
      for (const undo of before) undo();
    };
  }

  async #drop(key: string): Promise<void> {
    const listener = this.#listeners.get(key);
    this.#listeners.delete(key);
    await listener?.close(this.limits().drainTimeoutMs);
  }
}

/** Random, so that two gateways in one chain are not taken for a loop of one. */
export function newPseudonym(): string {
  return `tapgate-${randomBytes(6).toString('hex')}`;
}

function refused(text: ConfigText, path: Path, message: string): ConfigError {
  return new ConfigError([{ at: text.locate.positionOf(path), path: formatPath(path), message }]);
}

export function cannotListen(text: ConfigText, path: Path, error: unknown): ConfigError {
  return refused(text, path, `cannot listen: ${error instanceof Error ? error.message : 'it failed'}`);
}

export function listenerKey({
  host,
  port,
}: {
  readonly host?: string | undefined;
  readonly port: number;
}): string {
  return `${host ?? '*'} ${port}`;
}

/** Reads a configuration from disk with this process's environment. */
export function readFromDisk(path: string): ConfigText {
  return readConfig(path, process.env);
}
