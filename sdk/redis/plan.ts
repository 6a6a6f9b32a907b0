import { authoritiesFault, pairFault } from '../pem.ts';
import type { StoreMapping } from './schema.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

interface StoreTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

/** Where the store is. Holds secrets: never log it. */
export interface StorePlan {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** Of the server, of sentinels, or of some nodes. */
  readonly addresses: readonly Address[];
  readonly master?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  readonly database?: number | undefined;
  readonly tls?: StoreTls | undefined;
}

/** What is told and asked while a store is read. Paths begin at what names the store. */
export interface StoreSource {
  /** @param place `key` when the field is wrong, not what it holds */
  problem(path: readonly string[], message: string, place?: 'key'): void;
  /** A file that is named there; undefined when it cannot be read, which is then a problem that it has told. */
  readFile(path: readonly string[], name: string): string | undefined;
}

/** What a value of `StoreSchema` asks for. Where something is wrong with it that is told, and the answer means nothing. */
export function planStore(store: StoreMapping | string, source: StoreSource): StorePlan | undefined {
  return typeof store === 'string' ? fromUrl(store, source) : fromMapping(store, source);
}

function fromUrl(text: string, source: StoreSource): StorePlan | undefined {
  try {
    const url = new URL(text);
    const database = url.pathname.slice(1);
    return {
      kind: 'single',
      addresses: [{ host: bare(url.hostname), port: url.port === '' ? 6379 : Number(url.port) }],
      username: textOrNothing(decodeURIComponent(url.username)),
      password: textOrNothing(decodeURIComponent(url.password)),
      database: database === '' ? undefined : Number(database),
      tls: url.protocol === 'rediss:' ? {} : undefined,
    };
  } catch {
    // What `URL` says would quote the password.
    source.problem(
      [],
      'this is no URL; a password with other signs than letters and digits is percent-encoded',
    );
    return undefined;
  }
}

function fromMapping(store: StoreMapping, source: StoreSource): StorePlan | undefined {
  const { address, sentinels, cluster, tls, ...rest } = store;
  const ways = [address === undefined ? undefined : [address], sentinels, cluster];
  const found = ways.filter((each) => each !== undefined);
  if (found.length !== 1) {
    source.problem([], `found ${found.length} of "address", "sentinels" and "cluster"; allowed: one of them`);
    return undefined;
  }
  const kind = address !== undefined ? 'single' : sentinels !== undefined ? 'sentinel' : 'cluster';
  checkTogether(kind, store, source);
  const port = kind === 'sentinel' ? 26_379 : 6379;
  const addresses = (found[0] ?? []).map((each) => toAddress(each, port));
  if (addresses.some((each) => each.port < 1 || each.port > 65_535))
    source.problem([], 'allowed: ports from 1 to 65535');
  return { kind, addresses, ...rest, tls: readTls(tls, source) };
}

function checkTogether(kind: StorePlan['kind'], store: StoreMapping, source: StoreSource): void {
  if (kind === 'sentinel' && store.master === undefined)
    source.problem([], '"master" is missing; sentinels are asked for a master by its name');
  for (const name of ['master', 'sentinelUsername', 'sentinelPassword'] as const)
    if (kind !== 'sentinel' && store[name] !== undefined)
      source.problem([name], 'allowed together with `sentinels`', 'key');
  if (kind === 'cluster' && store.database !== undefined)
    source.problem(['database'], 'a Redis Cluster has database 0 alone', 'key');
}

function toAddress(text: string, defaultPort: number): Address {
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
  return { host: bare(host), port: port === undefined ? defaultPort : Number(port) };
}

/** An IPv6 address without its brackets. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function textOrNothing(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function readTls(tls: StoreMapping['tls'], source: StoreSource): StoreTls | undefined {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  const read = (field: 'ca' | 'certificate' | 'key'): string | undefined => {
    const name = tls[field];
    return name === undefined ? undefined : source.readFile(['tls', field], name);
  };
  const [ca, certificate, key] = [read('ca'), read('certificate'), read('key')];
  if ((tls.certificate === undefined) !== (tls.key === undefined))
    source.problem(['tls'], 'allowed: both `certificate` and `key`, or neither');
  const caFault = ca === undefined ? undefined : authoritiesFault(ca);
  if (caFault !== undefined) source.problem(['tls', 'ca'], `${tls.ca} cannot be used: ${caFault}`);
  const fault = certificate === undefined || key === undefined ? undefined : pairFault({ certificate, key });
  if (fault !== undefined)
    source.problem(['tls', 'certificate'], `this certificate and key cannot be used: ${fault}`);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
  };
}
