import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Http2Client } from './http2-client.ts';
import { RawClient } from './raw-client.ts';
import { within } from './within.ts';

/** What a caller may speak; the last two over TLS. */
export const protocols = ['HTTP/1.1', 'HTTP/1.1 over TLS', 'HTTP/2'] as const;

export type Protocol = (typeof protocols)[number];

export interface Call {
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer, whatever it came over. */
export interface Answer {
  readonly status: number;
  /** As they came; names in lower case in HTTP/2. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
  get(name: string): string | undefined;
  getAll(name: string): string[];
  json(): Record<string, unknown>;
}

/** One connection, made when it is first needed. */
export interface Caller extends AsyncDisposable {
  readonly protocol: Protocol;
  readonly isSecure: boolean;
  /** @param target path and query, byte for byte */
  call(method: string, target: string, call?: Call): Promise<Answer>;
}

const ownHost = 'api.shop.example';

export function callerOf(protocol: Protocol, port: number, from = '127.0.0.1'): Caller {
  return protocol === 'HTTP/2' ? http2Caller(port, from) : http1Caller(protocol, port, from);
}

function http1Caller(protocol: Protocol, port: number, from: string): Caller {
  const isSecure = protocol !== 'HTTP/1.1';
  let client: RawClient | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const send = async (method: string, target: string, call: Call): Promise<Answer> => {
    client ??= await open(port, from, isSecure);
    const { host = ownHost, headers = {}, body } = call;
    const fields = {
      Host: host,
      ...headers,
      ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    };
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    client.send(Buffer.from(`${method} ${target} HTTP/1.1\r\n${head.join('')}\r\n${body ?? ''}`));
    const answer = await client.answer(method);
    if (answer.get('connection') === 'close') {
      client.socket.destroy();
      client = undefined;
    }
    return answerOf(answer.status, answer.headers, answer.body);
  };
  return {
    protocol,
    isSecure,
    call(method, target, call = {}) {
      // One after the other, as HTTP/1.1 has it.
      const answered = turn.then(() => send(method, target, call));
      turn = answered.catch(() => undefined);
      return answered;
    },
    [Symbol.asyncDispose]() {
      client?.socket.destroy();
      return Promise.resolve();
    },
  };
}

async function open(port: number, localAddress: string, isSecure: boolean): Promise<RawClient> {
  const to = { port, host: '127.0.0.1', localAddress };
  const socket = isSecure
    ? connectTls({ ...to, rejectUnauthorized: false, servername: ownHost, ALPNProtocols: ['http/1.1'] })
    : connectPlain({ ...to, noDelay: true });
  await within(once(socket, isSecure ? 'secureConnect' : 'connect'), 'a connection');
  return new RawClient(socket);
}

function http2Caller(port: number, localAddress: string): Caller {
  let client: Promise<Http2Client> | undefined;
  return {
    protocol: 'HTTP/2',
    isSecure: true,
    async call(method, target, { host = ownHost, headers = {}, body } = {}) {
      client ??= Http2Client.open(port, { servername: ownHost, localAddress });
      const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
      const pseudo = { ':method': method, ':path': target, ':authority': host };
      const {
        status,
        headers: fields,
        body: content,
      } = await (await client).request({ ...pseudo, ...Object.fromEntries(lower) }, body);
      return answerOf(status, fields, content);
    },
    async [Symbol.asyncDispose]() {
      await (await client)?.[Symbol.asyncDispose]();
    },
  };
}

function answerOf(status: number, headers: Answer['headers'], body: Buffer): Answer {
  const getAll = (name: string): string[] =>
    headers.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  const text = body.toString('utf8');
  return {
    status,
    headers,
    text,
    getAll,
    get: (name) => getAll(name)[0],
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}
