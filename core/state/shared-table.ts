import type { KeyedHash } from './keyed-hash.ts';
import type { SharedClock } from './shared-clock.ts';
import { SharedWords } from './shared-words.ts';

/*
 * A bucket has 128 words of 32 bits: the head, which tells what is being inserted; the time until which keys are
 * diverted (64 bits); and 20 slots, each of a tag, an expiry and a value of 64 bits. A key belongs to one bucket.
 *
 * Finding looks at tags alone. Whoever inserts has to be sure that nobody else inserts the same key elsewhere in the
 * bucket. So he announces it in the head, by a compare-and-exchange that fails if anything was inserted since he looked
 * through the bucket; exchanges the slot's old tag for a mark that no other insertion makes; sets the expiry; exchanges
 * the mark for the new tag; and takes the announcement back. Who finds an announcement that stays, because its process
 * was killed or lost the processor, exchanges the mark for "free" and takes the announcement back himself: whatever the
 * other still does then fails, and he begins again. Nobody waits for longer than a few loads, and nothing is locked.
 */
export const bucketBytes = 512;
export const slotsInBucket = 20;

const bucketHalves = bucketBytes / 4;
/** Places in a bucket, in words of 64 bits: the time until which keys are diverted, and the first slot's tag. */
const divertedPlace = 1;
const tagPlace = 2;
/** From a slot's tag to its expiry, its value, and the next slot: together, since who finds a key goes on to its value. */
const toExpiry = 1;
export const toValue = 2;
const toNext = 3;

/** The head: bit 0 says that a slot, bits 1 to 5, is being written; above them the number of insertions. */
const busy = 1;
const step = 64;
/** The first half of a word that is no tag has no bit 0; the second half is then the head it was written under. */
const freeMark = 0;
const claimMark = 2;
/** Bits 1 to 10 of a tag are its insertion's number: a key that is kept anew has another tag, for who still holds the old. */
const numberBits = 0x7fe;

/** How often an announcement is looked at before it is taken back: the time of many insertions. */
const patience = 100;

/** What a key is known by: 53 bits of its tag, in the bucket that further bits chose. */
export interface Id {
  first: number;
  second: number;
  /** Index of the bucket's head in words of 32 bits. */
  base: number;
}

/**
 * Keys with an expiry and a value, in memory that processes share. A slot is named by the index of its tag in words of
 * 64 bits, which is never 0. A key that has not expired stays in its slot.
 */
export class SharedTable {
  /** In halves. */
  readonly halves: Int32Array;
  readonly words: SharedWords;
  /** Whether the last `insert` put its key there, and did not find it. */
  isNew = false;
  readonly #time: SharedClock;
  readonly #buckets: number;
  readonly #spare: number;

  /** @param spare buckets behind the others that no key belongs to, for `identify` to be told of */
  constructor(buffer: ArrayBuffer, offset: number, buckets: number, spare: number, time: SharedClock) {
    const total = buckets + spare;
    this.halves = new Int32Array(buffer, offset, total * bucketHalves);
    this.words = new SharedWords(new BigInt64Array(buffer, offset, (total * bucketHalves) / 2));
    this.#buckets = buckets;
    this.#spare = spare;
    this.#time = time;
  }

