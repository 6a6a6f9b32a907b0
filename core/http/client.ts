import type { Pool } from 'undici';
import type { HttpClient, HttpTarget } from '#sdk';
import { SelfTarget } from '../kernel/self-call.ts';
import { type EgressLimits, NetworkTarget, createPool } from './egress.ts';

/** The pools of all configurations: an origin that the next one uses too keeps its connections. */
export class Pools {
  readonly #pools = new Map<string, { readonly pool: Pool; users: number }>();

  acquire(origin: string, limits: EgressLimits): { pool: Pool; release(): void } {
    const { connectionsPerOrigin, connectTimeoutMs, idleConnectionMs } = limits;
    const key = `${origin} ${connectionsPerOrigin} ${connectTimeoutMs} ${idleConnectionMs}`;
    const entry = this.#pools.get(key) ?? { pool: createPool(origin, limits), users: 0 };
    this.#pools.set(key, entry);
    entry.users += 1;
    const release = (): void => {
      entry.users -= 1;
      if (entry.users > 0) return;
      this.#pools.delete(key);
      void entry.pool.close();
    };
    return { pool: entry.pool, release };
  }
}

/** Makes the target of an address that is not the gateway's own. Tests put servers in memory here. */
export type TargetFactory = (origin: string) => { readonly target: HttpTarget; release(): void };

/** Which addresses mean the gateway itself. */
export interface OwnAddresses {
  /** @param port as in a URL: empty when it is the scheme's own */
  has(host: string, port: string): boolean;
}

/** The client one configuration lends to its plugins. */
export class GatewayClient implements HttpClient {
  readonly #own: OwnAddresses;
  readonly #create: TargetFactory;
  readonly #targets = new Map<string, { readonly target: HttpTarget; release(): void }>();

  constructor(own: OwnAddresses, create: TargetFactory) {
    this.#own = own;
    this.#create = create;
  }

  target(address: string): HttpTarget {
    const { origin, hostname, port } = parseAddress(address);
    let entry = this.#targets.get(origin);
    if (entry === undefined) {
      const isOwn = this.#own.has(hostname, port);
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
export function networkTargets(pools: Pools, limits: EgressLimits): TargetFactory {
  return (origin) => {
    const lease = pools.acquire(origin, limits);
    return { target: new NetworkTarget(origin, lease.pool), release: () => lease.release() };
  };
}

function parseAddress(address: string): URL {
  const text = address.includes('://') ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError('allowed: http://host, https://host:port, or host:port');
  }
  if (
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw new TypeError('allowed: scheme, host and port only; the path has a field of its own');
  }
  return url;
}
