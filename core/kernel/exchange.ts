import {
  type BackendCall,
  type Exchange as PublicExchange,
  type Fields,
  type Identity,
  type Api,
  type NoteKey,
  type Notes,
  Params,
  parseCookies,
  readForm,
  type Refusal,
  type Reply,
  type Settled,
} from '#sdk';
import type { Endpoint, Snapshot } from './endpoint.ts';
import type { RequestBody } from './request-body.ts';
import type { Handler } from './hooks.ts';
import type { Inbound } from './inbound.ts';

/** How a request ended; see `Completed.outcome` of the SDK. */
export type Outcome = 'answered' | 'client-gone' | 'cut';

/** Told when an answer is done with; the bytes received are those of the request's content unless given. */
export type Done = (bytesSent: number, outcome: Outcome, bytesReceived?: number) => void;

/** Where an answer goes: the caller's connection, or the exchange that called the gateway itself. */
export interface Delivery {
  /** Sends the answer; calls `done` once, after the last byte or when it is cut short. */
  send(inbound: Inbound, exchange: Exchange, done: Done): void;
  /** Forwards an interim answer (1xx). */
  inform(status: number, flat: readonly string[]): void;
}

/** What the ingress knows of a request. */
export interface Incoming {
  readonly requestId: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly rawQuery: string;
  /** Whether the target ended in a `?` with nothing behind it. */
  readonly hasEmptyQuery: boolean;
  readonly headers: Fields;
  readonly clientAddress: string;
  readonly httpVersion: string;
  readonly receivedAt: number;
  readonly body: RequestBody;
  readonly delivery: Delivery;
  /** Number of times this request went through the gateway before, by its `Via` entries. */
  readonly passes: number;
  readonly isSelfCall: boolean;
  /** The protocol that the connection can be switched to, because the caller asked for it. */
  readonly upgrade?: 'websocket' | undefined;
}

const noValues: ReadonlyMap<string, string> = new Map();

/** One or two notes, mostly: looking through them takes less than a Map. */
class NoteList implements Notes {
  readonly #keys: NoteKey<unknown>[] = [];
  readonly #values: unknown[] = [];

  get<T>(key: NoteKey<T>): T | undefined {
    const index = this.#keys.indexOf(key);
    // Set under this key, whose type is that of the value.
    return index < 0 ? undefined : (this.#values[index] as T);
  }

  set<T>(key: NoteKey<T>, value: T): void {
    const index = this.#keys.indexOf(key);
    if (index < 0) this.#keys.push(key);
    this.#values[index < 0 ? this.#values.length : index] = value;
  }
}

/** One request, from its head to the last byte of its answer. Implements what plugins see, and carries the run. */
export class Exchange implements PublicExchange {
  readonly incoming: Incoming;
  readonly requestId: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly headers: Fields;
  readonly clientAddress: string;
  readonly receivedAt: number;
  readonly startedAt: number = performance.now();

  endpoint: Endpoint | null = null;
  pathValues: ReadonlyMap<string, string> = noValues;
  pathRest = '';
  identity: Identity | null = null;
  isAborted = false;
  isCompleted = false;
  refusal: Refusal | undefined;
  answeredBy: Handler<never> | undefined;
  backendStartedAt = 0;
  backendMs: number | undefined;
  /** Takes the answer instead of the caller, before `response`: this is a call of `callBackend`. */
  onAnswer: ((reply: Reply) => void) | null = null;
  readonly snapshot: Snapshot;

  #query: Params | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;
  #notes: Notes | undefined;
  #abortListeners: (() => void)[] | undefined;
  #replyListeners: ((settled: Settled) => void)[] | null = null;

  constructor(incoming: Incoming, snapshot: Snapshot) {
    this.incoming = incoming;
    this.snapshot = snapshot;
    this.requestId = incoming.requestId;
    this.method = incoming.method;
    this.scheme = incoming.scheme;
    this.host = incoming.host;
    this.path = incoming.path;
    this.rawQuery = incoming.rawQuery;
    this.headers = incoming.headers;
    this.clientAddress = incoming.clientAddress;
    this.receivedAt = incoming.receivedAt;
  }

  get port(): number {
    return this.incoming.port;
  }

  get httpVersion(): string {
    return this.incoming.httpVersion;
  }

  get api(): Api {
    return this.#endpoint().api;
  }

  get environment(): string {
    return this.#endpoint().environment;
  }

  get query(): Params {
    return (this.#query ??= Params.parse(this.rawQuery));
  }

  get cookies(): ReadonlyMap<string, string> {
    return (this.#cookies ??= parseCookies(this.headers.get('cookie')));
  }

  get notes(): Notes {
    return (this.#notes ??= new NoteList());
  }

  get hasBody(): boolean {
    return !this.incoming.body.isEmpty;
  }

  readBody(maxBytes?: number): Promise<Buffer> {
    return this.incoming.body.read(maxBytes);
  }

  readForm(): Promise<Params> {
    return readForm(this.headers, () => this.readBody());
  }

  callBackend(call: BackendCall = {}): Promise<Reply> {
    return this.snapshot.callBackend(this, call);
  }

  /** Takes over what is known of the request that this one is made from. */
  inherit(outer: Exchange): void {
    this.endpoint = outer.endpoint;
    this.pathValues = outer.pathValues;
    this.pathRest = outer.pathRest;
    this.identity = outer.identity;
    this.#notes = outer.notes;
  }

  onAbort(listener: () => void): void {
    if (this.isAborted) listener();
    else if (this.#abortListeners === undefined) this.#abortListeners = [listener];
    else this.#abortListeners.push(listener);
  }

  onReply(listener: (settled: Settled) => void): void {
    if (this.#replyListeners === null) this.#replyListeners = [listener];
    else this.#replyListeners.push(listener);
  }

  /** It came to this, before `response`. */
  settle(reply: Reply, source: Settled['source']): void {
    const listeners = this.#replyListeners;
    if (listeners === null || this.isAborted) return;
    this.#replyListeners = null;
    const settled = { reply, source, backendMs: this.backendMs };
    for (const listener of listeners) this.#tell(() => listener(settled), 'a listener of the answer failed');
  }

  /** The caller is gone. */
  abort(): void {
    if (this.isAborted) return;
    this.isAborted = true;
    const listeners = this.#abortListeners;
    this.#abortListeners = undefined;
    for (const listener of listeners ?? []) this.#tell(listener, 'an abort listener failed');
  }

  /** A plugin's fault here would otherwise end the process: this runs in an event of the connection. */
  #tell(listener: () => unknown, message: string): void {
    const failed = (error: unknown): void => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.snapshot.log.error(
        { requestId: this.requestId, api: this.endpoint?.api.name, error: reason },
        message,
      );
    };
    try {
      const result = listener();
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #endpoint(): Endpoint {
    if (this.endpoint === null) throw new Error('no API is known before routing');
    return this.endpoint;
  }
}
