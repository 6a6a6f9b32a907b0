import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { BodyStream, type Fields, type ReplyBody } from '#sdk';
import type { Delivery, Exchange, Outcome } from '../kernel/exchange.ts';
import type { Inbound } from '../kernel/inbound.ts';
import { abandon } from '../kernel/serve.ts';
import { reason } from './refuse-early.ts';

/** A caller that takes nothing for this long while an answer waits is cut off. */
const stalledMs = 60_000;
/** Up to this size copying content costs less than a second buffer in the write. */
const textBytes = 8 * 1024;
/** How long the rest of a refused request's content is read and thrown away, so that the refusal can be read. */
const lingerMs = 5_000;

/** Writes the answer of one request to its connection. */
export class HttpDelivery implements Delivery {
  readonly #response: ServerResponse;
  readonly #request: IncomingMessage;
  #exchange: Exchange | null = null;
  #done: ((bytesSent: number, outcome: Outcome) => void) | null = null;
  #stream: BodyStream | null = null;
  #bytesSent = 0;
  #isCut = false;
  #isSized = false;
  /** Set while the caller waits for `100 Continue` before it sends its content. */
  awaitsContinue: boolean;

  constructor(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean) {
    this.#request = request;
    this.#response = response;
    this.awaitsContinue = awaitsContinue;
  }

  /** Follows the connection: a caller that goes away cancels what it asked for. */
  attach(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#response.on('close', () => this.#closed());
  }

  inform(status: number, flat: readonly string[]): void {
    const response = this.#response;
    if (response.headersSent || this.#request.httpVersion !== '1.1') return;
    const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Information'}`];
    for (let index = 0; index < flat.length; index += 2) lines.push(`${flat[index]}: ${flat[index + 1]}`);
    // `writeEarlyHints` knows one status and checks `link` values in its own way; a proxy passes on what it got.
    response.socket?.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  }

  writeContinue(): void {
    if (!this.awaitsContinue) return;
    this.awaitsContinue = false;
    this.#response.writeContinue();
  }

  send(inbound: Inbound, _exchange: Exchange, done: (bytesSent: number, outcome: Outcome) => void): void {
    this.#done = done;
    const response = this.#response;
    const { status, headers } = inbound;
    // The caller would not know whether its content is still wanted.
    if (this.awaitsContinue) response.shouldKeepAlive = false;
    const content = settle(inbound.body);
    this.#isSized = headers.has('content-length');
    if (status === 204) headers.delete('content-length');
    else if (!(content instanceof BodyStream) && !this.#isSized && status !== 304 && content.trailers === undefined) {
      headers.flat.push('Content-Length', String(content.bytes.length));
    }
    const phrase = reason(status);
    if (phrase === undefined) response.writeHead(status, headers.flat);
    else response.writeHead(status, phrase, headers.flat);
    if (content instanceof BodyStream) this.#pipe(content);
    else this.#end(content);
  }

  #end({ bytes, trailers }: Content): void {
    const response = this.#response;
    if (bytes.length === 0 || this.#request.method === 'HEAD') {
      response.end();
      return;
    }
    this.#bytesSent = bytes.length;
    if (trailers === undefined || this.#isSized) {
      // As text the content joins the head in one write; as bytes the two leave as a vector, which costs more.
      if (bytes.length <= textBytes && bytes instanceof Buffer) response.end(bytes.toString('latin1'), 'latin1');
      else response.end(bytes);
      return;
    }
    response.write(bytes);
    response.addTrailers([...trailers]);
    response.end();
  }

  #pipe(stream: BodyStream): void {
    const response = this.#response;
    this.#stream = stream;
    let stalled: NodeJS.Timeout | undefined;
    response.on('drain', () => {
      clearTimeout(stalled);
      stream.resume();
    });
    stream.pipe({
      data: (chunk) => {
        this.#bytesSent += chunk.length;
        const hasRoom = response.write(chunk);
        if (!hasRoom) stalled = setTimeout(() => response.destroy(), stalledMs).unref();
        return hasRoom;
      },
      end: (trailers) => {
        if (trailers !== undefined && !this.#isSized) response.addTrailers([...trailers]);
        response.end();
      },
      fail: () => {
        // The head is out: only a broken connection tells the caller that this is not the whole answer.
        this.#isCut = true;
        response.destroy();
      },
    });
    response.on('close', () => clearTimeout(stalled));
  }

  #closed(): void {
    const { writableFinished } = this.#response;
    if (writableFinished && !this.#request.complete) this.#linger();
    if (this.#done === null) {
      if (this.#exchange !== null) abandon(this.#exchange);
      return;
    }
    if (writableFinished) {
      this.#done(this.#bytesSent, 'answered');
      return;
    }
    this.#stream?.cancel(new Error('the caller went away'));
    this.#exchange?.abort();
    this.#done(this.#bytesSent, this.#isCut ? 'cut' : 'client-gone');
  }

  #linger(): void {
    const { socket } = this.#request;
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
    this.#request.on('close', () => clearTimeout(timer));
    this.#request.on('end', () => clearTimeout(timer));
  }
}

interface Content {
  readonly bytes: Uint8Array;
  readonly trailers: Fields | undefined;
}

const nothing = Buffer.alloc(0);

/** A stream that has arrived whole leaves in one write. */
function settle(body: ReplyBody): Content | BodyStream {
  if (body === null) return { bytes: nothing, trailers: undefined };
  if (typeof body === 'string') return { bytes: Buffer.from(body, 'utf8'), trailers: undefined };
  if (!(body instanceof BodyStream)) return { bytes: body, trailers: undefined };
  if (!body.isComplete) return body;
  const { chunks, trailers } = body.take();
  const [only] = chunks;
  return { bytes: only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks), trailers };
}
