import { Fields } from './fields.ts';

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
  /** The receiver is gone: stop producing and free what is held. */
  cancel?(reason: Error): void;
}

const highWaterBytes = 64 * 1024;

/**
 * A body on its way from one producer to one receiver, with backpressure and aborts in both directions.
 *
 * It holds what arrives before somebody listens, so that a body which is complete by then is known to be
 * (`isComplete`) and can leave in one write.
 */
export class BodyStream {
  readonly #producer: BodyProducer;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #sink: BodySink | null = null;
  #paused = false;
  #ended = false;
  #isFinished = false;
  #error: Error | null = null;
  #trailers: Fields | undefined;

  constructor(producer: BodyProducer = {}) {
    this.#producer = producer;
  }

  /** Whether the whole body has arrived and nobody has taken any of it. */
  get isComplete(): boolean {
    return this.#ended && this.#sink === null && this.#error === null;
  }

  /** The chunks of a complete body. Takes them: the stream is empty afterwards. */
  take(): { chunks: Uint8Array[]; trailers: Fields | undefined } {
    const chunks = this.#chunks;
    this.#chunks = [];
    return { chunks, trailers: this.#trailers };
  }

  /** Producer: one more chunk. Answers false when it should pause. */
  push(chunk: Uint8Array): boolean {
    if (this.#ended || this.#error !== null || chunk.length === 0) return true;
    if (this.#sink !== null && !this.#paused) {
      this.#paused = !this.#sink.data(chunk);
    } else {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes < highWaterBytes && this.#sink === null) return true;
      this.#paused = true;
    }
    if (this.#paused) this.#producer.pause?.();
    return !this.#paused;
  }

  /** Producer: the body is whole. */
  end(trailers?: Fields): void {
    if (this.#ended || this.#error !== null) return;
    this.#ended = true;
    this.#trailers = trailers;
    if (this.#sink !== null && this.#chunks.length === 0) this.#finish(this.#sink);
  }

  /** Producer: the body breaks off here. */
  fail(error: Error): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = error;
    this.#chunks = [];
    this.#sink?.fail(error);
  }

  /** Receiver: delivers what has arrived and what will. Once only. */
  pipe(sink: BodySink): void {
    if (this.#sink !== null) throw new Error('the body has a receiver already');
    this.#sink = sink;
    if (this.#error !== null) sink.fail(this.#error);
    else this.resume();
  }

  /** Receiver: has room again. */
  resume(): void {
    const sink = this.#sink;
    if (sink === null || this.#error !== null) return;
    this.#paused = false;
    while (this.#chunks.length > 0) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined && !sink.data(chunk)) {
        this.#paused = true;
        return;
      }
    }
    this.#bytes = 0;
    if (this.#ended) this.#finish(sink);
    else this.#producer.resume?.();
  }

  #finish(sink: BodySink): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    sink.end(this.#trailers);
  }

  /** Receiver: wants no more; the producer is told. */
  cancel(reason: Error): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = reason;
    this.#chunks = [];
    this.#producer.cancel?.(reason);
  }
}
