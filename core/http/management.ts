import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, BlockList, isIP } from 'node:net';
import { type ManagementAnswer, type ManagementRequest, Params } from '#sdk';

/** The port for operators: never one of `listeners`, so that no page of it is ever served to callers. */
export interface ManagementListener {
  readonly port: number;
  readonly host: string;
  /** Ends at once what is under way. */
  close(): Promise<void>;
}

type AnswerPage = (path: string, request: ManagementRequest) => Promise<ManagementAnswer>;

const maxBytes = 64 * 1024;

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

const foreign: ManagementAnswer = {
  status: 403,
  contentType: 'text/plain; charset=utf-8',
  body: 'not for pages of other origins\n',
};

const tooLarge: ManagementAnswer = {
  status: 413,
  contentType: 'text/plain; charset=utf-8',
  body: `at most ${maxBytes} bytes\n`,
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
  const { url = '/', headers } = request;
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const [path = '/', query = ''] = url.split('?', 2);
  // A browser says where a page comes from that wants something changed.
  if (method !== 'GET' && headers.origin !== undefined && !isSameOrigin(headers.origin, headers.host)) {
    send(response, request, foreign);
    return;
  }
  const body = method === 'GET' ? '' : await readText(request);
  if (body === undefined) send(response, request, tooLarge);
  else send(response, request, await answerPage(path, { method, query: Params.parse(query), body }));
}

function isSameOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

/** Undefined when there is too much of it, or it breaks off. */
async function readText(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > maxBytes) return undefined;
      pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces).toString('utf8');
}

function send(response: ServerResponse, { method }: IncomingMessage, page: ManagementAnswer): void {
  // Content that nobody read is not waited for.
  if (method !== 'GET' && method !== 'HEAD') response.shouldKeepAlive = false;
  const { status = 200, contentType, body, allow } = page;
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(allow === undefined ? {} : { Allow: allow }),
  });
  response.end(method === 'HEAD' ? undefined : body);
}
