import { createHash } from 'node:crypto';
import type { Log } from '#sdk';
import { IsolatePool, type PoolOptions, type Program } from '#sdk/isolates';

interface Entry {
  readonly pool: IsolatePool;
  users: number;
}

/** By gateway, whose log outlives a reload, and by what the pool runs. */
const pools = new WeakMap<Log, Map<string, Entry>>();

/** A pool of isolates on loan. A function that the next configuration has unchanged keeps its warm isolates. */
export function acquirePool(
  log: Log,
  name: string,
  program: Program,
  options: Omit<PoolOptions, 'log'>,
): { readonly pool: IsolatePool; release(): void } {
  const own = pools.get(log) ?? new Map<string, Entry>();
  pools.set(log, own);
  const key = createHash('sha256')
    .update(JSON.stringify([name, program, options]))
    .digest('hex');
  let entry = own.get(key);
  if (entry === undefined) {
    const write: PoolOptions['log'] = ({ level, text }) =>
      log[level]({ function: name, text }, 'a function wrote');
    const pool = new IsolatePool(program, { ...options, log: write });
    entry = { pool, users: 0 };
    own.set(key, entry);
  }
  const held = entry;
  held.users += 1;
  return {
    pool: held.pool,
    release() {
      held.users -= 1;
      if (held.users > 0) return;
      own.delete(key);
      held.pool.dispose();
    },
  };
}
