import type { Config } from './options.ts';

/** What the options say about answers, compiled once. */
export interface Rules {
  lifetimeOf(status: number): number | undefined;
  mayStoreStatus(status: number): boolean;
  readonly heuristicShare: number;
  readonly heuristicMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly staleIfUnreachableMs: number;
  readonly obeysStaleDirectives: boolean;
  readonly targetedFields: readonly string[];
  /** Lower case; null for all. */
  readonly storedFields: ReadonlySet<string> | null;
  readonly storesSetCookie: boolean;
}

export function compileRules(config: Config): Rules {
  const { lifetimes, onlyStatuses, heuristic, storedFields } = config;
  const kept = onlyStatuses === undefined ? null : new Set(onlyStatuses);
  return {
    lifetimeOf(status) {
      const found = lifetimes.find(({ statuses }) => statuses === undefined || statuses.includes(status));
      return found === undefined ? undefined : found.seconds * 1000;
    },
    mayStoreStatus: (status) => kept === null || kept.has(status),
    heuristicShare: heuristic.percent / 100,
    heuristicMs: heuristic.maxSeconds * 1000,
    staleWhileRevalidateMs: config.staleWhileRevalidateSeconds * 1000,
    staleIfErrorMs: config.staleIfErrorSeconds * 1000,
    staleIfUnreachableMs: config.staleIfUnreachableSeconds * 1000,
    obeysStaleDirectives: config.obeyStaleDirectives,
    targetedFields: config.targetedFields,
    storedFields: storedFields === undefined ? null : new Set(storedFields.map((name) => name.toLowerCase())),
    storesSetCookie: config.storeSetCookie,
  };
}
