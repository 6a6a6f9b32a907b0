import { Fields, Reply } from '#sdk';
import { isNotModified } from './conditions.ts';
import type { Entry } from './entry.ts';
import { rangeOf } from './range.ts';
import type { RequestFacts } from './request.ts';
import { ageOf } from './terms.ts';

/** What is added to an answer from here. */
export interface Marks {
  /** A line of `Cache-Status`; undefined for none. */
  readonly cacheStatus: string | undefined;
  readonly hitField: { readonly name: string; readonly value: string } | undefined;
}

const noMarks = (marks: Marks): boolean => marks.cacheStatus === undefined;

/** An answer to a GET or a HEAD from what is stored: all of it, a part, or that the caller has it already. */
export function answerFrom(entry: Entry, facts: RequestFacts, marks: Marks, now: number): Reply {
  const age = Math.floor(ageOf(entry, now) / 1000);
  const { ifNoneMatch, ifModifiedSince, range } = facts;
  if (ifNoneMatch === undefined && ifModifiedSince === undefined && range === undefined)
    return whole(entry, age, marks);
  if (isNotModified(entry, facts, now)) return new Reply(304, fieldsOf(entry, age, marks, true), null);
  const part = rangeOf(entry, facts, now);
  if (part === undefined) return whole(entry, age, marks);
  const { length } = entry.body;
  if (part === null) return new Reply(416, Fields.from({ 'Content-Range': `bytes */${length}` }), null);
  const headers = fieldsOf(entry, age, marks);
  headers.set('Content-Range', `bytes ${part.first}-${part.last}/${length}`);
  headers.delete('Content-Length');
  return new Reply(206, headers, entry.body.subarray(part.first, part.last + 1));
}

/** The reply of this second, unless it is marked for this request alone. */
function whole(entry: Entry, age: number, marks: Marks): Reply {
  const isCommon = noMarks(marks);
  if (isCommon && entry.reply !== undefined && entry.replyAge === age) return entry.reply;
  const reply = new Reply(entry.status, fieldsOf(entry, age, marks), hasContent(entry) ? entry.body : null);
  if (isCommon) {
    entry.reply = reply;
    entry.replyAge = age;
  }
  return reply;
}

function hasContent({ status, body }: Entry): boolean {
  return status !== 204 && body.length > 0;
}

function fieldsOf({ flat }: Entry, age: number, marks: Marks, isBare = false): Fields {
  const fields = new Fields(isBare ? withoutContent(flat) : flat.slice());
  fields.flat.push('Age', String(age));
  mark(fields, marks);
  return fields;
}

export function mark(fields: Fields, { cacheStatus, hitField }: Marks): void {
  if (cacheStatus !== undefined) fields.append('Cache-Status', cacheStatus);
  if (hitField !== undefined) fields.set(hitField.name, hitField.value);
}

/** What describes content that is not sent (RFC 9110 section 15.4.5). */
const ofContent: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
]);

function withoutContent(flat: readonly string[]): string[] {
  const rest: string[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? '';
    if (!ofContent.has(name.toLowerCase())) rest.push(name, flat[index + 1] ?? '');
  }
  return rest;
}
