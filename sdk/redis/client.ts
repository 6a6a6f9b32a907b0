import type { Cluster, Redis } from 'ioredis';
import type { StorePlan } from './plan.ts';

export type RedisClient = Redis | Cluster;

/** Where to connect to, and how long that may take. */
export interface ClientPlan {
  readonly store: StorePlan;
  readonly connectTimeoutMs: number;
}

/** Soon at first, then every second, for ever: whoever brings the store back need not tell the gateways. */
const reconnectMs = (times: number): number => Math.min(20 * times, 1000);

/**
 * A client that is not connected yet. Nothing waits in it: what cannot be sent, or was sent when the connection broke,
 * fails at once and is never sent a second time, because it may have been carried out.
 */
export async function createClient(plan: ClientPlan): Promise<RedisClient> {
  // Loaded when somebody wants it: most gateways need no store.
  const { Cluster, Redis } = await import('ioredis');
  const { store } = plan;
  if (store.kind === 'cluster')
    return new Cluster(
      store.addresses.map((each) => ({ ...each })),
      clusterOptions(plan),
    );
  return new Redis(redisOptions(plan));
}

/** How a single server, or the master that sentinels name, is spoken to. */
function redisOptions(plan: ClientPlan) {
  const { store } = plan;
  const own = {
    ...connectionOptions(plan),
    db: store.database ?? 0,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    lazyConnect: true,
    retryStrategy: reconnectMs,
    // The master of before, after a failover.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY'),
  };
  if (store.kind !== 'sentinel') return { ...own, ...store.addresses[0] };
  return {
    ...own,
    sentinels: store.addresses.map((each) => ({ ...each })),
    name: store.master ?? '',
    role: 'master' as const,
    sentinelRetryStrategy: reconnectMs,
    ...(store.sentinelUsername === undefined ? {} : { sentinelUsername: store.sentinelUsername }),
    ...(store.sentinelPassword === undefined ? {} : { sentinelPassword: store.sentinelPassword }),
    ...(store.tls === undefined ? {} : { sentinelTLS: store.tls, enableTLSForSentinelMode: true }),
  };
}

function clusterOptions(plan: ClientPlan) {
  return {
    redisOptions: connectionOptions(plan),
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    lazyConnect: true,
    clusterRetryStrategy: reconnectMs,
    clusterNodeRetryStrategy: reconnectMs,
    slotsRefreshInterval: 1000,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // Certificates are for names, which would be addresses by then.
    ...(plan.store.tls === undefined ? {} : { dnsLookup: unresolved }),
  };
}

function connectionOptions({ store, connectTimeoutMs }: ClientPlan) {
  return {
    connectTimeout: connectTimeoutMs,
    // A connection that swallows everything is given up; TCP by itself would try for a quarter of an hour. Longer than
    // this process is ever busy with something else: that is nothing the server did.
    socketTimeout: 5000,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectionName: 'tapgate',
    ...(store.username === undefined ? {} : { username: store.username }),
    ...(store.password === undefined ? {} : { password: store.password }),
    ...(store.tls === undefined ? {} : { tls: store.tls }),
  };
}

function unresolved(name: string, done: (error: null, address: string) => void): void {
  done(null, name);
}
