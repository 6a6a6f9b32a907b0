import type { Counters, Limit, Taken } from '#sdk';
import type { KeyedHash } from './keyed-hash.ts';
import { type Dip, SharedBuckets, filledIn, scaleOf, untilNextOf } from './shared-buckets.ts';
import type { SharedClock } from './shared-clock.ts';
import { SharedCounts, movedAway, usedUp } from './shared-counts.ts';
import type { Id, SharedTable } from './shared-table.ts';
import type { CounterSource } from './state.ts';

/** Counters of all processes of the machine, each plugin's apart. */
export class SharedCounters implements CounterSource {
  readonly #table: SharedTable;
  readonly #time: SharedClock;
  readonly #hash: KeyedHash;
  readonly #plugins = new Map<string, PluginCounters>();

  constructor(table: SharedTable, time: SharedClock, hash: KeyedHash) {
    this.#table = table;
    this.#time = time;
    this.#hash = hash;
  }

  of(plugin: string): Counters {
    let counters = this.#plugins.get(plugin);
    if (counters === undefined) {
      counters = new PluginCounters(this.#table, this.#time, this.#hash.derive(plugin));
      this.#plugins.set(plugin, counters);
    }
    return counters;
  }
}

/** What is known of one of the limits that are being taken; kept and used again, so that a request makes none. */
interface Measure extends Dip {
  /** Whether the key shares the count of those that found no slot. */
  isDiverted: boolean;
  window: number;
  end: number;
  /** In parts of a request; of a bucket, what is missing from it. */
  used: number;
  /** The measure before it that has the same key, and is what is counted. */
  twin: Measure | undefined;
}

/**
 * Each limit is a word of its own, so they are not counted all at one instant. They are looked at first; then each is
 * counted by a compare-and-exchange that never goes above its limit; and when one turns out to be used up, because
 * another process came between, those before it are taken back. Never is more admitted than a limit. All that others
 * can see of this is a limit that looks used up for the microsecond until its last place is taken back: then a request is
 * refused that would have been served right after. That cannot be helped without holding the others up. A process that is
 * killed between two limits has counted a request that was not served, which is too early again and never too late.
 */
class PluginCounters implements Counters {
  readonly #table: SharedTable;
  readonly #counts: SharedCounts;
  readonly #buckets: SharedBuckets;
  readonly #time: SharedClock;
  readonly #hash: KeyedHash;
  readonly #measures: Measure[] = [];
  readonly #before: Id = { first: 0, second: 0, base: 0 };

  constructor(table: SharedTable, time: SharedClock, hash: KeyedHash) {
    this.#table = table;
    this.#counts = new SharedCounts(table);
    this.#buckets = new SharedBuckets(table);
    this.#time = time;
    this.#hash = hash;
  }

  take(limits: readonly Limit[]): Taken {
    while (this.#measures.length < limits.length) this.#measures.push(newMeasure());
    for (;;) {
      const now = this.#time.now();
      const { behindMs } = this.#time;
      const soonest = this.#look(limits, now);
      let refusedBy = this.#firstUsedUp(limits);
      if (refusedBy < 0) refusedBy = this.#takeAll(limits, now);
      // Until somebody has been told of a period's end, nobody uses its slots for anything else. When somebody has, what
      // was found or counted here may be another key's.
      if (this.#time.latest() < soonest) return this.#told(limits, refusedBy, now, behindMs);
      if (refusedBy < 0) this.#giveBack(limits, limits.length);
    }
  }

  /** Finds the slots there are. @returns when the first of the periods ends */
  #look(limits: readonly Limit[], now: number): number {
    let soonest = Infinity;
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index];
      const measure = this.#measures[index];
      if (limit === undefined || measure === undefined) continue;
      const { periodMs, isBucket } = limit;
      measure.window = Math.floor(now / periodMs);
      measure.end = (measure.window + 1) * periodMs;
      // What is left of a bucket is looked up in the period after.
      measure.expiry = isBucket === true ? measure.end + periodMs : measure.end;
      soonest = Math.min(soonest, measure.end);
      scaleOf(limit, measure);
      measure.twin = this.#twinOf(limits, index);
      this.#identify(limit.key, limit, measure.window, measure.id);
      measure.at = this.#table.find(measure.id);
      measure.isDiverted = false;
      if (measure.at === 0 && this.#table.isDiverted(measure.id, measure.expiry)) {
        // Nothing is inserted any more, but whoever began before that may have got the key a slot by now.
        measure.at = this.#table.insert(measure.id, measure.expiry, now);
        if (measure.at === 0) this.#divert(measure, limit);
      }
      if (isBucket === true) this.#lookInto(measure, limit, now);
      else measure.used = measure.at === 0 ? 0 : this.#counts.peek(measure.at, measure.end);
    }
    return soonest;
  }

