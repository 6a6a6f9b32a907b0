import { availableParallelism } from 'node:os';
import type { WorkersConfig } from '../config/workers-schema.ts';

/** How many workers there are, and how long one may stand still. */
export interface WorkersPlan {
  readonly count: number;
  readonly blockedMs: number;
}

export function planWorkers(config: WorkersConfig | undefined): WorkersPlan {
  const { count: wanted, blockedMs } =
    typeof config === 'object' ? config : { count: config ?? 1, blockedMs: 5000 };
  return { count: wanted === 'auto' ? availableParallelism() : wanted, blockedMs };
}

/** What to begin with before the configuration is checked: what is wrong with it is then told by a worker. */
export function guessWorkers(config: unknown): number {
  const wanted =
    typeof config === 'object' && config !== null ? (config as { count?: unknown }).count : config;
  if (wanted === 'auto' || wanted === undefined) return availableParallelism();
  return typeof wanted === 'number' && Number.isInteger(wanted) && wanted >= 1 && wanted <= 256 ? wanted : 1;
}
