import { type Id, type SharedTable, toValue } from './shared-table.ts';

/** The most that a count can be. */
const most = 0xffff_ffff;

/** What `take` answers besides the count before. */
export const usedUp = -1;
export const movedAway = -2;

/**
 * Counts in the slots of a table: one word of 64 bits, half of it the end of the period that it counts, half the count.
 * So a count of an earlier key in the slot is nothing but 0 for the next one, and who was about to change the word of a
 * key that is gone fails. Of the end the lower 32 bits of milliseconds do: keys that follow each other in a slot have ends that
 * grow, and are the same only after 49.7 days, and years for periods of whole seconds.
 */
export class SharedCounts {
  readonly #table: SharedTable;

  constructor(table: SharedTable) {
    this.#table = table;
  }

  /** The count of a slot that was just found; it may be an old one, so that only `take` decides. */
  peek(at: number, end: number): number {
    const { halves } = this.#table;
    const place = 2 * (at + toValue);
    return halves[place + 1] === (end | 0) ? (halves[place] ?? 0) >>> 0 : 0;
  }

  /**
   * Counts one in the key's slot.
   * @returns the count before; `usedUp` when it is the limit already, or `movedAway` when the slot is another key's now
   */
  take(at: number, id: Id, end: number, limit: number): number {
    const { words } = this.#table;
    const place = at + toValue;
    for (;;) {
      const seen = words.load(place);
      let count = 0;
      // A word of another end, read while the slot was this key's, is what the key before left behind.
      if (words.second === (end | 0)) count = words.first >>> 0;
      else if (!this.#table.isAt(at, id)) return movedAway;
      if (count >= limit || count === most) return usedUp;
      if (words.exchange(place, seen, words.join(count + 1, end))) return count;
    }
  }

  /** Takes back what `take` counted. */
  giveBack(at: number, end: number): void {
    const { words } = this.#table;
    const place = at + toValue;
    for (;;) {
      const seen = words.load(place);
      const count = words.first >>> 0;
      // The period is over, and the slot another key's.
      if (words.second !== (end | 0) || count === 0) return;
      if (words.exchange(place, seen, words.join(count - 1, end))) return;
    }
  }
}
