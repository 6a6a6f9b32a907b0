import { type Backend, BodyStream, type Completed, type Log, type RefusalKind, Reply, refuse } from '#sdk';
import { type Position, formatPosition } from '../config/problems.ts';
import type { CompletedListener, Endpoint, Finisher } from './endpoint.ts';
import type { Exchange, Outcome } from './exchange.ts';
import type { Chain, Ending } from './hooks.ts';
import { Inbound } from './inbound.ts';
import { Outbound } from './outbound.ts';
import { renderRefusal } from './render.ts';

/** How often one request may pass through the gateway before it is taken for a loop (design section 9). */
const maxPasses = 10;

const clientGone = new Error('the caller went away');

const none: readonly CompletedListener[] = [];

/**
 * Runs one request through the hooks. Everything that goes wrong becomes an answer; nothing is thrown.
 * @param malformed why the head is refused before any hook sees it
 */
export function serve(exchange: Exchange, malformed?: RefusalKind): void {
  const { snapshot } = exchange;
  snapshot.enter();
  if (malformed !== undefined) {
    respond(exchange, refuse(malformed));
    return;
  }
  const ending = snapshot.routing === null ? undefined : snapshot.routing(exchange);
  if (ending === undefined) {
    // A refusal here would be for a request that nobody serves; whoever reads too much content is refused then.
    exchange.incoming.body.limit(snapshot.fallbackLimits);
    run(snapshot.fallback, exchange, notFound);
    return;
  }
  if ('fault' in ending || ending.answer instanceof Reply) {
    conclude(exchange, ending as Ending<Reply>);
    return;
  }
  const route = ending.answer;
  const endpoint = route.target as Endpoint;
  exchange.endpoint = endpoint;
  exchange.pathValues = route.pathValues;
  exchange.pathRest = route.rest ?? '';
  if (exchange.incoming.passes >= maxPasses) {
    respond(
      exchange,
      refuse('self-call-loop', { cause: `${exchange.incoming.passes} Via entries of this gateway` }),
    );
    return;
  }
  const tooLarge = exchange.incoming.body.limit(endpoint.bodyLimits);
  if (tooLarge !== undefined) respond(exchange, tooLarge);
  else run(endpoint.preAuth, exchange, authenticate);
}

/** The caller is gone: whatever still runs is told, and its answer will be dropped. */
export function abandon(exchange: Exchange): void {
  if (exchange.isAborted || exchange.isCompleted) return;
  exchange.abort();
  complete(exchange, 499, 'client-gone', 0);
}

// The steps are functions of the exchange alone, so that a request with nothing bound allocates no closure.

function notFound(exchange: Exchange): void {
  respond(exchange, refuse('not-found'));
}

function authenticate(exchange: Exchange): void {
  run(endpointOf(exchange).auth, exchange, routeBackend);
}

/** From here on a request is the backend's: hooks before this have let it pass. */
export function routeBackend(exchange: Exchange): void {
  const { backendRouting, backend } = endpointOf(exchange);
  if (backendRouting === null) {
    call(exchange, backend);
    return;
  }
  const ending = backendRouting(exchange);
  if (ending instanceof Promise) void ending.then((later) => chosen(exchange, later));
  else chosen(exchange, ending);
}

function chosen(exchange: Exchange, ending: Ending<Reply | Backend> | undefined): void {
  if (exchange.isAborted) return;
  if (ending === undefined) call(exchange, endpointOf(exchange).backend);
  else if ('answer' in ending && !(ending.answer instanceof Reply)) call(exchange, ending.answer);
  else conclude(exchange, ending as Ending<Reply>);
}

function call(exchange: Exchange, backend: Backend): void {
  if (backend.authorize === undefined) prepare(exchange, backend);
  else authorize(exchange, backend);
}

function authorize(exchange: Exchange, backend: Backend): void {
  const proceed = (answer: unknown): void => {
    if (exchange.isAborted) return;
    if (answer === undefined) prepare(exchange, backend);
    else if (answer instanceof Reply) respond(exchange, answer);
    else backendFault(exchange, new TypeError('`authorize` answered neither undefined nor a Reply'));
  };
  // All of it in there: what a plugin without types gives may be no function.
  Promise.try(() => (backend as Required<Backend>).authorize(exchange)).then(proceed, (error: unknown) =>
    backendFault(exchange, error),
  );
}

function prepare(exchange: Exchange, backend: Backend): void {
  let outbound: Outbound;
  let refusal: Reply | undefined;
  try {
    outbound = new Outbound(exchange, `${exchange.httpVersion} ${exchange.snapshot.pseudonym}`);
    refusal = backend.prepare?.(outbound);
  } catch (error) {
    backendFault(exchange, error);
    return;
  }
  if (refusal !== undefined) {
    if (refusal instanceof Reply) respond(exchange, refusal);
    else backendFault(exchange, misprepared(refusal));
    return;
  }
  const { backendSigning } = endpointOf(exchange);
  if (backendSigning === null) {
    invoke(exchange, backend, outbound);
    return;
  }
  const ending = backendSigning(outbound);
  if (ending instanceof Promise) void ending.then((later) => signed(exchange, backend, outbound, later));
  else signed(exchange, backend, outbound, ending);
}

