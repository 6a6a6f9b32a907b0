import { randomUUID } from 'node:crypto';
import { type IncomingMessage, METHODS, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, type Socket, Server as SocketServer } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { type Clock, Fields } from '#sdk';
import { Exchange } from '../kernel/exchange.ts';
import type { Snapshot } from '../kernel/endpoint.ts';
import { RequestBody } from '../kernel/request-body.ts';
import { serve } from '../kernel/serve.ts';
import { type Draining, HttpDelivery } from './delivery.ts';
import { readHead } from './head.ts';
import { refuseOnSocket, refuseTunnel } from './refuse-early.ts';

/** What may come in (Huawei guide 4.3.3: 414, 494) and how long it may take. */
export interface IngressLimits {
  readonly uriBytes: number;
  readonly headerLineBytes: number;
  readonly headersBytes: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** What an ingress needs of the gateway. */
export interface IngressHost {
  readonly clock: Clock;
  readonly pseudonym: string;
  current(): Snapshot;
  limits(): IngressLimits;
}

/** One listening port. */
export interface Listener {
  readonly port: number;
  readonly host: string | undefined;
  /** Stops accepting, lets what runs finish, and closes; after `deadlineMs` cuts what is left. */
  close(deadlineMs: number): Promise<void>;
}

/** A request as Node and fastify hand it over. */
interface RawRequest extends IncomingMessage {
  originalUrl?: string;
  /** Whether its `Expect` is one that is understood; undefined without one. */
  isExpectationKnown?: boolean;
}

/** Starts to listen. Rejects when the port cannot be had. */
export async function listen(
  address: { port: number; host: string | undefined },
  host: IngressHost,
): Promise<Listener> {
  const app = createServer(host.limits());
  const server: Server = app.server;
  const draining: Draining = { isDraining: false, unsent: 0, onSent: () => setImmediate(closeIdle) };
  // Node takes a connection for idle as soon as its answer is written, sent or not.
  const closeIdle = (): void => {
    if (draining.unsent === 0) server.closeIdleConnections();
  };
  // Else fastify answers the less usual methods itself.
  for (const method of METHODS) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  // Hijacked before fastify looks at the content: bodies stream, and answers are written by the delivery.
  app.all('*', {
    onRequest: (request, reply) => {
      reply.hijack();
      accept(request.raw, reply.raw, host, draining);
    },
    handler: () => undefined,
  });
  const expecting = (isKnown: boolean) => (request: RawRequest, response: ServerResponse) => {
    request.isExpectationKnown = isKnown;
    app.routing(request, response);
  };
  server.on('checkContinue', expecting(true));
  server.on('checkExpectation', expecting(false));
  server.on('connect', (_request, socket) => refuseTunnel(socket as Socket));
  // Not `app.listen`, which would take `localhost` for "all addresses".
  await app.ready();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      { port: address.port, ...(address.host === undefined ? {} : { host: address.host }) },
      () => {
        server.off('error', reject);
        resolve();
      },
    );
  });
  const bound = server.address() as AddressInfo;
  return {
    port: bound.port,
    host: address.host,
    async close(deadlineMs) {
      draining.isDraining = true;
      const closed = new Promise<void>((resolve) => {
        // Not the HTTP server's own `close`, which would cut answers that are written but not sent.
        SocketServer.prototype.close.call(server, () => resolve());
      });
      closeIdle();
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearTimeout(cut);
      // Stops its timers; that it listens no more is no news.
      server.close(() => undefined);
      await app.close();
    },
  };
}

function createServer(limits: IngressLimits): FastifyInstance {
  const app = fastify({
    logger: false,
    // One route for everything: what the router plugin matches is `originalUrl`, as sent.
    rewriteUrl: () => '/',
    genReqId: () => '',
    return503OnClosing: false,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      // Room above both limits, so that the one that was broken can be told.
      maxHeaderSize: limits.uriBytes + limits.headersBytes + 96 * 1024,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: 0,
      connectionsCheckingInterval: 1000,
      // Node's own refusal has no request id; ours comes with the other checks of the head.
      requireHostHeader: false,
    },
    clientErrorHandler: refuseOnSocket,
  });
  // Beyond 2,000 fields Node 26 refuses and older ones drop the rest; how many there may be is for `headersBytes` to say.
  app.server.maxHeadersCount = 0;
  return app;
}

function accept(request: RawRequest, response: ServerResponse, host: IngressHost, draining: Draining): void {
  const { socket, httpVersion, isExpectationKnown, method = 'GET' } = request;
  const target = request.originalUrl ?? request.url ?? '/';
  const headers = new Fields(request.rawHeaders);
  const head = readHead({ method, target, httpVersion }, headers.flat, host.limits(), host.pseudonym);
  if (head.authority !== undefined) headers.set('Host', head.authority);
  const hasContent = head.hasBody;
  const awaitsContinue = isExpectationKnown === true && hasContent;
  const delivery = new HttpDelivery(request, response, draining, { hasContent, awaitsContinue });
  const source = hasContent ? request : null;
  const exchange = new Exchange(
    {
      requestId: randomUUID(),
      method,
      scheme: 'http',
      host: head.host,
      port: socket.localPort ?? 0,
      path: head.path,
      rawQuery: head.rawQuery,
      hasEmptyQuery: head.hasEmptyQuery,
      headers,
      clientAddress: plainAddress(socket.remoteAddress),
      httpVersion,
      receivedAt: host.clock.now(),
      body: new RequestBody(
        source,
        head.contentLength,
        awaitsContinue ? () => delivery.writeContinue() : null,
      ),
      delivery,
      passes: head.passes,
      isSelfCall: false,
    },
    host.current(),
  );
  delivery.attach(exchange);
  const refusal = head.refusal ?? (isExpectationKnown === false ? 'expectation-failed' : undefined);
  // Where the next request begins is as doubtful as this one.
  if (refusal !== undefined) response.shouldKeepAlive = false;
  serve(exchange, refusal);
}

// A dual-stack socket shows IPv4 peers in their mapped form, which no operator writes in a list.
function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
