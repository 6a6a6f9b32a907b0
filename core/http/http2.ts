import { METHODS } from 'node:http';
import {
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createServer,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { Fields, refuse } from '#sdk';
import { RequestBody } from '../kernel/request-body.ts';
import { serve } from '../kernel/serve.ts';
import {
  type Connection,
  type IngressHost,
  connectionRefusal,
  createExchange,
  plainAddress,
} from './accept.ts';
import { readHead } from './head.ts';
import { Http2Delivery } from './http2-delivery.ts';
import type { ListenerTls } from './tls.ts';

const httpVersion = '2.0';
/** Those that the parser of HTTP/1.1 takes: what a backend makes of another is anybody's guess. A tunnel is not given. */
const methods: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== 'CONNECT'));
/** As many as nginx and other servers allow at once on one connection. */
const maxStreams = 128;
/** How far senders may be ahead. HTTP/2's own 64 KiB would hold uploads back to one such piece a round trip. */
const streamWindow = 256 * 1024;
const connectionWindow = 1024 * 1024;
/** As much as that many streams hold while their peers are slow: Node's own 10 would refuse some of them. */
const maxMegabytes = 64;
/** How long a connection that is closed may take to send what is left. */
const lingerMs = 5_000;
/** Beyond this a stream is reset before its head is seen; what `headersBytes` allows fits in many fewer. */
const maxPairs = 4096;

/** Speaks HTTP/2 (RFC 9113) on connections that agreed to. */
export class Http2Front {
  readonly #server: Http2Server;
  /** With what their requests are told of the connection; a session's own `socket` is a stand-in for it. */
  readonly #sessions = new Map<ServerHttp2Session, Connection>();
  #opening: TLSSocket | null = null;
  readonly #host: IngressHost;
  readonly #secure: { readonly tls: ListenerTls };
  #isDraining = false;

  constructor(host: IngressHost, secure: { readonly tls: ListenerTls }) {
    this.#host = host;
    this.#secure = secure;
    const { uriBytes, headersBytes } = host.limits();
    this.#server = createServer({
      maxHeaderListPairs: maxPairs,
      maxSessionMemory: maxMegabytes,
      // What a backend repeats is passed on as it came, as over HTTP/1.1.
      strictSingleValueFields: false,
      settings: {
        maxConcurrentStreams: maxStreams,
        initialWindowSize: streamWindow,
        // Room above both limits, so that the one that was broken can be told.
        maxHeaderListSize: uriBytes + headersBytes + 96 * 1024,
      },
    });
    this.#server.on('session', (session: ServerHttp2Session) => this.#follow(session));
    this.#server.on('stream', (stream, _headers, _flags, rawHeaders) => {
      this.#accept(stream as ServerHttp2Stream, rawHeaders);
    });
    // What breaks a connection is told to each stream on it; without a listener it would be an uncaught error.
    this.#server.on('sessionError', () => undefined);
  }

  /** Takes over a connection. */
  accept(socket: TLSSocket): void {
    this.#opening = socket;
    this.#server.emit('connection', socket);
    this.#opening = null;
  }

  drain(): void {
    this.#isDraining = true;
    for (const session of this.#sessions.keys()) session.close();
  }

  /** A connection that carries nothing for as long as idle ones are kept is closed, whether its peer reads on or not. */
  #follow(session: ServerHttp2Session): void {
    const socket = this.#opening;
    if (socket === null) throw new Error('an HTTP/2 session without a connection');
    this.#sessions.set(session, {
      port: socket.localPort ?? 0,
      clientAddress: plainAddress(socket.remoteAddress),
      secure: { socket, tls: () => this.#secure.tls },
    });
    let open = 0;
    session.setLocalWindowSize(connectionWindow);
    const keptMs = this.#host.limits().keepAliveTimeoutMs;
    let timer: NodeJS.Timeout;
    const cut = (): void => {
      if (open === 0) socket.destroy();
    };
    const rest = (): void => {
      clearTimeout(timer);
      // Closing waits until everything is written, for which a peer may never make room.
      if (session.closed || session.destroyed)
        timer = setTimeout(cut, Math.min(lingerMs, this.#host.stalledMs)).unref();
      else timer = setTimeout(close, keptMs).unref();
    };
    const close = (): void => {
      session.close();
      rest();
    };
    rest();
    session.on('stream', (stream) => {
      open += 1;
      clearTimeout(timer);
      stream.on('close', () => {
        open -= 1;
        if (open === 0) rest();
      });
    });
    session.on('close', () => {
      clearTimeout(timer);
      this.#sessions.delete(session);
    });
    if (this.#isDraining) session.close();
  }

  #accept(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    const connection =
      stream.session === undefined ? undefined : this.#sessions.get(stream.session as ServerHttp2Session);
    // Reset in the same packet that opened it.
    if (stream.destroyed || connection === undefined) return;
    const { method, target, flat } = splitPseudo(rawHeaders);
    const host = this.#host;
    const head = readHead({ method, target, httpVersion: 'h2' }, flat, host.limits(), host.pseudonym);
    const hasContent = !stream.endAfterHeaders;
    const headers = new Fields(flat);
    const awaitsContinue = hasContent && headers.get('expect')?.toLowerCase() === '100-continue';
    const delivery = new Http2Delivery(stream, { method, hasContent, stalledMs: host.stalledMs });
    const body = new RequestBody(
      hasContent ? stream : null,
      head.contentLength,
      awaitsContinue ? () => delivery.inform(100, []) : null,
    );
    const exchange = createExchange(host, connection, { method, httpVersion, head, headers, body, delivery });
    // Node ends the content of a stream that its sender gave up as if it were whole; `aborted` tells of NO_ERROR too.
    stream.on('end', () => {
      if (stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR)
        body.fail(refuse('bad-request', { cause: 'the content broke off' }));
    });
    delivery.attach(exchange);
    serve(
      exchange,
      head.refusal ??
        (methods.has(method) ? undefined : 'bad-request') ??
        connectionRefusal(host, head.host, connection) ??
        unexpected(headers),
    );
  }
}

function unexpected(headers: Fields): 'expectation-failed' | undefined {
  const expectation = headers.get('expect');
  return expectation === undefined || expectation.toLowerCase() === '100-continue'
    ? undefined
    : 'expectation-failed';
}

interface Split {
  readonly method: string;
  readonly target: string;
  /** As an HTTP/1.1 request would have them. */
  readonly flat: string[];
}

/** Turns a head into what the rest of the gateway reads (RFC 9113 sections 8.2.3 and 8.3.1). */
function splitPseudo(raw: readonly string[]): Split {
  const flat: string[] = [];
  let method = '';
  let target = '';
  let authority: string | undefined;
  let cookieAt = -1;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    if (name === ':method') method = value;
    else if (name === ':path') target = value;
    else if (name === ':authority') authority = value;
    else if (name === 'cookie' && cookieAt >= 0) flat[cookieAt] += `; ${value}`;
    // A second one that says the same is not two hosts; one that differs is found where the head is read.
    else if (name === 'host' && authority === value) continue;
    else if (!name.startsWith(':')) {
      if (name === 'cookie') cookieAt = flat.length + 1;
      flat.push(name, value);
    }
  }
  if (authority !== undefined) flat.unshift('host', authority);
  return { method, target, flat };
}
