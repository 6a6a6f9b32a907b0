import type { Limit } from '#sdk';

/** Fractions of milliseconds and of requests that were lost in reckoning. */
const tolerance = 1e-6;

/** Whether a bucket from which `taken` are missing, or a count of `taken`, admits none. */
export function isSpent(taken: number, { limit }: Limit): boolean {
  return taken + 1 > limit + tolerance;
}

/** How many are missing from a bucket that will be full at `fullAt`; not more than it holds, though a clock was set back. */
export function missingAt(now: number, fullAt: number, { limit, periodMs }: Limit): number {
  return Math.min(limit, Math.max(0, ((fullAt - now) * limit) / periodMs));
}

/** When a bucket is full from which `missing` are missing. */
export function fullAfter(now: number, missing: number, { limit, periodMs }: Limit): number {
  return now + (missing * periodMs) / limit;
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
