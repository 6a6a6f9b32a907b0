import { type Backend, type Exchange, type Kit, type Reply, refuse } from '#sdk';
import type { Circuit, Settings } from './circuit.ts';
import type { Judge } from './failure.ts';
import type { BreakerConfig } from './options.ts';

/** A circuit with what counts as a failure, and what stands in for the backend. */
export interface Level {
  readonly circuit: Circuit;
  readonly judge: Judge;
  /** Undefined: calls are refused; `passthrough`: the backend is called all the same. */
  readonly fallback: Backend | 'passthrough' | undefined;
}

export function settingsOf({
  threshold,
  percentage = 100,
  minCalls = 1,
  windowSeconds,
  openSeconds,
  probes,
}: BreakerConfig): Settings {
  return {
    trip:
      threshold === undefined
        ? { kind: 'percentage', minCalls, percentage }
        : { kind: 'count', failures: threshold },
    windowMs: windowSeconds * 1000,
    openMs: openSeconds * 1000,
    probes,
  };
}

/** Lets a call through and listens for what becomes of it, or answers what stands in for it. */
export function guard(
  { circuit, judge, fallback }: Level,
  exchange: Exchange,
  { clock }: Kit,
): Backend | Reply | undefined {
  const now = clock.now();
  const admission = circuit.admit(now);
  if (admission === undefined) {
    if (fallback === 'passthrough') return undefined;
    return fallback ?? refuse('circuit-open', { headers: retryAfter(circuit, now) });
  }
  exchange.onReply((settled) => {
    const isFailure = judge(exchange, settled);
    if (isFailure === undefined) circuit.release(admission);
    else circuit.settle(admission, isFailure, clock.now());
  });
  // Whoever left waits for nothing, and says nothing about the backend.
  exchange.onAbort(() => circuit.release(admission));
  return undefined;
}

function retryAfter(circuit: Circuit, now: number): Record<string, string> {
  const { retryInMs } = circuit.status(now);
  return retryInMs === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryInMs / 1000))) };
}
