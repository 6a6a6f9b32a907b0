import type { Fields } from '#sdk';
import type { Rules } from './rules.ts';
import type { Said, Terms } from './terms.ts';

/** Statuses whose meaning for caches is known here (RFC 9110 section 15); for `must-understand`. */
const understood: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408,
  409, 410, 411, 412, 413, 414, 415, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505,
]);

/**
 * Whether anything of an answer may be kept for others (RFC 9111 section 3).
 * @param isRestricted whether it went to somebody who said who they are (section 3.5)
 */
export function mayStore(
  status: number,
  fields: Fields,
  { directives }: Said,
  isRestricted: boolean,
  rules: Rules,
): boolean {
  // A part of an answer is not stored; 304 and 101 are about something else.
  if (status < 200 || status > 599 || status === 206 || status === 304) return false;
  if (!rules.mayStoreStatus(status)) return false;
  // What cannot be read could have said `private`.
  if (directives.isMalformed) return false;
  const isUnderstood = understood.has(status);
  if (directives.has('must-understand') ? !isUnderstood : directives.has('no-store')) return false;
  if (directives.has('private') && directives.fieldNames('private') === undefined) return false;
  if (isRestricted && !isForAll(directives)) return false;
  return rules.storesSetCookie || !fields.has('set-cookie');
}

function isForAll(directives: Said['directives']): boolean {
  return (
    directives.isBare('public') ||
    directives.has('must-revalidate') ||
    // Not one that cannot be read.
    (directives.seconds('s-maxage') ?? 0) > 0
  );
}

/** Whether keeping it can save anything: it is fresh for a while, or the backend can say that it still holds. */
export function isWorthStoring({ lifetimeMs, initialAgeMs, etag, lastModifiedAt }: Terms): boolean {
  return lifetimeMs > initialAgeMs || etag !== undefined || lastModifiedAt !== undefined;
}

/** Fields that hold for one connection or one request, which a stored answer must not carry (RFC 9111 section 3.1). */
const unstored: ReadonlySet<string> = new Set([
  'age',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
  'x-ca-request-id',
]);

/** Without these nobody could use, check or explain a stored answer, whatever the operator lists. */
const essential: ReadonlySet<string> = new Set([
  'cache-control',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'vary',
]);

/** The fields that are kept, names and values in turn. */
export function storedFields(
  fields: Fields,
  { directives }: Said,
  rules: Rules,
  respondedAt: number,
): string[] {
  const omitted = new Set([
    ...(directives.fieldNames('private') ?? []),
    ...(directives.fieldNames('no-cache') ?? []),
  ]);
  const flat: string[] = [];
  let hasDate = false;
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (unstored.has(lower) || omitted.has(lower)) continue;
    if (rules.storedFields !== null && !essential.has(lower) && !rules.storedFields.has(lower)) continue;
    hasDate ||= lower === 'date';
    flat.push(name, value);
  }
  // Else each caller would be told the time it got it.
  if (!hasDate) flat.push('Date', new Date(respondedAt).toUTCString());
  return flat;
}
