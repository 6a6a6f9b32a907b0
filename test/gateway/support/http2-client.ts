import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { within } from './within.ts';

/** An answer as it was on the stream. */
export interface Http2Answer {
  readonly status: number;
  /** In order, the status left out. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly interim: readonly number[];
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, unknown>> | undefined;
  readonly rstCode: number;
  get(name: string): string | undefined;
}

/** One HTTP/2 connection. */
export class Http2Client implements AsyncDisposable {
  readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on('error', () => undefined);
  }

  static async open(
    port: number,
    options: ConnectionOptions & Pick<TcpNetConnectOpts, 'localAddress'> = {},
  ): Promise<Http2Client> {
    const session = connect(`https://127.0.0.1:${port}`, {
      rejectUnauthorized: false,
      maxSessionMemory: 1000,
      ...options,
    });
    await within(once(session, 'connect'), 'an HTTP/2 connection');
    return new Http2Client(session);
  }

  /** Opens a stream; its content is the caller's to send and end. */
  stream(headers: Readonly<Record<string, string | string[]>>, endStream = true): ClientHttp2Stream {
    const stream = this.session.request({ ':path': '/', ':authority': 'a', ...headers }, { endStream });
    stream.on('error', () => undefined);
    return stream;
  }

  request(
    headers: Readonly<Record<string, string | string[]>> = {},
    body?: string | Uint8Array,
  ): Promise<Http2Answer> {
    const stream = this.stream(headers, body === undefined);
    if (body !== undefined) stream.end(body);
    return answerOf(stream);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.destroy();
    await closed;
  }
}

/** Reads a stream to its end. */
export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const chunks: Buffer[] = [];
  const interim: number[] = [];
  let raw: readonly string[] = [];
  let trailers: Readonly<Record<string, unknown>> | undefined;
  stream.on('headers', (headers) => interim.push(Number(headers[':status'])));
  stream.on('response', (_headers, _flags, rawHeaders: readonly string[]) => {
    raw = rawHeaders;
  });
  stream.on('trailers', (headers) => {
    trailers = { ...headers };
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Not `once`, which rejects when a stream is reset.
  const ended = new Promise<void>((resolve) => {
    stream.on('close', resolve);
  });
  const closed = ended.then((): Http2Answer => {
    const headers: [string, string][] = [];
    for (let index = 2; index < raw.length; index += 2)
      headers.push([raw[index] ?? '', raw[index + 1] ?? '']);
    return {
      status: Number(raw[1] ?? 0),
      headers,
      interim,
      body: Buffer.concat(chunks),
      trailers,
      rstCode: stream.rstCode ?? 0,
      get: (name) => headers.find(([each]) => each === name)?.[1],
    };
  });
  return within(closed, 'the end of a stream');
}
