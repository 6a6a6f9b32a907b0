import type { Limit } from '#sdk';

/** What the processes do, from one time to another. */
export interface HammerTask {
  readonly seed: number;
  readonly startAt: number;
  readonly endAt: number;
  readonly limits: readonly Pick<Limit, 'limit' | 'periodMs' | 'isBucket'>[];
  readonly claims: number;
  readonly claimMs: number;
}

/** Windows of one limit, or milliseconds of one bucket, that the report has room for. */
const maxWindows = 5000;

export function limitOf(task: HammerTask, index: number): Limit {
  const { limit = 0, periodMs = 1, isBucket = false } = task.limits[index] ?? {};
  return { key: `key ${index}`, limit, periodMs, isBucket };
}

export function reportBytes(task: HammerTask): number {
  return 4 * (task.claims + task.limits.length * maxWindows);
}

/** Where the report has what a limit admitted in the window that ends then. */
export function placeOf(task: HammerTask, index: number, end: number): number {
  const { periodMs } = limitOf(task, index);
  return place(task, index, Math.round(end / periodMs) - Math.floor(task.startAt / periodMs));
}

/** Where the report has what a bucket admitted in that millisecond. */
export function placeAt(task: HammerTask, index: number, time: number): number {
  return place(task, index, time - task.startAt);
}

function place(task: HammerTask, index: number, window: number): number {
  if (window < 0 || window >= maxWindows) throw new RangeError(`window ${window}`);
  return task.claims + index * maxWindows + window;
}
