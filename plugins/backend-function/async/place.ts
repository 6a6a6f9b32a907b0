import { realpathSync } from 'node:fs';
import type { Clock, Log, SetupKit } from '#sdk';
import { planStore } from '#sdk/redis';
import { DiskQueue } from './disk-queue.ts';
import { type AsyncSection, defaultFolder } from './options.ts';
import type { Queue } from './queue.ts';
import { type RedisPlace, RedisQueue } from './redis-queue.ts';

/** Where calls are kept. */
export interface Place {
  /** Equal for what is one place. A folder that is not there yet may have another name when it is. May hold secrets. */
  name(): string;
  /** Why another gateway cannot have it while one has; undefined when it can. */
  readonly conflict: string | undefined;
  /** @throws Error when it cannot be used; the message is for the operator */
  open(log: Log, clock: Clock): Queue;
}

/** The place that the section names. What is wrong with it is told. */
export function placeOf(section: AsyncSection | undefined, kit: SetupKit): Place {
  if (section?.store === undefined) {
    for (const field of ['prefix', 'leaseSeconds', 'timeoutMs'] as const)
      if (section?.[field] !== undefined)
        kit.problem(['asyncCalls', field], 'allowed together with `store`, which names a Redis');
    return onDisk(kit.absolutePath(['asyncCalls', 'folder'], section?.folder ?? defaultFolder));
  }
  if (section.folder !== undefined)
    kit.problem(['asyncCalls', 'folder'], 'calls are kept in a folder or in a `store`; allowed: one of them');
  const plan = planStore(section.store, {
    problem: (at, message) => kit.problem(['asyncCalls', 'store', ...at], message),
    readFile: (at, name) => kit.readText(['asyncCalls', 'store', ...at], name)?.text,
  });
  // Undefined where a problem was told; such a configuration never comes into force.
  const store = plan ?? { kind: 'single', addresses: [] };
  const { prefix = 'tapgate:', leaseSeconds = 30, timeoutMs = 2000 } = section;
  return inRedis({ store, prefix, leaseMs: leaseSeconds * 1000, timeoutMs });
}

function onDisk(folder: string): Place {
  return {
    name: () => `folder ${realPathOf(folder)}`,
    conflict: `the folder ${folder} is in use by another gateway (process ${process.pid})`,
    open: () => new DiskQueue(folder),
  };
}

function inRedis(place: RedisPlace): Place {
  return {
    name: () => `store ${JSON.stringify(place)}`,
    conflict: undefined,
    open: (log, clock) => new RedisQueue(place, log, clock),
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
