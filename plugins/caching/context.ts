import {
  type CacheStatus,
  type Clock,
  type Exchange,
  type Log,
  type Reply,
  backendAuthorized,
  cacheStatus,
} from '#sdk';
import { answerFrom } from './answer.ts';
import type { Directives } from './directives.ts';
import type { Entry } from './entry.ts';
import type { Figures } from './figures.ts';
import type { Flights } from './flights.ts';
import type { Caller, Place } from './key.ts';
import type { RequestFacts } from './request.ts';
import type { Rules } from './rules.ts';
import type { StatusLines } from './status-line.ts';
import type { Found, Store } from './store.ts';
import { selectingText } from './vary.ts';

/** What a cache works with. */
export interface Context {
  readonly rules: Rules;
  readonly store: Store;
  readonly flights: Flights;
  readonly figures: Figures;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxAnswerBytes: number;
  readonly collapseTimeoutMs: number;
  /** Undefined when `Cache-Status` is not sent. */
  readonly lines: StatusLines | undefined;
  readonly hitField: { readonly name: string; readonly value: string } | undefined;
}

/** A request that may be answered from what is stored. */
export interface Request {
  readonly exchange: Exchange;
  readonly facts: RequestFacts;
  readonly asked: Directives;
  readonly caller: Caller;
  readonly place: Place;
  readonly found: Found;
  /** What is stored for it, fresh or not. */
  readonly entry: Entry | undefined;
}

/** Whether others may get the answer only if the backend says so. To be asked when the backend has answered. */
export function isRestricted({ caller, exchange }: Pick<Request, 'caller' | 'exchange'>): boolean {
  if (caller.isRestricted) return true;
  // What is stored is given without asking the backend's authorizer.
  return caller.isAnybody !== true && exchange.notes.get(backendAuthorized) === true;
}

/** The stored answer that is for a request with these fields; the newest comes first. */
export function select(entries: readonly Entry[], { headers }: Exchange): Entry | undefined {
  return entries.find((entry) => isFor(entry, headers));
}

export function isFor({ varyNames, selecting }: Entry, headers: Exchange['headers']): boolean {
  return varyNames.length === 0 || selectingText(varyNames, headers) === selecting;
}

/** What others would have to ask for to get the same. */
export function variantKey({ place, found, exchange }: Request): string {
  const [newest] = found.entries;
  if (newest === undefined || newest.varyNames.length === 0) return place.key;
  return `${place.key}\n${selectingText(newest.varyNames, exchange.headers)}`;
}

/** Notes what the cache did, for logs, metrics and the figures. */
export function noteStatus({ figures }: Context, exchange: Exchange, status: CacheStatus): void {
  exchange.notes.set(cacheStatus, status);
  figures.count(status);
}

/** An answer to a request from what is stored. @param line of `Cache-Status`, unless it is that of a hit */
export function answer(
  context: Context,
  { exchange, facts }: Pick<Request, 'exchange' | 'facts'>,
  entry: Entry,
  status: CacheStatus,
  line?: string,
): Reply {
  const now = context.clock.now();
  noteStatus(context, exchange, status);
  const cacheStatus = context.lines === undefined ? undefined : (line ?? context.lines.hit(entry, now));
  return answerFrom(entry, facts, { cacheStatus, hitField: context.hitField }, now);
}
