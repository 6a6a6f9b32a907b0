import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Value = string | number | boolean | undefined;

/** A span as a collector gets it. */
export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly name: string;
  /** 2: server. 3: client. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, Value>>;
}

interface Json {
  readonly [key: string]: unknown;
}

/** Takes spans in JSON, and tells what it got. */
export class FakeCollector {
  readonly spans: SeenSpan[] = [];
  readonly requests: {
    readonly url: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: Buffer;
  }[] = [];
  resource: Readonly<Record<string, Value>> = {};
  /** What it answers; undefined for never. */
  answer:
    | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
    | undefined = {
    status: 200,
    body: '{}',
  };
  readonly #server: Server;

  static async start(t: { after(work: () => void): void }, port = 0): Promise<FakeCollector> {
    const collector = new FakeCollector();
    collector.#server.listen(port, '127.0.0.1');
    await once(collector.#server, 'listening');
    t.after(() => collector.stop());
    return collector;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => this.#take(request, Buffer.concat(pieces), response));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.requests.push({ url: request.url ?? '', headers: request.headers, body });
    const { answer } = this;
    if (answer === undefined) return;
    if (answer.status === 200 && request.headers['content-type'] === 'application/json') this.#read(body);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  #read(body: Buffer): void {
    const message = JSON.parse(body.toString('utf8')) as { resourceSpans: Json[] };
    for (const { resource, scopeSpans } of message.resourceSpans) {
      this.resource = toRecord((resource as Json)['attributes'] as Json[]);
      for (const { spans } of scopeSpans as Json[]) this.spans.push(...(spans as Json[]).map(toSpan));
    }
  }
}

function toSpan(span: Json): SeenSpan {
  const text = (key: string): string | undefined => span[key] as string | undefined;
  return {
    traceId: text('traceId') ?? '',
    spanId: text('spanId') ?? '',
    parentSpanId: text('parentSpanId'),
    traceState: text('traceState'),
    name: text('name') ?? '',
    kind: Number(span['kind']),
    startMs: Number(span['startTimeUnixNano']) / 1e6,
    endMs: Number(span['endTimeUnixNano']) / 1e6,
    isError: (span['status'] as Json)['code'] === 2,
    attributes: toRecord(span['attributes'] as Json[]),
  };
}

function toRecord(attributes: readonly Json[]): Record<string, Value> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [String(key), Object.values(value as Json)[0] as Value]),
  );
}

/** Waits until something holds that nothing tells about. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