  /** Where the key that was hashed last belongs. */
  identify(hash: KeyedHash, id: Id, isSpare = false): void {
    const share = (hash.third >>> 0) / 0x1_0000_0000;
    const bucket = isSpare
      ? this.#buckets + Math.floor(share * this.#spare)
      : Math.floor(share * this.#buckets);
    id.first = (hash.first & ~numberBits) | 1;
    id.second = hash.second;
    id.base = bucket * bucketHalves;
  }

  /** The key's slot, or 0. What was inserted by now is found; `insert` finds what is being inserted. */
  find(id: Id): number {
    const { halves } = this;
    const { first, second, base } = id;
    const home = homeOf(second);
    // Plain loads, twenty times as fast. Of a tag that is being exchanged they may see one half, and then miss it.
    for (let turn = 0; turn < slotsInBucket; turn += 1) {
      const slot = home + turn < slotsInBucket ? home + turn : home + turn - slotsInBucket;
      const tag = base + 2 * (tagPlace + toNext * slot);
      if (halves[tag + 1] === second && ((halves[tag] ?? 0) & ~numberBits) === first) return tag >> 1;
    }
    return 0;
  }

  /** Whether the slot still has the key. */
  isAt(at: number, id: Id): boolean {
    const { words } = this;
    words.load(at);
    return (words.first & ~numberBits) === id.first && words.second === id.second;
  }

  expiryOf(at: number): number {
    return this.words.timeAt(at + toExpiry);
  }

  /** Whether a key with this expiry may have been told by `insert` that there is no slot. */
  isDiverted(id: Id, expiry: number): boolean {
    return expiry <= this.words.timeAt(id.base / 2 + divertedPlace);
  }

  /**
   * The slot of the key, which gets one unless it has one that has not expired.
   * @param now of the shared clock
   * @returns 0 when there is none. If the table has spare buckets, no key of this one with this expiry or an earlier one
   *   gets a slot from then on: it may have been counted elsewhere.
   */
  insert(id: Id, expiry: number, now: number): number {
    const { halves } = this;
    for (;;) {
      const head = Atomics.load(halves, id.base);
      if ((head & busy) !== 0) {
        this.#settle(id.base, head);
        continue;
      }
      const at = this.#look(id, now);
      this.isNew = at <= 0;
      if (at > 0) return at;
      if (at === 0 || this.isDiverted(id, expiry)) {
        if (this.#spare > 0) this.words.raise(id.base / 2 + divertedPlace, expiry);
        // Somebody who looked before this was written may be inserting the key: then it is to be found.
        if (Atomics.load(halves, id.base) === head) return 0;
      } else if (this.#write(id, head, -at, expiry, now)) return -at;
    }
  }

  /** The slot of the key; less than 0: there is none, but a free one; 0: neither. */
  #look(id: Id, now: number): number {
    const home = homeOf(id.second);
    let free = 0;
    for (let turn = 0; turn < slotsInBucket; turn += 1) {
      const at = id.base / 2 + tagPlace + toNext * ((home + turn) % slotsInBucket);
      // An expired slot of the key is the only one it may get: in another it would be there twice.
      if (this.isAt(at, id)) return this.expiryOf(at) > now ? at : -at;
      if (free === 0 && this.#isFree(at, now)) free = -at;
    }
    return free;
  }

  #isFree(at: number, now: number): boolean {
    this.words.load(at);
    return (this.words.first & 1) === 0 || this.expiryOf(at) <= now;
  }

  /** Answers false when somebody came between. @param head what it was before the bucket was looked through */
  #write(id: Id, head: number, at: number, expiry: number, now: number): boolean {
    const { halves, words } = this;
    const old = words.load(at);
    if (!this.#isFree(at, now)) return false;
    const slot = (at - id.base / 2 - tagPlace) / toNext;
    const announced = head | (slot << 1) | busy;
    if (Atomics.compareExchange(halves, id.base, head, announced) !== head) return false;
    const mark = words.join(claimMark, announced);
    let isWritten = false;
    // Who diverts the key looks at the head after he wrote that he does; so here it is the other way round.
    if (!this.isDiverted(id, expiry) && words.exchange(at, old, mark)) {
      words.raise(at + toExpiry, expiry);
      isWritten = words.exchange(at, mark, words.join(id.first | numberOf(announced), id.second));
    }
    Atomics.compareExchange(halves, id.base, announced, after(announced));
    return isWritten;
  }

  /** Takes back what was announced, unless its tag is there already. */
  #settle(base: number, announced: number): void {
    const { halves, words } = this;
    for (let turn = 0; turn < patience; turn += 1) if (Atomics.load(halves, base) !== announced) return;
    const at = base / 2 + tagPlace + toNext * ((announced >> 1) & 31);
    for (;;) {
      const tag = words.load(at);
      // By the latest time: whoever announced this told everybody by which time he found the slot free.
      const isFree = this.#isFree(at, this.#time.latest());
      if (Atomics.load(halves, base) !== announced) return;
      if (!isFree && words.load(at) === tag) break;
      if (isFree && words.exchange(at, tag, words.join(freeMark, announced))) break;
    }
    Atomics.compareExchange(halves, base, announced, after(announced));
  }
}

const homeOf = (second: number): number => (second >>> 0) % slotsInBucket;

/** The head once what was announced is settled. */
const after = (announced: number): number => ((announced & -step) + step) | 0;

const numberOf = (announced: number): number => (announced >> 5) & numberBits;
