import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { type Clock, Fields } from '#sdk';
import { Exchange } from '../kernel/exchange.ts';
import type { Snapshot } from '../kernel/endpoint.ts';
import { RequestBody } from '../kernel/request-body.ts';
import { serve } from '../kernel/serve.ts';
import { HttpDelivery } from './delivery.ts';
import { readHead } from './head.ts';
import { refuseOnSocket } from './refuse-early.ts';

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

/** Starts to listen. Rejects when the port cannot be had. */
export async function listen(
  address: { port: number; host: string | undefined },
  host: IngressHost,
): Promise<Listener> {
  let isDraining = false;
  const app = createServer(host.limits());
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    if (isDraining) response.shouldKeepAlive = false;
    accept(request, response, host);
  };
  // Hijacked before fastify looks at the content: bodies stream, and answers are written by the delivery.
  app.all('*', {
    onRequest: (request, reply) => {
      reply.hijack();
      take(request.raw, reply.raw);
    },
    handler: () => undefined,
  });
  const server: Server = app.server;
  server.on('checkContinue', (request, response) => {
    (request as IncomingMessage & { awaitsContinue?: boolean }).awaitsContinue = true;
    app.routing(request, response);
  });
  // Not `app.listen`, which would take `localhost` for "all addresses".
  await app.ready();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: address.port, ...(address.host === undefined ? {} : { host: address.host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return {
    port: bound.port,
    host: address.host,
    async close(deadlineMs) {
      isDraining = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearTimeout(cut);
      await app.close();
    },
  };
}

function createServer(limits: IngressLimits): FastifyInstance<Server> {
  return fastify<Server>({
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
    },
    clientErrorHandler: refuseOnSocket,
  });
}

function accept(request: IncomingMessage, response: ServerResponse, host: IngressHost): void {
  const target = (request as IncomingMessage & { originalUrl?: string }).originalUrl ?? request.url ?? '/';
  const awaitsContinue = (request as IncomingMessage & { awaitsContinue?: boolean }).awaitsContinue === true;
  const headers = new Fields(request.rawHeaders);
  const head = readHead(target, headers.flat, host.limits(), host.pseudonym);
  const delivery = new HttpDelivery(request, response, awaitsContinue);
  const { socket } = request;
  const source = head.hasBody ? request : null;
  const exchange = new Exchange(
    {
      requestId: randomUUID(),
      method: request.method ?? 'GET',
      scheme: 'http',
      host: head.host,
      port: socket.localPort ?? 0,
      path: head.path,
      rawQuery: head.rawQuery,
      headers,
      clientAddress: plainAddress(socket.remoteAddress),
      httpVersion: request.httpVersion,
      receivedAt: host.clock.now(),
      body: new RequestBody(source, head.contentLength, awaitsContinue ? () => delivery.writeContinue() : null),
      delivery,
      passes: head.passes,
      isSelfCall: false,
    },
    host.current(),
  );
  delivery.attach(exchange);
  if (head.refusal !== undefined) response.shouldKeepAlive = false;
  serve(exchange, head.refusal);
}

// A dual-stack socket shows IPv4 peers in their mapped form, which no operator writes in a list.
function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