function signed(
  exchange: Exchange,
  backend: Backend,
  outbound: Outbound,
  ending: Ending<Reply> | undefined,
): void {
  if (exchange.isAborted) return;
  if (ending === undefined) invoke(exchange, backend, outbound);
  else conclude(exchange, ending);
}

/** What a plugin without types may answer where only undefined and a Reply mean something. */
function misprepared(answer: unknown): TypeError {
  // The rejection of a promise that nobody waits for would end the process.
  Promise.resolve(answer).catch(() => undefined);
  return new TypeError('`prepare` of the backend answered neither undefined nor a Reply');
}

function invoke(exchange: Exchange, backend: Backend, outbound: Outbound): void {
  exchange.backendStartedAt = performance.now();
  let answer: Reply | Promise<Reply>;
  try {
    answer = backend.invoke(outbound);
  } catch (error) {
    backendFault(exchange, error);
    return;
  }
  const isMock = backend.isMock === true;
  if (answer instanceof Reply) {
    answered(exchange, answer, isMock);
    return;
  }
  Promise.resolve(answer).then(
    (reply) => answered(exchange, reply, isMock),
    (error: unknown) => backendFault(exchange, error),
  );
}

function answered(exchange: Exchange, reply: Reply, isMock: boolean): void {
  if (!isMock) exchange.backendMs = performance.now() - exchange.backendStartedAt;
  if (!(reply instanceof Reply)) backendFault(exchange, new TypeError('the backend answered no Reply'));
  else respond(exchange, reply, reply.refusal === undefined ? 'backend' : 'gateway');
}

function backendFault(exchange: Exchange, error: unknown): void {
  if (error instanceof Reply) {
    respond(exchange, error);
    return;
  }
  const { api, environment, backendAt, backendRouting } = endpointOf(exchange);
  // Where another may have been chosen, nothing says whose line it was.
  const at = backendRouting === null ? written(backendAt) : undefined;
  const where = { api: api.name, environment, hook: 'backend', at };
  exchange.snapshot.log.error(
    { requestId: exchange.requestId, ...where, error: describe(error) },
    'the backend threw',
  );
  respond(exchange, refuse('internal', { cause: 'the backend threw' }));
}

function run(
  chain: Chain<Exchange, Reply> | null,
  exchange: Exchange,
  next: (exchange: Exchange) => void,
): void {
  if (chain === null) {
    next(exchange);
    return;
  }
  const ending = chain(exchange);
  if (ending instanceof Promise) void ending.then((later) => proceed(exchange, later, next));
  else proceed(exchange, ending, next);
}

function proceed(
  exchange: Exchange,
  ending: Ending<Reply> | undefined,
  next: (exchange: Exchange) => void,
): void {
  if (exchange.isAborted) return;
  if (ending === undefined) next(exchange);
  else conclude(exchange, ending);
}

function conclude(exchange: Exchange, ending: Ending<Reply>): void {
  const reply = settled(exchange, ending);
  // What a handler fetched and hands on is the backend's answer, not its own.
  if (!reply.isFromBackend) exchange.answeredBy = ending.handler;
  respond(exchange, reply, reply.isFromBackend ? 'backend' : 'gateway');
}

/** The Reply an ending stands for: a defect in a plugin is a 500 that tells the log everything and the caller nothing. */
function settled(exchange: Exchange, ending: Ending<Reply>): Reply {
  if ('answer' in ending) return ending.answer;
  const { plugin, hook, binding, at } = ending.handler;
  exchange.snapshot.log.error(
    {
      requestId: exchange.requestId,
      api: exchange.endpoint?.api.name,
      environment: exchange.endpoint?.environment,
      plugin,
      hook,
      binding,
      at: written(at),
      error: describe(ending.fault),
    },
    'a plugin failed',
  );
  return refuse('internal', { cause: `plugin ${plugin} failed at ${hook}` });
}

function respond(exchange: Exchange, reply: Reply, source: 'backend' | 'gateway' = 'gateway'): void {
  exchange.settle(reply, source);
  if (exchange.onAnswer !== null) {
    reply.isFromBackend = source === 'backend';
    exchange.onAnswer(reply);
    return;
  }
  const inbound = new Inbound(exchange, reply, source);
  if (exchange.isAborted) {
    drop(inbound, clientGone);
    return;
  }
  const response = exchange.endpoint === null ? null : exchange.endpoint.response;
  const ending = response === null ? undefined : response(inbound);
  if (ending instanceof Promise) void ending.then((later) => responded(exchange, inbound, later));
  else responded(exchange, inbound, ending);
}

function responded(exchange: Exchange, inbound: Inbound, ending: Ending<Reply> | undefined): void {
  if (ending === undefined) {
    deliver(exchange, inbound);
    return;
  }
  exchange.answeredBy = ending.handler;
  drop(inbound, new Error('the answer was replaced'));
  deliver(exchange, new Inbound(exchange, settled(exchange, ending), 'gateway'));
}

