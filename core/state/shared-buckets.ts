import type { Limit } from '#sdk';
import { movedAway, usedUp } from './shared-counts.ts';
import { type Id, type SharedTable, toValue } from './shared-table.ts';

/** Twice as many, of a bucket that is emptied at the end of a period, are still 32 bits. */
const mostParts = 0x7fff_ffff;
/** More than what is lost when a long period's milliseconds are multiplied by parts. */
const rounding = 2 ** -20;

/** How a limit is reckoned: in parts of a request where it is a bucket, in requests where it is a count. */
interface Scale {
  /** The parts of a request. */
  one: number;
  /** The parts that the limit admits at once; a bucket fills with as many in a period. */
  capacity: number;
}

export function scaleOf({ limit, isBucket }: Limit, scale: Scale): void {
  scale.one = isBucket === true && limit > 0 ? Math.max(1, Math.floor(mostParts / limit)) : 1;
  scale.capacity = Math.max(
    0,
    Math.floor(isBucket === true ? Math.min(mostParts, scale.one * limit) : limit),
  );
}

/** What a bucket has been filled with some time after its period began. */
export function filledIn(elapsedMs: number, { periodMs }: Limit, { capacity }: Scale): number {
  return Math.floor((elapsedMs * capacity) / periodMs + rounding);
}

/** A bucket that is being taken from. */
export interface Dip extends Scale {
  readonly id: Id;
  /** Its slot. */
  at: number;
  /** When its slot is free again, in milliseconds since 1970. */
  expiry: number;
  /** Since the period began. */
  elapsedMs: number;
  /** With what it has been filled in that time. */
  filled: number;
  /** Its level when nobody has taken from it in this period; less than 0 when it was full before. */
  carried: number;
}

/**
 * Milliseconds until a bucket from which so many parts are missing admits one more than it does.
 * @param behindMs it does not fill until the clock, which was set back, has caught up by so much
 */
export function untilNextOf(missing: number, { periodMs }: Limit, dip: Dip, behindMs: number): number {
  const { one, capacity, filled, elapsedMs } = dip;
  if (capacity < one) return periodMs;
  if (missing <= 0) return 0;
  const left = Math.max(0, Math.floor((capacity - missing) / one));
  const needed = filled + missing - capacity + (left + 1) * one;
  return Math.ceil((needed * periodMs) / capacity - rounding) - elapsedMs + behindMs;
}

/**
 * Token buckets in the slots of a table. A bucket has a slot for each of its periods, so that all that is kept of a
 * time fits beside the end that tells whose word it is (see `SharedCounts`): the level. That is the parts with which the
 * bucket will have been filled since the period began when it is full. Each request raises it by one request, and from
 * no less than what has been filled by then; it is admitted if that stays within the bucket. Who is the first in a period
 * goes on from the level of the one before.
 *
 * Parts are so many that a bucket has two thousand million: a request is a whole number of them, and a time is rounded by less
 * than one, once. So as many as the limit are admitted at once, and over a time no more than its rate, but for that part.
 */
export class SharedBuckets {
  readonly #table: SharedTable;

  constructor(table: SharedTable) {
    this.#table = table;
  }

  /** The level in a slot that was just found, or -1; it may be an old one, so that only `take` decides. */
  peek(at: number, expiry: number): number {
    const { halves } = this.#table;
    const place = 2 * (at + toValue);
    return halves[place + 1] === (expiry | 0) ? (halves[place] ?? 0) >>> 0 : -1;
  }

  /**
   * Takes one request's parts.
   * @returns what was missing before; `usedUp` when there was not enough, or `movedAway` when the slot is another key's now
   */
  take(dip: Dip): number {
    const { at, id, expiry, filled, one, capacity } = dip;
    const { words } = this.#table;
    const place = at + toValue;
    for (;;) {
      const seen = words.load(place);
      let level = Math.max(dip.carried, filled);
      if (words.second === (expiry | 0)) level = Math.max(level, words.first >>> 0);
      else if (!this.#table.isAt(at, id)) return movedAway;
      if (level + one > filled + capacity) return usedUp;
      if (words.exchange(place, seen, words.join(level + one, expiry))) return level - filled;
    }
  }

  /**
   * Takes back what `take` took, less what the bucket has been filled with since: others may have found it full, which it
   * would have been anyway, and counted from then.
   * @param filledBy what it has been filled with by the latest time that anybody was told, once the word was read
   */
  giveBack({ at, expiry, filled, one }: Dip, filledBy: () => number): void {
    const { words } = this.#table;
    const place = at + toValue;
    for (;;) {
      const seen = words.load(place);
      const level = words.first >>> 0;
      // The slot is another key's.
      if (words.second !== (expiry | 0)) return;
      const back = one - (filledBy() - filled);
      if (back <= 0 || words.exchange(place, seen, words.join(level - back, expiry))) return;
    }
  }
}
