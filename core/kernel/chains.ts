import { type Backend, type HandlerTiming, type Published, Reply, refuse } from '#sdk';
import type { Position } from '../config/problems.ts';
import type { Bound } from '../plugins/bind.ts';
import type { CompletedListener, Describer, Endpoint, Finisher } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { type ApiHookName, type Handler, compileChain, stagesOf } from './hooks.ts';
import type { Inbound } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import type { BodyLimits } from './content-reader.ts';
import { timed, timerOf } from './timing.ts';

/** A binding in its place in the YAML. */
export interface Placed {
  readonly bound: Bound;
  readonly at: Position | undefined;
}

/** Compiles the hooks of one API in one environment, in the order of its bindings. */
export function compileEndpoint(
  published: Published,
  placed: readonly Placed[],
  backend: Backend,
  bodyLimits: BodyLimits,
  timings: readonly HandlerTiming[] = [],
): Endpoint {
  const handlers = {
    preAuth: collect<Exchange>(placed, 'preAuth', timings),
    auth: authHandlers(placed, timings),
    backendRouting: inStages<Exchange>(placed, 'backendRouting', timings).flat(),
    backendSigning: inStages<Outbound>(placed, 'backendSigning', timings).flat(),
    response: inStages<Inbound>(placed.toReversed(), 'response', timings).flat(),
  };
  const completed: CompletedListener[] = [];
  const finishers: Finisher[] = [];
  const describers: Describer[] = [];
  for (const { bound, at } of placed) {
    const { hooks, prepared } = bound;
    const notify = hooks.completed?.bind(hooks);
    const finish = hooks.finish?.bind(hooks);
    const describe = hooks.describe?.bind(hooks);
    const plugin = prepared.plugin.definition.name;
    const binding = prepared.name;
    if (notify !== undefined)
      completed.push({ plugin, binding, at, notify: timed(timings, plugin, 'completed', notify) });
    if (finish !== undefined) {
      const finishing = timed(timings, plugin, 'finish', finish);
      finishers.unshift({ plugin, hook: 'finish', binding, at, finish: finishing });
    }
    if (describe !== undefined) describers.push({ plugin, binding, at, describe });
  }
  return {
    ...published,
    preAuth: compileChain('preAuth', handlers.preAuth, isReply),
    auth: compileChain('auth', handlers.auth, isReply),
    backendRouting: compileChain('backendRouting', handlers.backendRouting, isReplyOrBackend),
    backendSigning: compileChain('backendSigning', handlers.backendSigning, isReply),
    response: compileChain('response', handlers.response, isReply),
    finishers,
    completed,
    backend,
    // Its own plugin is placed last.
    backendAt: placed.at(-1)?.at,
    bodyLimits,
    handlers,
    describers,
  };
}

/** By stage, then by place; and where somebody authenticates, whoever got through it without an identity is refused. */
function authHandlers(placed: readonly Placed[], timings: readonly HandlerTiming[]): Handler<Exchange>[] {
  const [authenticators = [], ...later] = inStages<Exchange>(placed, 'auth', timings);
  if (authenticators.length === 0) return later.flat();
  const required: Handler<Exchange> = {
    plugin: 'kernel',
    hook: 'auth',
    binding: 'identity required',
    at: undefined,
    timer: null,
    // Not only null: a plugin without types may set what a look-up did not find.
    handle: ({ identity }) =>
      typeof identity === 'object' && identity !== null ? undefined : refuse('not-authenticated'),
  };
  return [...authenticators, required, ...later.flat()];
}

/** The handlers at each stage of a hook, in the order of the stages. */
function inStages<Subject>(
  placed: readonly Placed[],
  hook: keyof typeof stagesOf,
  timings: readonly HandlerTiming[],
): Handler<Subject>[][] {
  const { order, bare } = stagesOf[hook];
  const stageAt = ({ bound: { hooks } }: Placed): string | undefined => {
    const bound = hooks[hook];
    return typeof bound === 'object' ? bound.stage : bare;
  };
  return order.map((stage) =>
    collect<Subject>(
      placed.filter((each) => stageAt(each) === stage),
      hook,
      timings,
    ),
  );
}

function collect<Subject>(
  placed: readonly Placed[],
  hook: ApiHookName,
  timings: readonly HandlerTiming[],
): Handler<Subject>[] {
  const handlers: Handler<Subject>[] = [];
  for (const { bound, at } of placed) {
    const { hooks, prepared } = bound;
    const own = hooks[hook];
    const bare = typeof own === 'object' ? own.handle.bind(own) : own?.bind(hooks);
    if (bare === undefined) continue;
    // The hook's name decides what it is called with; the types of the table say the same for each hook.
    const typed = bare as (subject: Subject) => unknown;
    const plugin = prepared.plugin.definition.name;
    const timer = timerOf(timings, plugin, hook);
    handlers.push({ plugin, hook, binding: prepared.name, at, timer, handle: typed });
  }
  return handlers;
}

/** Whether a value may end a hook that takes a Reply. */
export function isReply(value: unknown): value is Reply {
  return value instanceof Reply;
}

function isReplyOrBackend(value: unknown): value is Reply | Backend {
  return (
    isReply(value) ||
    (typeof value === 'object' && value !== null && typeof (value as Backend).invoke === 'function')
  );
}
