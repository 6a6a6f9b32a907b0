import type { Clock } from '#sdk';

/** What is put here can be had again: beyond this the keys that nobody asked for longest are forgotten. */
const maxBytes = 64 * 1024 * 1024;
/** What an entry takes beside its key and value. */
const entryBytes = 200;

interface Entry {
  readonly value: Uint8Array;
  readonly expiresAt: number;
  readonly bytes: number;
}

/** Bytes under keys, for a time, in one process. */
export class MemoryBytes {
  readonly #clock: Clock;
  readonly #limit: number;
  /** The one that was used last is the last. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(clock: Clock, limit: number = maxBytes) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get(key: string): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= this.#clock.now()) {
      this.#bytes -= entry.bytes;
      return undefined;
    }
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: Uint8Array, ttlMs: number): void {
    this.delete(key);
    const bytes = entryBytes + key.length * 2 + value.length;
    if (ttlMs <= 0 || bytes > this.#limit) return;
    // A copy: whoever gave it may change it, and a slice would keep all that it was cut from.
    const entry = { value: Uint8Array.from(value), expiresAt: this.#clock.now() + ttlMs, bytes };
    this.#entries.set(key, entry);
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
