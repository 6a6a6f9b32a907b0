/** What became of the requests that were meant to be sent within a stretch of time. */
export interface Window {
  /** Its beginning, on the clock of `nowMs`. */
  readonly at: number;
  /** From the intended time to the last byte of the answer, in microseconds. */
  readonly us: readonly number[];
  /** By what went wrong. */
  readonly failed: Readonly<Record<string, number>>;
}

/** Sorts the outcomes of requests into windows, by the time that they were meant for. */
export class Windows {
  readonly #startMs: number;
  readonly #lengthMs: number;
  readonly #open = new Map<number, { pending: number; us: number[]; failed: Record<string, number> }>();

  constructor(startMs: number, lengthMs: number) {
    this.#startMs = startMs;
    this.#lengthMs = lengthMs;
  }

  sent(intendedMs: number): void {
    this.#windowOf(intendedMs).pending += 1;
  }

  answered(intendedMs: number, endedMs: number): void {
    const window = this.#windowOf(intendedMs);
    window.pending -= 1;
    window.us.push(Math.round((endedMs - intendedMs) * 1000));
  }

  failed(intendedMs: number, reason: string): void {
    const window = this.#windowOf(intendedMs);
    window.pending -= 1;
    window.failed[reason] = (window.failed[reason] ?? 0) + 1;
  }

  /** Takes the windows that lie before this time and whose requests are all done with. */
  take(nowMs: number): Window[] {
    return this.#takeIf((index, { pending }) => pending === 0 && this.#at(index + 1) <= nowMs);
  }

  /** Takes all windows; what has no answer yet counts as failed. */
  takeAll(): Window[] {
    for (const window of this.#open.values()) {
      if (window.pending > 0) window.failed['no answer'] = window.pending;
    }
    return this.#takeIf(() => true);
  }

  #takeIf(isReady: (index: number, window: { pending: number }) => boolean): Window[] {
    const taken: Window[] = [];
    for (const [index, window] of this.#open) {
      if (!isReady(index, window)) continue;
      this.#open.delete(index);
      taken.push({ at: this.#at(index), us: window.us, failed: window.failed });
    }
    return taken.toSorted((a, b) => a.at - b.at);
  }

  #at(index: number): number {
    return this.#startMs + index * this.#lengthMs;
  }

  #windowOf(intendedMs: number): { pending: number; us: number[]; failed: Record<string, number> } {
    const index = Math.floor((intendedMs - this.#startMs) / this.#lengthMs);
    const window = this.#open.get(index) ?? { pending: 0, us: [], failed: {} };
    this.#open.set(index, window);
    return window;
  }
}
