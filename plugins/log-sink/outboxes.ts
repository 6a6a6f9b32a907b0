import type { Log } from '#sdk';
import type { Config } from './options.ts';
import { Outbox, type OutboxState } from './outbox.ts';
import { openSink } from './sinks.ts';

interface Shared {
  readonly outbox: Outbox;
  users: number;
}

/** Bindings that name the same place share it, also across a reload: a connection for each API would be one too many. */
const open = new Map<string, Shared>();

/** An outbox that has to be given back. */
export interface Lease {
  add(line: string): void;
  /** Settles when what waits was sent, if nobody else uses it. Once is enough. */
  release(): Promise<void>;
}

export function leaseOutbox(config: Config, log: Log): Lease {
  const { file, http, syslog, kafka, buffer, retries } = config;
  // Holds secrets: kept in memory alone.
  const key = JSON.stringify([file, http, syslog, kafka, buffer, retries]);
  const options = { ...buffer, retries: retries.count, backoffMs: retries.backoffMs };
  const shared = open.get(key) ?? { outbox: new Outbox(openSink(config), options, log), users: 0 };
  open.set(key, shared);
  shared.users += 1;
  let isHeld = true;
  return {
    add: (line) => shared.outbox.add(line),
    async release() {
      if (!isHeld) return;
      isHeld = false;
      shared.users -= 1;
      if (shared.users > 0) return;
      open.delete(key);
      await shared.outbox.close();
    },
  };
}

export function states(): OutboxState[] {
  return [...open.values()].map(({ outbox }) => outbox.state);
}

/** Settles when all that waits now was sent or lost. */
export async function emptyAll(): Promise<void> {
  await Promise.all([...open.values()].map(({ outbox }) => outbox.empty()));
}
