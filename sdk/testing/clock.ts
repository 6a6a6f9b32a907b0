import type { Clock } from '../plugin.ts';

/** Time that passes when the test says so. */
export class VirtualClock implements Clock {
  #now: number;

  /** @param now milliseconds since 1970; 2023-11-14T22:13:20Z unless given */
  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}
