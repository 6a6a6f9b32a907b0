import type { Pool } from 'undici';
import type { HttpClient, HttpTarget } from '#sdk';
import { SelfTarget } from '../kernel/self-call.ts';
import { type EgressLimits, NetworkTarget, createPool } from './egress.ts';

/** The pools of all configurations: an origin that the next one uses too keeps its connections. */
export class Pools {
  readonly #pools = new Map<string, { readonly pool: Pool; users: number }>();
  readonly #limits: EgressLimits;

  constructor(limits: EgressLimits) {
    this.#limits = limits;
  }

  acquire(origin: string): Pool {
    let entry = this.#pools.get(origin);
    if (entry === undefined) {
      entry = { pool: createPool(origin, this.#limits), users: 0 };
      this.#pools.set(origin, entry);
    }
    entry.users += 1;
    return entry.pool;
  }

  release(origin: string): void {
    const entry = this.#pools.get(origin);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#pools.delete(origin);
    void entry.pool.close();
  }
}

/** Makes the target of an address that is not the gateway's own. Tests put servers in memory here. */
export type TargetFactory = (origin: string) => { readonly target: HttpTarget; release(): void };

/** The client one configuration lends to its plugins. */
export class GatewayClient implements HttpClient {
  readonly #isOwnHost: (host: string) => boolean;
  readonly #isOwnPort: (port: number) => boolean;
  readonly #create: TargetFactory;
  readonly #targets = new Map<string, { readonly target: HttpTarget; release(): void }>();

  constructor(own: { host(host: string): boolean; port(port: number): boolean }, create: TargetFactory) {
    this.#isOwnHost = own.host;
    this.#isOwnPort = own.port;
    this.#create = create;
  }

  target(address: string): HttpTarget {
    const { origin, hostname, port } = parseAddress(address);
    let entry = this.#targets.get(origin);
    if (entry === undefined) {
      const isOwn = this.#isOwnHost(hostname) && (port === '' || this.#isOwnPort(Number(port)));
      entry = isOwn ? { target: new SelfTarget(origin), release: () => undefined } : this.#create(origin);
      this.#targets.set(origin, entry);
    }
    return entry.target;
  }

  dispose(): void {
    for (const entry of this.#targets.values()) entry.release();
    this.#targets.clear();
  }
}

/** Targets on the network, over shared pools. */
export function networkTargets(pools: Pools): TargetFactory {
  return (origin) => ({
    target: new NetworkTarget(origin, pools.acquire(origin)),
    release: () => pools.release(origin),
  });
}

function parseAddress(address: string): URL {
  const text = address.includes('://') ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError('allowed: http://host, https://host:port, or host:port');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new TypeError('allowed: scheme, host and port only; the path has a field of its own');
  }
  return url;
}
