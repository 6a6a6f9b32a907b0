import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BodySink, BodyStream, type Fields, type ReplyBody, refuse } from '#sdk';
import type { Delivery, Done, Exchange } from '../kernel/exchange.ts';
import { type Framing, frame } from '../kernel/framing.ts';
import type { Inbound } from '../kernel/inbound.ts';
import { abandon } from '../kernel/serve.ts';
import { writeInterimHead } from './plain/answer-head.ts';
import { answerMalformed, malformedContent, reason } from './refuse-early.ts';
import { resetSocket } from './reset.ts';
import { UpgradeResponse } from './upgrade.ts';

/** A caller that takes nothing for this long while an answer waits is cut off. */
export const stalledMs = 60_000;
/** Up to this size copying content costs less than a second buffer in the write. */
export const textBytes = 8 * 1024;
/** How long the rest of an answered request's content is read and thrown away, so that the answer can be read. */
const lingerMs = 5_000;

/** How much of content that nobody is to get, and for how long, is awaited so that the backend's connection stays usable. */
const discardBytes = 64 * 1024;
const discardMs = 5_000;

/** What a listener and its answers tell each other, so that it can stop without cutting one off. */
export interface Draining {
  isDraining: boolean;
  /** Answers that are written and not yet sent: their connections look idle to Node. */
  unsent: number;
  /** An answer is sent while the listener stops. */
  onSent(): void;
}

/** How the request came in. */
export interface Received {
  readonly hasContent: boolean;
  /** Whether the caller waits for `100 Continue` before it sends its content. */
  readonly awaitsContinue: boolean;
}

/** Writes the answer of one request to its connection. */
export class HttpDelivery implements Delivery {
  readonly #response: ServerResponse;
  readonly #request: IncomingMessage;
  readonly #draining: Draining;
  readonly #hasContent: boolean;
  #exchange: Exchange | null = null;
  #done: Done | null = null;
  #stream: BodyStream | null = null;
  #bytesSent = 0;
  #framing: Framing = 'none';
  #isCut = false;
  #isEnded = false;
  #isMalformed = false;
  #finishDiscarding: ((isDone: boolean) => void) | null = null;
  #awaitsContinue: boolean;

  constructor(request: IncomingMessage, response: ServerResponse, draining: Draining, received: Received) {
    this.#request = request;
    this.#response = response;
    this.#draining = draining;
    this.#hasContent = received.hasContent;
    this.#awaitsContinue = received.awaitsContinue;
  }

