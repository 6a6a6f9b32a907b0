import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { ByteReader, type Closing } from './byte-reader.ts';
import { within } from './within.ts';

type Pairs = readonly (readonly [name: string, value: string])[];

/** An answer as it was on the wire. */
export class RawAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Pairs;
  readonly interim: readonly RawAnswer[];
  body: Buffer = Buffer.alloc(0);
  trailers: Pairs = [];
  /** Whether it ended where it said it would. */
  isWhole = false;

  constructor(status: number, reason: string, headers: Pairs, interim: readonly RawAnswer[]) {
    this.status = status;
    this.reason = reason;
    this.headers = headers;
    this.interim = interim;
  }

  getAll(name: string): string[] {
    const lower = name.toLowerCase();
    return this.headers.filter(([each]) => each.toLowerCase() === lower).map(([, value]) => value);
  }

  get(name: string): string | undefined {
    return this.getAll(name)[0];
  }

  get text(): string {
    return this.body.toString('utf8');
  }

  json(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }
}

/** A connection that sends bytes and reads answers; it hides nothing. */
export class RawClient {
  readonly socket: Socket;
  readonly reader: ByteReader;

  constructor(socket: Socket) {
    this.socket = socket;
    this.reader = new ByteReader(socket);
  }

  send(text: string | Uint8Array): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    return this;
  }

  /** The next final answer, with the interim ones before it. */
  answer(method = 'GET', ms?: number): Promise<RawAnswer> {
    return within(this.#answer(method), 'an answer', ms);
  }

  /** The head of the next answer, interim or final. */
  head(interim: readonly RawAnswer[] = []): Promise<RawAnswer> {
    return within(this.#head(interim), 'the head of an answer');
  }

  /** How the connection ends. */
  closed(ms?: number): Promise<Closing> {
    return within(this.reader.end(), 'the end of the connection', ms);
  }

  async #answer(method: string): Promise<RawAnswer> {
    const interim: RawAnswer[] = [];
    for (;;) {
      const answer = await this.#head(interim);
      if (answer.status >= 200 || answer.status === 101) {
        await readContent(answer, this.reader, method);
        return answer;
      }
      interim.push(answer);
    }
  }

  async #head(interim: readonly RawAnswer[]): Promise<RawAnswer> {
    const line = await this.reader.line();
    if (line === null) throw new Error(`the connection ended without an answer (${this.reader.closing})`);
    const [, status, reason = ''] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(line) ?? [];
    if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(line)}`);
    return new RawAnswer(Number(status), reason, await readFields(this.reader), interim);
  }
}

async function readFields(reader: ByteReader): Promise<Pairs> {
  const fields: [string, string][] = [];
  for (;;) {
    const line = await reader.line();
    if (line === null) throw new Error('the connection ended within a head');
    if (line === '') return fields;
    const colon = line.indexOf(':');
    fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
}

async function readContent(answer: RawAnswer, reader: ByteReader, method: string): Promise<void> {
  const length = answer.get('content-length');
  if (method === 'HEAD' || answer.status === 204 || answer.status === 304) {
    answer.isWhole = true;
  } else if (answer.get('transfer-encoding') !== undefined) {
    await readChunks(answer, reader);
  } else if (length !== undefined) {
    answer.body = await reader.take(Number(length));
    answer.isWhole = answer.body.length === Number(length);
  } else {
    answer.body = await reader.rest();
    answer.isWhole = reader.closing === 'end';
  }
}

async function readChunks(answer: RawAnswer, reader: ByteReader): Promise<void> {
  const chunks: Buffer[] = [];
  for (;;) {
    const size = Number.parseInt((await reader.line()) ?? '', 16);
    if (Number.isNaN(size)) break;
    if (size === 0) {
      answer.trailers = await readFields(reader);
      answer.isWhole = true;
      break;
    }
    const chunk = await reader.take(size);
    chunks.push(chunk);
    if (chunk.length < size || (await reader.line()) !== '') break;
  }
  answer.body = Buffer.concat(chunks);
}

/** Opens a connection to a local port. */
export async function openRaw(port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await within(once(socket, 'connect'), 'a connection');
  return new RawClient(socket);
}

/** Sends one request on a connection of its own and reads the answer. */
export async function exchangeRaw(port: number, request: string | Uint8Array): Promise<RawAnswer> {
  const client = await openRaw(port);
  const method = Buffer.from(request).toString('latin1', 0, 10).split(' ', 1)[0];
  try {
    return await client.send(request).answer(method);
  } finally {
    client.socket.destroy();
  }
}
