import { type ServerHttp2Stream, constants } from 'node:http2';
import { BodyStream, type Fields } from '#sdk';
import type { Delivery, Exchange, Outcome } from '../kernel/exchange.ts';
import { type Framing, frame } from '../kernel/framing.ts';
import type { Inbound } from '../kernel/inbound.ts';
import { abandon } from '../kernel/serve.ts';
import { type Content, settle, stalledMs } from './delivery.ts';

/** Writes the answer of one request to its HTTP/2 stream. */
export class Http2Delivery implements Delivery {
  readonly #stream: ServerHttp2Stream;
  readonly #method: string;
  readonly #hasContent: boolean;
  #exchange: Exchange | null = null;
  #done: ((bytesSent: number, outcome: Outcome) => void) | null = null;
  #body: BodyStream | null = null;
  #bytesSent = 0;
  #isCut = false;

  constructor(stream: ServerHttp2Stream, method: string, hasContent: boolean) {
    this.#stream = stream;
    this.#method = method;
    this.#hasContent = hasContent;
  }

  /** Follows the stream: a caller that resets it cancels what it asked for. */
  attach(exchange: Exchange): void {
    this.#exchange = exchange;
    // The reason is told by `close`.
    this.#stream.on('error', () => undefined);
    this.#stream.on('close', () => this.#closed());
  }

  inform(status: number, flat: readonly string[]): void {
    const stream = this.#stream;
    // 101 changes the protocol of a whole connection, which HTTP/2 has no way to do.
    if (stream.headersSent || stream.destroyed || status === 101) return;
    stream.additionalHeaders(toHeaders(status, flat));
  }

  send(inbound: Inbound, _exchange: Exchange, done: (bytesSent: number, outcome: Outcome) => void): void {
    const stream = this.#stream;
    const { status, headers } = inbound;
    this.#done = done;
    // It closes, or has closed, and tells then.
    if (stream.headersSent || stream.destroyed) return;
    const content = settle(inbound.body);
    const isStream = content instanceof BodyStream;
    const hasTrailers = !isStream && content.trailers !== undefined;
    const framing = frame(headers, {
      status,
      method: this.#method,
      // Of what it allows, all but the name of its framing holds here too.
      httpVersion: '1.1',
      hasTrailers,
      length: isStream ? undefined : content.bytes.length,
    });
    const isBare = framing === 'none' || (!isStream && content.bytes.length === 0 && !hasTrailers);
    const waitForTrailers = framing === 'chunked';
    stream.respond(raw(status, headers.flat), {
      endStream: isBare,
      waitForTrailers: waitForTrailers && !isBare,
    });
    if (isBare) {
      if (isStream) discard(content);
      this.#finished();
    } else if (isStream) this.#pipe(content, framing);
    else this.#write(content);
  }

  #write({ bytes, trailers }: Content): void {
    this.#bytesSent = bytes.length;
    this.#onWantTrailers(trailers);
    this.#stream.end(bytes);
    this.#finished();
  }

  #pipe(body: BodyStream, framing: Framing): void {
    const stream = this.#stream;
    this.#body = body;
    let trailers: Fields | undefined;
    if (framing === 'chunked') this.#onWantTrailers(() => trailers);
    let stalled: NodeJS.Timeout | undefined;
    stream.on('drain', () => {
      clearTimeout(stalled);
      body.resume();
    });
    stream.on('close', () => clearTimeout(stalled));
    body.pipe({
      data: (chunk) => {
        this.#bytesSent += chunk.length;
        const hasRoom = stream.write(chunk);
        if (!hasRoom) {
          clearTimeout(stalled);
          stalled = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), stalledMs).unref();
        }
        return hasRoom;
      },
      end: (last) => {
        trailers = last;
        stream.end();
        this.#finished();
      },
      fail: () => {
        this.#isCut = true;
        stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      },
    });
  }

  /** Node asks for them when the last byte is out; a stream that was told to wait ends only then. */
  #onWantTrailers(trailers: Fields | undefined | (() => Fields | undefined)): void {
    const stream = this.#stream;
    stream.on('wantTrailers', () => {
      const found = typeof trailers === 'function' ? trailers() : trailers;
      // With none, Node ends the stream by an empty frame of content.
      stream.sendTrailers(toHeaders(undefined, found?.flat ?? []));
    });
  }

  /** The caller need not send what nobody is going to read (RFC 9113 section 8.1). */
  #finished(): void {
    const stream = this.#stream;
    if (!this.#hasContent) return;
    const rest = (): void => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    };
    if (stream.writableFinished) rest();
    else stream.once('finish', rest);
  }

  #closed(): void {
    const stream = this.#stream;
    const exchange = this.#exchange;
    if (this.#done === null) {
      if (exchange !== null) abandon(exchange);
      return;
    }
    const isWhole = stream.writableFinished && stream.rstCode === constants.NGHTTP2_NO_ERROR && !this.#isCut;
    if (isWhole) {
      this.#done(this.#bytesSent, 'answered');
      return;
    }
    this.#body?.cancel(new Error('the caller went away'));
    exchange?.abort();
    this.#done(this.#bytesSent, this.#isCut ? 'cut' : 'client-gone');
  }
}

/** The backend's connection can be used again once what it sent is out of the way. */
function discard(body: BodyStream): void {
  body.pipe({ data: () => true, end: () => undefined, fail: () => undefined });
}

/** Names are in lower case on the wire (RFC 9113 section 8.2). */
function raw(status: number, flat: readonly string[]): string[] {
  const pairs = [':status', String(status)];
  for (let index = 0; index < flat.length; index += 2)
    pairs.push((flat[index] ?? '').toLowerCase(), flat[index + 1] ?? '');
  return pairs;
}

function toHeaders(status: number | undefined, flat: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> =
    status === undefined ? {} : { ':status': String(status) };
  for (let index = 0; index < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    const value = flat[index + 1] ?? '';
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}
