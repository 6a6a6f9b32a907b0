import { createHash } from 'node:crypto';
import type { Log } from '#sdk';
import { VerdictCache } from './cache.ts';

interface Entry {
  readonly cache: VerdictCache;
  users: number;
}

/** By gateway, whose log outlives a reload, and by what decides. */
const caches = new WeakMap<Log, Map<string, Entry>>();

/** A cache on loan: the next configuration gets the same one if what decides is the same. @param facts all that decides */
export function acquireCache(
  log: Log,
  facts: unknown,
  ttlMs: number,
): { readonly cache: VerdictCache; release(): void } {
  const own = caches.get(log) ?? new Map<string, Entry>();
  caches.set(log, own);
  // A hash, as user data may be secret.
  const key = createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  const entry = own.get(key) ?? { cache: new VerdictCache(ttlMs), users: 0 };
  own.set(key, entry);
  entry.users += 1;
  return {
    cache: entry.cache,
    release() {
      entry.users -= 1;
      if (entry.users === 0) own.delete(key);
    },
  };
}
