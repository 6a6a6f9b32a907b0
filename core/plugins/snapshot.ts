import { setTimeout } from 'node:timers/promises';
import type { Arrival, GatewayHooks, HandlerTiming, Log, Reply, Route } from '#sdk';
import type { CompletedListener, Finisher, Snapshot } from '../kernel/endpoint.ts';
import { callBackend } from '../kernel/backend-call.ts';
import { isReply } from '../kernel/chains.ts';
import { compileWithheld } from '../kernel/forwarding.ts';
import type { BodyLimits } from '../kernel/content-reader.ts';
import type { Exchange } from '../kernel/exchange.ts';
import { type Chain, type Handler, type SyncChain, compileChain, compileSyncChain } from '../kernel/hooks.ts';
import { timed, timerOf } from '../kernel/timing.ts';
import type { Endpoints } from './endpoints.ts';

/** Longest content of a request that found no API: nothing has asked yet who sends it. */
const fallbackBytes = 64 * 1024;

/** What is under way in a gateway, whatever configuration it began with. */
export interface Traffic {
  inFlight: number;
}

/** A built configuration, counted by the requests that use it and disposed after the last of them. */
export class BuiltSnapshot implements Snapshot {
  readonly routing: SyncChain<Arrival, Route | Reply> | null;
  readonly routingHandlers: readonly Handler<Arrival>[];
  /** For `explain`: who says why routing found nothing. */
  readonly missDescribers: readonly ((arrival: Arrival) => readonly string[])[];
  readonly fallback: Chain<Exchange, Reply> | null;
  readonly fallbackLimits: BodyLimits;
  readonly unrouted: readonly Finisher[];
  readonly completed: readonly CompletedListener[];
  readonly log: Log;
  readonly withholds: ((name: string) => boolean) | null;
  readonly pseudonym: string;
  readonly callBackend = callBackend;
  /** How many APIs it has. */
  readonly apis: number;
  /** Those of the newest configuration that only has other APIs than this one. */
  readonly endpoints: Endpoints;
  /**
   * Tells the plugins that this comes into force.
   * @throws ConfigError when one of them cannot
   */
  readonly activate: () => void;
  readonly setups: ReadonlyMap<string, GatewayHooks>;
  readonly #traffic: Traffic;
  readonly #dispose: () => Promise<unknown>;
  #inFlight = 0;
  #isRetired = false;
  #isDisposed = false;
  /** When what its plugins had is free again; at once while requests still use it. */
  disposed: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    log: Log;
    pseudonym: string;
    apis: number;
    endpoints: Endpoints;
    setups: ReadonlyMap<string, GatewayHooks>;
    timings: readonly HandlerTiming[];
    traffic: Traffic;
    bodyTimeoutMs: number;
    activate: () => void;
    dispose: () => Promise<unknown>;
  }) {
    this.log = parts.log;
    this.pseudonym = parts.pseudonym;
    this.apis = parts.apis;
    this.endpoints = parts.endpoints;
    this.activate = parts.activate;
    this.setups = parts.setups;
    this.#traffic = parts.traffic;
    this.#dispose = parts.dispose;
    this.fallbackLimits = { maxBytes: fallbackBytes, idleMs: parts.bodyTimeoutMs };
    const routing: Handler<Arrival>[] = [];
    const missDescribers: ((arrival: Arrival) => readonly string[])[] = [];
    const fallback: Handler<Exchange>[] = [];
    const completed: CompletedListener[] = [];
    const unrouted: Finisher[] = [];
    for (const [plugin, hooks] of parts.setups) {
      if (hooks.routing !== undefined) {
        const timer = timerOf(parts.timings, plugin, 'routing');
        const handle = hooks.routing.bind(hooks);
        routing.push({ plugin, hook: 'routing', binding: plugin, at: undefined, timer, handle });
      }
      const describeMiss = hooks.describeMiss?.bind(hooks);
      if (describeMiss !== undefined) missDescribers.push(describeMiss);
      const serve = hooks.fallback?.bind(hooks);
      if (serve !== undefined) {
        const timer = timerOf(parts.timings, plugin, 'fallback');
        fallback.push({ plugin, hook: 'fallback', binding: plugin, at: undefined, timer, handle: serve });
      }
      const bare = hooks.completed?.bind(hooks);
      if (bare !== undefined) {
        const notify = timed(parts.timings, plugin, 'completed', bare);
        completed.push({ plugin, binding: plugin, at: undefined, notify });
      }
      const finish = hooks.unrouted?.bind(hooks);
      if (finish !== undefined) {
        unrouted.push({ plugin, hook: 'unrouted', binding: plugin, at: undefined, finish });
      }
    }
    this.routingHandlers = routing;
    this.missDescribers = missDescribers;
    this.routing = compileSyncChain('routing', routing, isRouteOrReply);
    this.fallback = compileChain('fallback', fallback, isReply);
    this.unrouted = unrouted;
    this.withholds = compileWithheld([...parts.setups.values()].flatMap(({ withheld = [] }) => withheld));
    this.completed = completed;
  }

  /** Lets plugins end what they do of their own accord; settles when they have, or that time is over. */
  async stop(withinMs: number): Promise<void> {
    const late = new AbortController();
    const stops = Array.from(this.setups, async ([plugin, hooks]) => {
      try {
        await hooks.stop?.(withinMs);
      } catch (error) {
        const reason = error instanceof Error ? error.stack : String(error);
        this.log.error({ plugin, error: reason }, 'a plugin failed to stop');
      }
    });
    const deadline = setTimeout(withinMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([Promise.all(stops), deadline]);
    late.abort();
  }

  enter(): void {
    this.#inFlight += 1;
    this.#traffic.inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
    this.#traffic.inFlight -= 1;
    if (this.#isRetired && this.#inFlight === 0) this.#end();
  }

  /** No new request will use it. */
  retire(): void {
    this.#isRetired = true;
    if (this.#inFlight === 0) this.#end();
  }

  #end(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.disposed = this.#dispose();
  }
}

function isRouteOrReply(value: unknown): value is Route | Reply {
  return (
    isReply(value) ||
    (typeof value === 'object' && value !== null && 'target' in value && 'pathValues' in value)
  );
}
