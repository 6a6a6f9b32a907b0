/** A worker that served for this long did not fail at the start. */
const soundMs = 10_000;
const longestMs = 30_000;

/** When the next worker starts after one that ended by itself: at once, and ever later while they do not last. */
export class Restarts {
  #inARow = 0;

  /** How many ended early, one after the other. */
  get inARow(): number {
    return this.#inARow;
  }

  /** @param servedMs for how long the one that ended had served; answers the wait until the next one */
  ended(servedMs: number): number {
    this.#inARow = servedMs >= soundMs ? 0 : this.#inARow + 1;
    return this.#inARow <= 2 ? 0 : Math.min(longestMs, 250 * 2 ** (this.#inARow - 3));
  }
}
