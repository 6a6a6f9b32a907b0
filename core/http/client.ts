import type { Exchange as PublicExchange, HttpClient, HttpTarget, OwnRequest, TargetLease } from '#sdk';
import { ownRequest } from '../kernel/backend-call.ts';
import type { Exchange } from '../kernel/exchange.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { SelfTarget } from '../kernel/self-call.ts';
import { type EgressLimits, NetworkTarget, type OriginClient, createPool } from './egress.ts';

/** The pools of all configurations: an origin that the next one uses too keeps its connections. */
export class Pools {
  readonly #pools = new Map<string, { readonly pool: OriginClient; users: number }>();

  /** @param servername keeps connections apart that were made for another name */
  acquire(origin: string, servername: string, limits: EgressLimits): { pool: OriginClient; release(): void } {
    const { connectionsPerOrigin, connectTimeoutMs, idleConnectionMs } = limits;
    const key = `${origin} ${servername} ${connectionsPerOrigin} ${connectTimeoutMs} ${idleConnectionMs}`;
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
export type TargetFactory = (origin: string, servername?: string) => TargetLease;

/** Which addresses mean the gateway itself. */
export interface OwnAddresses {
  /** @param port as in a URL: empty when it is the scheme's own */
  has(host: string, port: string): boolean;
}

/** The client one configuration lends to its plugins. */
export class GatewayClient implements HttpClient {
  readonly #own: OwnAddresses;
  readonly #create: TargetFactory;
  readonly #targets = new Map<string, HttpTarget>();
  readonly #leases = new Set<TargetLease>();

  constructor(own: OwnAddresses, create: TargetFactory) {
    this.#own = own;
    this.#create = create;
  }

  target(address: string): HttpTarget {
    const url = parseAddress(address);
    const target = this.#targets.get(url.origin) ?? this.#open(url).target;
    this.#targets.set(url.origin, target);
    return target;
  }

  lease(address: string, servername?: string): TargetLease {
    return this.#open(parseAddress(address), servername);
  }

  request(exchange: PublicExchange, parts: OwnRequest): Outbound {
    // What plugins see of an exchange is always one of these.
    return ownRequest(exchange as Exchange, parts);
  }

  dispose(): void {
    for (const lease of this.#leases) lease.release();
    this.#targets.clear();
  }

  #open({ origin, hostname, port }: URL, servername?: string): TargetLease {
    const isOwn = this.#own.has(hostname, port);
    const opened = isOwn ? undefined : this.#create(origin, servername);
    const release = (): void => {
      if (this.#leases.delete(lease)) opened?.release();
    };
    const lease: TargetLease = { target: opened?.target ?? new SelfTarget(origin), release };
    this.#leases.add(lease);
    return lease;
  }
}

/** Targets on the network, over shared pools. */
export function networkTargets(pools: Pools, limits: EgressLimits): TargetFactory {
  return (origin, servername = '') => {
    const lease = pools.acquire(origin, servername, limits);
    return { target: new NetworkTarget(origin, lease.pool, servername), release: () => lease.release() };
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
