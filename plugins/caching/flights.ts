import type { Reply } from '#sdk';
import type { Entry } from './entry.ts';
import { digest } from './key.ts';

/**
 * What became of asking the backend, for those who waited: an answer that was stored; a failure of the backend's that they
 * would have met, too; an answer that is not for them; or nothing, because whoever asked went away.
 */
export type Landing =
  | { readonly kind: 'stored'; readonly entry: Entry }
  | { readonly kind: 'failed'; readonly failure: 'error' | 'unreachable'; readonly reply: Reply | undefined }
  | { readonly kind: 'apart' }
  | { readonly kind: 'gone' };

const apart: Landing = { kind: 'apart' };

/** One request to a backend that others wait for. */
export class Flight {
  readonly #waiting = new Set<(landing: Landing) => void>();
  readonly #landed: () => void;
  #isOver = false;

  constructor(landed: () => void) {
    this.#landed = landed;
  }

  /** Once is enough; what comes later is ignored. */
  land(landing: Landing): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#landed();
    for (const tell of this.#waiting) tell(landing);
  }

  /** Not for longer than that: an answer may take its time to come. */
  wait(timeoutMs: number): Promise<Landing> {
    return new Promise((resolve) => {
      const tell = (landing: Landing): void => {
        clearTimeout(timer);
        this.#waiting.delete(tell);
        resolve(landing);
      };
      const timer = setTimeout(() => tell(apart), timeoutMs).unref();
      this.#waiting.add(tell);
    });
  }
}

/** How long a place is remembered at which answers were not for others, so that nobody waits there for nothing. */
const apartMs = 10_000;
const mostApart = 10_000;

/** Requests to backends by what they are for. */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #apart = new Map<string, number>();

  get size(): number {
    return this.#flights.size;
  }

  at(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  begin(key: string): Flight {
    const flight = new Flight(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  // By digests: keys are as long as callers make them.

  noteApart(key: string, now: number): void {
    const short = digest(key);
    this.#apart.delete(short);
    this.#apart.set(short, now);
    for (const oldest of this.#apart.keys()) {
      if (this.#apart.size <= mostApart) break;
      this.#apart.delete(oldest);
    }
  }

  isApart(key: string, now: number): boolean {
    if (this.#apart.size === 0) return false;
    const short = digest(key);
    const since = this.#apart.get(short);
    if (since === undefined) return false;
    if (now - since < apartMs && now >= since) return true;
    this.#apart.delete(short);
    return false;
  }

  noteShared(key: string): void {
    if (this.#apart.size > 0) this.#apart.delete(digest(key));
  }
}
