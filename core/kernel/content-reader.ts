import type { Readable } from 'node:stream';
import { Reply, refuse } from '#sdk';

/** How a request's content is taken. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Longest wait for the next piece of it; 0 for no limit. */
  readonly idleMs: number;
}

type Piece = IteratorResult<Buffer, undefined>;

interface Waiting {
  resolve(piece: Piece): void;
  reject(error: unknown): void;
}

const done: Piece = { done: true, value: undefined };

/**
 * Takes the content of a request from its connection: either whole (`collect`) or piece by piece, and then never more
 * than a piece ahead of whoever asks, so that a slow receiver slows the caller down.
 *
 * It ends in an error that is a Reply when the caller sends too much (413), too slowly (408) or not all of it (400).
 */
export class ContentReader implements AsyncIterableIterator<Buffer, undefined> {
  readonly #source: Readable;
  readonly #limits: BodyLimits;
  readonly #onBegin: (() => void) | null;
  #timer: NodeJS.Timeout | undefined;
  #isBegun = false;
  readonly #pieces: Buffer[] = [];
  #waiting: Waiting | null = null;
  #collecting: { resolve(bytes: Buffer): void; reject(error: unknown): void } | null = null;
  #isEnded = false;
  #isPaused = false;
  #error: unknown = null;
  bytesReceived = 0;
  /** On the clock of `performance.now()`. */
  lastPieceAt = 0;

  /** @param onBegin called when somebody first asks for content; nothing is read before that */
  constructor(source: Readable, limits: BodyLimits, onBegin: (() => void) | null) {
    this.#source = source;
    this.#limits = limits;
    this.#onBegin = onBegin;
  }

  /** Whether nothing is left to do but to wait for the caller. */
  get isStarved(): boolean {
    return !this.#isEnded && this.#error === null && this.#waiting !== null;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Piece> {
    if (!this.#isBegun) this.#begin();
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#resume();
      return Promise.resolve({ done: false, value: piece });
    }
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a refusal is a value here
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#isEnded) return Promise.resolve(done);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<Piece> {
    this.stop();
    return Promise.resolve(done);
  }

  /** Reads it all. */
  collect(): Promise<Buffer> {
    if (!this.#isBegun) this.#begin();
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a refusal is a value here
    if (this.#error !== null) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#collecting = { resolve, reject };
    });
  }

  /** Nobody wants the rest. */
  stop(): void {
    if (this.#isEnded) return;
    this.#release();
    this.#isEnded = true;
    this.#pieces.length = 0;
    this.#waiting?.resolve(done);
    this.#waiting = null;
  }

  fail(error: unknown): void {
    if (this.#isEnded || this.#error !== null) return;
    this.#release();
    this.#error = error;
    this.#pieces.length = 0;
    this.#waiting?.reject(error);
    this.#collecting?.reject(error);
    this.#waiting = null;
  }

  #begin(): void {
    this.#isBegun = true;
    if (this.#isEnded || this.#error !== null) return;
    const source = this.#source;
    if (source.destroyed) {
      this.#onClose();
      return;
    }
    source.on('data', this.#onData);
    source.on('end', this.#onEnd);
    source.on('close', this.#onClose);
    // What broke the connection is told by `close`; without a listener it would be an uncaught error.
    source.on('error', ignore);
    const { idleMs } = this.#limits;
    if (idleMs > 0) this.#timer = setTimeout(() => this.#late(), idleMs);
    this.#onBegin?.();
  }

  readonly #onData = (piece: Buffer): void => {
    this.bytesReceived += piece.length;
    this.lastPieceAt = performance.now();
    if (this.bytesReceived > this.#limits.maxBytes) {
      this.fail(tooLarge(this.#limits));
      return;
    }
    this.#timer?.refresh();
    if (this.#waiting !== null) {
      this.#waiting.resolve({ done: false, value: piece });
      this.#waiting = null;
      return;
    }
    this.#pieces.push(piece);
    if (this.#collecting !== null) return;
    this.#isPaused = true;
    this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.#release();
    this.#isEnded = true;
    this.#waiting?.resolve(done);
    this.#waiting = null;
    if (this.#collecting === null) return;
    const [only] = this.#pieces;
    const bytes = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
    this.#collecting.resolve(bytes);
  };

  readonly #onClose = (): void => {
    this.fail(refuse('bad-request', { cause: 'the content broke off' }));
  };

  #resume(): void {
    if (!this.#isPaused || this.#pieces.length > 0) return;
    this.#isPaused = false;
    this.#timer?.refresh();
    this.#source.resume();
  }

  #late(): void {
    // While the source is paused it is the receiver that is slow; `#resume` starts the time again.
    if (!this.#isPaused) this.fail(refuse('request-timeout'));
  }

  #release(): void {
    clearTimeout(this.#timer);
    if (!this.#isBegun) return;
    // Without a listener a flowing source would throw away whatever comes, for as long as it comes.
    if (!this.#source.readableEnded) this.#source.pause();
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.off('close', this.#onClose);
  }
}

function ignore(): void {}

/** The refusal of content beyond the limit. */
export function tooLarge(limits: BodyLimits): Reply {
  return refuse('body-too-large', { cause: `more than ${limits.maxBytes} bytes` });
}
