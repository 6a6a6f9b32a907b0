import { type NoteKey, defineNote } from './exchange.ts';

/**
 * What a cache did for a request: answered with what it had (`HIT`), had nothing (`MISS`), had it checked by the backend
 * (`REVALIDATED`), answered with what is no longer fresh (`STALE`), or was not to be used (`BYPASS`).
 */
export type CacheStatus = 'HIT' | 'MISS' | 'REVALIDATED' | 'STALE' | 'BYPASS';

/** Set by a cache before it answers or lets a request go on; `$context.cacheStatus` of the vendor's documents. */
export const cacheStatus: NoteKey<CacheStatus> = defineNote<CacheStatus>('cache-status');