  /** Follows the connection: a caller that goes away cancels what it asked for. */
  attach(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#response.on('close', () => this.#closed());
    if (!this.#hasContent) return;
    this.#response.on(malformedContent, () => {
      this.#isMalformed = true;
      exchange.incoming.body.fail(refuse('bad-request', { cause: 'the content is malformed' }));
      this.#finishDiscarding?.(true);
    });
  }

  inform(status: number, flat: readonly string[]): void {
    const response = this.#response;
    if (response.headersSent || this.#request.httpVersion !== '1.1') return;
    response.socket?.write(writeInterimHead(status, flat), 'latin1');
  }

  writeContinue(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    if (!this.#response.headersSent) this.#response.writeContinue();
  }

  send(inbound: Inbound, _exchange: Exchange, done: Done): void {
    const response = this.#response;
    const { status, headers, tunnel } = inbound;
    if (tunnel !== null && status === 101 && response instanceof UpgradeResponse) {
      response.switchTo(tunnel, headers, done);
      return;
    }
    if (status < 200) throw new RangeError(`not a final status: ${status}`);
    this.#done = done;
    // A failed attempt got as far as the head: its connection is cut, and tells when it is closed.
    if (response.headersSent) return;
    const content = settle(inbound.body);
    const isStream = content instanceof BodyStream;
    this.#framing = frame(headers, {
      status,
      method: this.#request.method,
      httpVersion: this.#request.httpVersion,
      length: isStream ? undefined : content.bytes.length,
      hasTrailers: !isStream && content.trailers !== undefined,
    });
    // A caller that was not told to go on would not know whether its content is still wanted.
    if (this.#awaitsContinue || this.#draining.isDraining || this.#framing === 'closed')
      response.shouldKeepAlive = false;
    const phrase = reason(status);
    const flat = [...headers].flat();
    if (phrase === undefined) response.writeHead(status, flat);
    else response.writeHead(status, phrase, flat);
    try {
      if (!isStream) this.#write(content);
      else if (this.#framing === 'none') {
        discard(content);
        this.#end(undefined);
      } else this.#pipe(content, headers);
    } catch (error) {
      this.#cut();
      throw error;
    }
  }

  #write({ bytes, trailers }: Content): void {
    if (bytes.length === 0 || this.#framing === 'none') {
      this.#end(undefined);
      return;
    }
    this.#bytesSent = bytes.length;
    if (this.#framing === 'chunked' || this.#mustHold()) {
      this.#response.write(bytes);
      this.#end(trailers);
      return;
    }
    this.#ending();
    // As text the content joins the head in one write; as bytes the two leave as a vector, which costs more.
    if (bytes.length <= textBytes && bytes instanceof Buffer)
      this.#response.end(bytes.toString('latin1'), 'latin1');
    else this.#response.end(bytes);
    this.#expectReading();
  }

  #pipe(stream: BodyStream, headers: Fields): void {
    const response = this.#response;
    this.#stream = stream;
    let stalled: NodeJS.Timeout | undefined;
    response.on('drain', () => {
      clearTimeout(stalled);
      stream.resume();
    });
    response.on('close', () => clearTimeout(stalled));
    pipeWhole(stream, this.#framing === 'sized' ? headers : null, {
      data: (chunk) => {
        this.#bytesSent += chunk.length;
        const hasRoom = response.write(chunk);
        if (!hasRoom) stalled = setTimeout(() => response.destroy(), stalledMs).unref();
        return hasRoom;
      },
      end: (trailers) => this.#end(trailers),
      fail: () => this.#cut(),
    });
    // A stream of events has a head long before the first of them.
    if (this.#bytesSent === 0 && !this.#isEnded && !this.#isCut) response.flushHeaders();
  }

  /** All content is written. */
  #end(trailers: Fields | undefined): void {
    const response = this.#response;
    if (trailers !== undefined && this.#framing === 'chunked') response.addTrailers([...trailers]);
    if (!this.#mustHold()) {
      this.#ending();
      response.end();
      this.#expectReading();
      return;
    }
    response.flushHeaders();
    // The answer is all there for the caller to read; the log need not wait for what is thrown away.
    if (this.#framing !== 'chunked') this.#done?.(this.#bytesSent, 'answered');
    this.#discard(() => {
      if (response.destroyed) return;
      this.#ending();
      response.end();
    });
  }

  /** What is written whole has no `drain` to wait for; Node cuts a socket off that takes nothing for this long. */
  #expectReading(): void {
    const { socket } = this.#response;
    if (socket !== null && socket.writableLength > 0) socket.setTimeout(stalledMs);
  }

  #ending(): void {
    this.#isEnded = true;
    this.#draining.unsent += 1;
  }

  /**
   * Node closes the connection right behind a last answer. With content of the request still unread the system then
   * resets it, and the caller may lose an answer that it was too busy sending to read.
   */
  #mustHold(): boolean {
    return (
      this.#hasContent && !this.#response.shouldKeepAlive && !this.#request.complete && !this.#isMalformed
    );
  }

  #cut(): void {
    // The head is out: only a broken connection tells the caller that this is not the whole answer. Where its end is
    // what marks the end of the content, it takes a reset.
    this.#isCut = true;
    const { socket } = this.#response;
    if (this.#framing === 'closed' && socket !== null) resetSocket(socket);
    else this.#response.destroy();
  }

  #closed(): void {
    const { writableFinished } = this.#response;
    const exchange = this.#exchange;
    if (this.#isEnded) this.#draining.unsent -= 1;
    if (this.#draining.isDraining) this.#draining.onSent();
    if (this.#hasContent && writableFinished && !this.#request.readableEnded && !this.#request.destroyed)
      this.#linger();
    if (this.#done === null) {
      if (exchange !== null) abandon(exchange);
      return;
    }
    if (writableFinished) {
      this.#done(this.#bytesSent, 'answered');
      return;
    }
    this.#stream?.cancel(new Error('the caller went away'));
    exchange?.abort();
    this.#done(this.#bytesSent, this.#isCut ? 'cut' : 'client-gone');
  }

  /** The connection stays open for the next request, once the rest of this one's content is out of the way. */
  #linger(): void {
    const { socket } = this.#request;
    answerMalformed(socket, false);
    this.#discard((isDone) => {
      if (isDone) answerMalformed(socket, true);
      else socket.destroy();
    });
  }

  /** Reads and throws away what is left of the request's content, for a while. */
  #discard(then: (isDone: boolean) => void): void {
    const request = this.#request;
    this.#exchange?.incoming.body.stop();
    const finish = (isDone: boolean): void => {
      this.#finishDiscarding = null;
      clearTimeout(timer);
      request.off('end', ended);
      request.off('close', ended);
      then(isDone);
    };
    const ended = (): void => finish(true);
    const timer = setTimeout(() => finish(false), lingerMs).unref();
    this.#finishDiscarding = finish;
    request.on('end', ended);
    request.on('close', ended);
    request.resume();
  }
}

