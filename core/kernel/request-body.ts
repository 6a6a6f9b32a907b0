import type { Readable } from 'node:stream';
import type { Reply } from '#sdk';
import { type BodyLimits, ContentReader, tooLarge } from './content-reader.ts';

/** What the client hands to the wire. */
export type ForwardBody = Buffer | Uint8Array | AsyncIterable<Uint8Array> | null;

/**
 * Content up to this size is read before the backend is called: it then needs no stream, a retry can send it again,
 * and a slow caller does not hold a backend connection. What is larger, or of unknown length, streams.
 */
const bufferedBytes = 16 * 1024;

/** The content of a request: streams unless somebody reads it, and can be forwarded either way. */
export class RequestBody {
  readonly #source: Readable | null;
  #bytes: Buffer | Uint8Array | null = null;
  #reader: ContentReader | null = null;
  #reading: Promise<Buffer> | null = null;
  #failure: Reply | null = null;
  #limits: BodyLimits = { maxBytes: Infinity, idleMs: 0 };
  readonly #onFirstRead: (() => void) | null;
  /** Undefined when the sender did not say. */
  readonly length: number | undefined;

  constructor(
    source: Readable | Uint8Array | null,
    length: number | undefined,
    onFirstRead: (() => void) | null = null,
  ) {
    const isHere = source instanceof Uint8Array;
    this.#source = isHere ? null : source;
    this.#bytes = isHere ? source : null;
    this.length = isHere ? source.length : length;
    this.#onFirstRead = onFirstRead;
  }

  get isEmpty(): boolean {
    return this.#source === null && this.#bytes === null;
  }

  get bytesReceived(): number {
    return this.#reader === null ? (this.#bytes?.length ?? 0) : this.#reader.bytesReceived;
  }

  /** When the last piece came, on the clock of `performance.now()`; 0 when none did. */
  get lastPieceAt(): number {
    return this.#reader === null ? 0 : this.#reader.lastPieceAt;
  }

  /** Whether the next step is the caller's: its content is wanted, and it has not sent it. */
  get isStarved(): boolean {
    return this.#reader !== null && this.#reader.isStarved;
  }

  /**
   * Sets what is allowed, once the API is known; a second API that gets the same content can only allow less.
   * Answers a refusal when the announced length is too large.
   */
  limit({ maxBytes, idleMs }: BodyLimits): Reply | undefined {
    const before = this.#limits;
    this.#limits = {
      maxBytes: Math.min(maxBytes, before.maxBytes),
      idleMs: before.idleMs === 0 ? idleMs : Math.min(idleMs, before.idleMs),
    };
    const announced = this.#bytes?.length ?? this.length ?? 0;
    return announced > maxBytes ? tooLarge(this.#limits) : undefined;
  }

  async read(maxBytes = Infinity): Promise<Buffer> {
    const refusal = maxBytes === Infinity ? undefined : this.limit({ ...this.#limits, maxBytes });
    // oxlint-disable-next-line typescript/only-throw-error -- a refusal is a value here
    if (refusal !== undefined) throw refusal;
    if (this.#bytes !== null)
      return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    if (this.#source === null) return Buffer.alloc(0);
    const bytes = await (this.#reading ??= this.#readAll(this.#source));
    // Whoever began to read it may have allowed more.
    // oxlint-disable-next-line typescript/only-throw-error -- a refusal is a value here
    if (bytes.length > maxBytes) throw tooLarge(this.#limits);
    return bytes;
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
    return this.#start(this.#source);
  }

  /** Nobody wants what has not been read yet. */
  stop(): void {
    if (this.#reading === null) this.#reader?.stop();
  }

  /** The rest cannot be read: whoever wants it gets this refusal. */
  fail(refusal: Reply): void {
    this.#failure = refusal;
    this.#reader?.fail(refusal);
  }

  #start(source: Readable): ContentReader {
    if (this.#reader !== null) throw new Error('the content was passed on already');
    this.#reader = new ContentReader(source, this.#limits, this.#onFirstRead);
    if (this.#failure !== null) this.#reader.fail(this.#failure);
    return this.#reader;
  }

  async #readAll(source: Readable): Promise<Buffer> {
    const bytes = await this.#start(source).collect();
    this.#bytes = bytes;
    return bytes;
  }
}