  #lookInto(measure: Measure, limit: Limit, now: number): void {
    const level = measure.at === 0 ? -1 : this.#buckets.peek(measure.at, measure.expiry);
    measure.elapsedMs = now - measure.window * limit.periodMs;
    measure.filled = filledIn(measure.elapsedMs, limit, measure);
    if (level < 0 && !measure.isDiverted) this.#carry(measure, limit);
    else if (!measure.isDiverted) measure.carried = -1;
    measure.used = Math.max(0, level - measure.filled, measure.carried - measure.filled);
  }

  /** Finds what the period before left of a bucket, wherever it was counted. */
  #carry(measure: Measure, limit: Limit): void {
    const before = this.#before;
    const expiry = measure.end;
    this.#identify(limit.key, limit, measure.window - 1, before);
    const at = this.#table.find(before);
    let level = at === 0 ? -1 : this.#buckets.peek(at, expiry);
    if (measure.isDiverted || (at === 0 && this.#table.isDiverted(before, expiry))) {
      this.#identify(sharedKey(limit), limit, measure.window - 1, before, true);
      const shared = this.#table.find(before);
      if (shared !== 0) level = Math.max(level, this.#buckets.peek(shared, expiry));
    }
    measure.carried = level - measure.capacity;
  }

  #firstUsedUp(limits: readonly Limit[]): number {
    for (let index = 0; index < limits.length; index += 1) {
      const measure = this.#measures[index];
      if (measure !== undefined && isUsedUp(measure)) return index;
    }
    return -1;
  }

  /** Counts all, or none. @returns the index of the limit that is used up, or -1 */
  #takeAll(limits: readonly Limit[], now: number): number {
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index];
      const measure = this.#measures[index];
      if (limit === undefined || measure === undefined) continue;
      const { twin } = measure;
      const before = twin === undefined ? this.#takeOne(measure, limit, now) : twin.used;
      if (before !== usedUp) measure.used = before;
      if (before === usedUp || isUsedUp(measure)) {
        this.#giveBack(limits, index);
        measure.used = Math.max(measure.used, measure.capacity - measure.one + 1);
        return index;
      }
    }
    for (let index = 0; index < limits.length; index += 1) {
      const measure = this.#measures[index];
      if (measure !== undefined) measure.used += measure.one;
    }
    return -1;
  }

  #takeOne(measure: Measure, limit: Limit, now: number): number {
    const { id, expiry, capacity } = measure;
    for (;;) {
      if (measure.at === 0) measure.at = this.#table.insert(id, expiry, now);
      if (measure.at === 0) {
        if (measure.isDiverted) return usedUp;
        this.#divert(measure, limit);
        continue;
      }
      const before =
        limit.isBucket === true
          ? this.#buckets.take(measure)
          : this.#counts.take(measure.at, id, expiry, capacity);
      if (before !== movedAway) return before;
      measure.at = 0;
    }
  }

  /** Lets the key share one count, of all further keys under the same limit. */
  #divert(measure: Measure, limit: Limit): void {
    measure.isDiverted = true;
    if (limit.isBucket === true) this.#carry(measure, limit);
    this.#identify(sharedKey(limit), limit, measure.window, measure.id, true);
    measure.at = this.#table.find(measure.id);
  }

  /** A bucket of another limit is another bucket: its level is one in parts of the limit. */
  #identify(
    key: string,
    { limit, periodMs, isBucket }: Limit,
    window: number,
    id: Id,
    isSpare = false,
  ): void {
    if (isBucket === true) this.#hash.digestWith(window, periodMs, key, limit);
    else this.#hash.digestWith(window, periodMs, key);
    this.#table.identify(this.#hash, id, isSpare);
  }

  #giveBack(limits: readonly Limit[], upTo: number): void {
    for (let index = 0; index < upTo; index += 1) {
      const measure = this.#measures[index];
      const limit = limits[index];
      if (limit === undefined || measure === undefined || measure.twin !== undefined) continue;
      if (limit.isBucket === true) {
        const filledBy = (): number =>
          filledIn(this.#time.latest() - measure.window * limit.periodMs, limit, measure);
        this.#buckets.giveBack(measure, filledBy);
      } else this.#counts.giveBack(measure.at, measure.end);
    }
  }

  #twinOf(limits: readonly Limit[], index: number): Measure | undefined {
    const limit = limits[index];
    for (let before = 0; before < index; before += 1)
      if (areTwins(limits[before], limit)) return this.#measures[before];
    return undefined;
  }

  #told(limits: readonly Limit[], refusedBy: number, now: number, behindMs: number): Taken {
    const remaining: number[] = [];
    const resetMs: number[] = [];
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index];
      const measure = this.#measures[index];
      if (limit === undefined || measure === undefined) continue;
      const { used, one, capacity, end } = measure;
      remaining.push(Math.max(0, Math.floor((capacity - used) / one)));
      resetMs.push(
        limit.isBucket === true ? untilNextOf(used, limit, measure, behindMs) : end - now + behindMs,
      );
    }
    return { refusedBy, remaining, resetMs };
  }
}

function isUsedUp({ used, one, capacity }: Measure): boolean {
  return used + one > capacity;
}

function areTwins(one: Limit | undefined, other: Limit | undefined): boolean {
  if (one?.key !== other?.key || one?.periodMs !== other?.periodMs) return false;
  const isBucket = one?.isBucket === true;
  return isBucket === (other?.isBucket === true) && (!isBucket || one.limit === other?.limit);
}

function sharedKey({ limit }: Limit): string {
  return `\0further keys under a limit of ${limit}`;
}

function newMeasure(): Measure {
  const id = { first: 0, second: 0, base: 0 };
  const times = { window: 0, end: 0, expiry: 0, elapsedMs: 0, filled: 0, carried: -1 };
  return { id, isDiverted: false, at: 0, used: 0, one: 1, capacity: 0, twin: undefined, ...times };
}
