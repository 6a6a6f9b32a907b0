import { randomUUID } from 'node:crypto';
import type { Log } from '#sdk';

/** Since the gateway started, under all its configurations. */
export interface Totals {
  exported: number;
  dropped: number;
  lastError: string | undefined;
  /** `service.instance.id`. */
  readonly instance: string;
}

const all = new WeakMap<Log, Totals>();

/** @param log the gateway's, which stands for it: it outlives a reload */
export function totalsOf(log: Log): Totals {
  const totals = all.get(log) ?? { exported: 0, dropped: 0, lastError: undefined, instance: randomUUID() };
  all.set(log, totals);
  return totals;
}
