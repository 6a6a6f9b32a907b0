import type { Socket } from 'node:net';

/** How a connection ended: both sides said so, or a reset. */
export type Closing = 'end' | 'reset';

/** What comes in on a socket, taken in pieces of the taker's choice. */
export class ByteReader {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #closing: Closing | null = null;
  #wake: (() => void) | null = null;
  received = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      this.#wake?.();
    });
    const close = (closing: Closing): void => {
      this.#closing ??= closing;
      this.#wake?.();
    };
    socket.on('end', () => close('end'));
    socket.on('error', () => close('reset'));
    socket.on('close', () => close('end'));
  }

  get closing(): Closing | null {
    return this.#closing;
  }

  /** What has come in and was not taken. */
  get waiting(): string {
    return this.#bytes.toString('latin1');
  }

  /** A line without its CRLF; null at the end. */
  async line(): Promise<string | null> {
    let end = this.#bytes.indexOf('\r\n');
    while (end < 0) {
      if (this.#closing !== null) return null;
      await this.#more();
      end = this.#bytes.indexOf('\r\n');
    }
    const line = this.#bytes.toString('latin1', 0, end);
    this.#bytes = this.#bytes.subarray(end + 2);
    return line;
  }

  /** As many bytes; fewer at the end. */
  async take(count: number): Promise<Buffer> {
    while (this.#bytes.length < count && this.#closing === null) await this.#more();
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(taken.length);
    return taken;
  }

  /** Everything until the connection ends. */
  async rest(): Promise<Buffer> {
    await this.end();
    return this.take(this.#bytes.length);
  }

  async end(): Promise<Closing> {
    while (this.#closing === null) await this.#more();
    return this.#closing;
  }

  #more(): Promise<void> {
    if (this.#socket.isPaused()) this.#socket.resume();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }
}
