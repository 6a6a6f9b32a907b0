import type { Clock } from '#sdk';
import { SharedWords } from './shared-words.ts';

/**
 * The latest time that any process of the machine has seen. It never goes back, so that a window that is over for one
 * process is over for all, and what was forgotten is not begun anew by a clock that was set back.
 */
export class SharedClock implements Clock {
  /** By how many milliseconds the machine's clock was behind at the last `now`: it was set back. */
  behindMs = 0;
  readonly #clock: Clock;
  readonly #words: SharedWords;

  /** @param word the one that the processes share */
  constructor(clock: Clock, word: BigInt64Array) {
    this.#clock = clock;
    this.#words = new SharedWords(word);
  }

  /** Now, and not before what others were told; whoever asks later is told no earlier time. */
  now(): number {
    this.behindMs = 0;
    for (;;) {
      const own = this.#clock.now();
      const latest = this.latest();
      if (own > latest) this.#words.raise(0, own);
      if (own >= latest) return own;
      // Unless it was only read before another process read it, the clock was set back.
      const behindMs = latest - this.#clock.now();
      if (behindMs <= 0) continue;
      this.behindMs = behindMs;
      return latest;
    }
  }

  /** What somebody was told last, without a look at the machine's clock. */
  latest(): number {
    return this.#words.timeAt(0);
  }
}
