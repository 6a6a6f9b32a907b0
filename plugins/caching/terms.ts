import type { Fields } from '#sdk';
import { type Directives, readDirectives } from './directives.ts';
import { readHttpDate } from './http-date.ts';
import type { Rules } from './rules.ts';
import { readTargeted } from './structured.ts';

/** How a stored answer may be used. Milliseconds throughout. */
export interface Terms {
  /** How long it is fresh, counted in its age. */
  readonly lifetimeMs: number;
  /** Its age when it came (RFC 9111 section 4.2.3). */
  readonly initialAgeMs: number;
  /** Whether the backend has to be asked each time. */
  readonly isAlwaysValidated: boolean;
  /** Whether it must never be used once it is stale. */
  readonly isStrict: boolean;
  /** Whether callers may have it stale when they ask for that. */
  readonly isStaleByWish: boolean;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly staleIfUnreachableMs: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly lastModifiedAt: number | undefined;
  readonly dateAt: number;
}

/** What the backend says of an answer, to this cache rather than to all if it does that. */
export interface Said {
  readonly directives: Directives;
  /** Whether it says anything to caches in a field of directives. */
  readonly isSaid: boolean;
  /** Whether it speaks to this cache, so that `Expires` is for others (RFC 9213 section 2.2). */
  readonly isTargeted: boolean;
}

const forbidding = /private|no-store|no-cache/i;

/** The first of the targeted fields that can be read, else `Cache-Control`, else `Pragma` as old servers mean it. */
export function whatIsSaid(fields: Fields, targetedFields: readonly string[]): Said {
  for (const name of targetedFields) {
    const text = fields.combined(name);
    if (text === undefined || text.trim() === '') continue;
    const directives = readTargeted(text);
    if (directives !== undefined) return { directives, isSaid: true, isTargeted: true };
    // It is to be ignored; but not when somebody may have meant to forbid something.
    if (forbidding.test(text)) return { directives: forbidden, isSaid: true, isTargeted: true };
  }
  const text = fields.combined('cache-control');
  if (text !== undefined) return { directives: readDirectives(text), isSaid: true, isTargeted: false };
  const pragma = fields.combined('pragma');
  const directives = readDirectives(
    pragma !== undefined && /no-cache/i.test(pragma) ? 'no-cache' : undefined,
  );
  return { directives, isSaid: false, isTargeted: false };
}

const forbidden = readDirectives('no-store');

/** Where an answer came from and when; see `Stored`. */
export interface Came {
  readonly status: number;
  readonly fields: Fields;
  readonly requestedAt: number;
  readonly respondedAt: number;
}

export function termsOf(came: Came, said: Said, rules: Rules): Terms {
  const { fields, respondedAt } = came;
  const { directives } = said;
  const dateAt = dateOf(fields, 'date', respondedAt) ?? respondedAt;
  const lastModifiedAt = dateOf(fields, 'last-modified', respondedAt);
  const isNoCache = directives.has('no-cache') && directives.fieldNames('no-cache') === undefined;
  const ms = (name: string): number => (directives.seconds(name) ?? 0) * 1000;
  const forbids = directives.has('must-revalidate') || directives.has('proxy-revalidate');
  // `s-maxage` forbids stale answers too, but not those that the backend allows beside it by name.
  const isShared = directives.has('s-maxage');
  const allowed = (byBackend: string, byOperatorMs: number): number => {
    if (!rules.obeysStaleDirectives) return isShared ? 0 : byOperatorMs;
    return directives.has(byBackend) ? ms(byBackend) : isShared ? 0 : byOperatorMs;
  };
  const staleIfErrorMs = allowed('stale-if-error', rules.staleIfErrorMs);
  return {
    lifetimeMs: lifetimeOf(came, said, { dateAt, lastModifiedAt }, rules) ?? 0,
    initialAgeMs: initialAgeOf(came, dateAt),
    isAlwaysValidated: isNoCache,
    isStrict: isNoCache || forbids,
    isStaleByWish: !isShared,
    staleWhileRevalidateMs: allowed('stale-while-revalidate', rules.staleWhileRevalidateMs),
    staleIfErrorMs,
    staleIfUnreachableMs: Math.max(staleIfErrorMs, isShared ? 0 : rules.staleIfUnreachableMs),
    etag: fields.get('etag'),
    lastModified: fields.get('last-modified'),
    lastModifiedAt,
    dateAt,
  };
}

/** A date that stands in several lines, or is none, is no date. */
function dateOf(fields: Fields, name: string, now: number): number | undefined {
  const text = fields.combined(name);
  return text === undefined ? undefined : readHttpDate(text, now);
}

/** RFC 9110 section 15.1, but 206, which is not stored whole. */
const heuristic: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** RFC 9111 section 4.2.1; undefined when neither the backend nor the operator nor a guess says how long. */
function lifetimeOf(
  { status, fields, respondedAt }: Came,
  { directives, isSaid, isTargeted }: Said,
  { dateAt, lastModifiedAt }: Pick<Terms, 'dateAt' | 'lastModifiedAt'>,
  rules: Rules,
): number | undefined {
  const seconds = directives.seconds('s-maxage') ?? directives.seconds('max-age');
  if (seconds !== undefined) return seconds * 1000;
  const expires = isTargeted ? undefined : fields.combined('expires');
  // What is no date is one in the past (section 5.3).
  if (expires !== undefined) return Math.max(0, (readHttpDate(expires, respondedAt) ?? dateAt) - dateAt);
  const byStatus = isSaid ? undefined : rules.lifetimeOf(status);
  if (byStatus !== undefined) return byStatus;
  if (lastModifiedAt === undefined || !(heuristic.has(status) || directives.has('public'))) return undefined;
  const guess = Math.max(0, dateAt - lastModifiedAt) * rules.heuristicShare;
  return Math.min(guess, rules.heuristicMs);
}

/** RFC 9111 section 4.2.3: what the answer says, or what its date says, whichever is older. */
function initialAgeOf({ fields, requestedAt, respondedAt }: Came, dateAt: number): number {
  const said = /^[ \t]*([0-9]+)[ \t]*(?:,|$)/.exec(fields.get('age') ?? '')?.[1];
  const ageMs = said === undefined ? 0 : Math.min(Number(said), 2_147_483_648) * 1000;
  return Math.max(0, respondedAt - dateAt, ageMs + (respondedAt - requestedAt));
}

/** How old an answer is now. A clock that was set back makes nothing younger than it came. */
export function ageOf({ terms, respondedAt }: { terms: Terms; respondedAt: number }, now: number): number {
  return terms.initialAgeMs + Math.max(0, now - respondedAt);
}
