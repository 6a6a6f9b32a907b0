/** When a circuit opens: so many failures in a window, or so large a part of the calls in it. */
export type Trip =
  | { readonly kind: 'count'; readonly failures: number }
  | { readonly kind: 'percentage'; readonly minCalls: number; readonly percentage: number };

/** What calls came to lately. Times are milliseconds of one clock. */
export interface Window {
  /** One more call. Answers whether the circuit has to open now. */
  add(now: number, isFailure: boolean): boolean;
  /** When the circuit had to open though nothing was added, if it had to. */
  overdue(now: number): number | undefined;
  /** For operators. */
  count(now: number): { readonly calls: number; readonly failures: number };
}

export function createWindow(trip: Trip, windowMs: number): Window {
  return trip.kind === 'count'
    ? new RollingWindow(windowMs, trip.failures)
    : new FixedWindow(windowMs, trip.minCalls, trip.percentage);
}

const slices = 10;

/** The last so many milliseconds, in ten slices: what is older than the window by a slice at most may still count. */
class RollingWindow implements Window {
  readonly #sliceMs: number;
  readonly #limit: number;
  readonly #calls = new Float64Array(slices + 1);
  readonly #failures = new Float64Array(slices + 1);
  /** Number of the newest slice since 1970. */
  #newest = 0;
  #failed = 0;

  constructor(windowMs: number, limit: number) {
    this.#sliceMs = windowMs / slices;
    this.#limit = limit;
  }

  add(now: number, isFailure: boolean): boolean {
    this.#forward(now);
    const index = this.#newest % this.#calls.length;
    this.#calls[index] = (this.#calls[index] ?? 0) + 1;
    if (!isFailure) return false;
    this.#failures[index] = (this.#failures[index] ?? 0) + 1;
    this.#failed += 1;
    return this.#failed >= this.#limit;
  }

  overdue(): undefined {
    return undefined;
  }

  count(now: number): { calls: number; failures: number } {
    this.#forward(now);
    return { calls: this.#calls.reduce((sum, each) => sum + each, 0), failures: this.#failed };
  }

  /** Forgets the slices that the window has left behind. A clock that goes back counts in the newest one. */
  #forward(now: number): void {
    const slice = Math.floor(now / this.#sliceMs);
    const { length } = this.#calls;
    for (let steps = Math.min(slice - this.#newest, length); steps > 0; steps -= 1) {
      const index = (slice - steps + 1) % length;
      this.#failed -= this.#failures[index] ?? 0;
      this.#failures[index] = 0;
      this.#calls[index] = 0;
    }
    this.#newest = Math.max(slice, this.#newest);
  }
}

/** Windows one after the other, each beginning with the first call behind the one before, and judged at its end. */
class FixedWindow implements Window {
  readonly #windowMs: number;
  readonly #minCalls: number;
  readonly #percentage: number;
  #startedAt: number | undefined;
  #calls = 0;
  #failures = 0;

  constructor(windowMs: number, minCalls: number, percentage: number) {
    this.#windowMs = windowMs;
    this.#minCalls = minCalls;
    this.#percentage = percentage;
  }

  add(now: number, isFailure: boolean): boolean {
    if (this.#startedAt === undefined || now >= this.#startedAt + this.#windowMs) {
      this.#startedAt = now;
      this.#calls = 0;
      this.#failures = 0;
    }
    this.#calls += 1;
    if (isFailure) this.#failures += 1;
    return false;
  }

  overdue(now: number): number | undefined {
    if (this.#startedAt === undefined) return undefined;
    const end = this.#startedAt + this.#windowMs;
    if (now < end || this.#calls < this.#minCalls) return undefined;
    return this.#failures * 100 >= this.#percentage * this.#calls ? end : undefined;
  }

  count(now: number): { calls: number; failures: number } {
    const isOver = this.#startedAt === undefined || now >= this.#startedAt + this.#windowMs;
    return isOver ? { calls: 0, failures: 0 } : { calls: this.#calls, failures: this.#failures };
  }
}
