import { type NoteKey, defineNote } from '#sdk';
import type { Entry } from './entry.ts';
import { ageOf } from './terms.ts';

/** What `Cache-Status` is to say of a request that goes on without the cache. */
export const pendingStatus: NoteKey<string> = defineNote<string>('caching-status');

/** Members of `Cache-Status` (RFC 9211 section 2). */
export class StatusLines {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  hit(entry: Entry, now: number): string {
    return `${this.#name}; hit; ttl=${Math.floor((entry.terms.lifetimeMs - ageOf(entry, now)) / 1000)}`;
  }

  forwarded(why: 'bypass' | 'method' | 'request' | 'uri-miss' | 'vary-miss' | 'stale', more = ''): string {
    return `${this.#name}; fwd=${why}${more}`;
  }
}
