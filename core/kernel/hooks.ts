import type { HookStages } from '#sdk';
import { SyncBailHook } from 'tapable';
import type { Position } from '../config/problems.ts';
import type { Timer } from './timing.ts';

/** The hooks, and how each is run. One table. */
const hookTable = {
  routing: { scope: 'gateway', sync: true },
  fallback: { scope: 'gateway', sync: false },
  preAuth: { scope: 'api', sync: false },
  auth: { scope: 'api', sync: false },
  backendRouting: { scope: 'api', sync: false },
  backendSigning: { scope: 'api', sync: false },
  response: { scope: 'api', sync: false },
} as const;

/** The stages of those that have some, in order, and that of a handler that names none. */
export const stagesOf: {
  readonly [Name in keyof HookStages]: {
    readonly order: readonly HookStages[Name][];
    readonly bare: HookStages[Name] | undefined;
  };
} = {
  auth: { order: ['authenticate', 'authorize', 'admit', 'serve'], bare: undefined },
  backendRouting: { order: ['guard', 'choose'], bare: 'choose' },
  backendSigning: { order: ['change', 'copy', 'sign'], bare: 'change' },
  response: { order: ['read', 'map', 'change'], bare: 'change' },
};

export type HookName = keyof typeof hookTable;

export type ApiHookName = Exclude<HookName, 'routing' | 'fallback'>;

/** One plugin's function at one hook. */
export interface Handler<Subject> {
  readonly plugin: string;
  readonly hook: HookName;
  /** The name it is bound under. */
  readonly binding: string;
  readonly at: Position | undefined;
  /** Null where nobody wants to know how long it takes. */
  readonly timer: Timer | null;
  handle(subject: Subject): unknown;
}

/** What ended a chain: a handler's checked answer, or its defect. */
export type Ending<Answer> =
  | { readonly handler: Handler<never>; readonly answer: Answer }
  | { readonly handler: Handler<never>; readonly fault: Error };

/** What a chain came to: undefined when every handler went on. */
type Outcome<Answer> = Ending<Answer> | undefined;

/** At once where all handlers that were called answered at once. The promise never rejects. */
export type Chain<Subject, Answer> = (subject: Subject) => Outcome<Answer> | Promise<Outcome<Answer>>;
export type SyncChain<Subject, Answer> = (subject: Subject) => Outcome<Answer>;

type Check<Answer> = (answer: unknown) => answer is Answer;

/**
 * Compiles handlers into one function, or null when there are none.
 *
 * This is the only place that touches tapable, because four of its habits would let a request through unchecked:
 * an async function given to `tap` in a bail hook ends the chain; a `tapPromise` handler that throws synchronously
 * after the first hangs it; a falsy error counts as success; `null` bails. Here every handler is a `tap` that never
 * throws, and bails with an Ending, or with the promise of how the chain ends when the handler answered a promise:
 * that of itself, and of those behind it. Handlers that answer at once run one after the other, without a promise or a
 * callback.
 */
export function compileChain<Subject, Answer>(
  hook: HookName,
  handlers: readonly Handler<Subject>[],
  isAnswer: Check<Answer>,
): Chain<Subject, Answer> | null {
  if (handlers.length === 0) return null;
  const tapable = new SyncBailHook<[Subject], ReturnType<Chain<Subject, Answer>>>(['subject'], hook);
  for (const [index, handler] of handlers.entries()) {
    // Compiled when first somebody waits: most handlers never do.
    let rest: Chain<Subject, Answer> | null | undefined;
    tapable.tap(handler.plugin, (subject) => {
      const step = take(handler, subject, isAnswer);
      if (!(step instanceof Promise)) return step;
      if (hookTable[hook].sync) {
        // Its outcome means nothing any more, and an unhandled rejection would end the process.
        step.catch(() => undefined);
        return fault(handler, new TypeError('the handler answered a promise; this hook is synchronous'));
      }
      return settled(handler, step, isAnswer).then((ending) => {
        if (ending !== undefined) return ending;
        if (rest === undefined) rest = compileChain(hook, handlers.slice(index + 1), isAnswer);
        return rest === null ? undefined : rest(subject);
      });
    });
  }
  return (subject) => tapable.call(subject);
}

/** The same for a hook whose handlers must answer at once: a promise is a fault, not an answer. */
export function compileSyncChain<Subject, Answer>(
  hook: 'routing',
  handlers: readonly Handler<Subject>[],
  isAnswer: Check<Answer>,
): SyncChain<Subject, Answer> | null {
  return compileChain(hook, handlers, isAnswer) as SyncChain<Subject, Answer> | null;
}

/** Calls a handler: what it ends the chain with, undefined to go on, or a promise of what it answers. */
function take<Subject, Answer>(
  handler: Handler<Subject>,
  subject: Subject,
  isAnswer: Check<Answer>,
): Outcome<Answer> | Promise<unknown> {
  try {
    const { timer } = handler;
    const answer =
      timer !== null && timer.isDue()
        ? timer.time((each: Subject) => handler.handle(each), subject)
        : handler.handle(subject);
    if (answer === undefined) return undefined;
    // A hand-made thenable may call back twice or throw; a real promise around it cannot.
    if (isThenable(answer)) return Promise.resolve(answer);
    return ending(handler, answer, isAnswer);
  } catch (error) {
    return thrown(handler, error, isAnswer);
  }
}

function settled<Answer>(
  handler: Handler<never>,
  promise: Promise<unknown>,
  isAnswer: Check<Answer>,
): Promise<Outcome<Answer>> {
  return promise.then(
    (answer) => (answer === undefined ? undefined : ending(handler, answer, isAnswer)),
    (error: unknown) => thrown(handler, error, isAnswer),
  );
}

function ending<Answer>(handler: Handler<never>, answer: unknown, isAnswer: Check<Answer>): Ending<Answer> {
  try {
    if (isAnswer(answer)) return { handler, answer };
  } catch (error) {
    return fault(handler, error);
  }
  const found = answer === null ? 'null' : typeof answer;
  return fault(handler, new TypeError(`the handler answered ${found}, which means nothing at this hook`));
}

// `exchange.readBody()` rejects with a refusal: a handler that lets it through means that refusal.
function thrown<Answer>(handler: Handler<never>, error: unknown, isAnswer: Check<Answer>): Ending<Answer> {
  return isAnswer(error) ? { handler, answer: error } : fault(handler, error);
}

function fault(handler: Handler<never>, error: unknown): { handler: Handler<never>; fault: Error } {
  if (error instanceof Error) return { handler, fault: error };
  return { handler, fault: new Error(`the handler threw ${typeof error}`, { cause: error }) };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
