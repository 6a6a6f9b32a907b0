import type { CacheStatus } from '#sdk';

/** What became of the requests for one API in one environment. */
export class Figures {
  readonly #counts: Record<CacheStatus, number> = { HIT: 0, MISS: 0, REVALIDATED: 0, STALE: 0, BYPASS: 0 };
  /** Requests that were answered with what another one had asked for. */
  collapsed = 0;
  stored = 0;
  invalidations = 0;

  count(status: CacheStatus): void {
    this.#counts[status] += 1;
  }

  /** For `/status`. `hitRatio` is the share of requests that were answered without asking the backend first. */
  toJSON(): Readonly<Record<string, number>> {
    const { HIT, MISS, REVALIDATED, STALE, BYPASS } = this.#counts;
    const all = HIT + MISS + REVALIDATED + STALE + BYPASS;
    const { collapsed, stored, invalidations } = this;
    return {
      hits: HIT,
      misses: MISS,
      revalidated: REVALIDATED,
      stale: STALE,
      bypassed: BYPASS,
      collapsed,
      stored,
      invalidations,
      hitRatio: all === 0 ? 0 : Math.round(((HIT + STALE) / all) * 1000) / 1000,
    };
  }
}
