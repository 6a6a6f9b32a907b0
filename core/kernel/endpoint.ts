import type { Arrival, Backend, BackendCall, Completed, Log, Published, Reply, Route } from '#sdk';
import type { Position } from '../config/problems.ts';
import type { Inbound } from './inbound.ts';
import type { Exchange } from './exchange.ts';
import type { ApiHookName, Chain, Handler, SyncChain } from './hooks.ts';
import type { Outbound } from './outbound.ts';
import type { BodyLimits } from './content-reader.ts';

/** A function told of every completed request; faults are logged under its plugin. */
export interface CompletedListener {
  readonly plugin: string;
  readonly binding: string;
  readonly at: Position | undefined;
  notify(notice: Completed): void;
}

/** A function that completes every answer; faults are logged under its plugin. */
export interface Finisher {
  readonly plugin: string;
  readonly hook: 'finish' | 'unrouted';
  readonly binding: string;
  readonly at: Position | undefined;
  finish(inbound: Inbound): void;
}

/** A binding that can say what it does; for `explain`. */
export interface Describer {
  readonly plugin: string;
  readonly binding: string;
  readonly at: Position | undefined;
  describe(exchange: Exchange): readonly string[];
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
  readonly backendAt: Position | undefined;
  readonly bodyLimits: BodyLimits;
  /** For `explain`: what each hook runs, in order. */
  readonly handlers: Readonly<Record<ApiHookName, readonly Handler<never>[]>>;
  /** For `explain`: who says more than which hooks it has, in the order of the bindings. */
  readonly describers: readonly Describer[];
}

/** One configuration, built. Requests in flight finish on the one they began with. */
export interface Snapshot {
  readonly routing: SyncChain<Arrival, Route | Reply> | null;
  /** Serves requests that found no API. */
  readonly fallback: Chain<Exchange, Reply> | null;
  /** How `fallback` takes the content of a request. */
  readonly fallbackLimits: BodyLimits;
  /** Complete the answers to requests that found no API. */
  readonly unrouted: readonly Finisher[];
  readonly completed: readonly CompletedListener[];
  readonly log: Log;
  /** Whether a request field is addressed to this gateway; null when no plugin says so of any. */
  readonly withholds: ((name: string) => boolean) | null;
  /** This gateway's entry in `Via`: the pseudonym of RFC 9110 section 7.6.3. */
  readonly pseudonym: string;
  /** Here, because what runs requests imports what a request is. */
  callBackend(exchange: Exchange, call: BackendCall): Promise<Reply>;
  enter(): void;
  leave(): void;
}
