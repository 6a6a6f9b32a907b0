import {
  type Answer,
  type Counters,
  type Exchange,
  type Fields,
  type Hooks,
  type Reply,
  type Taken,
  defineNote,
  refuse,
} from '#sdk';
import type { RequestReaders } from '#sdk/expressions';
import { type Measure, defaultField } from './allowance.ts';
import type { Meter } from './meters.ts';
import type { WaitingRoom } from './waiting.ts';

/** What the hooks of one API in one environment work with. */
export interface Throttle {
  readonly meters: readonly Meter[];
  /** What rules look at; undefined where there are none. */
  readonly readers?: RequestReaders | undefined;
  /** Where calls wait that find a bucket empty. */
  readonly room?: WaitingRoom | undefined;
  /** Whether another policy has taken this one's place; known when all are bound. */
  readonly place?: { readonly isTaken: boolean } | undefined;
  /** The limit that holds where no policy is bound; shown in debug mode, counted only if it is among the meters. */
  readonly fallback: Measure | undefined;
  /** Whether answers say how much is left; refusals do always. */
  readonly tellsAlways: boolean;
  readonly standardHeaders: boolean;
  readonly counters: Counters;
  /** Of the meters' keys. */
  readonly partition: string;
}

interface Counted {
  readonly measures: readonly Measure[];
  readonly taken: Taken;
}

const counted = defineNote<Counted>('throttling');

/** Fields of our own that a backend, which may be this gateway, must not seem to have set. */
const debugFields: ReadonlySet<string> = new Set([
  ...['api', 'user', 'app', 'ip', 'rule'].map((scope) => `x-apig-ratelimit-${scope}`),
  defaultField.toLowerCase(),
]);

/** Counts requests against all limits at once, refuses those over one, and tells callers what is left. */
export function throttleHooks(throttle: Throttle): Hooks {
  const { meters, readers, room, counters, partition, tellsAlways, standardHeaders } = throttle;
  const place = throttle.place ?? free;
  const policiesOf = createPolicies();
  const settle = (exchange: Exchange, measures: readonly Measure[], taken: Taken): Reply | undefined => {
    const isRefused = taken.refusedBy >= 0;
    if (isRefused || (tellsAlways && standardHeaders) || isDebug(exchange)) {
      exchange.notes.set(counted, { measures, taken });
    }
    return isRefused ? refusal(measures, taken, standardHeaders) : undefined;
  };
  const count = (exchange: Exchange): Answer<Reply> => {
    const measures: Measure[] = [];
    for (const meter of meters) {
      const measure = meter(exchange);
      if (measure !== undefined) measures.push(measure);
    }
    if (measures.length === 0) return undefined;
    const taken = room === undefined ? counters.take(measures, partition) : room.admit(exchange, measures);
    return 'then' in taken
      ? taken.then((later) => (later === undefined ? left() : settle(exchange, measures, later)))
      : settle(exchange, measures, taken);
  };
  return {
    auth: {
      stage: 'admit',
      handle(exchange) {
        if (place.isTaken) return undefined;
        if (readers?.needsForm !== true) return count(exchange);
        const ready = readers.evaluate(exchange, itself);
        return ready instanceof Promise ? ready.then(count) : count(ready);
      },
    },
    response(inbound) {
      const { exchange, headers, refusal } = inbound;
      const isTold = standardHeaders && (tellsAlways || refusal?.kind === 'throttled');
      const isShown = isDebug(exchange);
      if ((!isTold && !isShown) || place.isTaken) return undefined;
      const found = exchange.notes.get(counted);
      if (isTold && found !== undefined) tell(headers, found, policiesOf(found.measures));
      return isShown ? debug(headers, found, throttle) : undefined;
    },
  };
}

const free = { isTaken: false };
const itself = (exchange: Exchange): Exchange => exchange;

/** Nobody gets it; the log tells why the request went no further. */
function left(): Reply {
  return refuse('throttled', { cause: 'the caller left the queue' });
}

function isDebug({ headers }: Exchange): boolean {
  return headers.get('x-apig-mode') === 'debug';
}

function refusal(measures: readonly Measure[], taken: Taken, standardHeaders: boolean): Reply {
  const { refusedBy } = taken;
  const allowance = measures[refusedBy]?.allowance;
  const details = {
    message: `The throttling threshold has been reached: policy ${allowance?.scope} over ratelimit,${allowance?.text}`,
    cause: `over the limit of the ${allowance?.scope}`,
  };
  const retryAfter = allowance?.retryAfterSeconds ?? (standardHeaders ? untilAllowed(taken) : undefined);
  if (retryAfter === undefined) return refuse('throttled', details);
  return refuse('throttled', { ...details, headers: { 'Retry-After': String(retryAfter) } });
}

/** draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4. A backend's own lines stay: both fields are lists. */
function tell(headers: Fields, { measures, taken }: Counted, policies: string): void {
  let limits = '';
  for (let index = 0; index < measures.length; index += 1) {
    if (index > 0) limits += ', ';
    const label = measures[index]?.allowance.label;
    limits += `${label};r=${taken.remaining[index]};t=${seconds(taken.resetMs[index])}`;
  }
  headers.append('RateLimit-Policy', policies);
  headers.append('RateLimit', limits);
}

/** The policies in `RateLimit-Policy`. Most requests come under the same ones, whose text is kept. */
function createPolicies(): (measures: readonly Measure[]) => string {
  let known: readonly Measure[] = [];
  let text = '';
  return (measures) => {
    if (!haveSameAllowances(measures, known)) {
      text = measures.map(({ allowance }) => allowance.policy).join(', ');
      known = measures;
    }
    return text;
  };
}

function haveSameAllowances(measures: readonly Measure[], others: readonly Measure[]): boolean {
  if (measures.length !== others.length) return false;
  for (let index = 0; index < measures.length; index += 1) {
    if (measures[index]?.allowance !== others[index]?.allowance) return false;
  }
  return true;
}

/** Guide 4.3.2: each limit that is configured, and the default one in any case. */
function debug(
  headers: Fields,
  found: Counted | undefined,
  throttle: Throttle,
): undefined | Promise<undefined> {
  headers.deleteAll(debugFields);
  for (const [index, { allowance }] of found?.measures.entries() ?? []) {
    headers.append(allowance.field, remain(found?.taken.remaining[index], allowance.text));
  }
  const { fallback, counters } = throttle;
  if (fallback === undefined || headers.has(defaultField)) return undefined;
  const show = (taken: Taken): undefined => {
    headers.append(defaultField, remain(taken.remaining[0], fallback.allowance.text));
  };
  const taken = look(counters, fallback);
  return 'then' in taken ? taken.then(show) : show(taken);
}

/** Looks at a count and leaves it: next to a limit of nothing, which is always used up, none is counted. */
function look(counters: Counters, measure: Measure): Taken | Promise<Taken> {
  const nothing = { key: '\0nothing', limit: 0, periodMs: measure.periodMs };
  return counters.take([measure, nothing], measure.key);
}

function remain(remaining: number | undefined, text: string): string {
  return `remain:${remaining ?? 0},${text}`;
}

function untilAllowed({ resetMs, refusedBy }: Taken): number {
  return seconds(resetMs[refusedBy]);
}

function seconds(ms: number | undefined): number {
  return Math.ceil((ms ?? 0) / 1000);
}
