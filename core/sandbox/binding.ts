import {
  type Api,
  type Backend,
  type Exchange,
  type Inbound,
  type Log,
  type Needs,
  type Outbound,
  type Reply,
  refuse,
} from '#sdk';
import type { CallLimits } from '#sdk/isolates';
import { type Carry, changesOfExchange, changesOfInbound, changesOfOutbound, replyOf } from './apply.ts';
import type { Cage } from './cage.ts';
import { type Changes, Handled } from './shapes.ts';
import { Teller } from './tell.ts';
import { readUntrusted } from './untrusted.ts';

/** Hooks that a sandboxed plugin can have and that may answer. */
export type AnsweringHook = 'preAuth' | 'auth' | 'backendRouting' | 'backendSigning' | 'response';

/** What `bind` in an isolate is told; sent again when a new isolate takes its place. */
export interface BindInfo {
  readonly config: unknown;
  readonly api: Pick<Api, 'name' | 'request'> & { readonly group: Pick<Api['group'], 'name' | 'hosts'> };
  readonly environment: string;
  readonly binding: string;
}

export interface BindingParts {
  readonly plugin: string;
  readonly key: string;
  readonly info: BindInfo;
  readonly cage: Cage;
  readonly limits: CallLimits;
  readonly needs: Needs;
  /** Whether a fault lets the request pass. */
  readonly isOpen: boolean;
  readonly log: Log;
  readonly now: () => number;
}

/** Of what outlives the call: notes and identity, as JSON. */
const maxKeptCharacters = 16 * 1024;

/** A sandboxed plugin bound to one API in one environment: hands each hook's call to an isolate, and carries out its answer. */
export class SandboxedBinding {
  readonly #parts: BindingParts;
  readonly #teller: Teller;
  backends: readonly Backend[] = [];
  /** Whether a handler authenticates, so that it may say who calls. */
  isAuthenticator = false;

  constructor(parts: BindingParts) {
    this.#parts = parts;
    this.#teller = new Teller(parts.needs);
  }

  get isOpen(): boolean {
    return this.#parts.isOpen;
  }

  get teller(): Teller {
    return this.#teller;
  }

  onExchange(
    hook: 'preAuth' | 'auth' | 'backendRouting',
    exchange: Exchange,
  ): Promise<Reply | Backend | undefined> {
    return this.#run(
      hook,
      exchange,
      () => this.#teller.exchange(exchange),
      () => () => undefined,
    );
  }

  onOutbound(outbound: Outbound): Promise<Reply | Backend | undefined> {
    const check = (changes: Changes): Carry => changesOfOutbound(outbound, changes);
    return this.#run('backendSigning', outbound.exchange, () => this.#teller.outbound(outbound), check);
  }

  onInbound(inbound: Inbound): Promise<Reply | Backend | undefined> {
    const check = (changes: Changes): Carry => changesOfInbound(inbound, changes);
    return this.#run('response', inbound.exchange, () => this.#teller.inbound(inbound), check);
  }

  /** Calls, and again with what `bind` needs when a new isolate took the call. @throws Error for a fault */
  async call(op: string, rest: object): Promise<Handled> {
    const { key, cage, limits, now } = this.#parts;
    const call = { op, key, now: now(), ...rest };
    const first = await this.#ask(cage, JSON.stringify(call), limits);
    if (first.isUnbound !== true) return first;
    const second = await this.#ask(cage, JSON.stringify({ ...call, info: this.#parts.info }), limits);
    if (second.isUnbound === true) throw new Error('it says that it was never bound');
    return second;
  }

  async #ask(cage: Cage, call: string, limits: CallLimits): Promise<Handled> {
    const result = await cage.call(call, limits);
    if (result.fault !== undefined) throw new CallFault(result.fault, result.detail);
    return readUntrusted(Handled, result.json);
  }

  async #run(
    hook: AnsweringHook,
    exchange: Exchange,
    tell: () => Promise<object>,
    check: (changes: Changes) => Carry,
  ): Promise<Reply | Backend | undefined> {
    const { cage, isOpen } = this.#parts;
    if (cage.suspendedUntil !== undefined)
      return isOpen ? undefined : refuse('internal', { cause: `plugin ${this.#parts.plugin} is suspended` });
    const data = await tell();
    try {
      const handled = await this.call(hook, { data });
      const answer = this.#take(hook, exchange, handled, check);
      cage.succeeded(hook);
      return answer;
    } catch (error) {
      this.fault(hook, error);
      if (!isOpen) throw error;
      return undefined;
    }
  }

  /** Notes a fault; a busy gateway is none of the plugin's. */
  fault(hook: string, error: unknown): void {
    const { cage, log, plugin, info, isOpen } = this.#parts;
    const isOwn = !(error instanceof CallFault && (error.kind === 'busy' || error.kind === 'disposed'));
    if (isOwn) cage.failed(hook);
    // Otherwise the kernel logs it with the refusal.
    if (!isOpen && hook !== 'completed') return;
    const reason = error instanceof Error ? error.message : 'it failed';
    const { binding, environment, api } = info;
    log.warn(
      { plugin, binding, hook, api: api.name, environment, error: reason },
      'a sandboxed plugin failed',
    );
  }

  /** All is checked before anything is changed: a fault must not leave half of it, since the request may go on. */
  #take(
    hook: AnsweringHook,
    exchange: Exchange,
    { changes, reply, backend }: Handled,
    check: (changes: Changes) => Carry,
  ): Reply | Backend | undefined {
    const carried = changes ?? { exchange: [], headers: [] };
    const mayIdentify = hook === 'auth' && this.isAuthenticator;
    const carry = [changesOfExchange(exchange, carried, mayIdentify), check(carried)];
    const { notes, identity } = carried;
    if ((notes ?? identity) !== undefined && JSON.stringify([notes, identity]).length > maxKeptCharacters)
      throw new Error(`its notes and its identity have more than ${maxKeptCharacters} characters`);
    const answer = reply === undefined ? undefined : replyOf(reply);
    const chosen = backend === undefined ? undefined : this.backends[backend];
    if (backend !== undefined && (chosen === undefined || hook !== 'backendRouting'))
      throw new Error('it answered a backend that there is not');
    for (const each of carry) each();
    if (notes !== undefined) exchange.notes.set(this.#teller.notes, notes);
    return answer ?? chosen;
  }
}

/** A call without an answer. */
class CallFault extends Error {
  readonly kind: string;

  constructor(kind: string, detail: string) {
    super(`${kind}: ${detail}`);
    this.kind = kind;
  }
}
