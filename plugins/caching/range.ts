import { isStrongMatch } from './conditions.ts';
import type { Entry } from './entry.ts';
import { readHttpDate } from './http-date.ts';
import type { RequestFacts } from './request.ts';

/** The bytes that are asked for, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const form = /^bytes[ \t]*=[ \t]*([0-9]{0,15})-([0-9]{0,15})[ \t]*$/i;

/**
 * What of a stored answer is asked for (RFC 9110 section 14.2); undefined for all of it, which is what is answered to what
 * cannot be read, to several ranges, and to a caller who has a part of another version. Null when there is no such part.
 */
export function rangeOf(entry: Entry, facts: RequestFacts, now: number): ByteRange | null | undefined {
  const { range, ifRange } = facts;
  if (range === undefined || entry.status !== 200) return undefined;
  if (ifRange !== undefined && !isSameVersion(entry, ifRange, now)) return undefined;
  const [, start = '', end = ''] = form.exec(range) ?? [];
  const { length } = entry.body;
  if (start === '') {
    if (end === '') return undefined;
    const suffix = Number(end);
    return suffix === 0 || length === 0 ? null : { first: Math.max(0, length - suffix), last: length - 1 };
  }
  const first = Number(start);
  const last = end === '' ? length - 1 : Math.min(Number(end), length - 1);
  if (end !== '' && Number(end) < first) return undefined;
  return first >= length ? null : { first, last };
}

/** RFC 9110 section 13.1.5: a part can be put to another only when nothing differs. */
function isSameVersion({ terms }: Entry, ifRange: string, now: number): boolean {
  if (ifRange.startsWith('"') || ifRange.startsWith('W/')) return isStrongMatch(ifRange, terms.etag ?? '');
  const date = readHttpDate(ifRange, now);
  // A date is a strong validator once the answer was at least a second old when it was given.
  return date !== undefined && date === terms.lastModifiedAt && terms.dateAt - date >= 1000;
}
