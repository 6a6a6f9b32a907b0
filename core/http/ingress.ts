import { METHODS, type Server, type ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { Fields } from '#sdk';
import { RequestBody } from '../kernel/request-body.ts';
import { serve } from '../kernel/serve.ts';
import {
  type Connection,
  type IngressHost,
  type IngressLimits,
  connectionRefusal,
  createExchange,
  plainAddress,
} from './accept.ts';
import type { Attach } from './attach.ts';
import { type Draining, HttpDelivery } from './delivery.ts';
import { readHead } from './head.ts';
import { PlainConnections } from './plain/connections.ts';
import { refuseOnSocket, refuseTunnel } from './refuse-early.ts';
import { SecureFront } from './secure-front.ts';
import type { ListenerTls } from './tls.ts';
import { type AskingRequest, acceptUpgrades, shouldUpgrade } from './upgrade.ts';

/** One listening port. */
export interface Listener {
  readonly port: number;
  readonly host: string | undefined;
  /** Null on a listener that speaks plain HTTP. */
  readonly secure: SecureFront | null;
  /** Stops accepting, lets what runs finish, and closes; after `deadlineMs` cuts what is left. */
  close(deadlineMs: number): Promise<void>;
}

/** A request as Node and fastify hand it over. */
interface RawRequest extends AskingRequest {
  originalUrl?: string;
  /** Whether its `Expect` is one that is understood; undefined without one. */
  isExpectationKnown?: boolean;
}

/** Starts to listen. Rejects when the port cannot be had. */
export async function listen(
  address: { port: number; host: string | undefined; tls?: ListenerTls | undefined },
  host: IngressHost,
  attach: Attach,
): Promise<Listener> {
  const secure = address.tls === undefined ? null : new SecureFront(address.tls, host);
  const app = createServer(host.limits(), secure);
  const server: Server = app.server;
  const plain = servePlain(server, host, secure);
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
      accept(request.raw, reply.raw, host, draining, secure);
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
  const upgrades = acceptUpgrades(
    server,
    (request, response, upgrade) => accept(request, response, host, draining, secure, upgrade),
    (socket) => {
      if (secure === null) plain.accept(socket);
      else secure.serveAgain(socket as TLSSocket);
    },
  );
  // Not `app.listen`, which would take `localhost` for "all addresses".
  await app.ready();
  const attached = await attach(server, address);
  return {
    port: attached.port,
    host: address.host,
    secure,
    async close(deadlineMs) {
      draining.isDraining = true;
      const closed = attached.close();
      closeIdle();
      plain.drain();
      secure?.drain();
      const cut = setTimeout(() => {
        server.closeAllConnections();
        plain.cut();
        secure?.cut();
        upgrades.cut();
      }, deadlineMs);
      await closed;
      clearTimeout(cut);
      plain.close();
      // Stops its timers; that it listens no more is no news.
      server.close(() => undefined);
      await app.close();
    },
  };
}

/** Connections are served here first, and by Node's server from what is no plain request on. */
function servePlain(server: Server, host: IngressHost, secure: SecureFront | null): PlainConnections {
  if (secure !== null) {
    const plain = new PlainConnections({
      host,
      secure: (socket) => ({ socket: socket as TLSSocket, tls: () => secure.tls }),
      handOver: (socket) => secure.serveAgain(socket as TLSSocket),
    });
    secure.attach(server, (socket) => plain.accept(socket));
    return plain;
  }
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  const plain = new PlainConnections({
    host,
    secure: () => null,
    handOver: (socket) => {
      for (const listener of listeners) Reflect.apply(listener, server, [socket]);
    },
  });
  server.on('connection', (socket) => plain.accept(socket));
  return plain;
}

function createServer(limits: IngressLimits, secure: SecureFront | null): FastifyInstance {
  const http = {
    // Room above both limits, so that the one that was broken can be told.
    maxHeaderSize: limits.uriBytes + limits.headersBytes + 96 * 1024,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: 0,
    connectionsCheckingInterval: 1000,
    // Node's own refusal has no request id; ours comes with the other checks of the head.
    requireHostHeader: false,
    shouldUpgradeCallback: shouldUpgrade,
  };
  const options = {
    logger: false,
    // One route for everything: what the router plugin matches is `originalUrl`, as sent.
    rewriteUrl: () => '/',
    genReqId: () => '',
    return503OnClosing: false,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    clientErrorHandler: refuseOnSocket,
  };
  const app =
    secure === null
      ? fastify({ ...options, http })
      : (fastify({
          ...options,
          https: { ...http, ...secure.options(limits) },
        }) as unknown as FastifyInstance);
  // Beyond 2,000 fields Node 26 refuses and older ones drop the rest; how many there may be is for `headersBytes` to say.
  app.server.maxHeadersCount = 0;
  return app;
}

function accept(
  request: RawRequest,
  response: ServerResponse,
  host: IngressHost,
  draining: Draining,
  secure: SecureFront | null,
  upgrade?: 'websocket',
): void {
  const { socket, httpVersion, isExpectationKnown, upgradeWithContent, method = 'GET' } = request;
  const target = request.originalUrl ?? request.url ?? '/';
  const headers = new Fields(request.rawHeaders);
  const head = readHead({ method, target, httpVersion }, headers.flat, host.limits(), host.pseudonym);
  if (head.authority !== undefined) headers.set('Host', head.authority);
  const hasContent = head.hasBody;
  const awaitsContinue = isExpectationKnown === true && hasContent;
  const delivery = new HttpDelivery(request, response, draining, { hasContent, awaitsContinue });
  const body = new RequestBody(
    hasContent ? request : null,
    head.contentLength,
    awaitsContinue ? () => delivery.writeContinue() : null,
  );
  const connection: Connection = {
    port: socket.localPort ?? 0,
    clientAddress: plainAddress(socket.remoteAddress),
    secure: secure === null ? null : { socket: socket as TLSSocket, tls: () => secure.tls },
  };
  const exchange = createExchange(host, connection, {
    method,
    httpVersion,
    head,
    headers,
    body,
    delivery,
    upgrade,
  });
  delivery.attach(exchange);
  const refusal =
    head.refusal ??
    connectionRefusal(host, head.host, connection) ??
    (upgradeWithContent === 'refuse' ? 'bad-request' : undefined) ??
    (isExpectationKnown === false ? 'expectation-failed' : undefined);
  // Where the next request begins is as doubtful as this one.
  if (refusal !== undefined || upgradeWithContent !== undefined) response.shouldKeepAlive = false;
  serve(exchange, refusal);
}
