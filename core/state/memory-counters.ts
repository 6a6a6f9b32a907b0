import type { Clock, Counters, Limit, Taken } from '#sdk';

/**
 * How many keys one period counts apart. Requests under further keys share one count for each limit: they may be
 * refused early, never late.
 */
const maxKeys = 1_000_000;

interface Period {
  /** Number of the period since 1970. */
  window: number;
  counts: Map<string, number>;
}

/** Counters of one process. Periods of a length end together, so that forgetting a period is dropping one map. */
export class MemoryCounters {
  readonly #clock: Clock;
  readonly #periods = new Map<number, Period>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param scope kept before each key */
  take(limits: readonly Limit[], scope: string): Taken {
    const now = this.#clock.now();
    const counts = limits.map((limit) => this.#countsOf(limit.periodMs, now));
    const keys = limits.map(({ key, limit }, index) => keyIn(counts[index], scope + key, limit));
    const used = keys.map((key, index) => counts[index]?.get(key) ?? 0);
    const refusedBy = limits.findIndex(({ limit }, index) => (used[index] ?? 0) >= limit);
    const taken = refusedBy < 0 ? 1 : 0;
    if (taken === 1) for (const [index, key] of keys.entries()) counts[index]?.set(key, (used[index] ?? 0) + 1);
    return {
      refusedBy,
      remaining: limits.map(({ limit }, index) => Math.max(0, limit - (used[index] ?? 0) - taken)),
      resetMs: limits.map(({ periodMs }) => periodMs - (now % periodMs)),
    };
  }

  #countsOf(periodMs: number, now: number): Map<string, number> {
    const window = Math.floor(now / periodMs);
    const period = this.#periods.get(periodMs);
    if (period === undefined) {
      const counts = new Map<string, number>();
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

function keyIn(counts: Map<string, number> | undefined, key: string, limit: number): string {
  if (counts === undefined || counts.size < maxKeys || counts.has(key)) return key;
  return `\0further keys under a limit of ${limit}`;
}

/** Keeps one plugin's counts apart from another's. */
export function scopedCounters(counters: MemoryCounters, plugin: string): Counters {
  const scope = `${plugin}\0`;
  return { take: (limits) => counters.take(limits, scope) };
}
