import { type Clock, type Log, type ServiceToken, defineService } from '#sdk';
import { Deliveries, type Settings } from './deliveries.ts';
import type { Place } from './place.ts';
import type { NewCall } from './queue.ts';

/** What the bindings of a configuration make calls with. */
export interface AsyncCalls {
  /** Says that there are going to be calls: only then is there a folder or a connection. */
  expect(): void;
  /** As `Deliveries.add`. */
  add(call: NewCall): Promise<boolean>;
}

export const AsyncCalls: ServiceToken<AsyncCalls> = defineService<AsyncCalls>('async-calls');

/** A place in use, and the configurations that use it; the last of them is in force. */
interface Shared {
  readonly name: string;
  readonly deliveries: Deliveries;
  readonly owner: Log;
  readonly users: Settings[];
}

/** Calls belong to the process: they outlive a reload. */
const inUse = new Set<Shared>();

export interface Lease {
  readonly deliveries: Deliveries;
  release(): Promise<void>;
}

/**
 * Opens the place, or shares it with the configuration before.
 * @param log the gateway's, which stands for it: it outlives a reload
 * @throws Error when the place cannot be used; the message is for the operator
 */
export function acquireCalls(place: Place, settings: Settings, log: Log, clock: Clock): Lease {
  const name = place.name();
  const all = [...inUse].filter((each) => each.name === name);
  const found = all.find(({ owner }) => owner === log);
  if (found === undefined && all.length > 0 && place.conflict !== undefined) throw new Error(place.conflict);
  found?.deliveries.use(settings);
  const shared = found ?? open(place, settings, log, clock);
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
      inUse.delete(shared);
      await deliveries.close();
    },
  };
}

function open(place: Place, settings: Settings, log: Log, clock: Clock): Shared {
  const deliveries = new Deliveries(place.open(log, clock), settings, log, clock);
  const shared = { name: place.name(), deliveries, owner: log, users: [] };
  inUse.add(shared);
  return shared;
}
