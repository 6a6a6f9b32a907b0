/*
 * What the threads of `schedules.test.ts` share with the test, which says whose turn it is and for how many steps: a step is a call
 * of `Atomics` on the memory. So every order of steps can be had, not only one inside the other.
 */

import type { Limit } from '#sdk';
import { smallBytes } from './small-memory.ts';

export const threads = 3;
/** Of each thread in `turns`. */
export const turn = { steps: 0, state: 1, seed: 2, words: 4 };
export const state = { waits: 0, runs: 1, isDone: 2 };

export const limits: readonly Limit[] = [
  { key: 'hour', limit: 1, periodMs: 3_600_000 },
  { key: 'second', limit: 2, periodMs: 1000 },
  { key: 'half', limit: 1, periodMs: 500 },
  { key: 'other hour', limit: 2, periodMs: 3_600_000 },
];
export const claims = 3;
/** Of each limit in the report. */
export const windows = 16;

export interface Shared {
  readonly memory: SharedArrayBuffer;
  readonly turns: Int32Array<SharedArrayBuffer>;
  readonly clock: Float64Array<SharedArrayBuffer>;
  /** What was claimed, and what the limits admitted in each window. */
  readonly report: Int32Array<SharedArrayBuffer>;
}

export function share(): Shared {
  return {
    memory: new SharedArrayBuffer(smallBytes),
    turns: new Int32Array(new SharedArrayBuffer(4 * turn.words * threads)),
    clock: new Float64Array(new SharedArrayBuffer(8)),
    report: new Int32Array(new SharedArrayBuffer(4 * (claims + windows * limits.length))),
  };
}

export const startAt = 36_000_000;

export function reportPlace(index: number, end: number): number {
  const { periodMs = 1 } = limits[index] ?? {};
  const window = end / periodMs - 1 - startAt / periodMs;
  if (!Number.isInteger(window) || window < 0 || window >= windows) throw new RangeError(`window ${window}`);
  return claims + index * windows + window;
}
