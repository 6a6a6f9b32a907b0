import { type Answer, type Exchange, type Reply, refuse } from '#sdk';
import { ask, refresh } from './ask.ts';
import { change, safeMethods } from './change.ts';
import { type Context, type Request, answer, noteStatus, select, variantKey } from './context.ts';
import { decide } from './decision.ts';
import { Directives } from './directives.ts';
import { askHead } from './head.ts';
import { join } from './join.ts';
import type { Caller, Place } from './key.ts';
import { type RequestFacts, readFacts, requestDirectives } from './request.ts';
import { pendingStatus } from './status-line.ts';
import type { Found } from './store.ts';

/** How requests are read. */
export interface Reading {
  readonly methods: ReadonlySet<string>;
  /** Whether what the caller asks of caches is obeyed. */
  obeys(exchange: Exchange): boolean;
  callerOf(exchange: Exchange, facts: RequestFacts): Caller;
  placeOf(exchange: Exchange, caller: Caller): Place;
  /** Whether this host is served from here. */
  serves(exchange: Exchange): boolean;
}

/** Answers requests for one API in one environment from what is stored, or lets them go on. */
export class Cache {
  readonly #context: Context;
  readonly #reading: Reading;

  constructor(context: Context, reading: Reading) {
    this.#context = context;
    this.#reading = reading;
  }

  handle(exchange: Exchange): Answer<Reply> {
    const { method } = exchange;
    const reading = this.#reading;
    if (!safeMethods.has(method)) return this.#change(exchange);
    if (!reading.methods.has(method)) return this.#bypass(exchange, 'method');
    const facts = readFacts(exchange);
    if (facts.isForBackend || exchange.hasBody || !reading.serves(exchange))
      return this.#bypass(exchange, 'bypass');
    const asked = this.#asked(exchange, facts);
    if (asked.has('no-store')) return this.#bypass(exchange, 'request');
    const caller = reading.callerOf(exchange, facts);
    const place = reading.placeOf(exchange, caller);
    const found = this.#context.store.find(place);
    const parts = { exchange, facts, asked, caller, place };
    return found instanceof Promise
      ? found.then((later) => this.#serve(parts, later))
      : this.#serve(parts, found);
  }

  #asked(exchange: Exchange, facts: RequestFacts): Directives {
    if (facts.cacheControl === undefined && facts.pragma === undefined) return Directives.none;
    return this.#reading.obeys(exchange) ? requestDirectives(facts) : Directives.none;
  }

  #serve(parts: Omit<Request, 'found' | 'entry'>, found: Found): Answer<Reply> {
    const { exchange, asked } = parts;
    const entry = select(found.entries, exchange);
    const request: Request = { ...parts, found, entry };
    if (entry !== undefined) {
      const decision = decide(entry, asked, this.#context.clock.now());
      if (decision === 'fresh') return answer(this.#context, request, entry, 'HIT');
      if (decision === 'refresh') this.#refresh(request);
      if (decision !== 'validate') return answer(this.#context, request, entry, 'STALE');
    }
    if (asked.has('only-if-cached')) {
      noteStatus(this.#context, exchange, 'MISS');
      const message = 'Nothing that may be used is stored, and the request is for what is stored only.';
      return refuse('backend-timeout', { message, cause: 'only-if-cached' });
    }
    return this.#forward(request);
  }

  #forward(request: Request): Answer<Reply> {
    const { exchange, facts, entry } = request;
    if (exchange.method === 'HEAD') return askHead(this.#context, request);
    // A part is not stored, and the whole may be much more than the caller wants.
    if (facts.range !== undefined && entry === undefined) return this.#goOn(exchange, 'MISS', 'uri-miss');
    const { flights, clock, collapseTimeoutMs } = this.#context;
    const key = variantKey(request);
    if (collapseTimeoutMs === 0 || flights.isApart(key, clock.now()))
      return ask(this.#context, request, undefined);
    const flight = flights.at(key);
    return flight === undefined
      ? ask(this.#context, request, flights.begin(key))
      : join(this.#context, request, key, flight);
  }

  /** One at a time asks for a newer answer; whoever comes meanwhile gets the stale one. */
  #refresh(request: Request): void {
    const { flights, log } = this.#context;
    const key = variantKey(request);
    if (flights.at(key) !== undefined) return;
    refresh(this.#context, request, flights.begin(key)).catch((error: unknown) => {
      const { api, environment, requestId } = request.exchange;
      log.error(
        { requestId, api: api.name, environment, error: String(error) },
        'a stored answer could not be refreshed',
      );
    });
  }

  #change(exchange: Exchange): Promise<Reply> {
    return change(this.#context, exchange, async () => {
      const facts = readFacts(exchange);
      const caller = this.#reading.callerOf(exchange, facts);
      const place = this.#reading.placeOf(exchange, caller);
      const found = await this.#context.store.find(place);
      return { exchange, facts, asked: Directives.none, caller, place, found, entry: undefined };
    });
  }

  #bypass(exchange: Exchange, why: 'method' | 'bypass' | 'request'): undefined {
    return this.#goOn(exchange, 'BYPASS', why);
  }

  #goOn(
    exchange: Exchange,
    status: 'MISS' | 'BYPASS',
    why: 'method' | 'bypass' | 'request' | 'uri-miss',
  ): undefined {
    const { lines } = this.#context;
    noteStatus(this.#context, exchange, status);
    if (lines !== undefined) exchange.notes.set(pendingStatus, lines.forwarded(why));
    return undefined;
  }
}
