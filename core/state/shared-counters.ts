import type { Counters, Limit, Taken } from '#sdk';
import type { KeyedHash } from './keyed-hash.ts';
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
interface Measure {
  readonly id: Id;
  /** Whether the key shares the count of those that found no slot. */
  isDiverted: boolean;
  window: number;
  end: number;
  /** Its slot, or 0. */
  at: number;
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
  readonly #time: SharedClock;
  readonly #hash: KeyedHash;
  readonly #measures: Measure[] = [];

  constructor(table: SharedTable, time: SharedClock, hash: KeyedHash) {
    this.#table = table;
    this.#counts = new SharedCounts(table);
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
      if (this.#time.latest() < soonest) return this.#told(limits, refusedBy, now - behindMs);
      if (refusedBy < 0) this.#giveBack(limits.length);
    }
  }

  /** Finds the slots there are. @returns when the first of the periods ends */
  #look(limits: readonly Limit[], now: number): number {
    let soonest = Infinity;
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index];
      const measure = this.#measures[index];
      if (limit === undefined || measure === undefined) continue;
      const { key, periodMs } = limit;
      measure.window = Math.floor(now / periodMs);
      measure.end = (measure.window + 1) * periodMs;
      soonest = Math.min(soonest, measure.end);
      measure.twin = this.#twinOf(limits, index);
      this.#hash.digestWith(measure.window, periodMs, key);
      this.#table.identify(this.#hash, measure.id);
      measure.at = this.#table.find(measure.id);
      measure.isDiverted = false;
      if (measure.at === 0 && this.#table.isDiverted(measure.id, measure.end)) {
        // Nothing is inserted any more, but whoever began before that may have got the key a slot by now.
        measure.at = this.#table.insert(measure.id, measure.end, now);
        if (measure.at === 0) this.#divert(measure, limit);
      }
      measure.used = measure.at === 0 ? 0 : this.#counts.peek(measure.at, measure.end);
    }
    return soonest;
  }

  #firstUsedUp(limits: readonly Limit[]): number {
    for (let index = 0; index < limits.length; index += 1)
      if ((this.#measures[index]?.used ?? 0) >= (limits[index]?.limit ?? 0)) return index;
    return -1;
  }

  /** Counts all, or none. @returns the index of the limit that is used up, or -1 */
  #takeAll(limits: readonly Limit[], now: number): number {
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index];
      const measure = this.#measures[index];
      if (limit === undefined || measure === undefined) continue;
      const { twin } = measure;
      let before = twin === undefined ? this.#takeOne(measure, limit, now) : twin.used;
      if (before >= limit.limit) before = usedUp;
      if (before === usedUp) {
        this.#giveBack(index);
        measure.used = Math.max(measure.used, limit.limit);
        return index;
      }
      measure.used = before;
    }
    for (let index = 0; index < limits.length; index += 1) {
      const measure = this.#measures[index];
      if (measure !== undefined) measure.used += 1;
    }
    return -1;
  }

  #takeOne(measure: Measure, limit: Limit, now: number): number {
    const { id, end } = measure;
    for (;;) {
      if (measure.at === 0) measure.at = this.#table.insert(id, end, now);
      if (measure.at === 0) {
        if (measure.isDiverted) return usedUp;
        this.#divert(measure, limit);
        continue;
      }
      const before = this.#counts.take(measure.at, id, end, limit.limit);
      if (before !== movedAway) return before;
      measure.at = 0;
    }
  }

  /** Lets the key share one count, of all further keys under the same limit. */
  #divert(measure: Measure, { limit, periodMs }: Limit): void {
    measure.isDiverted = true;
    this.#hash.digestWith(measure.window, periodMs, `\0further keys under a limit of ${limit}`);
    this.#table.identify(this.#hash, measure.id, true);
    measure.at = this.#table.find(measure.id);
  }

  #giveBack(upTo: number): void {
    for (let index = 0; index < upTo; index += 1) {
      const measure = this.#measures[index];
      if (measure !== undefined && measure.twin === undefined) this.#counts.giveBack(measure.at, measure.end);
    }
  }

  #twinOf(limits: readonly Limit[], index: number): Measure | undefined {
    for (let before = 0; before < index; before += 1)
      if (limits[before]?.key === limits[index]?.key && limits[before]?.periodMs === limits[index]?.periodMs)
        return this.#measures[before];
    return undefined;
  }

  #told(limits: readonly Limit[], refusedBy: number, now: number): Taken {
    const remaining: number[] = [];
    const resetMs: number[] = [];
    for (let index = 0; index < limits.length; index += 1) {
      const measure = this.#measures[index];
      if (measure === undefined) continue;
      remaining.push(Math.max(0, (limits[index]?.limit ?? 0) - measure.used));
      resetMs.push(measure.end - now);
    }
    return { refusedBy, remaining, resetMs };
  }
}

function newMeasure(): Measure {
  const id = { first: 0, second: 0, base: 0 };
  return { id, isDiverted: false, window: 0, end: 0, at: 0, used: 0, twin: undefined };
}
