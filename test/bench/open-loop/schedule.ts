/**
 * When requests are meant to be sent: evenly spaced, whatever becomes of those before. Latency that counts from these times
 * also counts what a request waited because earlier ones were slow (no "coordinated omission").
 */
export class Schedule {
  readonly #startMs: number;
  readonly #intervalMs: number;
  readonly #count: number;
  #handedOut = 0;

  constructor(startMs: number, ratePerSecond: number, seconds: number) {
    this.#startMs = startMs;
    this.#intervalMs = 1000 / ratePerSecond;
    this.#count = Math.round(ratePerSecond * seconds);
  }

  get isDone(): boolean {
    return this.#handedOut >= this.#count;
  }

  /** When the next one is due; Infinity when all were handed out. */
  get nextAtMs(): number {
    return this.isDone ? Infinity : this.#startMs + this.#handedOut * this.#intervalMs;
  }

  /** The times that have come by now and were not handed out before, in order. */
  due(nowMs: number): number[] {
    const times: number[] = [];
    for (let at = this.nextAtMs; at <= nowMs; at = this.nextAtMs) {
      times.push(at);
      this.#handedOut += 1;
    }
    return times;
  }

  /** Hands out no more. */
  stop(): void {
    this.#handedOut = this.#count;
  }
}
