import type { Limit } from '#sdk';

/** Fractions of milliseconds and of requests that were lost in reckoning. */
const tolerance = 1e-6;

/** Whether a bucket from which `taken` are missing, or a count of `taken`, admits none. */
export function isSpent(taken: number, { limit }: Limit): boolean {
  return taken + 1 > limit + tolerance;
}

/**
 * How many are missing from a bucket of which `missing` were missing at a time. Not kept as the time when it is full: as
 * a fraction of a millisecond since 1970, that would be wrong by a part of a call where there are many in a second.
 */
export function missingAfter(elapsedMs: number, missing: number, { limit, periodMs }: Limit): number {
  return Math.min(limit, Math.max(0, missing - (elapsedMs * limit) / periodMs));
}

/** How many a bucket admits at once. */
export function leftIn(missing: number, { limit }: Limit): number {
  return Math.max(0, Math.floor(limit - missing + tolerance));
}

/** Milliseconds until a bucket admits one more than it does. */
export function untilNext(missing: number, limit: Limit): number {
  const short = missing - (limit.limit - leftIn(missing, limit) - 1);
  if (limit.limit <= 0) return limit.periodMs;
  return missing <= tolerance ? 0 : Math.ceil((short * limit.periodMs) / limit.limit - tolerance);
}
