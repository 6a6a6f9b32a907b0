import { once } from 'node:events';
import {
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  createServer,
} from 'node:http';
import {
  type AddressInfo,
  type Server as NetServer,
  type Socket,
  createServer as createNetServer,
} from 'node:net';

/** A request as a backend got it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Values of a field, one entry a line. */
  values(name: string): string[];
}

/** A server that a test programs. */
export interface Backend extends AsyncDisposable {
  readonly port: number;
  /** Requests whose content has arrived, in order. */
  readonly seen: Seen[];
  /** Connections opened to it so far. */
  readonly connections: Socket[];
  readonly server: NetServer | Server;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, seen: Seen) => void;

/** Answers when the content is there, with what the handler says; `ok` unless there is one. */
export async function httpBackend(handler: Handler = ok, options: ServerOptions = {}): Promise<Backend> {
  const seen: Seen[] = [];
  const server = createServer(
    { keepAliveTimeout: 30_000, maxHeaderSize: 1_000_000, ...options },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', () => undefined);
      request.on('end', () => {
        const one = toSeen(request, Buffer.concat(chunks));
        seen.push(one);
        handler(request, response, one);
      });
    },
  );
  return started(server, seen);
}

/** Gets each request as soon as its head is there. */
export async function streamBackend(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Backend> {
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    handler(request, response);
  });
  return started(server, []);
}

/** Gets bytes and answers bytes. */
export async function rawBackend(handler: (socket: Socket, index: number) => void): Promise<Backend> {
  let count = 0;
  const server = createNetServer((socket) => {
    socket.on('error', () => undefined);
    handler(socket, count++);
  });
  return started(server, []);
}

/** Answers each request that comes in on a raw connection; `answer` says with which bytes, null for none. */
export function answerEach(socket: Socket, answer: (head: string, index: number) => string | null): void {
  let text = '';
  let index = 0;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      const bytes = answer(head, index++);
      if (bytes !== null) socket.write(bytes, 'latin1');
    }
  });
}

async function started(server: NetServer | Server, seen: Seen[]): Promise<Backend> {
  const connections: Socket[] = [];
  server.on('connection', (socket: Socket) => connections.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    connections,
    server,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function toSeen({ method = '', url = '', rawHeaders }: IncomingMessage, body: Buffer): Seen {
  return {
    method,
    url,
    rawHeaders,
    body,
    values(name) {
      const lower = name.toLowerCase();
      return rawHeaders.filter(
        (_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === lower,
      );
    },
  };
}

function ok(_request: IncomingMessage, response: ServerResponse): void {
  response.end('ok');
}
