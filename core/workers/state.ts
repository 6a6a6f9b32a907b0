import { closeSync } from 'node:fs';
import type { Clock } from '#sdk';
import type { Problems } from '../config/check.ts';
import type { RootConfig } from '../config/schema.ts';
import { MemoryBytes } from '../state/memory-bytes.ts';
import { SharedMemoryUnavailable, openSharedMemory } from '../state/shared-memory.ts';
import { attachSharedState, openSharedState } from '../state/shared-state.ts';
import type { State } from '../state/state.ts';
import type { Kept } from './messages.ts';
import { planWorkers } from './options.ts';

/** Where a worker finds shared memory: behind the descriptors of input, output, errors and the channel. */
const sharedAt = 4;

/** What is passed on to all workers, and not only forgotten there. */
const smallBytes = 64 * 1024;

const systemClock: Clock = { now: () => Date.now() };

/** Of the supervisor: file descriptors that workers inherit from 4 on; none where memory cannot be shared. */
export function inheritForWorkers(): readonly number[] {
  try {
    return [openSharedState(systemClock).fd];
  } catch (error) {
    if (error instanceof SharedMemoryUnavailable) return [];
    throw error;
  }
}

let fault: string | null | undefined;

/** Why processes of this machine cannot count together; undefined when they can. */
function sharingFault(): string | undefined {
  if (fault === undefined) {
    fault = null;
    try {
      closeSync(openSharedMemory(4096).fd);
    } catch (error) {
      fault = error instanceof Error ? error.message : 'it failed';
    }
  }
  return fault ?? undefined;
}

/** Limits that each worker counted by itself would admit a multiple. */
export function checkSharing({ workers, state }: RootConfig, problems: Problems): void {
  if (workers === undefined || state !== undefined || problems.has(['workers'])) return;
  const { count } = planWorkers(workers);
  const fault = count > 1 ? sharingFault() : undefined;
  if (fault === undefined) return;
  const message = `found ${count} workers, which cannot count limits together: ${fault}; allowed: 1, or a \`state.store\``;
  problems.add(['workers'], message);
}

/** What a worker counts and keeps. */
export interface WorkerState {
  readonly state: State;
  /** Another worker has put something there, or nothing. */
  heard(kept: Kept): void;
}

/**
 * Counts and claimed keys are in memory that the workers share. What is kept for later each has by itself: it can be had
 * again, and to look at it must not take longer than to have it again. Who puts or deletes it tells the others, who then
 * have it as well where it is small: it may be what says that something else is not true any more.
 */
export function attachState(tell: (kept: Kept) => void): WorkerState {
  const { counters, values } = attachSharedState(sharedAt, systemClock);
  // What is mapped stays; and what this process starts has no use for it.
  closeSync(sharedAt);
  const bytes = new MemoryBytes(systemClock);
  return {
    state: {
      counters,
      ownCounters: counters,
      values: {
        claim: (key, ttlMs) => values.claim(key, ttlMs),
        has: (key) => values.has(key),
        get: (key) => bytes.get(key),
        set(key, value, ttlMs) {
          bytes.set(key, value, ttlMs);
          const isSmall = value.length <= smallBytes;
          tell({ key, ttlMs, ...(isSmall ? { value: Buffer.from(value).toString('base64') } : {}) });
        },
        delete(key) {
          bytes.delete(key);
          tell({ key, ttlMs: 0 });
        },
      },
    },
    heard({ key, value, ttlMs }) {
      if (value === undefined) bytes.delete(key);
      else bytes.set(key, Buffer.from(value, 'base64'), ttlMs);
    },
  };
}
