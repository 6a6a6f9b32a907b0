import {
  type IncomingMessage,
  type Server,
  ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Fields } from '#sdk';
import type { Done } from '../kernel/exchange.ts';
import type { Tunnel } from '../kernel/tunnel.ts';
import { currentAnswer, refuseTunnel } from './refuse-early.ts';

/** What is kept of bytes that come before the backend agreed; the rest waits with the caller. */
const earlyBytes = 64 * 1024;
/** How long a caller may take to read an answer that is no 101 and to close. */
const lingerMs = 2_000;

/** What becomes of a request that asks for another protocol and announces content. */
export interface AskingRequest extends IncomingMessage {
  /**
   * `refuse`: of a handshake there are two readings of what follows its head. `close`: another one is ordinary, but the
   * last of its connection, because Node may lose bytes that came with it.
   */
  upgradeWithContent?: 'refuse' | 'close';
}

/**
 * For Node's `shouldUpgradeCallback`, which is asked about requests with an `Upgrade` field alone. What Node is told to
 * ignore it parses on behind, without the bytes that came in the same packet: so everything that has no content is
 * taken out of its hands, and what is no WebSocket handed back afterwards.
 */
export function shouldUpgrade(request: AskingRequest): boolean {
  const { headers } = request;
  const hasContent = 'transfer-encoding' in headers || Number(headers['content-length'] ?? '0') !== 0;
  if (hasContent) request.upgradeWithContent = isHandshake(request) ? 'refuse' : 'close';
  return !hasContent;
}

/** Others than WebSocket are ignored, as RFC 9110 section 7.8 has it: the request is an ordinary one. */
function isHandshake({ method, httpVersion, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1') return false;
  return /(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i.test(headers.upgrade ?? '');
}

function mayKeepAlive({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && !/(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(headers.connection ?? '');
}

/** The upgraded connections of one listener, which Node has let go of. */
export interface Upgrades {
  /** Ends them all. */
  cut(): void;
}

/**
 * Serves a server's requests that ask for another protocol.
 * @param serveAgain takes a connection back that goes on with HTTP/1.1
 */
export function acceptUpgrades(
  server: Server,
  accept: (request: IncomingMessage, response: ServerResponse, upgrade: 'websocket' | undefined) => void,
  serveAgain: (socket: Socket) => void,
): Upgrades {
  const open = new Set<() => void>();
  const track = (socket: Socket, cut: () => void): (() => void) => {
    const forget = (): void => {
      open.delete(cut);
      socket.off('close', forget);
    };
    open.add(cut);
    socket.on('close', forget);
    return forget;
  };
  server.on('upgrade', (request: IncomingMessage, stream, early: Buffer) => {
    // Without content, which `shouldUpgrade` refuses, Node hands over the connection itself.
    const socket = stream as Socket;
    if (currentAnswer(socket) !== null) {
      // It would overtake that answer, which is then the connection's last.
      refuseTunnel(socket);
      track(socket, () => socket.destroy());
      return;
    }
    const upgrade = isHandshake(request) ? 'websocket' : undefined;
    const forget = track(socket, () => response.cut());
    const handBack =
      upgrade === undefined && mayKeepAlive(request)
        ? () => {
            forget();
            serveAgain(socket);
          }
        : null;
    const response = new UpgradeResponse(request, socket, early, handBack);
    accept(request, response, upgrade);
  });
  return {
    cut() {
      for (const cut of open) cut();
    },
  };
}

/**
 * The answer to a request for another protocol, on a connection that Node has let go of. Until there is one, what the
 * caller sends is held: it is neither another request nor anything that a backend agreed to get. An answer other than
 * 101 to a handshake is the connection's last; after another request it is Node's again.
 */
export class UpgradeResponse extends ServerResponse {
  readonly #connection: Socket;
  readonly #early: Buffer[] = [];
  #heldBytes = 0;
  #tunnel: Tunnel | null = null;
  readonly #handBack: (() => void) | null;
  readonly #hold = (chunk: Buffer): void => {
    if (this.headersSent && this.#handBack === null) return;
    this.#early.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes >= earlyBytes) this.#connection.pause();
  };
  // As for any request: whoever ends before the answer wants none.
  readonly #gone = (): void => {
    if (!this.headersSent) this.#connection.destroy();
  };
  readonly #drained = (): void => {
    this.emit('drain');
  };
  readonly #broken = (): void => {
    this.#connection.destroy();
  };

  constructor(request: IncomingMessage, connection: Socket, early: Buffer, handBack: (() => void) | null) {
    super(request);
    this.#connection = connection;
    this.shouldKeepAlive = handBack !== null;
    this.#handBack = handBack;
    connection.setTimeout(0);
    connection.on('error', this.#broken);
    if (early.length > 0) connection.unshift(early);
    this.assignSocket(connection);
    connection.on('drain', this.#drained);
    connection.on('timeout', this.#broken);
    connection.on('end', this.#gone);
    connection.on('data', this.#hold);
    this.once('finish', () => this.#finished());
  }

  /** Tells the caller that the backend agreed, and joins the two. */
  switchTo(tunnel: Tunnel, headers: Fields, done: Done): void {
    const head = headOf(headers);
    this.#tunnel = tunnel;
    const connection = this.#connection;
    this.#release();
    connection.write(head, 'latin1');
    tunnel.onEnd(done);
    tunnel.join(connection);
    connection.off('error', this.#broken);
  }

  cut(): void {
    if (this.#tunnel === null) this.#connection.destroy();
    else this.#tunnel.destroy();
  }

  /** What came early is there to be read again. */
  #release(): void {
    const connection = this.#connection;
    this.detachSocket(connection);
    connection.pause();
    if (this.#heldBytes > 0) connection.unshift(Buffer.concat(this.#early));
    connection.off('drain', this.#drained);
    connection.off('timeout', this.#broken);
    connection.off('end', this.#gone);
    connection.off('data', this.#hold);
  }

  #finished(): void {
    const connection = this.#connection;
    this.#release();
    this.emit('close');
    // Its end would be told but once.
    if (this.#handBack !== null && this.shouldKeepAlive && !connection.readableEnded) {
      connection.off('error', this.#broken);
      this.#handBack();
      connection.resume();
      return;
    }
    connection.end();
    // Closed with bytes unread, the connection would be reset, and the caller could lose the answer.
    connection.resume();
    const timer = setTimeout(() => connection.destroy(), lingerMs).unref();
    connection.once('close', () => clearTimeout(timer));
  }
}

const replaced: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** @throws TypeError when a field cannot be sent */
function headOf(headers: Fields): string {
  const fields = headers.clone();
  fields.deleteAll(replaced);
  fields.flat.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  let head = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (const [name, value] of fields) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n`;
}