/** Nobody gets this answer. */
function drop({ body, tunnel }: Inbound, reason: Error): void {
  if (body instanceof BodyStream) body.cancel(reason);
  tunnel?.destroy();
}

function deliver(exchange: Exchange, inbound: Inbound): void {
  if (exchange.isAborted) {
    drop(inbound, clientGone);
    return;
  }
  const { refusal } = inbound;
  // Not of the exchange: what a plugin without types puts there may be nothing that can be sent.
  const { requestId } = exchange.incoming;
  exchange.refusal = refusal;
  try {
    finish(exchange, inbound);
    if (refusal !== undefined && inbound.body === null) {
      inbound.headers.set('Content-Type', 'application/json');
      inbound.body = renderRefusal(refusal, requestId);
    }
    inbound.headers.set('X-Request-Id', requestId);
    if (inbound.tunnel === null || inbound.status !== 101) checkFinal(inbound);
    exchange.incoming.delivery.send(inbound, exchange, (bytesSent, outcome, bytesReceived) => {
      complete(exchange, inbound.status, outcome, bytesSent, bytesReceived);
    });
  } catch (error) {
    undeliverable(exchange, inbound, error);
  }
}

/** A plugin made an answer that cannot be sent, such as one with the status 99; its caller still gets one. */
function undeliverable(exchange: Exchange, inbound: Inbound, error: unknown): void {
  const { requestId, endpoint, snapshot, answeredBy } = exchange;
  const { plugin, hook } = answeredBy ?? {};
  snapshot.log.error(
    { requestId, api: endpoint?.api.name, plugin, hook, error: describe(error) },
    'an answer could not be sent',
  );
  // One that has a receiver already is somebody else's answer.
  if (!(inbound.body instanceof BodyStream && inbound.body.isTaken))
    drop(inbound, new Error('the answer could not be sent'));
  // Once only: what cannot send a plain refusal can send nothing.
  if (inbound.refusal?.kind === 'internal') complete(exchange, inbound.status, 'cut', 0);
  else
    deliver(
      exchange,
      new Inbound(exchange, refuse('internal', { cause: 'the answer could not be sent' }), 'gateway'),
    );
}

/** With another status the answer of a backend that switched protocols is an ordinary one. */
function checkFinal({ status, tunnel }: Inbound): void {
  tunnel?.destroy();
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new RangeError(`not a final status code: ${status}`);
}

// Without a closure for each: this runs for every answer.
function finish(exchange: Exchange, inbound: Inbound): void {
  const { endpoint, snapshot } = exchange;
  for (const finisher of endpoint === null ? snapshot.unrouted : endpoint.finishers) {
    try {
      // A plugin without types may give an async function: nobody waits for it, but its rejection would end the process.
      const result = finisher.finish(inbound) as unknown;
      if (result instanceof Promise) result.catch((error: unknown) => unfinished(exchange, finisher, error));
    } catch (error) {
      unfinished(exchange, finisher, error);
    }
  }
}

function unfinished(exchange: Exchange, finisher: Finisher, error: unknown): void {
  const { endpoint, snapshot, requestId } = exchange;
  const { plugin, hook, binding, at } = finisher;
  const place = { plugin, hook, binding, at: written(at) };
  const where = { requestId, api: endpoint?.api.name, environment: endpoint?.environment, ...place };
  snapshot.log.error({ ...where, error: describe(error) }, 'a plugin failed');
}

function complete(
  exchange: Exchange,
  status: number,
  outcome: Outcome,
  bytesSent: number,
  bytesReceived: number = exchange.incoming.body.bytesReceived,
): void {
  if (exchange.isCompleted) return;
  exchange.isCompleted = true;
  const { snapshot, endpoint } = exchange;
  const bound = endpoint === null ? none : endpoint.completed;
  if (bound.length > 0 || snapshot.completed.length > 0) {
    const notice: Completed = {
      arrival: exchange,
      exchange: endpoint === null ? undefined : exchange,
      status,
      outcome,
      bytesReceived,
      bytesSent,
      durationMs: performance.now() - exchange.startedAt,
      backendMs: exchange.backendMs,
      refusal: exchange.refusal,
      answeredBy: exchange.answeredBy,
    };
    for (const listener of bound) tell(listener, notice, snapshot.log);
    for (const listener of snapshot.completed) tell(listener, notice, snapshot.log);
  }
  snapshot.leave();
}

function tell(listener: CompletedListener, notice: Completed, log: Log): void {
  try {
    const result = listener.notify(notice) as unknown;
    // Nobody waits for an async function, but its rejection would end the process.
    if (result instanceof Promise) result.catch((error: unknown) => untold(listener, error, log));
  } catch (error) {
    untold(listener, error, log);
  }
}

function untold({ plugin, binding, at }: CompletedListener, error: unknown, log: Log): void {
  const place = { plugin, hook: 'completed', binding, at: written(at) };
  log.error({ ...place, error: describe(error) }, 'a plugin failed');
}

function endpointOf(exchange: Exchange): Endpoint {
  if (exchange.endpoint === null) throw new Error('no endpoint before routing');
  return exchange.endpoint;
}

function written(at: Position | undefined): string | undefined {
  return at === undefined ? undefined : formatPosition(at);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
