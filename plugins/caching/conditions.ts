import { splitList } from './directives.ts';
import type { Entry } from './entry.ts';
import { readHttpDate } from './http-date.ts';
import type { RequestFacts } from './request.ts';

/** An entity tag without its weakness (RFC 9110 section 8.8.3.2). */
function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

/** Whether two tags are the same, neither being weak. */
export function isStrongMatch(one: string, other: string): boolean {
  return one === other && one.startsWith('"');
}

/**
 * Whether the caller has what is stored already, so that 304 says all (RFC 9110 section 13.2.2, RFC 9111 section 4.3.2).
 * `If-Match` and `If-Unmodified-Since` are not for caches: such requests never come here.
 */
export function isNotModified(
  entry: Pick<Entry, 'status' | 'terms'>,
  facts: RequestFacts,
  now: number,
): boolean {
  if (entry.status < 200 || entry.status > 299) return false;
  const { ifNoneMatch, ifModifiedSince } = facts;
  if (ifNoneMatch !== undefined) return isListed(ifNoneMatch, entry.terms.etag);
  if (ifModifiedSince === undefined) return false;
  const since = readHttpDate(ifModifiedSince, now);
  // Without a date of its own an answer is as old as its `Date`, which is always known.
  return since !== undefined && (entry.terms.lastModifiedAt ?? entry.terms.dateAt) <= since;
}

/** Weak comparison. `*` stands for whatever there is. */
function isListed(list: string, etag: string | undefined): boolean {
  if (list.trim() === '*') return true;
  if (etag === undefined) return false;
  const own = opaque(etag);
  return list === etag || splitList(list).some((each) => opaque(each.trim()) === own);
}
