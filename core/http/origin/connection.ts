import type { Socket } from 'node:net';
import type { AnswerHead } from './answer-head.ts';
import { type AnswerListener, AnswerReader } from './answer-reader.ts';
import type { Carrier, OriginRequest } from './origin-request.ts';
import { sendContent } from './send-content.ts';

/** A connection ended before the answer did; by its code and counts whoever called tells whether to try again. */
class ConnectionLost extends Error {
  readonly code = 'UND_ERR_SOCKET';
  readonly socket: { readonly bytesRead: number };

  constructor({ bytesRead }: Socket) {
    super('other side closed');
    this.socket = { bytesRead };
  }
}

/** Where a connection is at home. */
export interface Home {
  readonly maxHeadBytes: number;
  /** It can take another request. @param keptMs for how long the server says it can */
  free(connection: OriginConnection, keptMs: number): void;
  /** The request that waits for longest, if any does. It is taken. */
  next(): OriginRequest | undefined;
  /** It is no more, or belongs to somebody else. @param unsent what it was to send and did not begin with */
  gone(connection: OriginConnection, unsent: OriginRequest | null): void;
}

/** One connection to a server: sends a request, reads its answer, and only then takes the next one. */
export class OriginConnection implements AnswerListener, Carrier {
  readonly #socket: Socket;
  readonly #home: Home;
  readonly #reader: AnswerReader;
  readonly #onData = (chunk: Buffer): void => this.received(chunk);
  readonly #onEnd = (): void => this.#ended();
  readonly #onError = (error: Error): void => this.#lose(error);
  readonly #onClose = (): void => this.#lose(null);
  #request: OriginRequest | null = null;
  #isStarted = false;
  /** Whether a byte of its request was sent. */
  #isBegun = false;
  /** Whether it was idle before: by the time of the next request the server may be about to close it. */
  #isUsed = false;
  #isSending = false;
  /** The answer began before all of the request was taken: the server may take the rest for a request of its own. */
  #isEarly = false;
  #isGone = false;
  #keptMs = Infinity;
  #head: AnswerHead | null = null;
  /** Until when it may be used, on the clock of `performance.now()`; set by its home. */
  usableUntil = 0;

  /** @param isStream whether the connection is read as a stream; else it gives what comes to `received` */
  constructor(socket: Socket, home: Home, isStream: boolean) {
    this.#socket = socket;
    this.#home = home;
    this.#reader = new AnswerReader(this, home.maxHeadBytes);
    socket.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
    if (isStream) socket.on('data', this.#onData);
  }

  /** Whether it was lost, closed or given away. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Gives it a request; `send` follows. */
  assign(request: OriginRequest): void {
    this.#request = request;
    this.#isStarted = false;
    this.#isBegun = false;
  }

  /** Sends the request that it was given. Nothing when the connection was lost meanwhile, which its home knows. */
  send(): void {
    let request = this.#request;
    if (request === null || this.#isStarted) return;
    this.#isStarted = true;
    // What nobody wants any more has cost the connection nothing, and the next one's time.
    while (!request.start(this)) {
      if (this.#isGone) return;
      const next = this.#home.next();
      if (next === undefined) {
        this.#free();
        return;
      }
      this.#request = next;
      request = next;
    }
    const { options, head } = request;
    const { body } = options;
    if (body === null || body === undefined) {
      this.#begin(request);
      this.#socket.write(head.text, 'latin1');
    } else if (body instanceof Uint8Array) {
      this.#begin(request);
      this.#socket.cork();
      this.#socket.write(head.text, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    } else this.#stream(request);
  }

  /** @param chunk may be overwritten afterwards */
  received(chunk: Buffer): void {
    // Before it is sent nothing can be its answer.
    if (this.#isBegun) this.#request?.started();
    try {
      this.#reader.read(chunk);
    } catch (error) {
      this.#lose(error as Error);
    }
  }

  head(head: AnswerHead, rest: Buffer): void {
    const request = this.#request;
    if (request === null) return;
    const { status, flat } = head;
    // Nobody asked the server whether to go on, so that it has nothing to say.
    if (status === 100) return;
    if (status === 101 && request.wantsUpgrade) this.#upgrade(request, flat, rest);
    else {
      if (status >= 200) {
        this.#head = head;
        this.#isEarly = this.#isSending || this.#socket.writableLength > 0;
      }
      request.answered(head);
    }
  }

  data(chunk: Buffer): void {
    // Whoever gets it may keep it.
    this.#request?.data(Buffer.from(chunk));
  }

  end(trailers: readonly string[]): void {
    const request = this.#request;
    if (request === null) return;
    const head = this.#head;
    const isReusable =
      head?.isKept === true && !this.#isEarly && !request.head.wantsClose && !request.wantsUpgrade;
    this.#request = null;
    this.#head = null;
    this.#keptMs = head?.keptMs ?? Infinity;
    if (!isReusable) this.#discard();
    request.end(trailers);
    if (!this.#isGone) this.#free();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  drop(): void {
    this.#request = null;
    this.#discard();
  }

  /** Closes it; for one without a request. */
  close(): void {
    this.#discard();
  }

  #begin({ options }: OriginRequest): void {
    this.#isBegun = true;
    this.#reader.expect(options.method);
  }

  #stream(request: OriginRequest): void {
    this.#isSending = true;
    const isWanted = (): boolean => this.#request === request && !this.#isGone;
    sendContent(this.#socket, request.content, request.head, {
      isWanted,
      begun: () => this.#begin(request),
      sent: () => request.bodySent(),
    }).then(
      () => {
        if (!isWanted()) return;
        this.#isSending = false;
        request.bodySent();
      },
      (error: unknown) => {
        if (!isWanted()) return;
        // Where its end would have been only the end of the connection can stand.
        this.drop();
        request.fail(error as Error);
      },
    );
  }

  #ended(): void {
    if (this.#isGone || this.#reader.finish()) return;
    this.#lose(null);
  }

  #upgrade(request: OriginRequest, flat: readonly string[], rest: Buffer): void {
    const socket = this.#socket;
    this.#request = null;
    this.#isGone = true;
    this.#reader.stop();
    socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    this.#home.gone(this, null);
    request.upgraded(flat, socket);
  }

  /** @param error null when it just ended */
  #lose(error: Error | null): void {
    if (this.#isGone) return;
    const request = this.#request;
    const isUnsent = request !== null && this.#isUsed && !this.#isBegun;
    this.#request = null;
    this.#discard(isUnsent ? request : null);
    if (!isUnsent) request?.fail(error ?? new ConnectionLost(this.#socket));
  }

  #discard(unsent: OriginRequest | null = null): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#reader.stop();
    this.#socket.destroy();
    this.#home.gone(this, unsent);
  }

  #free(): void {
    this.#request = null;
    this.#isUsed = true;
    // Whoever paused it had the last piece by then; from here on it is watched for what nobody asked for.
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#home.free(this, this.#keptMs);
  }
}
