import type { Clock, Values } from '#sdk';
import { MemoryBytes } from './memory-bytes.ts';

/** How many keys are kept at the most; more are refused, because forgetting one would let a replay through. */
const maxKeys = 2_000_000;

/** Keys that expire in one slice of time are forgotten together, so that no sweep takes long. */
const sliceMs = 1000;

/** Values of one process. */
export class MemoryValues implements Required<Values> {
  readonly #clock: Clock;
  readonly #expiries = new Map<string, number>();
  readonly #slices = new Map<number, string[]>();
  readonly #bytes: MemoryBytes;
  #swept = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#bytes = new MemoryBytes(clock);
  }

  get(key: string): Uint8Array | undefined {
    return this.#bytes.get(key);
  }

  set(key: string, value: Uint8Array, ttlMs: number): void {
    this.#bytes.set(key, value, ttlMs);
  }

  delete(key: string): void {
    this.#bytes.delete(key);
  }

  claim(key: string, ttlMs: number): boolean {
    const now = this.#clock.now();
    this.#sweep(Math.floor(now / sliceMs));
    const kept = this.#expiries.get(key);
    if (kept !== undefined && kept > now) return false;
    if (kept === undefined && this.#expiries.size >= maxKeys) {
      throw new Error(`the store holds ${maxKeys} keys and takes no more`);
    }
    const expiresAt = now + ttlMs;
    this.#expiries.set(key, expiresAt);
    const slice = Math.floor(expiresAt / sliceMs);
    const keys = this.#slices.get(slice);
    if (keys === undefined) this.#slices.set(slice, [key]);
    else keys.push(key);
    return true;
  }

  has(key: string): boolean {
    return (this.#expiries.get(key) ?? 0) > this.#clock.now();
  }

  /** Forgets the slices before the present one. */
  #sweep(present: number): void {
    if (present <= this.#swept) return;
    this.#swept = present;
    for (const [slice, keys] of this.#slices) {
      if (slice >= present) continue;
      this.#slices.delete(slice);
      // A key that was claimed anew after it expired stands in a later slice too.
      for (const key of keys)
        if ((this.#expiries.get(key) ?? 0) < present * sliceMs) this.#expiries.delete(key);
    }
  }
}

/** Keeps one plugin's keys apart from another's. */
export function scoped(values: Values, plugin: string): Required<Values> {
  const own = (key: string): string => `${plugin}\0${key}`;
  // Answering "no" for a store that cannot be asked would let through what was withdrawn.
  const unable = (what: string): never => {
    throw new Error(`the store cannot ${what}`);
  };
  return {
    claim: (key, ttlMs) => values.claim(own(key), ttlMs),
    has: (key) => (values.has === undefined ? unable('be asked what it keeps') : values.has(own(key))),
    get: (key) => (values.get === undefined ? unable('be asked for values') : values.get(own(key))),
    set: (key, value, ttlMs) =>
      values.set === undefined ? unable('keep values') : values.set(own(key), value, ttlMs),
    delete: (key) => (values.delete === undefined ? unable('forget values') : values.delete(own(key))),
  };
}
