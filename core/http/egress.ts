import { type Socket, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { buildConnector, type Dispatcher } from 'undici';
import { BodyStream, Fields, type HttpTarget, Reply, type RefusalKind, type Timeouts, refuse } from '#sdk';
import { isChecked, linesOf } from '#sdk/fields';
import { answeredFields, answeredTrailers, interimFields } from '../kernel/forwarding.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { ForwardBody } from '../kernel/request-body.ts';
import { Switched } from '../kernel/tunnel.ts';
import { Deadline } from './deadlines.ts';
import type { AnswerHandler } from './origin/origin-request.ts';
import { connector } from './origin/connect.ts';
import { OriginPool } from './origin/pool.ts';
import type { RequestOptions } from './origin/request-head.ts';
import { UndiciPool } from './undici-pool.ts';
import { SocketTunnel } from './tunnel.ts';

/** How connections to servers are kept. */
export interface EgressLimits {
  readonly connectionsPerOrigin: number;
  readonly connectTimeoutMs: number;
  /** Below what servers usually keep idle connections open for, so that the gateway closes first. */
  readonly idleConnectionMs: number;
}

/** RFC 9110 section 9.2.2: sending these twice does no more than sending them once. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** What a connection dies of; anything else is an answer of a kind. */
const connectionLoss: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** An answer's head may be as large as a request's. */
const maxHeaderBytes = 128 * 1024;
/** About what an interim answer is without fields. */
const statusLineBytes = 32;

/** Errors of connections that had answered before: such a one may have died unnoticed while it was idle. */
const onReused = new WeakSet<Error>();

/**
 * Set while an error of a connection is told to the request on it: undici takes a reset for the end of an answer that
 * has no other, and such an answer would look whole.
 */
let isResetting = false;

/** Sends requests to one origin. */
export interface OriginClient {
  dispatch(options: RequestOptions, handler: AnswerHandler): void;
  /** Requests that are under way are finished. */
  close(): Promise<void>;
}

/** One pool of connections for an origin; it outlives the configurations that use it. */
export function createPool(origin: string, limits: EgressLimits): OriginClient {
  const connections = limits.connectionsPerOrigin;
  if (origin.startsWith('http:')) {
    const connect = connector(limits.connectTimeoutMs);
    return new OriginPool(origin, {
      connections,
      idleMs: limits.idleConnectionMs,
      maxHeadBytes: maxHeaderBytes,
      connect: (to, receive, callback) => connect(to, receive, watched(callback)),
    });
  }
  const connect = buildConnector({ timeout: limits.connectTimeoutMs, allowH2: false });
  return new UndiciPool(origin, {
    connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: limits.idleConnectionMs,
    // A server's own word for it can only shorten the time.
    keepAliveMaxTimeout: limits.idleConnectionMs,
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: 0,
    connect: (options, callback) =>
      connect({ ...options, servername: nameOf(options.servername) }, watched(callback)),
  });
}

/** Remembers what connections die of. */
function watched(callback: buildConnector.Callback): buildConnector.Callback {
  return (...result) => {
    if (result[0] === null) watch(result[1]);
    callback(...result);
  };
}

// A function of its own: a listener that was made beside `callback` would hold that for as long as the connection lives.
function watch(socket: Socket): void {
  // Before the listener that tells the request.
  socket.on('error', (failure: Error) => {
    if (socket.bytesRead > 0) onReused.add(failure);
    isResetting = true;
    process.nextTick(() => {
      isResetting = false;
    });
  });
}

/** An address is no name to ask for (RFC 6066 section 3): what the certificate has to match is then the origin. */
function nameOf(servername = ''): string {
  return isIP(servername) === 0 ? servername : '';
}

/** Sends requests to one origin over the network. */
export class NetworkTarget implements HttpTarget {
  readonly origin: string;
  readonly #pool: OriginClient;
  readonly #host: string;
  readonly #servername: string;

  /** @param servername what the server's certificate is for; the `Host` of each request when empty */
  constructor(origin: string, pool: OriginClient, servername: string) {
    this.origin = origin;
    this.#pool = pool;
    this.#servername = servername;
    this.#host = origin.slice(origin.indexOf('//') + 2);
  }

  send(outbound: Outbound, timeouts: Timeouts): Promise<Reply> {
    const body = outbound.body.forward();
    if (!(body instanceof Promise)) return this.#dispatch(outbound, timeouts, body);
    return body.then(
      (bytes) => this.#dispatch(outbound, timeouts, bytes),
      (error: unknown) => {
        if (error instanceof Reply) return error;
        throw error;
      },
    );
  }

  #dispatch(outbound: Outbound, timeouts: Timeouts, body: ForwardBody): Promise<Reply> {
    const headers = linesOf(outbound.headers).concat(['Host', outbound.host ?? this.#host]);
    const { length } = outbound.body;
    if (length !== undefined && body !== null && !(body instanceof Uint8Array)) {
      headers.push('Content-Length', String(length));
    }
    const options: RequestOptions & { servername: string } = {
      servername: this.#servername,
      method: outbound.method,
      path: outbound.target,
      headers,
      areFieldsChecked: isChecked(outbound.headers),
      body: body as Dispatcher.DispatchOptions['body'] & {},
      // Timed here: how long an answer may pause depends on what it is.
      bodyTimeout: 0,
      upgrade: outbound.upgrade ?? null,
    };
    return new Promise((resolve) => {
      new Call(this.#pool, options, outbound, timeouts, resolve).start();
    });
  }
}

/** One request to a server: undici's handler, the answer's body, and the rule for trying again. */
class Call extends Deadline implements AnswerHandler {
  readonly #pool: OriginClient;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #outbound: Outbound;
  readonly #resolve: (reply: Reply) => void;
  readonly #timeouts: Timeouts;
  #pauseMs: number;
  readonly #isStreaming: boolean;
  #controller: Dispatcher.DispatchController | null = null;
  #stream: BodyStream | null = null;
  #isSent = false;
  #isStarted = false;
  #isDelimited = false;
  #isRetried = false;
  #isStopped: Error | null = null;
  #interimBytes = 0;

  constructor(
    pool: OriginClient,
    options: Dispatcher.DispatchOptions,
    outbound: Outbound,
    timeouts: Timeouts,
    resolve: (reply: Reply) => void,
  ) {
    super();
    this.#pool = pool;
    this.#options = options;
    this.#outbound = outbound;
    this.#resolve = resolve;
    this.#isStreaming = options.body !== null && !(options.body instanceof Uint8Array);
    this.#timeouts = timeouts;
    this.#pauseMs = timeouts.headersMs;
    this.#restart();
    outbound.exchange.onAbort(() => this.#stop(new Error('the caller went away')));
  }

  start(): void {
    this.#pool.dispatch(this.#options, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // `controller.abort` would close a connection that this request has not touched yet; throwing does not.
    if (this.#isStopped !== null) throw this.#isStopped;
    this.#isSent = true;
  }

  // With content that streams, the time until the head counts from the last piece of it (`Timeouts`).

  onBodySent(): void {
    if (this.#isStreaming && this.#stream === null) this.#restart();
  }

  onResponseStarted(): void {
    this.#isStarted = true;
  }

  onAnswerHead(
    controller: Dispatcher.DispatchController,
    { status, flat, areFieldsChecked, isDelimited }: Parameters<AnswerHandler['onAnswerHead']>[1],
  ): void {
    // 101 is no interim answer, and nothing can follow one that switches to nothing.
    if (status < 200 && status !== 101) {
      this.#inform(controller, status, flat);
      return;
    }
    if (status > 599 || status === 101) {
      // No status of HTTP (RFC 9110 section 15): what it means is anybody's guess.
      this.#settle(refuse('backend-unavailable', { cause: `the status ${status}` }));
      controller.abort(new Error('not a status'));
      return;
    }
    this.#isDelimited = isDelimited;
    const stream = new BodyStream({
      pause: () => controller.pause(),
      resume: () => {
        if (!controller.paused) return;
        this.#restart();
        controller.resume();
      },
      cancel: (reason) => controller.abort(reason),
    });
    this.#stream = stream;
    const fields = answeredFields(flat, areFieldsChecked);
    this.#awaitContent(fields.get('content-type'));
    this.#resolve(new Reply(status, fields, stream));
  }

  // Nobody says when a caller has taken them, and a server may send any number.
  #inform(controller: Dispatcher.DispatchController, status: number, sent: readonly string[]): void {
    const { flat } = interimFields(sent);
    this.#interimBytes += flat.reduce((bytes, text) => bytes + text.length + 2, statusLineBytes);
    if (this.#interimBytes <= maxHeaderBytes) {
      this.#outbound.exchange.incoming.delivery.inform(status, flat);
      return;
    }
    this.#settle(refuse('backend-unavailable', { cause: 'more interim answers than a head may be large' }));
    controller.abort(new Error('too many interim answers'));
  }

  onSwitched(flat: readonly string[], connection: Duplex): void {
    const { upgrade } = this.#options;
    const agreed = new Fields(flat.slice()).getAll('upgrade');
    if (agreed.length !== 1 || agreed[0]?.toLowerCase() !== upgrade) {
      connection.destroy();
      this.#settle(refuse('backend-unavailable', { cause: 'it switched to another protocol' }));
      return;
    }
    const { bodyMs, idleMs = bodyMs } = this.#timeouts;
    this.#settle(new Switched(answeredFields(flat), new SocketTunnel(connection as Socket, idleMs)));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#restart();
    this.#stream?.push(chunk);
  }

  onAnswerEnd(trailers: readonly string[]): void {
    this.clearDeadline();
    if (isResetting && !this.#isDelimited) this.#stream?.fail(new Error('the connection was reset'));
    else this.#stream?.end(answeredTrailers(trailers));
  }

  onAnswerError(error: Error): void {
    if (this.#stream !== null) {
      this.clearDeadline();
      this.#stream.fail(error);
      return;
    }
    if (this.#mayRetry(error)) {
      this.#isRetried = true;
      this.#controller = null;
      this.start();
      return;
    }
    this.#settle(this.#refusal(this.#isStopped ?? error));
  }

  #mayRetry(error: Error): boolean {
    if (this.#isStarted || this.#isRetried || this.#isStopped !== null) return false;
    if (!connectionLoss.has((error as { code?: string }).code ?? '')) return false;
    const reused =
      onReused.has(error) || ((error as { socket?: { bytesRead?: number } }).socket?.bytesRead ?? 0) > 0;
    return reused && idempotent.has(this.#options.method) && this.#outbound.body.isReplayable;
  }

  /** From here on the time counts between two pieces of the content. */
  #awaitContent(type: string | undefined): void {
    const { bodyMs, idleMs = bodyMs } = this.#timeouts;
    this.#pauseMs = isEventStream(type) ? idleMs : bodyMs;
    this.#restart();
  }

  #restart(): void {
    this.setDeadline(this.#pauseMs);
  }

  late(): void {
    if (this.#stream !== null) {
      // It is the caller that takes nothing; how long it may do that is for the delivery to say.
      if (this.#controller?.paused === true) this.#restart();
      else this.#stop(new Timeout());
      return;
    }
    // It is the caller that is slow; how slow it may be is for the reading of its content to say.
    if (this.#isStreaming && this.#outbound.body.isStarved) this.#restart();
    else this.#stop(new Timeout());
  }

  #stop(reason: Error): void {
    if (this.#isStopped !== null) return;
    this.#isStopped = reason;
    if (this.#controller !== null) this.#controller.abort(reason);
    // Still waiting for a connection: undici learns of it in onRequestStart.
    else this.#settle(this.#refusal(reason));
  }

  #refusal(error: unknown): Reply {
    if (error instanceof Reply) return error;
    const { code, message } = error as { code?: string; message?: string };
    const details = { cause: code ?? message ?? 'unknown', ...(this.#isSent ? {} : { isUnsent: true }) };
    return refuse(kindsByCode[code ?? ''] ?? 'backend-unavailable', details);
  }

  #settle(reply: Reply): void {
    this.clearDeadline();
    this.#resolve(reply);
  }
}

const eventStream = 'text/event-stream';

function isEventStream(type: string | undefined): boolean {
  if (type === undefined || type.length < eventStream.length) return false;
  return /^text\/event-stream[ \t]*(?:;|$)/i.test(type);
}

class Timeout extends Error {
  readonly code = 'TAPGATE_TIMEOUT';
}

const kindsByCode: Readonly<Record<string, RefusalKind>> = {
  TAPGATE_TIMEOUT: 'backend-timeout',
  // What undici will not put on the wire, such as a control character in a path.
  UND_ERR_INVALID_ARG: 'bad-request',
  UND_ERR_CONNECT_TIMEOUT: 'backend-timeout',
  UND_ERR_HEADERS_TIMEOUT: 'backend-timeout',
  ETIMEDOUT: 'backend-timeout',
  ENOTFOUND: 'backend-name-unresolved',
  EAI_AGAIN: 'backend-name-unresolved',
};
