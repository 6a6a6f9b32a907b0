import type { Socket } from 'node:net';
import { fieldsOf } from '#sdk/fields';
import { RequestBody } from '../../kernel/request-body.ts';
import { serve } from '../../kernel/serve.ts';
import { type Connection, type IngressHost, connectionRefusal, createExchange } from '../accept.ts';
import { readHead } from '../head.ts';
import { refuseOnSocket } from '../refuse-early.ts';
import type { PlainAnswer } from './answer.ts';
import { type Home, PlainConnection } from './connection.ts';
import type { PlainRequest } from './request.ts';

/** How often idle connections are looked at. */
const sweepMs = 500;
/** For how much longer they are kept than callers are told, whose requests may be on their way by then. */
const graceMs = 1000;

/** What a listener's connections are given. */
export interface PlainOptions {
  readonly host: IngressHost;
  readonly secure: (socket: Socket) => Connection['secure'];
  /** Serves connections on which something else came than a plain request. */
  readonly handOver: (socket: Socket) => void;
}

/**
 * The connections of a listener on which nothing but plain requests came. Reading and answering these takes a third of
 * what Node's server takes, which knows all of HTTP: with the first byte of anything else a connection is Node's.
 */
export class PlainConnections implements Home {
  readonly secure: Home['secure'];
  readonly #options: PlainOptions;
  readonly #open = new Set<PlainConnection>();
  readonly #sweeper: NodeJS.Timeout;
  #isDraining = false;

  constructor(options: PlainOptions) {
    this.secure = options.secure;
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  get keptSeconds(): number | null {
    return this.#isDraining ? null : Math.floor(this.#options.host.limits().keepAliveTimeoutMs / 1000);
  }

  accept(socket: Socket): void {
    this.#open.add(new PlainConnection(socket, this));
  }

  serve({ method, target, flat, content }: PlainRequest, answer: PlainAnswer, connection: Connection): void {
    const { host } = this.#options;
    const httpVersion = '1.1';
    const head = readHead({ method, target, httpVersion }, flat, host.limits(), host.pseudonym);
    const exchange = createExchange(host, connection, {
      method,
      httpVersion,
      head,
      headers: fieldsOf(flat, true),
      body: new RequestBody(content, head.contentLength),
      delivery: answer,
    });
    answer.attach(exchange);
    const refusal = head.refusal ?? connectionRefusal(host, head.host, connection);
    if (refusal !== undefined) answer.isKept = false;
    serve(exchange, refusal);
  }

  handOver(socket: Socket): void {
    this.#options.handOver(socket);
  }

  forget(connection: PlainConnection): void {
    this.#open.delete(connection);
  }

  /** Connections end with the answers that are under way. */
  drain(): void {
    this.#isDraining = true;
    for (const { isIdle, socket } of this.#open) if (isIdle) socket.destroy();
  }

  cut(): void {
    for (const { socket } of this.#open) socket.destroy();
  }

  /** There are none any more. */
  close(): void {
    clearInterval(this.#sweeper);
  }

  #sweep(): void {
    const { headersTimeoutMs, keepAliveTimeoutMs } = this.#options.host.limits();
    const now = performance.now();
    for (const connection of this.#open) {
      if (!connection.isIdle) continue;
      const waitedMs = now - connection.waitsSince;
      if (connection.isUsed && waitedMs >= keepAliveTimeoutMs + graceMs) connection.socket.destroy();
      else if (!connection.isUsed && waitedMs >= headersTimeoutMs) refuse(connection);
    }
  }
}

/** It never sent anything. */
function refuse(connection: PlainConnection): void {
  const { socket } = connection;
  connection.release();
  socket.on('error', () => socket.destroy());
  refuseOnSocket(Object.assign(new Error('no request'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
}
