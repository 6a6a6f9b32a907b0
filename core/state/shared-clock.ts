import type { Clock } from '#sdk';

/**
 * The latest time that any process of the machine has seen. It never goes back, so that a window that is over for one
 * process is over for all, and what was forgotten is not begun anew by a clock that was set back.
 */
export class SharedClock implements Clock {
  /** By how many milliseconds the machine's clock was behind at the last `now`: it was set back. */
  behindMs = 0;
  readonly #clock: Clock;
  readonly #words: BigInt64Array;
  // Times are kept as the bits of a double: what is exchanged as a whole is read without any arithmetic on it.
  readonly #scratch = new BigInt64Array(1);
  readonly #time = new Float64Array(this.#scratch.buffer);

  /** @param words one word that the processes share */
  constructor(clock: Clock, words: BigInt64Array) {
    this.#clock = clock;
    this.#words = words;
  }

  /** Now, and not before what others have been told. */
  now(): number {
    for (;;) {
      const own = this.#clock.now();
      const seen = Atomics.load(this.#words, 0);
      this.#scratch[0] = seen;
      const latest = this.#time[0] ?? 0;
      if (own < latest) {
        // Unless it was only read before somebody else read it, the clock was set back.
        this.behindMs = latest - this.#clock.now();
        if (this.behindMs <= 0) continue;
        return latest;
      }
      this.behindMs = 0;
      if (own === latest) return own;
      this.#time[0] = own;
      if (Atomics.compareExchange(this.#words, 0, seen, this.#scratch[0] ?? 0n) === seen) return own;
    }
  }

  /** What some process was told last, without looking at the machine's clock. */
  latest(): number {
    this.#scratch[0] = Atomics.load(this.#words, 0);
    return this.#time[0] ?? 0;
  }
}
