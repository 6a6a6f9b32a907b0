import type { Server as HttpServer } from 'node:http';
import type { Socket, Server as SocketServer } from 'node:net';
import type { Server as TlsServer, TLSSocket, TlsOptions } from 'node:tls';
import type { IngressHost, IngressLimits } from './accept.ts';
import { Http2Front } from './http2.ts';
import { type ListenerTls, noteHandshake } from './tls.ts';

/** Who has not finished shaking hands by now is not going to. */
const handshakeMs = 10_000;

/** The TLS side of a listener: which certificate, which protocol, and what a changed configuration does to them. */
export class SecureFront {
  #tls: ListenerTls;
  #server: (TlsServer & { requestCert?: boolean }) | null = null;
  readonly #http2: Http2Front;
  #http1: ReturnType<TlsServer['listeners']> = [];
  /** All there are, those included that still shake hands. */
  readonly #connections = new Set<Socket>();
  /** What was in force when each was accepted. By the peer's address, since Node does not tell on which connection an encrypted one is. */
  readonly #begun = new Map<string, ListenerTls>();

  constructor(tls: ListenerTls, host: IngressHost) {
    this.#tls = tls;
    this.#http2 = new Http2Front(host, this);
  }

  get tls(): ListenerTls {
    return this.#tls;
  }

  /** What the server is made with. */
  options(limits: IngressLimits): TlsOptions {
    return {
      ...this.#tls.options,
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback: (name, done) => done(null, this.#tls.contextFor(name)),
      requestCert: this.#tls.asksForCertificates,
      // Who shows none is told so in an answer, and only where one is required.
      rejectUnauthorized: false,
      handshakeTimeout: Math.min(handshakeMs, limits.headersTimeoutMs),
    };
  }

  /** Hands each connection, once it is encrypted, to the protocol that was agreed on (ALPN, RFC 7301). */
  attach(http: HttpServer, serveHttp1: (socket: TLSSocket) => void): void {
    // Fastify types it as an HTTP server; it is an HTTPS one, which is a TLS server.
    const server = http as SocketServer as TlsServer;
    this.#server = server;
    this.#http1 = server.listeners('secureConnection');
    server.removeAllListeners('secureConnection');
    server.prependListener('connection', (socket) => this.#follow(socket));
    server.on('secureConnection', (socket: TLSSocket) => {
      // One that was under way when the configuration changed may have been checked against what was in force before.
      if (this.#begun.get(peerOf(socket)) === this.#tls) noteHandshake(socket, this.#tls);
      if (socket.alpnProtocol === 'h2') this.#http2.accept(socket);
      else serveHttp1(socket);
    });
    // An answer in plain text would mean nothing to a client that failed to shake hands.
    server.removeAllListeners('tlsClientError');
    server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /**
   * Serves HTTP/1.1 on a connection. Of one that was served before, what it was checked against in its handshake stays
   * as it was: a reload may ask for more by now.
   */
  serveAgain(socket: TLSSocket): void {
    for (const listener of this.#http1) Reflect.apply(listener, this.#server, [socket]);
  }

  /** New connections get what a changed configuration says; those there are stay. */
  renew(next: ListenerTls): void {
    if (next.fingerprint === this.#tls.fingerprint) return;
    this.#tls = next;
    if (this.#server === null) return;
    this.#server.setSecureContext(next.options);
    // Read for each new connection; Node has no other way to change it.
    this.#server.requestCert = next.asksForCertificates;
  }

  /** No further requests on HTTP/2 connections; they close after what they carry. */
  drain(): void {
    this.#http2.drain();
  }

  cut(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  #follow(socket: Socket): void {
    const peer = peerOf(socket);
    this.#connections.add(socket);
    this.#begun.set(peer, this.#tls);
    socket.on('close', () => {
      this.#connections.delete(socket);
      this.#begun.delete(peer);
    });
  }
}

function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
