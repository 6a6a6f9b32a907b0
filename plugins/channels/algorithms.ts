import type { Clock } from '#sdk';
import type { Endpoint } from './endpoint.ts';
import { mix } from './hash.ts';
import type { Algorithm } from './options.ts';

/** Where a member stands in smooth weighted round robin. */
export interface Position {
  current: number;
}

/** A member's address among those a request may go to. Its weight is above 0. */
export interface Slot {
  readonly endpoint: Endpoint;
  readonly weight: number;
  readonly position: Position;
  /** Its share of the keys of a hash. */
  readonly seed: number;
}

/**
 * Chooses among the live slots whose servers were not tried yet. Runs for every request: it allocates nothing.
 * @param key what the hashes go by
 */
export type Choose = <S extends Slot>(
  slots: readonly S[],
  clock: Clock,
  tried: readonly Endpoint[] | null,
  key: number,
) => S | undefined;

export const algorithms: Readonly<Record<Algorithm, Choose>> = {
  'weighted-round-robin': roundRobin,
  'weighted-least-connection': leastConnection,
  'source-hash': rendezvous,
  'uri-hash': rendezvous,
};

function isOpen(slot: Slot, clock: Clock, tried: readonly Endpoint[] | null): boolean {
  return slot.endpoint.isLive(clock) && (tried === null || !tried.includes(slot.endpoint));
}

/** Smooth weighted round robin: each gains its weight, the richest is chosen and pays for all. 3:1 gives AABA, not AAAB. */
function roundRobin<S extends Slot>(
  slots: readonly S[],
  clock: Clock,
  tried: readonly Endpoint[] | null,
): S | undefined {
  let best: S | undefined;
  let total = 0;
  for (const slot of slots) {
    if (!isOpen(slot, clock, tried)) continue;
    slot.position.current += slot.weight;
    total += slot.weight;
    if (best === undefined || slot.position.current > best.position.current) best = slot;
  }
  if (best !== undefined) best.position.current -= total;
  return best;
}

/** The fewest requests in hand for its weight, the next one counted; in turn among equals. */
function leastConnection<S extends Slot>(
  slots: readonly S[],
  clock: Clock,
  tried: readonly Endpoint[] | null,
): S | undefined {
  let least = Infinity;
  for (const slot of slots) {
    const load = (slot.endpoint.inFlight + 1) / slot.weight;
    if (load < least && isOpen(slot, clock, tried)) least = load;
  }
  let best: S | undefined;
  let total = 0;
  for (const slot of slots) {
    if ((slot.endpoint.inFlight + 1) / slot.weight !== least || !isOpen(slot, clock, tried)) continue;
    slot.position.current += slot.weight;
    total += slot.weight;
    if (best === undefined || slot.position.current > best.position.current) best = slot;
  }
  if (best !== undefined) best.position.current -= total;
  return best;
}

/**
 * Weighted rendezvous hashing: each slot draws a number from the key, the best draw for its weight wins. One that goes
 * away moves its own keys and no others; one that comes back gets the same ones.
 */
function rendezvous<S extends Slot>(
  slots: readonly S[],
  clock: Clock,
  tried: readonly Endpoint[] | null,
  key: number,
): S | undefined {
  let best: S | undefined;
  let bestScore = 0;
  for (const slot of slots) {
    if (!isOpen(slot, clock, tried)) continue;
    const draw = (mix(key ^ slot.seed) + 0.5) / 0x1_0000_0000;
    const score = slot.weight / -Math.log(draw);
    if (score > bestScore) {
      best = slot;
      bestScore = score;
    }
  }
  return best;
}
