import type { Socket } from 'node:net';
import { type Connection, plainAddress } from '../accept.ts';
import { stalledMs } from '../delivery.ts';
import { PlainAnswer, type Way } from './answer.ts';
import { type PlainRequest, readPlainRequest } from './request.ts';

/** The listener that a connection belongs to. */
export interface Home {
  /** Seconds for which connections are kept for another request; null when they are not. */
  readonly keptSeconds: number | null;
  readonly secure: (socket: Socket) => Connection['secure'];
  serve(request: PlainRequest, answer: PlainAnswer, connection: Connection): void;
  /** What came on the connection is not for here. All of it is there to be read again. */
  handOver(socket: Socket): void;
  forget(connection: PlainConnection): void;
}

/** What is held of requests that came before the one at hand is answered; more of it waits with the caller. */
const heldBytes = 64 * 1024;
const nothing: Buffer = Buffer.alloc(0);

/** A caller's connection for as long as nothing but plain requests comes on it, one at a time. */
export class PlainConnection implements Way {
  readonly socket: Socket;
  readonly #home: Home;
  readonly #about: Connection;
  readonly #onData = (chunk: Buffer): void => this.#came(chunk);
  readonly #onEnd = (): void => this.#ended();
  readonly #onClose = (): void => this.#closed();
  readonly #onDrain = (): void => this.#answer?.drained();
  readonly #onBroken = (): void => {
    this.socket.destroy();
  };
  #answer: PlainAnswer | null = null;
  #held: Buffer = nothing;
  #text = '';
  /** Since when it waits for a request, on the clock of `performance.now()`. */
  waitsSince = performance.now();
  /** Whether a request was answered on it. */
  isUsed = false;
  /** Nothing more is to come. */
  #isHalf = false;
  /** Its last answer is given: what comes behind it is no request (RFC 9112 section 9.6). */
  #isOver = false;

  constructor(socket: Socket, home: Home) {
    this.socket = socket;
    this.#home = home;
    this.#about = {
      port: socket.localPort ?? 0,
      clientAddress: plainAddress(socket.remoteAddress),
      secure: home.secure(socket),
    };
    // An encrypted one would take no answer any more from the caller's end on.
    socket.allowHalfOpen = true;
    socket
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('close', this.#onClose)
      .on('drain', this.#onDrain)
      .on('timeout', this.#onBroken)
      .on('error', this.#onBroken);
  }

  get isIdle(): boolean {
    return this.#answer === null && this.#held.length === 0;
  }

  get keptSeconds(): number | null {
    return this.#home.keptSeconds;
  }

  send(text: string): void {
    this.#text = text;
    if (ready.push(this) === 1) setImmediate(sendReady);
  }

  /** Sends what `send` was given; says whether it could. */
  flush(): boolean {
    const text = this.#text;
    this.#text = '';
    if (this.socket.destroyed) return false;
    this.socket.write(text, 'latin1');
    return true;
  }

  written(): void {
    const { socket } = this;
    if (socket.writableLength === 0) {
      this.#finished();
      return;
    }
    // What is written whole has no `drain` to wait for.
    socket.setTimeout(stalledMs);
    socket.write(nothing, () => {
      socket.setTimeout(0);
      if (!socket.destroyed) this.#finished();
    });
  }

  #came(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.isIdle) {
      this.#read(chunk);
      return;
    }
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#held.length >= heldBytes) this.socket.pause();
  }

  #read(chunk: Buffer): void {
    const request = readPlainRequest(chunk);
    if (request === undefined) {
      this.#handOver(chunk);
      return;
    }
    const answer = new PlainAnswer(this, request.method, request.isKept);
    this.#answer = answer;
    this.#home.serve(request, answer, this.#about);
  }

  #handOver(chunk: Buffer): void {
    const { socket } = this;
    // Whoever is told of the end but once, and was, would wait for it.
    if (this.#isHalf) return;
    this.release();
    socket.pause();
    socket.unshift(chunk);
    this.#home.handOver(socket);
    socket.resume();
  }

  /** Lets go of the socket. */
  release(): void {
    this.socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('drain', this.#onDrain)
      .off('timeout', this.#onBroken)
      .off('error', this.#onBroken);
    this.#home.forget(this);
  }

  #finished(): void {
    const answer = this.#answer;
    if (answer === null) return;
    this.#answer = null;
    this.isUsed = true;
    this.waitsSince = performance.now();
    const mayGoOn = answer.isKept && this.#home.keptSeconds !== null;
    answer.finished();
    if (!mayGoOn || (this.#isHalf && this.#held.length === 0)) {
      this.#held = nothing;
      this.#isOver = true;
      this.socket.destroySoon();
    } else if (this.#held.length > 0) setImmediate(() => this.#next());
  }

  #next(): void {
    if (this.socket.destroyed) return;
    const chunk = this.#held;
    this.#held = nothing;
    if (this.socket.isPaused()) this.socket.resume();
    this.#read(chunk);
    if (this.#isHalf) this.#ended();
  }

  /** The caller closed its side. As for Node, whoever does that before the answer is there wants none. */
  #ended(): void {
    this.#isHalf = true;
    if (this.#answer === null && this.#held.length === 0) this.socket.destroySoon();
    else if (this.#answer !== null && !this.#answer.isEnded) this.socket.destroy();
  }

  #closed(): void {
    const answer = this.#answer;
    this.#answer = null;
    this.#held = nothing;
    this.#home.forget(this);
    answer?.closed();
  }
}

/**
 * Answers that are ready, of all connections. They leave together when all that has come by now is read: a peer that
 * sleeps is woken once for all of them, and each waking costs as much as several writes.
 */
let ready: PlainConnection[] = [];

function sendReady(): void {
  const connections = ready;
  ready = [];
  // One write right behind the other: a peer that has read all there is sleeps, and has to be woken again.
  const sent = connections.filter((connection) => connection.flush());
  for (const connection of sent) connection.written();
}
