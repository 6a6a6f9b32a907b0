import type { Group } from './exchange.ts';

/** Names a service that one plugin offers and others use; the type is what they agree on. */
export interface ServiceToken<T> {
  readonly name: string;
  /** Only for inference; never set. */
  readonly type?: T;
}

/** Declares a service. Its interface belongs beside the declaration, in `sdk/`, so that neither side imports the other. */
export function defineService<T>(name: string): ServiceToken<T> {
  return { name };
}

/** An app: who calls when an API says `auth: app`. Secrets are not part of it. */
export interface App {
  /** What stands for the app in identities, limits and logs; its name unless configured otherwise. */
  readonly id: string;
  readonly name: string;
  readonly key: string;
  /** Whether the app may call the API, given as `group/name`, in the environment. */
  mayCall(api: string, environment: string): boolean;
}

/** The apps of the configuration's `apps` section. */
export interface Apps {
  byKey(key: string): App | undefined;
  byName(name: string): App | undefined;
  /** Absent where apps have no other id than their name. */
  byId?(id: string): App | undefined;
}

export const Apps: ServiceToken<Apps> = defineService<Apps>('apps');

/** A `#name#` that stands for nothing. */
export interface MissingVariable {
  readonly name: string;
  /** Characters into the text. */
  readonly offset: number;
  /** What to report, with the names there are. */
  readonly message: string;
}

/** The variables of the groups, each in one environment (`groups.NAME.variables`). */
export interface Variables {
  /** Puts in the value of every `#name#`. Values are not expanded again. */
  expand(
    group: Group,
    environment: string,
    text: string,
  ): { readonly text: string } | { readonly missing: readonly MissingVariable[] };
}

export const Variables: ServiceToken<Variables> = defineService<Variables>('variables');

/** Somebody with credentials of an account. Secrets are not part of it. */
export interface AccountUser {
  /** What stands for the user in identities, limits and logs; its name unless configured otherwise. */
  readonly id: string;
  readonly name: string;
  readonly account: string;
}

/** The accounts (tenants) of the configuration's `accounts` section. */
export interface Accounts {
  /** In the order of the configuration. */
  readonly names: readonly string[];
  /** Whether nobody can call as a user of another account; not so when accounts live elsewhere, or none are configured. */
  readonly areAll?: boolean;
  /** @param user `account/user` */
  user(user: string): AccountUser | undefined;
}

export const Accounts: ServiceToken<Accounts> = defineService<Accounts>('accounts');

/** What a call of a function may have beside its event. */
export interface Invocation {
  /** The function sees it as `context.getRequestID()`; its log lines carry it. */
  readonly requestId: string;
  /** Less than the function's own `timeoutMs`; more has no effect. */
  readonly timeoutMs?: number;
  /** Longest answer in characters of JSON; 6 MiB unless given. */
  readonly maxResultLength?: number;
  /** Aborted when nobody wants the answer any more: the call is `busy` then, and what has begun may go on. May be ignored. */
  readonly signal?: AbortSignal;
}

/**
 * Why a function gave no answer: it took too long, too much memory, failed (threw, could not be loaded, crashed), answered
 * what it must not, has no isolate free, or cannot be reached.
 */
export type FunctionFault = 'timeout' | 'memory' | 'failed' | 'bad-answer' | 'busy' | 'unreachable';

/** The answer as JSON gave it, or why there is none; `detail` is for the log alone. */
export type FunctionResult =
  | { readonly value: unknown; readonly fault?: never }
  | { readonly fault: FunctionFault; readonly detail: string };

/** Code of the operator's: `(event, context) => answer`. */
export interface GatewayFunction {
  readonly name: string;
  /** Its own limit. */
  readonly timeoutMs: number;
  /** Of what it is made of: another one when a reload changed its source or its options. */
  readonly version: string;
  /** Calls it once. Never rejects. The event is passed as JSON, and is never logged. */
  invoke(event: Readonly<Record<string, unknown>>, invocation: Invocation): Promise<FunctionResult>;
  /**
   * Hands the call to an engine with a queue of its own; settles as `invoke` when it has taken the call, with the name it
   * gave the call, if any. Absent where there is no such engine: whoever wants to call later has to keep the event.
   */
  handOver?(event: Readonly<Record<string, unknown>>, invocation: Invocation): Promise<FunctionResult>;
}

/** What the isolates of a function do, and what they did since they were first needed. */
export interface IsolatesState {
  readonly function: string;
  readonly busy: number;
  readonly idle: number;
  /** Calls that wait for an isolate. */
  readonly waiting: number;
  readonly calls: number;
  /** Calls without an answer, by the reason; a reason that never occurred may be missing. */
  readonly faults: Readonly<Partial<Record<FunctionFault, number>>>;
}

/** The functions of the configuration's `functions` section. */
export interface Functions {
  readonly names: readonly string[];
  /** Of every function that runs in isolates of this gateway. */
  isolates?(): readonly IsolatesState[];
  byName(name: string): GatewayFunction | undefined;
}

export const Functions: ServiceToken<Functions> = defineService<Functions>('functions');
