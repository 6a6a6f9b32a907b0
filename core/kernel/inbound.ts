import {
  BodyStream,
  type Fields,
  type Inbound as PublicInbound,
  type Refusal,
  type Reply,
  type ReplyBody,
  checkReplyBody,
} from '#sdk';
import type { Exchange } from './exchange.ts';
import { peekStream } from './peek.ts';
import { Switched, type Tunnel } from './tunnel.ts';

const defaultMaxBytes = 12 * 1024 * 1024;

/** The answer on its way to the caller. Its fields are its own copy: a plugin may return one Reply many times. */
export class Inbound implements PublicInbound {
  readonly exchange: Exchange;
  status: number;
  readonly headers: Fields;
  refusal: Refusal | undefined;
  readonly source: 'backend' | 'gateway';
  body: ReplyBody;
  /** What the connection becomes when this is sent with its status, 101. */
  readonly tunnel: Tunnel | null;

  constructor(exchange: Exchange, reply: Reply, source: 'backend' | 'gateway') {
    this.exchange = exchange;
    this.status = reply.status;
    this.headers = reply.headers.clone();
    this.refusal = reply.refusal;
    this.source = source;
    this.body = reply.body;
    this.tunnel = reply instanceof Switched ? reply.tunnel : null;
  }

  get hasBody(): boolean {
    return this.body !== null;
  }

  get bodyLength(): number | undefined {
    const { body } = this;
    if (body === null) return 0;
    if (!(body instanceof BodyStream)) return Buffer.byteLength(body);
    const announced = this.headers.get('content-length');
    return announced === undefined ? undefined : Number(announced);
  }

  get backendMs(): number | undefined {
    return this.exchange.backendMs;
  }

  get latencyMs(): number {
    const { backendMs, backendStartedAt, startedAt } = this.exchange;
    return (backendMs === undefined ? performance.now() : backendStartedAt + backendMs) - startedAt;
  }

  async readBody(maxBytes: number = defaultMaxBytes): Promise<Buffer> {
    const { body } = this;
    if (body === null) return Buffer.alloc(0);
    if (typeof body === 'string') return Buffer.from(body, 'utf8');
    if (!(body instanceof BodyStream)) return Buffer.from(body.buffer, body.byteOffset, body.length);
    const bytes = await readStream(body, maxBytes);
    this.body = bytes;
    return bytes;
  }

  async peekBody(maxBytes: number): Promise<Buffer | undefined> {
    const { body } = this;
    if (!(body instanceof BodyStream)) {
      const bytes = await this.readBody();
      return bytes.length > maxBytes ? undefined : bytes;
    }
    if (Number(this.headers.get('content-length')) > maxBytes) return undefined;
    const { bytes, rest } = await peekStream(body, maxBytes);
    this.body = rest;
    return bytes;
  }

  setBody(body: string | Uint8Array | null): void {
    checkReplyBody(body);
    if (this.body instanceof BodyStream) this.body.cancel(new Error('the answer got another body'));
    this.body = body;
    this.headers.delete('content-length');
  }

  transformBody(transform: { chunk(chunk: Uint8Array): Uint8Array; end?(): Uint8Array }): void {
    const { body } = this;
    this.headers.delete('content-length');
    if (body instanceof BodyStream) {
      this.body = transformed(body, transform);
      return;
    }
    const bytes =
      body === null ? Buffer.alloc(0) : typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    this.body = Buffer.concat([transform.chunk(bytes), transform.end?.() ?? Buffer.alloc(0)]);
  }
}

function readStream(body: BodyStream, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    body.pipe({
      data(chunk) {
        bytes += chunk.length;
        if (bytes > maxBytes) {
          const error = new Error(`the answer has more than ${maxBytes} bytes`);
          body.cancel(error);
          reject(error);
          return false;
        }
        chunks.push(chunk);
        return true;
      },
      end: () => resolve(Buffer.concat(chunks)),
      fail: reject,
    });
  });
}

function transformed(
  body: BodyStream,
  transform: { chunk(chunk: Uint8Array): Uint8Array; end?(): Uint8Array },
): BodyStream {
  const result = new BodyStream({
    resume: () => body.resume(),
    cancel: (reason) => body.cancel(reason),
  });
  // A throwing transform must break the answer off, not leave the caller waiting.
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      const reason = error instanceof Error ? error : new Error('the transform threw');
      body.cancel(reason);
      result.fail(reason);
    }
  };
  body.pipe({
    data(chunk) {
      let hasRoom = true;
      guarded(() => {
        hasRoom = result.push(transform.chunk(chunk));
      });
      return hasRoom;
    },
    end(trailers) {
      guarded(() => {
        if (transform.end !== undefined) result.push(transform.end());
        result.end(trailers);
      });
    },
    fail: (error) => result.fail(error),
  });
  return result;
}
