import type { Entry } from './entry.ts';
import type { Place } from './key.ts';
import type { Scope } from './scope.ts';

/** What is kept at a place: an answer for each way in which requests differ in what `Vary` names. */
export interface Found {
  readonly entries: readonly Entry[];
  /** The state that this was read in; an answer is put with that of the time when its backend was asked. */
  readonly mark: unknown;
}

/** Where answers are kept. Neither throws nor rejects: without what it keeps, backends are asked. */
export interface Store {
  find(place: Place): Found | Promise<Found>;
  /** Puts it in the place of what the same requests get; not if that was invalidated since the mark was read. */
  put(place: Place, entry: Entry, mark: unknown): void | Promise<void>;
  /** Forgets one. */
  drop(place: Place, entry: Entry): void | Promise<void>;
  /** Forgets what an unsafe request may have changed. */
  invalidate(scope: Required<Pick<Scope, 'environment' | 'host' | 'path'>>): void | Promise<void>;
}

/** Variants of one place beyond this push out the oldest: a backend that varies by everything helps nobody. */
const mostVariants = 32;

/** The entries with one more, in the place of that which the same requests get. */
export function withEntry(entries: readonly Entry[], entry: Entry): Entry[] {
  const others = entries.filter((each) => !isSameVariant(each, entry));
  return [entry, ...others].slice(0, mostVariants);
}

function isSameVariant(one: Entry, other: Entry): boolean {
  return one.selecting === other.selecting && one.varyNames.join() === other.varyNames.join();
}
