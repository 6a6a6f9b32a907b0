import type { Clock, Counters, Limit, Taken } from '#sdk';
import { isSpent, leftIn, missingAfter, untilNext } from './bucket.ts';

/**
 * How many keys a plugin's periods of one length count apart. Requests under further keys share one count for each
 * limit: they may be refused early, never late.
 */
const maxKeys = 1_000_000;

interface Count {
  used: number;
}

interface Period {
  /** Number of the period since 1970. */
  window: number;
  counts: Map<string, Count>;
}

interface Bucket {
  missing: number;
  at: number;
}

/** Buckets that fill in the same time. */
interface Generations {
  window: number;
  current: Map<string, Bucket>;
  /** Written in the window before. What is older is full, which is what a bucket is that nobody knows. */
  earlier: Map<string, Bucket>;
}

/** Counters of one process, each plugin's apart. */
export class MemoryCounters {
  readonly #clock: Clock;
  readonly #plugins = new Map<string, PluginCounters>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same object each time, so that counts outlive a reload. */
  of(plugin: string): Counters {
    let counters = this.#plugins.get(plugin);
    if (counters === undefined) {
      counters = new PluginCounters(this.#clock);
      this.#plugins.set(plugin, counters);
    }
    return counters;
  }
}

/** Periods of a length end together, so that forgetting a period is dropping one map. */
class PluginCounters implements Counters {
  readonly #clock: Clock;
  readonly #periods = new Map<number, Period>();
  readonly #buckets = new Map<number, Generations>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(limits: readonly Limit[]): Taken {
    const now = this.#clock.now();
    const only = limits[0];
    return limits.length === 1 && only !== undefined && only.isBucket !== true
      ? this.#takeOne(only, now)
      : this.#takeAll(limits, now);
  }

  /** As `#takeAll`, for what nearly all requests come under: without the arrays that several need. */
  #takeOne(limit: Limit, now: number): Taken {
    const count = this.#find(limit, now);
    const before = count?.used ?? 0;
    const isRefused = isSpent(before, limit);
    const used = isRefused ? before : before + 1;
    if (!isRefused) this.#set(count, limit, now, used);
    return {
      refusedBy: isRefused ? 0 : -1,
      remaining: [Math.max(0, limit.limit - used)],
      resetMs: [limit.periodMs - (now % limit.periodMs)],
    };
  }

  // Plain loops: arrays made by closures cost twice as much.
  #takeAll(limits: readonly Limit[], now: number): Taken {
    const used: number[] = [];
    // Looked up once: callers' keys are long, and made anew for each request.
    const found: (Count | undefined)[] = [];
    let refusedBy = -1;
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index];
      if (limit === undefined) continue;
      const own = limit.isBucket === true ? undefined : this.#find(limit, now);
      const count = limit.isBucket === true ? this.#missing(limit, now) : (own?.used ?? 0);
      if (refusedBy < 0 && isSpent(count, limit)) refusedBy = index;
      used.push(count);
      found.push(own);
    }
    const taken = refusedBy < 0 ? 1 : 0;
    const remaining: number[] = [];
    const resetMs: number[] = [];
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index];
      if (limit === undefined) continue;
      const count = (used[index] ?? 0) + taken;
      if (limit.isBucket === true) {
        if (taken === 1) this.#fill(limit, now, count);
        remaining.push(leftIn(count, limit));
        resetMs.push(untilNext(count, limit));
        continue;
      }
      if (taken === 1) this.#set(found[index] ?? this.#find(limit, now), limit, now, count);
      remaining.push(Math.max(0, limit.limit - count));
      resetMs.push(limit.periodMs - (now % limit.periodMs));
    }
    return { refusedBy, remaining, resetMs };
  }

  #find(limit: Limit, now: number): Count | undefined {
    const counts = this.#countsOf(limit.periodMs, now);
    return counts.get(limit.key) ?? (counts.size < maxKeys ? undefined : counts.get(sharedKey(limit)));
  }

  #set(count: Count | undefined, limit: Limit, now: number, used: number): void {
    if (count !== undefined) {
      count.used = used;
      return;
    }
    const counts = this.#countsOf(limit.periodMs, now);
    counts.set(counts.size < maxKeys ? limit.key : sharedKey(limit), { used });
  }

  #missing(limit: Limit, now: number): number {
    const { current, earlier } = this.#generationsOf(limit.periodMs, now);
    const key = nameIn(current, limit);
    const bucket = current.get(key) ?? earlier.get(key);
    if (bucket === undefined) return 0;
    // A clock that was set back: it goes on from here, instead of standing still until the time is reached again.
    bucket.at = Math.min(bucket.at, now);
    return missingAfter(now - bucket.at, bucket.missing, limit);
  }

  #fill(limit: Limit, now: number, missing: number): void {
    const { current } = this.#generationsOf(limit.periodMs, now);
    const key = nameIn(current, limit);
    const bucket = current.get(key);
    if (bucket === undefined) current.set(key, { missing, at: now });
    else {
      bucket.missing = missing;
      bucket.at = now;
    }
  }

  #generationsOf(periodMs: number, now: number): Generations {
    const window = Math.floor(now / periodMs);
    const found = this.#buckets.get(periodMs);
    if (found === undefined) {
      const made = { window, current: new Map<string, Bucket>(), earlier: new Map<string, Bucket>() };
      this.#buckets.set(periodMs, made);
      return made;
    }
    if (window > found.window) {
      found.earlier = window === found.window + 1 ? found.current : new Map();
      found.current = new Map();
      found.window = window;
    }
    return found;
  }

  #countsOf(periodMs: number, now: number): Map<string, Count> {
    const window = Math.floor(now / periodMs);
    const period = this.#periods.get(periodMs);
    if (period === undefined) {
      const counts = new Map<string, Count>();
      this.#periods.set(periodMs, { window, counts });
      return counts;
    }
    // A clock that was set back stays in the later period: starting an old one anew would admit its requests twice.
    if (window > period.window) {
      period.window = window;
      period.counts = new Map();
    }
    return period.counts;
  }
}

function nameIn(buckets: ReadonlyMap<string, Bucket>, limit: Limit): string {
  return buckets.size < maxKeys || buckets.has(limit.key) ? limit.key : sharedKey(limit);
}

function sharedKey({ limit }: Limit): string {
  return `\0further keys under a limit of ${limit}`;
}
