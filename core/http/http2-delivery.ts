import { type ServerHttp2Stream, constants } from 'node:http2';
import { BodyStream, type Fields } from '#sdk';
import type { Delivery, Exchange, Outcome } from '../kernel/exchange.ts';
import { type Framed, type Framing, frame } from '../kernel/framing.ts';
import type { Inbound } from '../kernel/inbound.ts';
import { abandon } from '../kernel/serve.ts';
import { type Content, discard, settle } from './delivery.ts';
import { interimHeaders, responseHeaders, trailerHeaders } from './http2-fields.ts';

/** More than this leaves piece by piece, so that a caller that is slow can be told from one that takes nothing. */
const pieceBytes = 64 * 1024;

const clientGone = new Error('the caller went away');

/** How the request came in. */
export interface Received {
  readonly method: string;
  readonly hasContent: boolean;
  /** How long the caller may take nothing while an answer waits. */
  readonly stalledMs: number;
}

/** Writes the answer of one request to its HTTP/2 stream. */
export class Http2Delivery implements Delivery {
  readonly #stream: ServerHttp2Stream;
  readonly #received: Received;
  #exchange: Exchange | null = null;
  #done: ((bytesSent: number, outcome: Outcome) => void) | null = null;
  #body: BodyStream | null = null;
  #bytesSent = 0;
  #isCut = false;
  #stalled: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, received: Received) {
    this.#stream = stream;
    this.#received = received;
  }

  /** Follows the stream: a caller that resets it cancels what it asked for. */
  attach(exchange: Exchange): void {
    this.#exchange = exchange;
    // The reason is told by `close`.
    this.#stream.on('error', () => undefined);
    this.#stream.on('close', () => this.#closed());
  }

  inform(status: number, flat: readonly string[]): void {
    // 101 changes the protocol of a whole connection, which HTTP/2 has no way to do.
    if (this.#stream.headersSent || this.#isGone || status === 101) return;
    this.#stream.additionalHeaders(interimHeaders(status, flat));
  }

  /** A stream that is reset while it holds content that nobody has read yet is closed for a while before it is destroyed. */
  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  send(inbound: Inbound, _exchange: Exchange, done: (bytesSent: number, outcome: Outcome) => void): void {
    const stream = this.#stream;
    this.#done = done;
    // It closes, or has closed, and tells then.
    if (stream.headersSent || this.#isGone) {
      if (inbound.body instanceof BodyStream) inbound.body.cancel(clientGone);
      return;
    }
    const { status, headers } = inbound;
    const content = settle(inbound.body);
    const isStream = content instanceof BodyStream;
    const hasTrailers = !isStream && content.trailers !== undefined;
    const framing = this.#frame(headers, {
      status,
      hasTrailers,
      length: isStream ? undefined : content.bytes.length,
    });
    const isBare = framing === 'none' || (!isStream && content.bytes.length === 0 && !hasTrailers);
    stream.respond(responseHeaders(status, headers.flat), {
      endStream: isBare,
      waitForTrailers: framing === 'chunked' && !isBare,
    });
    try {
      if (isBare) {
        if (isStream) discard(content);
        this.#finished();
      } else if (isStream) this.#pipe(content, framing);
      else this.#write(content, framing);
    } catch (error) {
      this.#cut();
      throw error;
    }
  }

  #frame(headers: Fields, framed: Pick<Framed, 'status' | 'hasTrailers' | 'length'>): Framing {
    // Of what it allows, all but the name of its framing holds here too.
    const framing = frame(headers, { ...framed, method: this.#received.method, httpVersion: '1.1' });
    if (framed.status !== 205) return framing;
    // No content either (RFC 9110 section 15.3.6), and Node sends none.
    headers.delete('content-length');
    headers.delete('trailer');
    return 'none';
  }

  #write({ bytes, trailers }: Content, framing: Framing): void {
    if (bytes.length > pieceBytes) {
      const pieces = new BodyStream();
      for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
      pieces.end(trailers);
      this.#pipe(pieces, framing);
      return;
    }
    this.#bytesSent = bytes.length;
    this.#onWantTrailers(() => trailers);
    this.#stream.end(bytes);
    this.#expectReading();
    this.#finished();
  }

  #pipe(body: BodyStream, framing: Framing): void {
    const stream = this.#stream;
    this.#body = body;
    let trailers: Fields | undefined;
    if (framing === 'chunked') this.#onWantTrailers(() => trailers);
    stream.on('drain', () => {
      clearTimeout(this.#stalled);
      body.resume();
    });
    body.pipe({
      data: (chunk) => {
        this.#bytesSent += chunk.length;
        const hasRoom = stream.write(chunk);
        if (!hasRoom) this.#expectReading();
        return hasRoom;
      },
      end: (last) => {
        trailers = last;
        stream.end();
        this.#expectReading();
        this.#finished();
      },
      fail: () => this.#cut(),
    });
  }

  #cut(): void {
    this.#isCut = true;
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** A caller that takes nothing of what waits for it is given up: its window may never open. */
  #expectReading(): void {
    const stream = this.#stream;
    clearTimeout(this.#stalled);
    if (stream.writableFinished) return;
    this.#stalled = setTimeout(() => {
      if (stream.writableFinished) return;
      stream.close(constants.NGHTTP2_CANCEL);
      // That waits until it is sent, for which a connection may have no room either.
      stream.destroy();
    }, this.#received.stalledMs).unref();
  }

  /** Node asks for them when the last byte is out; a stream that was told to wait ends only then. */
  #onWantTrailers(trailers: () => Fields | undefined): void {
    this.#stream.on('wantTrailers', () => {
      // With none, Node ends the stream by an empty frame of content.
      if (!this.#isGone) this.#stream.sendTrailers(trailerHeaders(trailers()?.flat ?? []));
    });
  }

  /** The caller need not send what nobody is going to read (RFC 9113 section 8.1). */
  #finished(): void {
    const stream = this.#stream;
    if (!this.#received.hasContent) return;
    const rest = (): void => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    };
    if (stream.writableFinished) rest();
    else stream.once('finish', rest);
  }

  #closed(): void {
    const stream = this.#stream;
    const exchange = this.#exchange;
    clearTimeout(this.#stalled);
    if (this.#done === null) {
      if (exchange !== null) abandon(exchange);
      return;
    }
    const isWhole = stream.writableFinished && stream.rstCode === constants.NGHTTP2_NO_ERROR && !this.#isCut;
    if (isWhole) {
      this.#done(this.#bytesSent, 'answered');
      return;
    }
    this.#body?.cancel(clientGone);
    exchange?.abort();
    this.#done(this.#bytesSent, this.#isCut ? 'cut' : 'client-gone');
  }
}
