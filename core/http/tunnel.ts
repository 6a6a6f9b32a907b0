import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Done, Outcome } from '../kernel/exchange.ts';
import type { Tunnel } from '../kernel/tunnel.ts';
import { resetSocket } from './reset.ts';

/**
 * Two connections joined byte for byte: an end passes as an end and leaves the other direction open, a reset as a
 * reset, and whoever takes slowly is sent slowly to.
 */
export class SocketTunnel implements Tunnel {
  readonly #backend: Socket;
  readonly #idle: NodeJS.Timeout;
  readonly #listeners: Done[] = [];
  #caller: Socket | null = null;
  #openSockets = 1;
  #toCaller = 0;
  #toBackend = 0;
  #outcome: Outcome | null = null;

  constructor(backend: Socket, idleMs: number) {
    this.#backend = backend;
    // Time that is not spent: a direction that is held up by its receiver moves nothing either.
    this.#idle = setTimeout(() => this.destroy(), idleMs);
    this.#adopt(backend);
  }

  join(caller: Duplex): void {
    // The ingress joins nothing but connections.
    const socket = caller as Socket;
    this.#caller = socket;
    this.#openSockets += 1;
    this.#adopt(socket);
    if (this.#backend.destroyed) {
      resetSocket(socket);
      return;
    }
    this.#pass(socket, this.#backend, (bytes) => {
      this.#toBackend += bytes;
    });
    this.#pass(this.#backend, socket, (bytes) => {
      this.#toCaller += bytes;
    });
  }

  onEnd(listener: Done): void {
    this.#listeners.push(listener);
  }

  destroy(): void {
    this.#outcome ??= 'cut';
    this.#backend.destroy();
    this.#caller?.destroy();
  }

  #adopt(socket: Socket): void {
    socket.allowHalfOpen = true;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    // What it means is for `close` to say.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed(socket));
  }

  #pass(from: Socket, to: Socket, count: (bytes: number) => void): void {
    from.on('data', (chunk: Buffer) => {
      count(chunk.length);
      this.#idle.refresh();
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      this.#idle.refresh();
      from.resume();
    });
    from.on('end', () => to.end());
    from.resume();
  }

  #closed(socket: Socket): void {
    if (!socket.readableEnded || !socket.writableFinished) this.#broken(socket);
    this.#openSockets -= 1;
    if (this.#openSockets > 0) return;
    clearTimeout(this.#idle);
    for (const listener of this.#listeners)
      listener(this.#toCaller, this.#outcome ?? 'answered', this.#toBackend);
  }

  #broken(socket: Socket): void {
    this.#outcome ??= socket === this.#backend ? 'cut' : 'client-gone';
    const other = socket === this.#backend ? this.#caller : this.#backend;
    if (other !== null && !other.destroyed) resetSocket(other);
  }
}
