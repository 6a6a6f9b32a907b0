import { type AnswerHead, MalformedAnswer, readAnswerHead, readFields } from './answer-head.ts';
import { Gatherer } from './gather.ts';

/** Who is told what the answers on one connection say. Any call may end the reading (`AnswerReader.stop`). */
export interface AnswerListener {
  /** An interim answer, or the head of the final one. @param rest what came behind a 101; empty for all others */
  head(head: AnswerHead, rest: Buffer): void;
  data(chunk: Buffer): void;
  /** The answer is whole. @param trailers as in `AnswerHead.flat` */
  end(trailers: readonly string[]): void;
}

/** Bytes of a line that says how long a chunk is, extensions included. */
const maxChunkLine = 4096;
const chunkLine = /^([0-9a-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i;

const noTrailers: readonly string[] = [];
const nothing = Buffer.alloc(0);

type State = 'idle' | 'head' | 'sized' | 'closed' | 'size' | 'chunk' | 'chunkEnd' | 'trailers' | 'stopped';

/** Reads the answers to the requests of one connection, one at a time, from pieces of any size. */
export class AnswerReader {
  readonly #gatherer = new Gatherer();
  readonly #listener: AnswerListener;
  readonly #maxHeadBytes: number;
  #state: State = 'idle';
  #method = '';
  #left = 0;
  #trailers = '';

  constructor(listener: AnswerListener, maxHeadBytes: number) {
    this.#listener = listener;
    this.#maxHeadBytes = maxHeadBytes;
  }

  /** A request was sent; its answer may come. */
  expect(method: string): void {
    this.#method = method;
    this.#state = 'head';
  }

  /** Nothing more is read. */
  stop(): void {
    this.#state = 'stopped';
  }

  /** The server has closed its side; says whether that ends the answer, as it does one without a length. */
  finish(): boolean {
    if (this.#state !== 'closed') return false;
    this.#end(noTrailers);
    return true;
  }

  /** @throws MalformedAnswer, TooLong; also for bytes that nobody asked for */
  read(chunk: Buffer): void {
    for (let at = 0; at >= 0 && at < chunk.length && this.#state !== 'stopped';) at = this.#step(chunk, at);
  }

  /** Reads on from there; says how far it came, or -1 when more is needed. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(chunk, at);
      case 'sized':
      case 'chunk':
        return this.#readSized(chunk, at);
      case 'closed':
        this.#listener.data(at === 0 ? chunk : chunk.subarray(at));
        return -1;
      case 'size':
        return this.#readSize(chunk, at);
      case 'chunkEnd':
        return this.#readChunkEnd(chunk, at);
      case 'trailers':
        return this.#readTrailer(chunk, at);
      case 'idle':
        throw new MalformedAnswer('bytes that nobody asked for');
      case 'stopped':
        break;
    }
    return -1;
  }

  #readHead(chunk: Buffer, at: number): number {
    const next = this.#gatherer.take(chunk, at, '\r\n\r\n', this.#maxHeadBytes);
    if (next < 0) return -1;
    const head = readAnswerHead(this.#gatherer.text, this.#method);
    const { content, status } = head;
    if (status >= 200) {
      if (typeof content === 'number') {
        this.#state = 'sized';
        this.#left = content;
      } else if (content === 'chunked') this.#state = 'size';
      else this.#state = 'closed';
    }
    this.#listener.head(head, status === 101 ? chunk.subarray(next) : nothing);
    if (status >= 200 && content === 'none') this.#end(noTrailers);
    return next;
  }

  #readSized(chunk: Buffer, at: number): number {
    const size = Math.min(this.#left, chunk.length - at);
    this.#left -= size;
    const isChunk = this.#state === 'chunk';
    this.#listener.data(size === chunk.length ? chunk : chunk.subarray(at, at + size));
    if (this.#left > 0 || this.#state === 'stopped') return at + size;
    if (isChunk) this.#state = 'chunkEnd';
    else this.#end(noTrailers);
    return at + size;
  }

  #readSize(chunk: Buffer, at: number): number {
    const next = this.#gatherer.take(chunk, at, '\r\n', maxChunkLine);
    if (next < 0) return -1;
    const [, size] = chunkLine.exec(this.#gatherer.text) ?? [];
    if (size === undefined) throw new MalformedAnswer('a size of a chunk that is none');
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
    this.#trailers = '';
    return next;
  }

  #readChunkEnd(chunk: Buffer, at: number): number {
    const next = this.#gatherer.take(chunk, at, '\r\n', 0);
    if (next >= 0) this.#state = 'size';
    return next;
  }

  #readTrailer(chunk: Buffer, at: number): number {
    const next = this.#gatherer.take(chunk, at, '\r\n', this.#maxHeadBytes - this.#trailers.length);
    if (next < 0) return -1;
    const { text } = this.#gatherer;
    if (text === '') this.#end(readFields(this.#trailers));
    else this.#trailers += `${text}\r\n`;
    return next;
  }

  #end(trailers: readonly string[]): void {
    if (this.#state === 'stopped') return;
    this.#state = 'idle';
    // A connection that is idle need not hold the last head.
    this.#gatherer.text = '';
    this.#trailers = '';
    this.#listener.end(trailers);
  }
}
