import type { Fields } from './fields.ts';

/** Where a body goes. `data` answers false when the receiver is full; it then calls `stream.resume()` when it is not. */
export interface BodySink {
  data(chunk: Uint8Array): boolean;
  end(trailers: Fields | undefined): void;
  fail(error: Error): void;
}

/** What a producer of a body may be asked to do. */
export interface BodyProducer {
  pause?(): void;
  resume?(): void;
  /** The receiver is gone: stop producing and free what is held. Not called once the body has ended or failed. */
  cancel?(reason: Error): void;
}

const highWaterBytes = 64 * 1024;

/**
 * A body on its way from one producer to one receiver, with backpressure and aborts in both directions.
 *
 * It holds what arrives before somebody listens, so that a body which is complete by then is known to be
 * (`isComplete`) and can leave in one write. The receiver gets the chunks in order, then one of `end` and `fail`, or
 * neither when it cancels. Both sides may call back from within a call: nothing is lost, doubled or reordered.
 */
export class BodyStream {
  readonly #producer: BodyProducer;
  #chunks: Uint8Array[] = [];
  #heldBytes = 0;
  #sink: BodySink | null = null;
  #isPaused = false;
  #isFlowing = false;
  #isResumed = false;
  #isEnded = false;
  #isFinished = false;
  #isTaken = false;
  #error: Error | null = null;
  #trailers: Fields | undefined;

  constructor(producer: BodyProducer = {}) {
    this.#producer = producer;
  }

  /** Whether the whole body has arrived and nobody has taken any of it. */
  get isComplete(): boolean {
    return this.#isEnded && this.#sink === null && this.#error === null;
  }

  /** Whether it has a receiver, or had one: it cannot be sent once more. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** The chunks of a complete body. Takes them: the stream is empty afterwards. */
  take(): { chunks: Uint8Array[]; trailers: Fields | undefined } {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#isTaken = true;
    return { chunks, trailers: this.#trailers };
  }

  /** Producer: one more chunk. Answers false when it should pause. */
  push(chunk: Uint8Array): boolean {
    if (this.#isEnded || this.#error !== null || chunk.length === 0) return true;
    // A plugin without types may give texts, whose length is none of bytes: what is announced of them would be wrong.
    if (!(chunk instanceof Uint8Array)) {
      this.fail(new TypeError('a chunk of a body must be a Uint8Array'));
      return true;
    }
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#sink === null) this.#isPaused = this.#heldBytes >= highWaterBytes;
    else if (!this.#isPaused && !this.#isFlowing) this.#flow(this.#sink);
    if (this.#isPaused && this.#error === null) this.#ask('pause');
    return !this.#isPaused;
  }

  /** Producer: the body is whole. */
  end(trailers?: Fields): void {
    if (this.#isEnded || this.#error !== null) return;
    this.#isEnded = true;
    this.#trailers = trailers;
    if (this.#sink !== null && !this.#isFlowing) this.#finish(this.#sink);
  }

  /** Producer: the body breaks off here. */
  fail(error: Error): void {
    if (this.#isEnded || this.#error !== null) return;
    this.#error = error;
    this.#chunks = [];
    this.#sink?.fail(error);
  }

  /** Receiver: delivers what has arrived and what will. Once only. */
  pipe(sink: BodySink): void {
    if (this.#sink !== null) throw new Error('the body has a receiver already');
    this.#isTaken = true;
    this.#sink = sink;
    if (this.#error !== null) sink.fail(this.#error);
    else this.resume();
  }

  /** Receiver: has room again. */
  resume(): void {
    if (this.#sink === null || this.#error !== null) return;
    this.#isPaused = false;
    this.#isResumed = true;
    if (this.#isFlowing) return;
    this.#flow(this.#sink);
    if (!this.#isPaused && !this.#isEnded && this.#error === null) this.#ask('resume');
  }

  /** Receiver: wants no more; gets no more, and the producer is told. */
  cancel(reason: Error): void {
    if (this.#isFinished || this.#error !== null) return;
    this.#error = reason;
    this.#chunks = [];
    if (this.#isEnded) return;
    try {
      this.#producer.cancel?.(reason);
    } catch {
      // Whoever cancels wants no more, and nobody else is there to be told.
    }
  }

  /** A producer that throws gives no more, and must not harm whoever has just received something. */
  #ask(what: 'pause' | 'resume'): void {
    try {
      this.#producer[what]?.();
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(`the producer threw at ${what}`));
    }
  }

  #flow(sink: BodySink): void {
    this.#isFlowing = true;
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
      this.#isResumed = false;
      const hasRoom = sink.data(chunk);
      // A receiver that resumed from within `data` has room, whatever `data` answered after that.
      if (hasRoom || this.#isResumed) continue;
      this.#isPaused = true;
      break;
    }
    this.#isFlowing = false;
    if (this.#isEnded) this.#finish(sink);
  }

  #finish(sink: BodySink): void {
    if (this.#isFinished || this.#error !== null || this.#chunks.length > 0) return;
    this.#isFinished = true;
    sink.end(this.#trailers);
  }
}
