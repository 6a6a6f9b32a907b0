import type { Clock } from '#sdk';

/** The vendor's default breaker, which stands before such services as well (doc 154199). */
const timeouts = 1000;
const windowMs = 30_000;
const openMs = 90_000;

/** Stops asking a service that does not answer in time, for a while. */
export class Outages {
  readonly #clock: Clock;
  #windowEnds = 0;
  #count = 0;
  #openUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#openUntil > this.#clock.now();
  }

  timedOut(): void {
    const now = this.#clock.now();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + windowMs;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count >= timeouts) this.#openUntil = now + openMs;
  }
}
