import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { listenerKey } from '../gateway.ts';
import type { Attach } from '../http/attach.ts';

/** Gives the servers of a worker the connections that the supervisor has accepted. */
export class Injection {
  readonly #servers = new Map<string, { readonly server: Server; readonly open: Set<Socket> }>();

  /** Connections that are open. */
  get connections(): number {
    let count = 0;
    for (const { open } of this.#servers.values()) count += open.size;
    return count;
  }

  readonly attach: Attach = async (server, address) => {
    const key = listenerKey(address);
    const open = new Set<Socket>();
    const entry = { server, open };
    this.#servers.set(key, entry);
    // Node follows the connections of a server, and times requests, from then on.
    server.emit('listening');
    return {
      port: address.port,
      close: async () => {
        if (this.#servers.get(key) === entry) this.#servers.delete(key);
        const ended = Array.from(open, (socket) => new Promise((resolve) => socket.once('close', resolve)));
        await Promise.all(ended);
      },
    };
  };

  /** A connection that came in at the port of that name. */
  accept(port: string, socket: Socket | undefined): void {
    // The peer may be gone before it arrives here.
    if (socket === undefined) return;
    const entry = this.#servers.get(port);
    if (entry === undefined) {
      socket.destroy();
      return;
    }
    entry.open.add(socket);
    socket.once('close', () => entry.open.delete(socket));
    socket.allowHalfOpen = true;
    entry.server.emit('connection', socket);
  }
}
