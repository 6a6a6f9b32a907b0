import type { Limit } from '#sdk';

/** What the processes do, from one time to another. */
export interface HammerTask {
  readonly seed: number;
  readonly startAt: number;
  readonly endAt: number;
  readonly limits: readonly { readonly limit: number; readonly periodMs: number }[];
  readonly claims: number;
  readonly claimMs: number;
}

/** Windows of one limit that the report has room for. */
const maxWindows = 1000;

export function limitOf(task: HammerTask, index: number): Limit {
  const { limit = 0, periodMs = 1 } = task.limits[index] ?? {};
  return { key: `key ${index}`, limit, periodMs };
}

export function reportBytes(task: HammerTask): number {
  return 4 * (task.claims + task.limits.length * maxWindows);
}

/** Where the report has what a limit admitted in the window that ends then. */
export function placeOf(task: HammerTask, index: number, end: number): number {
  const { periodMs } = limitOf(task, index);
  const window = Math.round(end / periodMs) - Math.floor(task.startAt / periodMs);
  if (window < 0 || window >= maxWindows) throw new RangeError(`window ${window}`);
  return task.claims + index * maxWindows + window;
}
