import type { Connect } from './connect.ts';
import { type Home, OriginConnection } from './connection.ts';
import { type AnswerHandler, OriginRequest } from './origin-request.ts';
import { type RequestOptions, writeRequestHead } from './request-head.ts';

/** How connections to one origin are kept. */
export interface OriginOptions {
  readonly connections: number;
  readonly idleMs: number;
  readonly maxHeadBytes: number;
  readonly connect: Connect;
}

/** Servers close a connection at the time that they told; a request must not be on its way by then. */
const keptMarginMs = 2000;

/**
 * Connections to one origin over plain HTTP/1.1, one request at a time on each. What undici's `Pool` does of that, at
 * half the cost: its parser is WebAssembly that calls back for each name and value.
 */
export class OriginPool implements Home {
  readonly maxHeadBytes: number;
  readonly #url: URL;
  readonly #options: OriginOptions;
  /** The one used last is at the end, and is used next: the others can be closed. */
  readonly #idle: OriginConnection[] = [];
  readonly #waiting = new Set<OriginRequest>();
  #freed: OriginConnection[] = [];
  #due: OriginConnection[] = [];
  #open = 0;
  #sweeper: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(origin: string, options: OriginOptions) {
    this.#url = new URL(origin);
    this.#options = options;
    this.maxHeadBytes = options.maxHeadBytes;
  }

  dispatch(options: RequestOptions, handler: AnswerHandler): void {
    let request: OriginRequest;
    try {
      request = new OriginRequest(options, writeRequestHead(options), handler);
    } catch (error) {
      handler.onAnswerError(error as Error);
      return;
    }
    this.#place(request);
  }

  /** Requests that are under way are finished. */
  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#sweeper ?? undefined);
    for (const connection of this.#idle.slice()) connection.close();
    return Promise.resolve();
  }

  /** A server that closes without saying so gets the time to be heard: it can be used one turn of the event loop later. */
  free(connection: OriginConnection, keptMs: number): void {
    connection.usableUntil = performance.now() + Math.min(this.#options.idleMs, keptMs - keptMarginMs);
    if (this.#freed.push(connection) === 1) setImmediate(() => this.#takeFreed());
  }

  next(): OriginRequest | undefined {
    for (const next of this.#waiting) {
      // It gets a connection of its own.
      if (next.wantsUpgrade) continue;
      this.#waiting.delete(next);
      return next;
    }
    return undefined;
  }

  gone(connection: OriginConnection, unsent: OriginRequest | null): void {
    this.#open -= 1;
    const index = this.#idle.lastIndexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    if (unsent !== null) this.#place(unsent);
    this.#openNext();
  }

  #takeFreed(): void {
    const freed = this.#freed;
    this.#freed = [];
    const now = performance.now();
    for (const connection of freed) {
      if (connection.isGone) continue;
      if (connection.usableUntil <= now) {
        connection.close();
        continue;
      }
      const next = this.next();
      if (next !== undefined) this.#give(connection, next);
      else if (this.#isClosed || this.#waiting.size > 0) connection.close();
      else this.#keep(connection);
    }
  }

  #keep(connection: OriginConnection): void {
    this.#idle.push(connection);
    this.#sweeper ??= setTimeout(() => this.#sweep(), this.#options.idleMs).unref();
  }

  #place(request: OriginRequest): void {
    const connection = request.wantsUpgrade ? undefined : this.#takeIdle();
    if (connection !== undefined) this.#give(connection, request);
    else if (this.#open < this.#options.connections) this.#connect(request);
    else {
      this.#waiting.add(request);
      // Its place is taken by the next that waits.
      if (request.wantsUpgrade) this.#idle[0]?.close();
    }
  }

  #takeIdle(): OriginConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.usableUntil > performance.now()) return connection;
      connection.close();
    }
    return undefined;
  }

  /**
   * It is sent when all that has come by now is read: an end of the connection, or bytes that nobody asked for and that
   * would be taken for the answer.
   */
  #give(connection: OriginConnection, request: OriginRequest): void {
    connection.assign(request);
    if (this.#due.push(connection) === 1) setImmediate(() => this.#sendDue());
  }

  #sendDue(): void {
    const due = this.#due;
    this.#due = [];
    for (const connection of due) connection.send();
  }

  #connect(request: OriginRequest): void {
    this.#open += 1;
    const { hostname, host, protocol, port } = this.#url;
    // An IPv6 address is written in brackets in a URL only.
    const name = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    let connection: OriginConnection | null = null;
    // What other protocol it may be is for streams.
    const receive = request.wantsUpgrade ? null : (bytes: Buffer): void => connection?.received(bytes);
    // What connects may remember whom it called back, and a request leads to a whole configuration.
    let first: OriginRequest | null = request;
    this.#options.connect({ hostname: name, host, protocol, port }, receive, (...[error, socket]) => {
      const waiting = first;
      first = null;
      if (error === null) {
        connection = new OriginConnection(socket, this, receive === null);
        this.#begin(connection, waiting);
        return;
      }
      this.#open -= 1;
      waiting?.fail(error);
      this.#openNext();
    });
  }

  #begin(connection: OriginConnection, request: OriginRequest | null): void {
    if (request === null) return;
    connection.assign(request);
    connection.send();
  }

  /** A place has become free. */
  #openNext(): void {
    if (this.#open >= this.#options.connections) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#connect(next);
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#idle.slice()) if (connection.usableUntil <= now) connection.close();
    const [oldest] = this.#idle;
    const waitMs = oldest === undefined ? 0 : Math.max(1, oldest.usableUntil - now);
    this.#sweeper = oldest === undefined ? null : setTimeout(() => this.#sweep(), waitMs).unref();
  }
}
