import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, BlockList, isIP } from 'node:net';
import type { ManagementAnswer } from '#sdk';

/** The port for operators: never one of `listeners`, so that no page of it is ever served to callers. */
export interface ManagementListener {
  readonly port: number;
  readonly host: string;
  /** Ends at once what is under way. */
  close(): Promise<void>;
}

type AnswerPage = (path: string) => Promise<ManagementAnswer>;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Starts to listen. Rejects when the port cannot be had. */
export async function listenForManagement(
  address: { readonly port: number; readonly host: string },
  answerPage: AnswerPage,
): Promise<ManagementListener> {
  let isLocal = true;
  const server = createServer({ headersTimeout: 5000, requestTimeout: 10_000 }, (request, response) => {
    // What a page of a browser on this machine gets to by a name of its own is not what loopback is meant to protect.
    if (isLocal && !isLocalName(request.headers.host ?? '')) send(response, request, misdirected);
    else void answer(request, response, answerPage);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  isLocal = loopback.check(bound.address, bound.family === 'IPv6' ? 'ipv6' : 'ipv4');
  return {
    port: bound.port,
    host: address.host,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const misdirected: ManagementAnswer = {
  status: 421,
  contentType: 'text/plain; charset=utf-8',
  body: 'this address is served as localhost or by its number\n',
};

const notAllowed: ManagementAnswer = {
  status: 405,
  contentType: 'text/plain; charset=utf-8',
  body: 'only GET and HEAD\n',
};

function isLocalName(host: string): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  answerPage: AnswerPage,
): Promise<void> {
  const { method, url = '/' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(response, request, notAllowed);
    return;
  }
  send(response, request, await answerPage(url.split('?', 1)[0] ?? '/'));
}

function send(response: ServerResponse, { method }: IncomingMessage, page: ManagementAnswer): void {
  // Whoever sends content here is not waited for.
  if (method !== 'GET' && method !== 'HEAD') response.shouldKeepAlive = false;
  const { status = 200, contentType, body } = page;
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(method === 'HEAD' ? undefined : body);
}
