import { Fields } from '#sdk';
import { Entry } from './entry.ts';
import type { Rules } from './rules.ts';
import { mayStore, storedFields } from './storable.ts';
import { type Came, type Said, termsOf, whatIsSaid } from './terms.ts';
import { readVary } from './vary.ts';

/** How the stored content is to be read, which an answer without content cannot change (RFC 9111 section 3.2). */
const kept: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-range']);

export interface Updated {
  readonly entry: Entry;
  /** Whether it may still be kept for others. */
  readonly isShared: boolean;
}

/** A stored answer with what a newer one without content says of it (RFC 9111 sections 3.2 and 4.3.4). */
export function updated(stored: Entry, came: Came, isRestricted: boolean, rules: Rules): Updated {
  const { requestedAt, respondedAt } = came;
  const news = storedFields(came.fields, whatIsSaid(came.fields, rules.targetedFields), rules, respondedAt);
  const fields = merged(stored.flat, news);
  const said: Said = whatIsSaid(fields, rules.targetedFields);
  const { status, body, varyNames, selecting } = stored;
  const withAge = fields.clone();
  const age = came.fields.get('age');
  if (age !== undefined) withAge.set('Age', age);
  const terms = termsOf({ status, fields: withAge, requestedAt, respondedAt }, said, rules);
  const flat = storedFields(fields, said, rules, respondedAt);
  const entry = new Entry({ status, flat, body, varyNames, selecting, requestedAt, respondedAt }, terms);
  // What it depends on now says nothing of the request that it was stored for.
  const isSameChoice = readVary(fields)?.join() === varyNames.join();
  return { entry, isShared: isSameChoice && mayStore(status, fields, said, isRestricted, rules) };
}

function merged(flat: readonly string[], news: readonly string[]): Fields {
  const replaced = new Set<string>();
  const added: string[] = [];
  for (let index = 0; index < news.length; index += 2) {
    const lower = (news[index] ?? '').toLowerCase();
    if (kept.has(lower)) continue;
    replaced.add(lower);
    added.push(news[index] ?? '', news[index + 1] ?? '');
  }
  const fields = new Fields(flat.slice());
  fields.deleteAll(replaced);
  fields.flat.push(...added);
  return fields;
}

/**
 * Whether an answer without content is about the stored one. A strong entity tag names one version (section 4.3.4).
 */
export function isAbout(stored: Entry, fields: Fields): boolean {
  const etag = fields.get('etag');
  return (
    etag === undefined ||
    etag.startsWith('W/') ||
    stored.terms.etag === undefined ||
    etag === stored.terms.etag
  );
}

/** Whether a HEAD shows that the stored answer is still the one there is (section 4.3.5). */
export function isConfirmed(stored: Entry, fields: Fields): boolean {
  const agrees = (name: string, own: string | undefined): boolean => {
    const value = fields.get(name);
    return value === undefined || value === own;
  };
  const { etag, lastModified } = stored.terms;
  return (
    agrees('etag', etag) &&
    agrees('last-modified', lastModified) &&
    agrees('content-length', String(stored.body.length))
  );
}
