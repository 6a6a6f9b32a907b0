import type { Exchange } from '#sdk';
import { Directives, readDirectives } from './directives.ts';

/** What a cache has to know of a request's fields. */
export interface RequestFacts {
  cacheControl: string | undefined;
  pragma: string | undefined;
  range: string | undefined;
  ifRange: string | undefined;
  ifNoneMatch: string | undefined;
  ifModifiedSince: string | undefined;
  hasAuthorization: boolean;
  /** It asks for what only the backend can judge: another protocol, or a state that must hold there. */
  isForBackend: boolean;
}

/** Reads them in one pass; several lines of a field are one list. */
export function readFacts({ headers: { flat } }: Exchange): RequestFacts {
  const facts: RequestFacts = {
    cacheControl: undefined,
    pragma: undefined,
    range: undefined,
    ifRange: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    hasAuthorization: false,
    isForBackend: false,
  };
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? '';
    // The length spares most names the rest.
    if (lengths.has(name.length)) note(facts, name.toLowerCase(), flat[index + 1] ?? '');
  }
  return facts;
}

const lengths: ReadonlySet<number> = new Set([5, 6, 7, 8, 13, 17, 19]);

function note(facts: RequestFacts, name: string, value: string): void {
  const joined = (before: string | undefined): string =>
    before === undefined ? value : `${before}, ${value}`;
  if (name === 'cache-control') facts.cacheControl = joined(facts.cacheControl);
  else if (name === 'pragma') facts.pragma = joined(facts.pragma);
  else if (name === 'range') facts.range = joined(facts.range);
  else if (name === 'if-range') facts.ifRange = joined(facts.ifRange);
  else if (name === 'if-none-match') facts.ifNoneMatch = joined(facts.ifNoneMatch);
  else if (name === 'if-modified-since') facts.ifModifiedSince = joined(facts.ifModifiedSince);
  else if (name === 'authorization') facts.hasAuthorization = true;
  else if (name === 'upgrade' || name === 'if-match' || name === 'if-unmodified-since')
    facts.isForBackend = true;
}

const noCache = readDirectives('no-cache');

/** What the caller asks of caches (RFC 9111 section 5.2.1); `Pragma` speaks where `Cache-Control` does not (section 5.4). */
export function requestDirectives({ cacheControl, pragma }: RequestFacts): Directives {
  if (cacheControl !== undefined) return readDirectives(cacheControl);
  if (pragma === undefined) return Directives.none;
  return readDirectives(pragma).has('no-cache') ? noCache : Directives.none;
}
