import type { Clock, Limit, Taken } from '#sdk';
import { KeyedHash } from '../../core/state/keyed-hash.ts';
import { SharedClock } from '../../core/state/shared-clock.ts';
import { SharedCounters } from '../../core/state/shared-counters.ts';
import { SharedTable, bucketBytes } from '../../core/state/shared-table.ts';
import { SharedValues } from '../../core/state/shared-values.ts';

/** A time, a bucket and a spare one for counts, and a bucket for values: all keys are in each other's way. */
export const smallBytes = 64 + 3 * bucketBytes;

/** What a process does with it. */
export interface Process {
  take(...limits: Limit[]): Taken;
  readonly values: SharedValues;
}

export function startProcess(buffer: ArrayBuffer, clock: Clock): Process {
  const time = new SharedClock(clock, new BigInt64Array(buffer, 0, 1));
  const hash = new KeyedHash(1, 2);
  const counts = new SharedTable(buffer, 64, 1, 1, time);
  const kept = new SharedTable(buffer, 64 + 2 * bucketBytes, 1, 0, time);
  const counters = new SharedCounters(counts, time, hash).of('plugin');
  return {
    take: (...limits) => counters.take(limits) as Taken,
    values: new SharedValues(kept, time, hash),
  };
}

/** Numbers that look like chance, the same each time. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}
