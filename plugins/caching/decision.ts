import type { Directives } from './directives.ts';
import type { Entry } from './entry.ts';
import { ageOf } from './terms.ts';

/** What may be done with a stored answer: give it, give it and ask the backend meanwhile, or ask first. */
export type Decision = 'fresh' | 'stale' | 'refresh' | 'validate';

/** RFC 9111 section 4, with what the caller asks for (section 5.2.1) and RFC 5861. */
export function decide(entry: Entry, asked: Directives, now: number): Decision {
  const { terms } = entry;
  if (asked.has('no-cache') || terms.isAlwaysValidated) return 'validate';
  const age = ageOf(entry, now);
  const maxAge = asked.seconds('max-age');
  if (maxAge !== undefined && age > maxAge * 1000) return 'validate';
  const minFresh = asked.seconds('min-fresh');
  const staleMs = age - terms.lifetimeMs;
  if (minFresh !== undefined && staleMs + minFresh * 1000 > 0) return 'validate';
  // At the very end of its lifetime an answer is stale: fresh is what has a lifetime greater than its age.
  if (staleMs < 0) return 'fresh';
  if (terms.isStrict || minFresh !== undefined) return 'validate';
  const maxStale = terms.isStaleByWish ? asked.seconds('max-stale') : undefined;
  if (maxStale !== undefined && asked.isBare('max-stale')) return 'stale';
  if (maxStale !== undefined && staleMs <= maxStale * 1000) return 'stale';
  // A caller who says how old an answer may be gets no older one behind its back.
  if (maxAge === undefined && staleMs < terms.staleWhileRevalidateMs) return 'refresh';
  return 'validate';
}

/** Whether a stale answer may stand for a failure of the backend. */
export function maySubstitute(
  entry: Entry,
  failure: 'error' | 'unreachable',
  asked: Directives,
  now: number,
): boolean {
  const { terms } = entry;
  if (terms.isStrict || asked.has('no-cache')) return false;
  const staleMs = ageOf(entry, now) - terms.lifetimeMs;
  // Validation may have been the caller's wish only.
  if (staleMs < 0) return true;
  return staleMs < (failure === 'error' ? terms.staleIfErrorMs : terms.staleIfUnreachableMs);
}
