import { Fields } from '#sdk';
import type { Entry } from './entry.ts';

/** Conditions and parts that a caller asks for, which are the cache's to look at. */
const ofCaller: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since', 'range', 'if-range']);

/** The fields that the backend is asked with for the whole answer, or whether the stored one still holds. */
export function outgoingFields(fields: Fields, stored: Entry | undefined): Fields {
  const outgoing = fields.clone();
  outgoing.deleteAll(ofCaller);
  if (stored === undefined) return outgoing;
  const { etag, lastModified } = stored.terms;
  if (etag !== undefined) outgoing.append('If-None-Match', etag);
  if (lastModified !== undefined) outgoing.append('If-Modified-Since', lastModified);
  return outgoing;
}

export function hasValidator({ terms }: Entry): boolean {
  return terms.etag !== undefined || terms.lastModified !== undefined;
}
