import type { Arrival, GatewayHooks, Log, Reply, Route } from '#sdk';
import type { CompletedListener, Endpoint, Snapshot } from '../kernel/endpoint.ts';
import type { Inbound } from '../kernel/inbound.ts';
import { isReply } from '../kernel/chains.ts';
import { type Handler, type SyncChain, compileSyncChain } from '../kernel/hooks.ts';

/** A built configuration, counted by the requests that use it and disposed after the last of them. */
export class BuiltSnapshot implements Snapshot {
  readonly routing: SyncChain<Arrival, Route | Reply> | null;
  readonly routingHandlers: readonly Handler<Arrival>[];
  readonly completed: readonly CompletedListener[];
  readonly log: Log;
  readonly pseudonym: string;
  readonly endpoints: readonly Endpoint[];
  readonly #unrouted: readonly { readonly plugin: string; readonly hooks: GatewayHooks }[];
  readonly #dispose: () => void;
  #inFlight = 0;
  #isRetired = false;
  #isDisposed = false;

  constructor(parts: {
    log: Log;
    pseudonym: string;
    endpoints: readonly Endpoint[];
    setups: ReadonlyMap<string, GatewayHooks>;
    dispose: () => void;
  }) {
    this.log = parts.log;
    this.pseudonym = parts.pseudonym;
    this.endpoints = parts.endpoints;
    this.#dispose = parts.dispose;
    this.#unrouted = [...parts.setups]
      .filter(([, { unrouted }]) => unrouted !== undefined)
      .map(([plugin, hooks]) => ({ plugin, hooks }));
    const routing: Handler<Arrival>[] = [];
    const completed: CompletedListener[] = [];
    for (const [plugin, hooks] of parts.setups) {
      if (hooks.routing !== undefined) {
        const handle = hooks.routing.bind(hooks);
        routing.push({ plugin, hook: 'routing', binding: plugin, at: undefined, handle });
      }
      if (hooks.completed !== undefined) completed.push({ plugin, notify: hooks.completed.bind(hooks) });
    }
    this.routingHandlers = routing;
    this.routing = compileSyncChain('routing', routing, isRouteOrReply);
    this.completed = completed;
  }

  unrouted(inbound: Inbound): void {
    for (const { plugin, hooks } of this.#unrouted) {
      try {
        hooks.unrouted?.(inbound);
      } catch (error) {
        this.log.error({ plugin, hook: 'unrouted', error: error instanceof Error ? error.stack : String(error) }, 'a plugin failed');
      }
    }
  }

  enter(): void {
    this.#inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
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
    this.#dispose();
  }
}

function isRouteOrReply(value: unknown): value is Route | Reply {
  return isReply(value) || (typeof value === 'object' && value !== null && 'target' in value && 'pathValues' in value);
}
