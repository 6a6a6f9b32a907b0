import type { Values } from '#sdk';
import type { KeyedHash } from './keyed-hash.ts';
import type { SharedClock } from './shared-clock.ts';
import type { Id, SharedTable } from './shared-table.ts';

/** Keys that the processes of the machine claim: of all that ask at once, one is told true. */
export class SharedValues implements Values {
  readonly #table: SharedTable;
  readonly #time: SharedClock;
  readonly #hash: KeyedHash;
  readonly #id: Id = { first: 0, second: 0, base: 0 };

  constructor(table: SharedTable, time: SharedClock, hash: KeyedHash) {
    this.#table = table;
    this.#time = time;
    this.#hash = hash;
  }

  /** @throws Error when there is no room: not keeping this key would let a replay through, and so would forgetting another */
  claim(key: string, ttlMs: number): boolean {
    if (Number.isNaN(ttlMs)) throw new RangeError('a key is kept for a number of milliseconds');
    const now = this.#time.now();
    if (this.#isKept(key, now)) return false;
    if (this.#table.insert(this.#id, now + ttlMs, now) === 0)
      throw new Error('the store shared by the processes of this machine holds as many keys as it can');
    return this.#table.isNew;
  }

  has(key: string): boolean {
    return this.#isKept(key, this.#time.now());
  }

  #isKept(key: string, now: number): boolean {
    this.#hash.digest(key);
    this.#table.identify(this.#hash, this.#id);
    const at = this.#table.find(this.#id);
    // Another key may have got the slot, and its expiry, since the tag was seen.
    return at !== 0 && this.#table.expiryOf(at) > now && this.#table.isAt(at, this.#id);
  }
}