export interface Content {
  readonly bytes: Uint8Array;
  readonly trailers: Fields | undefined;
}

const nothing = Buffer.alloc(0);

/** A stream that has arrived whole leaves in one write. */
export function settle(body: ReplyBody): Content | BodyStream {
  if (body === null) return { bytes: nothing, trailers: undefined };
  if (typeof body === 'string') return { bytes: Buffer.from(body, 'utf8'), trailers: undefined };
  if (!(body instanceof BodyStream)) return { bytes: body, trailers: undefined };
  if (body.isTaken) throw new Error('the content of the answer was sent already');
  if (!body.isComplete) return body;
  const { chunks, trailers } = body.take();
  const [only] = chunks;
  return { bytes: only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks), trailers };
}

/**
 * Pipes content whose end the caller must be able to trust. What is more or less than was announced fails: the rest would
 * be taken for the next answer, or that for the rest. So do trailers that cannot be sent.
 * @param sized the fields that announce its length; null when something else tells where it ends
 */
export function pipeWhole(stream: BodyStream, sized: Fields | null, sink: BodySink): void {
  let left = sized === null ? Infinity : Number(sized.get('content-length'));
  stream.pipe({
    data(chunk) {
      left -= chunk.length;
      if (left >= 0) return sink.data(chunk);
      sink.fail(new Error('more content than was announced'));
      return false;
    },
    end(trailers) {
      try {
        if (left === 0 || sized === null) sink.end(trailers);
        else sink.fail(new Error('less content than was announced'));
      } catch (error) {
        sink.fail(error as Error);
      }
    },
    fail: (error) => sink.fail(error),
  });
}

/** The backend's connection can be used again once what it sent is out of the way; content without end is given up. */
export function discard(body: BodyStream): void {
  let bytes = 0;
  const giveUp = (): void => body.cancel(new Error('nobody is to get the content'));
  const timer = setTimeout(giveUp, discardMs).unref();
  const stop = (): void => clearTimeout(timer);
  body.pipe({
    data(chunk) {
      bytes += chunk.length;
      if (bytes > discardBytes) giveUp();
      return true;
    },
    end: stop,
    fail: stop,
  });
}
