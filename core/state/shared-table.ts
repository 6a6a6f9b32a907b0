import type { KeyedHash } from './keyed-hash.ts';
import type { SharedClock } from './shared-clock.ts';

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

const bucketWords = bucketBytes / 4;
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
/**
 * Bits 1 to 10 of a tag are the number of the insertion: a key that was kept, forgotten and is kept again has another tag, so
 * that who was about to exchange the old one fails.
 */
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
  readonly words: Int32Array;
  readonly wide: BigInt64Array;
  /** Whether the last `insert` put its key there, and did not find it. */
  isNew = false;
  readonly #time: SharedClock;
  readonly #buckets: number;
  readonly #spare: number;
  // Halves, times and whole words turn into each other here, whatever the order of bytes.
  readonly #scratch = new BigInt64Array(1);
  readonly #halves = new Int32Array(this.#scratch.buffer);
  readonly #double = new Float64Array(this.#scratch.buffer);

  /** @param spare buckets behind the others that no key belongs to, for `identify` to be told of */
  constructor(buffer: ArrayBuffer, offset: number, buckets: number, spare: number, time: SharedClock) {
    const total = buckets + spare;
    this.words = new Int32Array(buffer, offset, total * bucketWords);
    this.wide = new BigInt64Array(buffer, offset, (total * bucketWords) / 2);
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
    id.base = bucket * bucketWords;
  }

  /** The key's slot, or 0. What was inserted by now is found; `insert` finds what is being inserted. */
  find(id: Id): number {
    const { words } = this;
    const { first, second, base } = id;
    const home = homeOf(second);
    // Plain loads, twenty times as fast: of a tag that is being exchanged they see both halves wrong, or one, and miss it.
    for (let turn = 0; turn < slotsInBucket; turn += 1) {
      const slot = home + turn < slotsInBucket ? home + turn : home + turn - slotsInBucket;
      const word = base + 2 * (tagPlace + toNext * slot);
      if (words[word + 1] === second && ((words[word] ?? 0) & ~numberBits) === first) return word >> 1;
    }
    return 0;
  }

  /** Whether the slot still has the key. */
  isAt(at: number, id: Id): boolean {
    this.#scratch[0] = Atomics.load(this.wide, at);
    return ((this.#halves[0] ?? 0) & ~numberBits) === id.first && this.#halves[1] === id.second;
  }

  expiryOf(at: number): number {
    return this.#timeAt(at + toExpiry);
  }

  /** Whether a key with this expiry may have been told by `insert` that there is no slot. */
  isDiverted(id: Id, expiry: number): boolean {
    return expiry <= this.#timeAt(id.base / 2 + divertedPlace);
  }

  /**
   * The slot of the key, which gets one unless it has one that has not expired.
   * @param now of the shared clock
   * @returns 0 when there is none. If the table has spare buckets, no key of this one with this expiry or an earlier one
   *   gets a slot from then on: it may have been counted elsewhere.
   */
  insert(id: Id, expiry: number, now: number): number {
    const { words } = this;
    for (;;) {
      const head = Atomics.load(words, id.base);
      if ((head & busy) !== 0) {
        this.#settle(id.base, head);
        continue;
      }
      const at = this.#look(id, now);
      this.isNew = at <= 0;
      if (at > 0) return at;
      if (at === 0 || this.isDiverted(id, expiry)) {
        if (this.#spare > 0) this.#raise(id.base / 2 + divertedPlace, expiry);
        // Somebody who looked before this word was written may be inserting the key: then it is to be found.
        if (Atomics.load(words, id.base) === head) return 0;
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
      if (Atomics.load(this.words, 2 * at + 1) === id.second && this.isAt(at, id))
        return this.#timeAt(at + toExpiry) > now ? at : -at;
      if (free === 0 && this.#isFree(at, now)) free = -at;
    }
    return free;
  }

  #isFree(at: number, now: number): boolean {
    this.#scratch[0] = Atomics.load(this.wide, at);
    return ((this.#halves[0] ?? 0) & 1) === 0 || this.#timeAt(at + toExpiry) <= now;
  }

  /** Answers false when somebody came between. @param head what it was before the bucket was looked through */
  #write(id: Id, head: number, at: number, expiry: number, now: number): boolean {
    const { words, wide } = this;
    const old = Atomics.load(wide, at);
    if (!this.#isFree(at, now)) return false;
    const slot = (at - id.base / 2 - tagPlace) / toNext;
    const announced = head | (slot << 1) | busy;
    if (Atomics.compareExchange(words, id.base, head, announced) !== head) return false;
    const mark = this.#join(claimMark, announced);
    const number = (announced >> 5) & numberBits;
    const isWritten =
      !this.isDiverted(id, expiry) &&
      Atomics.compareExchange(wide, at, old, mark) === old &&
      this.#raise(at + toExpiry, expiry) &&
      Atomics.compareExchange(wide, at, mark, this.#join(id.first | number, id.second)) === mark;
    Atomics.compareExchange(words, id.base, announced, after(announced));
    return isWritten;
  }

  /** Takes back what was announced, unless its tag is there already. */
  #settle(base: number, announced: number): void {
    const { words, wide } = this;
    for (let turn = 0; turn < patience; turn += 1) if (Atomics.load(words, base) !== announced) return;
    const at = base / 2 + tagPlace + toNext * ((announced >> 1) & 31);
    for (;;) {
      const tag = Atomics.load(wide, at);
      // By the latest time: whoever announced this told everybody by which time he found the slot free.
      const isFree = this.#isFree(at, this.#time.latest());
      if (Atomics.load(words, base) !== announced) return;
      if (!isFree && Atomics.load(wide, at) === tag) break;
      if (isFree && Atomics.compareExchange(wide, at, tag, this.#join(freeMark, announced)) === tag) break;
    }
    Atomics.compareExchange(words, base, announced, after(announced));
  }

  /** A time never gets earlier, so that what a process does after it was taken for dead keeps a key for longer at most. */
  #raise(place: number, time: number): true {
    for (;;) {
      const seen = Atomics.load(this.wide, place);
      this.#scratch[0] = seen;
      if ((this.#double[0] ?? 0) >= time) return true;
      this.#double[0] = time;
      if (Atomics.compareExchange(this.wide, place, seen, this.#scratch[0] ?? 0n) === seen) return true;
    }
  }

  #timeAt(place: number): number {
    this.#scratch[0] = Atomics.load(this.wide, place);
    return this.#double[0] ?? 0;
  }

  #join(first: number, second: number): bigint {
    this.#halves[0] = first;
    this.#halves[1] = second;
    return this.#scratch[0] ?? 0n;
  }
}

function homeOf(second: number): number {
  return (second >>> 0) % slotsInBucket;
}

/** The head once what was announced is settled. */
function after(announced: number): number {
  return ((announced & -step) + step) | 0;
}
