import type { Readable } from 'node:stream';
import { type Reply, refuse } from '#sdk';

/** What the client hands to the wire. */
export type ForwardBody = Buffer | Uint8Array | AsyncIterable<Uint8Array> | null;

/** How a request's content is taken. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Longest wait for the next piece of it. */
  readonly idleMs: number;
}

/**
 * Content up to this size is read before the backend is called: it then needs no stream, a retry can send it again,
 * and a slow caller does not hold a backend connection. What is larger, or of unknown length, streams.
 */
const bufferedBytes = 16 * 1024;

/** The content of a request: streams unless somebody reads it, and can be forwarded either way. */
export class RequestBody {
  #source: Readable | null;
  #bytes: Buffer | Uint8Array | null = null;
  #reading: Promise<Buffer> | null = null;
  #limits: BodyLimits = { maxBytes: Infinity, idleMs: 0 };
  readonly #onFirstRead: (() => void) | null;
  /** Undefined when the sender did not say. */
  readonly length: number | undefined;
  bytesReceived = 0;

  constructor(
    source: Readable | Uint8Array | null,
    length: number | undefined,
    onFirstRead: (() => void) | null = null,
  ) {
    if (source instanceof Uint8Array) {
      this.#source = null;
      this.#bytes = source;
      this.bytesReceived = source.length;
    } else {
      this.#source = source;
    }
    this.length = source instanceof Uint8Array ? source.length : length;
    this.#onFirstRead = onFirstRead;
  }

  get isEmpty(): boolean {
    return this.#source === null && this.#bytes === null;
  }

  /** Sets what is allowed, once the API is known. Answers a refusal when the announced length is too large. */
  limit(limits: BodyLimits): Reply | undefined {
    this.#limits = limits;
    const announced = this.#bytes?.length ?? this.length ?? 0;
    return announced > limits.maxBytes ? tooLarge(limits) : undefined;
  }

  async read(): Promise<Buffer> {
    if (this.#bytes !== null) return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    if (this.#source === null) return Buffer.alloc(0);
    this.#reading ??= this.#readAll(this.#source);
    return this.#reading;
  }

  /** Whether `forward` would give the same again. */
  get isReplayable(): boolean {
    return this.#bytes !== null || this.#source === null;
  }

  /** What to send on: bytes when they are here or few, else a stream that can be taken once. */
  forward(): ForwardBody | Promise<ForwardBody> {
    if (this.#bytes !== null || this.#source === null) return this.#bytes;
    if (this.#reading !== null) return this.#reading;
    if (this.length !== undefined && this.length <= bufferedBytes) return this.read();
    return this.#stream(this.#source);
  }

  async #readAll(source: Readable): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#stream(source)) chunks.push(chunk);
    const [only] = chunks;
    const bytes = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
    this.#bytes = bytes;
    return bytes;
  }

  async *#stream(source: Readable): AsyncGenerator<Buffer, void, undefined> {
    this.#onFirstRead?.();
    const pieces = source.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    let isWaiting = false;
    try {
      for (;;) {
        isWaiting = true;
        const next = await within(pieces.next(), this.#limits.idleMs);
        isWaiting = false;
        if (next.done === true) return;
        this.bytesReceived += next.value.length;
        if (this.bytesReceived > this.#limits.maxBytes) throw tooLarge(this.#limits);
        yield next.value;
      }
    } finally {
      // While a piece is awaited, `return` would only queue behind it.
      if (!isWaiting) await pieces.return?.();
    }
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  if (ms === 0) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a refusal is a value here
    timer = setTimeout(() => reject(refuse('request-timeout')), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(limits: BodyLimits): Reply {
  return refuse('body-too-large', { cause: `more than ${limits.maxBytes} bytes` });
}
