import type { Socket } from 'node:net';
import { BodyStream, type Fields } from '#sdk';
import type { Delivery, Done, Exchange } from '../../kernel/exchange.ts';
import { type Framing, frame } from '../../kernel/framing.ts';
import type { Inbound } from '../../kernel/inbound.ts';
import { abandon } from '../../kernel/serve.ts';
import { type Content, discard, pipeWhole, settle, stalledMs, textBytes } from '../delivery.ts';
import { fieldLine, writeAnswerHead, writeInterimHead } from './answer-head.ts';

/** What an answer needs of its connection. */
export interface Way {
  readonly socket: Socket;
  /** Seconds for which it is kept; null when this answer is its last. */
  readonly keptSeconds: number | null;
  /** Sends a whole answer, with others that are ready by then. */
  send(text: string): void;
  /** All of an answer is written. */
  written(): void;
}

/** The answer to a plain request, written to its connection. */
export class PlainAnswer implements Delivery {
  readonly #way: Way;
  readonly #method: string;
  /** Whether another request may follow on the connection. */
  isKept: boolean;
  /** Whether all of it was handed to the connection. */
  isEnded = false;
  #exchange: Exchange | null = null;
  #done: Done | null = null;
  #stream: BodyStream | null = null;
  #framing: Framing = 'none';
  /** Waits for the first piece of content, to leave with it. */
  #head = '';
  #isHeadSent = false;
  #isCut = false;
  #bytesSent = 0;
  #stalled: NodeJS.Timeout | undefined;

  constructor(way: Way, method: string, isKept: boolean) {
    this.#way = way;
    this.#method = method;
    this.isKept = isKept;
  }

  attach(exchange: Exchange): void {
    this.#exchange = exchange;
  }

  inform(status: number, flat: readonly string[]): void {
    const { socket } = this.#way;
    if (this.#isHeadSent || socket.destroyed) return;
    socket.write(writeInterimHead(status, flat), 'latin1');
  }

  send(inbound: Inbound, _exchange: Exchange, done: Done): void {
    this.#done = done;
    // A failed attempt got as far as the head: its connection is cut, and tells when it is closed.
    if (this.#isHeadSent) return;
    const { status, headers } = inbound;
    const content = settle(inbound.body);
    const isStream = content instanceof BodyStream;
    this.#framing = frame(headers, {
      status,
      method: this.#method,
      httpVersion: '1.1',
      length: isStream ? undefined : content.bytes.length,
      hasTrailers: !isStream && content.trailers !== undefined,
    });
    const { keptSeconds } = this.#way;
    if (keptSeconds === null) this.isKept = false;
    const isChunked = this.#framing === 'chunked';
    const head = writeAnswerHead(status, headers, {
      isChunked,
      keptSeconds: this.isKept ? keptSeconds : null,
    });
    this.#isHeadSent = true;
    try {
      if (!isStream) this.#sendWhole(head, content);
      else if (this.#framing === 'none') {
        discard(content);
        this.#sendText(head);
      } else this.#pipe(head, content, headers);
    } catch (error) {
      this.#cut();
      throw error;
    }
  }

  /** Everything has left. */
  finished(): void {
    clearTimeout(this.#stalled);
    this.#done?.(this.#bytesSent, 'answered');
  }

  /** The connection takes more. */
  drained(): void {
    clearTimeout(this.#stalled);
    this.#stream?.resume();
  }

  /** The connection is closed, and the answer had not left. */
  closed(): void {
    clearTimeout(this.#stalled);
    const exchange = this.#exchange;
    if (this.#done === null) {
      if (exchange !== null) abandon(exchange);
      return;
    }
    this.#stream?.cancel(new Error('the caller went away'));
    exchange?.abort();
    this.#done(this.#bytesSent, this.#isCut ? 'cut' : 'client-gone');
  }

  #sendText(text: string): void {
    this.isEnded = true;
    this.#way.send(text);
  }

  #sendWhole(head: string, { bytes, trailers }: Content): void {
    if (this.#framing === 'none') {
      this.#sendText(head);
      return;
    }
    this.#bytesSent = bytes.length;
    if (this.#framing === 'chunked') {
      this.#head = head;
      if (bytes.length > 0) this.#write(bytes);
      this.#end(trailers);
    } else if (bytes.length <= textBytes) {
      // As text the content joins the head in one write; as bytes the two leave as a vector, which costs more.
      this.#sendText(head + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
    } else {
      this.#head = head;
      this.#write(bytes);
      this.#end(undefined);
    }
  }

  #pipe(head: string, stream: BodyStream, headers: Fields): void {
    this.#stream = stream;
    this.#head = head;
    const { socket } = this.#way;
    pipeWhole(stream, this.#framing === 'sized' ? headers : null, {
      data: (chunk) => {
        this.#bytesSent += chunk.length;
        this.#write(chunk);
        if (!socket.writableNeedDrain) return true;
        this.#stalled = setTimeout(() => socket.destroy(), stalledMs).unref();
        return false;
      },
      end: (trailers) => this.#end(trailers),
      fail: () => this.#cut(),
    });
    // A stream of events has a head long before the first of them.
    if (this.#isCut || this.isEnded || this.#head === '') return;
    socket.write(this.#takeHead(), 'latin1');
  }

  #write(chunk: Uint8Array): void {
    const { socket } = this.#way;
    const isChunk = this.#framing === 'chunked';
    const before = this.#takeHead() + (isChunk ? `${chunk.length.toString(16)}\r\n` : '');
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    socket.write(chunk);
    if (isChunk) socket.write('\r\n', 'latin1');
    socket.uncork();
  }

  #end(trailers: Fields | undefined): void {
    let text = this.#takeHead();
    if (this.#framing === 'chunked') {
      text += '0';
      for (const [name, value] of trailers ?? []) text += fieldLine(name, value);
      text += '\r\n\r\n';
    }
    this.isEnded = true;
    if (text !== '') this.#way.socket.write(text, 'latin1');
    this.#way.written();
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  #cut(): void {
    // The head is out: only a broken connection tells the caller that this is not the whole answer.
    this.#isCut = true;
    this.#way.socket.destroy();
  }
}
