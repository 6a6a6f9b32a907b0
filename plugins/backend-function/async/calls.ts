import { realpathSync } from 'node:fs';
import { type Clock, type Log, type ServiceToken, defineService } from '#sdk';
import { Deliveries, type Settings } from './deliveries.ts';
import { DiskQueue } from './disk-queue.ts';
import type { NewCall } from './queue.ts';

/** What the bindings of a configuration make calls with. */
export interface AsyncCalls {
  /** Says that there are going to be calls: only then is there a folder. */
  expect(): void;
  /** As `Deliveries.add`. */
  add(call: NewCall): Promise<boolean>;
}

export const AsyncCalls: ServiceToken<AsyncCalls> = defineService<AsyncCalls>('async-calls');

/** A folder in use, and the configurations that use it; the last of them is in force. */
interface Shared {
  readonly deliveries: Deliveries;
  readonly owner: Log;
  readonly users: Settings[];
}

/** By folder. Calls belong to the process: they outlive a reload. */
const inUse = new Map<string, Shared>();

export interface Lease {
  readonly deliveries: Deliveries;
  release(): Promise<void>;
}

/**
 * Opens the folder, or shares it with the configuration before.
 * @param log the gateway's, which stands for it: it outlives a reload
 * @throws Error when the folder cannot be used; the message is for the operator
 */
export function acquireCalls(folder: string, settings: Settings, log: Log, clock: Clock): Lease {
  const key = realPathOf(folder);
  let shared = inUse.get(key);
  if (shared === undefined) {
    const queue = new DiskQueue(folder);
    shared = { deliveries: new Deliveries(queue, settings, log, clock), owner: log, users: [] };
    inUse.set(realPathOf(folder), shared);
  } else if (shared.owner !== log)
    throw new Error(`the folder ${folder} is in use by another gateway (process ${process.pid})`);
  else shared.deliveries.use(settings);
  const { deliveries, users } = shared;
  users.push(settings);
  return {
    deliveries,
    async release() {
      const index = users.indexOf(settings);
      if (index < 0) return;
      users.splice(index, 1);
      const before = users.at(-1);
      if (before !== undefined) return deliveries.use(before);
      for (const [name, each] of inUse) if (each.deliveries === deliveries) inUse.delete(name);
      await deliveries.close();
    },
  };
}

/** Two names of one folder are one folder; one that is not there yet has only this name. */
function realPathOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
