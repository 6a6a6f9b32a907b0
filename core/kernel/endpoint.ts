import type { Arrival, Backend, Completed, Log, Published, Reply, Route } from '#sdk';
import type { Inbound } from './inbound.ts';
import type { Exchange } from './exchange.ts';
import type { Chain, Handler, HookName, SyncChain } from './hooks.ts';
import type { Outbound } from './outbound.ts';
import type { BodyLimits } from './request-body.ts';

/** A function told of every completed request; faults are logged under its plugin. */
export interface CompletedListener {
  readonly plugin: string;
  notify(notice: Completed): void;
}

/** A function that completes every answer; faults are logged under its plugin. */
export interface Finisher {
  readonly plugin: string;
  finish(inbound: Inbound): void;
}

/** An API in one environment, compiled. A hook that nothing is bound to is null. */
export interface Endpoint extends Published {
  readonly preAuth: Chain<Exchange, Reply> | null;
  readonly auth: Chain<Exchange, Reply> | null;
  readonly backendRouting: Chain<Exchange, Reply | Backend> | null;
  readonly backendSigning: Chain<Outbound, Reply> | null;
  readonly response: Chain<Inbound, Reply> | null;
  readonly finishers: readonly Finisher[];
  readonly completed: readonly CompletedListener[];
  readonly backend: Backend;
  readonly bodyLimits: BodyLimits;
  /** For `explain`: what each hook runs, in order. */
  readonly handlers: Readonly<Record<Exclude<HookName, 'routing'>, readonly Handler<never>[]>>;
}

/** One configuration, built. Requests in flight finish on the one they began with. */
export interface Snapshot {
  readonly routing: SyncChain<Arrival, Route | Reply> | null;
  readonly completed: readonly CompletedListener[];
  /** Completes the answer to a request that found no API; a fault is logged. */
  unrouted(inbound: Inbound): void;
  readonly log: Log;
  /** This gateway's entry in `Via`: the pseudonym of RFC 9110 section 7.6.3. */
  readonly pseudonym: string;
  enter(): void;
  leave(): void;
}
