import { hash } from 'node:crypto';
import type { Api, Clock, Exchange, FunctionFault, GatewayFunction, Log } from '#sdk';
import { readAnswer } from './answer.ts';
import type { VerdictCache } from './cache.ts';
import { eventOf } from './event.ts';
import type { Identities } from './identities.ts';
import { keyOf, scopeOf } from './key.ts';
import type { AuthorizerOptions } from './options.ts';
import { type Verdict, decided, identityMissing, relaxedVerdict, unusable } from './verdict.ts';

/** The vendor's limits: of an answer, and of a body that is handed over. */
const longestAnswer = 1024 * 1024;
const largestBody = 4 * 1024 * 1024;
const longestDetail = 1000;

/** A call that may go well the next time. What the caller sent, or a full queue, would not be otherwise then. */
const passing: ReadonlySet<FunctionFault> = new Set(['timeout', 'failed', 'unreachable']);

interface Failure {
  readonly fault: FunctionFault;
  readonly detail: string;
  /** Nobody could be asked. A caller cannot bring that about, unlike a fault of the code that looks at what it sent. */
  readonly isOutage: boolean;
}

export interface AuthorizerParts {
  readonly name: string;
  readonly options: AuthorizerOptions;
  readonly called: GatewayFunction;
  readonly identities: Identities;
  /** Undefined when no decision is kept. */
  readonly cache: VerdictCache | undefined;
  readonly log: Log;
  readonly clock: Clock;
}

/** A function that says who may call, or what a backend wants to be told. */
export class Authorizer {
  readonly #parts: AuthorizerParts;

  constructor(parts: AuthorizerParts) {
    this.#parts = parts;
  }

  /** Asks about requests for one API: what is kept for it answers at once. */
  gate(api: Api, environment: string): (exchange: Exchange) => Verdict | Promise<Verdict> {
    const { identities, options, cache, clock } = this.#parts;
    const scope = scopeOf(api.name, environment);
    return (exchange) => {
      const values = identities.read(exchange);
      if (values === undefined) return identityMissing;
      if (options.needBody) return this.#withBody(exchange, scope, values);
      if (cache === undefined) return this.#uncached(exchange, values, undefined);
      const now = clock.now();
      const key = keyOf(scope, exchange.method, values, undefined);
      // Before the form of the values is looked at: for what is kept it was.
      const kept = cache.get(key, now);
      if (kept !== undefined) return kept;
      if (!identities.match(values)) return identityMissing;
      return cache.ask(key, now, () => this.#ask(exchange, undefined, always));
    };
  }

  async #withBody(
    exchange: Exchange,
    scope: string,
    values: readonly (readonly string[])[],
  ): Promise<Verdict> {
    const { identities, cache, clock } = this.#parts;
    if (!identities.match(values)) return identityMissing;
    const body = await exchange.readBody(largestBody);
    if (cache === undefined) return this.#uncached(exchange, values, body);
    const now = clock.now();
    const key = keyOf(scope, exchange.method, values, hash('sha256', body, 'base64'));
    return cache.get(key, now) ?? cache.ask(key, now, () => this.#ask(exchange, body, always));
  }

  #uncached(
    exchange: Exchange,
    values: readonly (readonly string[])[],
    body: Buffer | undefined,
  ): Verdict | Promise<Verdict> {
    if (!this.#parts.identities.match(values)) return identityMissing;
    return this.#ask(exchange, body, () => !exchange.isAborted);
  }

  /** @param isWanted whether anybody still waits, so that another call is worth it */
  async #ask(exchange: Exchange, body: Buffer | undefined, isWanted: () => boolean): Promise<Verdict> {
    const { options, name } = this.#parts;
    const event = eventOf(exchange, body, options);
    for (let turn = 0; ; turn += 1) {
      const outcome = await this.#call(event, exchange.requestId);
      if (!('fault' in outcome)) return decided(name, outcome);
      if (turn < options.retries && (passing.has(outcome.fault) || outcome.isOutage) && isWanted()) continue;
      return this.#failed(exchange, outcome);
    }
  }

  async #call(event: Record<string, unknown>, requestId: string) {
    const { called, options } = this.#parts;
    const { timeoutMs, allowNumbersAndBooleans } = options;
    const limits = { maxResultLength: longestAnswer, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    const { fault, ...result } = await called.invoke(event, { requestId, ...limits });
    if (fault !== undefined) {
      const { detail } = result as { detail: string };
      return { fault, detail, isOutage: fault === 'unreachable' } satisfies Failure;
    }
    const answer = readAnswer((result as { value: unknown }).value, allowNumbersAndBooleans);
    if (!('problem' in answer)) return answer;
    const isOutage = answer.statusCode === 500 || answer.statusCode === 503;
    return { fault: 'bad-answer', detail: answer.problem, isOutage } satisfies Failure;
  }

  /** The cause goes to the log, and never the event: it holds what the caller sent. */
  #failed(exchange: Exchange, { fault, detail, isOutage }: Failure): Verdict {
    const { name, called, log, options } = this.#parts;
    const { requestId, api, environment } = exchange;
    const isLetThrough = options.relaxed && isOutage;
    const fields = { requestId, api: api.name, environment, authorizer: name, function: called.name, fault };
    log[isLetThrough ? 'warn' : 'error'](
      { ...fields, detail: detail.slice(0, longestDetail) },
      isLetThrough
        ? 'an authorizer could not be asked; relaxed mode lets requests through'
        : 'an authorizer gave no decision',
    );
    return isLetThrough ? relaxedVerdict(name) : unusable;
  }
}

const always = (): boolean => true;
