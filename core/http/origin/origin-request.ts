import type { Dispatcher } from 'undici';
import type { Duplex } from 'node:stream';
import type { AnswerHead } from './answer-head.ts';
import type { RequestHead } from './request-head.ts';
import { type Content, openContent } from './send-content.ts';

/** What a request needs of the connection that it is sent on. */
export interface Carrier {
  pause(): void;
  resume(): void;
  /** Gives the request up, and the connection with it. */
  drop(): void;
}

/** Who learns what becomes of a request. As undici's handler, but for the form of what is read. */
export interface AnswerHandler {
  /** It is about to be sent. @throws when nobody wants it any more */
  onRequestStart(controller: Dispatcher.DispatchController): void;
  /** A piece of content that streams was sent, or all of it. */
  onBodySent?(): void;
  /** The first byte of an answer is there. */
  onResponseStarted?(): void;
  onAnswerHead(
    controller: Dispatcher.DispatchController,
    head: Pick<AnswerHead, 'status' | 'flat' | 'areFieldsChecked' | 'isDelimited'>,
  ): void;
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void;
  onAnswerEnd(trailers: readonly string[]): void;
  onAnswerError(error: Error): void;
  /** The server switched to another protocol. */
  onSwitched?(flat: readonly string[], connection: Duplex): void;
}

/**
 * One request and its handler, who learns of each thing once and of nothing after the end or an error. What is thrown may
 * be a refusal, which is a value and comes through here as an error.
 */
export class OriginRequest implements Dispatcher.DispatchController {
  readonly options: Dispatcher.DispatchOptions;
  readonly head: RequestHead;
  readonly #handler: AnswerHandler;
  #carrier: Carrier | null = null;
  #content: Content | null = null;
  #isStarted = false;
  isDone = false;
  paused = false;
  reason: Error | null = null;

  constructor(options: Dispatcher.DispatchOptions, head: RequestHead, handler: AnswerHandler) {
    this.options = options;
    this.head = head;
    this.#handler = handler;
  }

  /** For a request whose content streams. */
  get content(): Content {
    // What is no bytes comes in pieces (`ForwardBody`).
    return (this.#content ??= openContent(this.options.body as unknown as AsyncIterable<Uint8Array>));
  }

  /** Whether its connection may go on with another protocol. */
  get wantsUpgrade(): boolean {
    return typeof this.options.upgrade === 'string';
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  pause(): void {
    if (this.isDone) return;
    this.paused = true;
    this.#carrier?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.isDone) this.#carrier?.resume();
  }

  abort(reason: Error): void {
    if (this.isDone) return;
    this.reason = reason;
    this.#carrier?.drop();
    this.fail(reason);
  }

  /**
   * It is about to be sent, perhaps once more when its connection was lost before its first byte left. Answers false
   * when nobody wants it any more, and nothing of it may be sent.
   */
  start(carrier: Carrier): boolean {
    if (this.isDone) return false;
    this.#carrier = carrier;
    try {
      this.#handler.onRequestStart(this);
    } catch (error) {
      this.fail(error as Error);
    }
    return !this.isDone;
  }

  /** The first byte of an answer is there. */
  started(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#tell(() => this.#handler.onResponseStarted?.());
  }

  bodySent(): void {
    this.#tell(() => this.#handler.onBodySent?.());
  }

  answered(head: AnswerHead): void {
    try {
      this.#handler.onAnswerHead(this, head);
    } catch (error) {
      this.abort(error as Error);
    }
  }

  data(chunk: Buffer): void {
    try {
      this.#handler.onResponseData(this, chunk);
    } catch (error) {
      this.abort(error as Error);
    }
  }

  end(trailers: readonly string[]): void {
    if (this.isDone) return;
    this.#finish();
    try {
      this.#handler.onAnswerEnd(trailers);
    } catch (error) {
      // Told here: behind the end of a connection nobody would catch it.
      this.#handler.onAnswerError(error as Error);
    }
  }

  upgraded(flat: readonly string[], socket: Duplex): void {
    this.#finish();
    this.#handler.onSwitched?.(flat, socket);
  }

  fail(error: Error): void {
    if (this.isDone) return;
    this.#finish();
    this.#handler.onAnswerError(error);
  }

  #finish(): void {
    this.isDone = true;
    // A source that waits for its next piece would not learn that nobody wants it.
    void this.#content?.pieces.return?.();
  }

  #tell(call: () => void): void {
    if (this.isDone) return;
    try {
      call();
    } catch (error) {
      this.abort(error as Error);
    }
  }
}
