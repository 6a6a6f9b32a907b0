import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';

/** What takes connections. */
export interface Taker {
  /** How many it has. */
  readonly connections: number;
  /** Settles when the connection is the worker's own, and rejects when it ended before. */
  take(port: string, socket: Socket): Promise<unknown>;
}

interface Waiting {
  readonly port: string;
  readonly socket: Socket;
}

/** A worker that has not taken a connection by then is passed over until it has. */
const lateMs = 20;

/** How many connections wait for a worker at the most; where there is none for long, more are closed at once. */
const maxWaiting = 10_000;

/**
 * The open ports of a gateway with several workers, and who gets the next connection: the worker that has the fewest, one
 * at a time. So one that is blocked holds up a single connection, and one that ends none: what it has not taken is handed
 * to another.
 */
export class Ports {
  readonly #servers = new Map<string, { readonly server: Server; held: Socket[] | null }>();
  readonly #waiting: Waiting[] = [];
  /** With the time at which each was handed what it has not taken yet. */
  readonly #takers = new Map<Taker, number | null>();

  /** Whether a port of that name is open. */
  has(key: string): boolean {
    return this.#servers.has(key);
  }

  get keys(): readonly string[] {
    return [...this.#servers.keys()];
  }

  portOf(key: string): number {
    return (this.#servers.get(key)?.server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Opens a port. Rejects when it cannot be had. Connections wait until `serve`. */
  async open(
    key: string,
    { port, host }: { readonly port: number; readonly host?: string | undefined },
  ): Promise<void> {
    // As an HTTP server's own: a caller may end its side and still wait for the answer.
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    server.on('connection', (socket) => {
      socket.on('error', () => socket.destroy());
      this.#accept(key, socket);
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) });
    await once(server, 'listening');
    server.on('error', () => undefined);
    this.#servers.set(key, { server, held: [] });
  }

  /** Workers know the port: they get its connections from now on. */
  serve(key: string): void {
    const entry = this.#servers.get(key);
    const held = entry?.held ?? [];
    if (entry !== undefined) entry.held = null;
    for (const socket of held) this.#accept(key, socket);
  }

  /** Accepts no more there. */
  close(key: string): void {
    const entry = this.#servers.get(key);
    this.#servers.delete(key);
    entry?.server.close();
    for (const socket of entry?.held ?? []) socket.destroy();
  }

  closeAll(): void {
    for (const key of this.keys) this.close(key);
  }

  /** The worker gets connections from now on. */
  add(taker: Taker): void {
    this.#takers.set(taker, null);
    this.#deal();
  }

  remove(taker: Taker): void {
    this.#takers.delete(taker);
  }

  #accept(port: string, socket: Socket): void {
    const held = this.#servers.get(port)?.held ?? null;
    if (this.#waiting.length >= maxWaiting || (held?.length ?? 0) >= maxWaiting) socket.destroy();
    else if (held !== null) held.push(socket);
    else this.#waiting.push({ port, socket });
    this.#deal();
  }

  #deal(): void {
    while (this.#waiting.length > 0) {
      const taker = this.#next();
      // Whoever takes what it was handed, or is late with it, goes on here.
      if (taker === undefined) return;
      const next = this.#waiting.shift();
      if (next !== undefined) void this.#give(taker, next);
    }
  }

  /** The one that has the fewest connections, unless it is yet to take one. */
  #next(): Taker | undefined {
    const now = performance.now();
    let best: Taker | undefined;
    for (const [taker, since] of this.#takers) {
      const isLate = since !== null && now - since >= lateMs;
      if (!isLate && (best === undefined || taker.connections < best.connections)) best = taker;
    }
    return best === undefined || this.#takers.get(best) !== null ? undefined : best;
  }

  async #give(taker: Taker, { port, socket }: Waiting): Promise<void> {
    this.#takers.set(taker, performance.now());
    const late = setTimeout(() => this.#deal(), lateMs + 1);
    try {
      await taker.take(port, socket);
      // The worker's descriptor of it is another one.
      socket.destroy();
    } catch {
      // It ended before it had it, and nothing was read from it.
      this.#waiting.unshift({ port, socket });
      this.remove(taker);
    }
    clearTimeout(late);
    if (this.#takers.has(taker)) this.#takers.set(taker, null);
    this.#deal();
  }
}
