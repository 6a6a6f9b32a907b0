import type { Clock, Values } from '#sdk';

/** How many keys are kept at the most; more are refused, because forgetting one would let a replay through. */
const maxKeys = 2_000_000;

/** Values of one process. Keys with the same lifetime expire in the order they came, so sweeping costs nothing. */
export class MemoryValues implements Values {
  readonly #clock: Clock;
  readonly #byLifetime = new Map<number, Map<string, number>>();
  #size = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  claim(key: string, ttlMs: number): boolean {
    const now = this.#clock.now();
    const kept = this.#sweep(ttlMs, now);
    const expiresAt = kept.get(key);
    if (expiresAt !== undefined && expiresAt > now) return false;
    if (expiresAt === undefined) {
      if (this.#size >= maxKeys) throw new Error(`the store holds ${maxKeys} keys and takes no more`);
      this.#size += 1;
    } else {
      kept.delete(key);
    }
    kept.set(key, now + ttlMs);
    return true;
  }

  #sweep(ttlMs: number, now: number): Map<string, number> {
    let kept = this.#byLifetime.get(ttlMs);
    if (kept === undefined) {
      kept = new Map();
      this.#byLifetime.set(ttlMs, kept);
    }
    for (const [key, expiresAt] of kept) {
      if (expiresAt > now) break;
      kept.delete(key);
      this.#size -= 1;
    }
    return kept;
  }
}

/** Keeps one plugin's keys apart from another's. */
export function scoped(values: Values, plugin: string): Values {
  return { claim: (key, ttlMs) => values.claim(`${plugin}\0${key}`, ttlMs) };
}
