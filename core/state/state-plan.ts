import path from 'node:path';
import type { Problems } from '../config/check.ts';
import type { Path } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import type { StateConfig, StoreConfig } from '../config/state-schema.ts';
import { authoritiesFault, pairFault } from '../http/tls.ts';

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
interface StorePlan {
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

/** The section `state`, checked, with the files it names. Configurations with equal plans share one connection. */
export interface StatePlan extends Omit<StateConfig, 'store'> {
  readonly store: StorePlan;
}

const maxPemBytes = 1024 * 1024;
const place: Path = ['state', 'store'];

/** What the section asks for; undefined when something is wrong with it, which is then told. */
export function planState(config: StateConfig, text: ConfigText, problems: Problems): StatePlan | undefined {
  const { store, ...rest } = config;
  const planned = typeof store === 'string' ? fromUrl(store, problems) : fromMapping(store, text, problems);
  return planned === undefined || problems.has(['state']) ? undefined : { ...rest, store: planned };
}

function fromUrl(text: string, problems: Problems): StorePlan | undefined {
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
    problems.add(
      place,
      'this is no URL; a password with other signs than letters and digits is percent-encoded',
    );
    return undefined;
  }
}

function fromMapping(store: StoreConfig, text: ConfigText, problems: Problems): StorePlan | undefined {
  const { address, sentinels, cluster, tls, ...rest } = store;
  const ways = [address === undefined ? undefined : [address], sentinels, cluster];
  const found = ways.filter((each) => each !== undefined);
  if (found.length !== 1) {
    problems.add(
      place,
      `found ${found.length} of "address", "sentinels" and "cluster"; allowed: one of them`,
    );
    return undefined;
  }
  const kind = address !== undefined ? 'single' : sentinels !== undefined ? 'sentinel' : 'cluster';
  checkTogether(kind, store, problems);
  const port = kind === 'sentinel' ? 26_379 : 6379;
  const addresses = (found[0] ?? []).map((each) => toAddress(each, port));
  if (addresses.some((each) => each.port < 1 || each.port > 65_535))
    problems.add(place, 'allowed: ports from 1 to 65535');
  return { kind, addresses, ...rest, tls: readTls(tls, text, problems) };
}

function checkTogether(kind: StorePlan['kind'], store: StoreConfig, problems: Problems): void {
  if (kind === 'sentinel' && store.master === undefined)
    problems.add(place, '"master" is missing; sentinels are asked for a master by its name');
  for (const name of ['master', 'sentinelUsername', 'sentinelPassword'] as const)
    if (kind !== 'sentinel' && store[name] !== undefined)
      problems.add([...place, name], 'allowed together with `sentinels`', { key: true });
  if (kind === 'cluster' && store.database !== undefined)
    problems.add([...place, 'database'], 'a Redis Cluster has database 0 alone', { key: true });
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

function readTls(tls: StoreConfig['tls'], text: ConfigText, problems: Problems): StoreTls | undefined {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  const at: Path = [...place, 'tls'];
  const read = (field: 'ca' | 'certificate' | 'key'): string | undefined => {
    const name = tls[field];
    if (name === undefined) return undefined;
    const file = path.resolve(path.dirname(text.locate.fileOf([...at, field])), name);
    try {
      return text.read(file, maxPemBytes);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      const reason = code === 'ENOENT' ? 'no such file' : message;
      problems.add([...at, field], `the file ${file} cannot be read: ${reason}`);
      return undefined;
    }
  };
  const [ca, certificate, key] = [read('ca'), read('certificate'), read('key')];
  if ((tls.certificate === undefined) !== (tls.key === undefined))
    problems.add(at, 'allowed: both `certificate` and `key`, or neither');
  const caFault = ca === undefined ? undefined : authoritiesFault(ca);
  if (caFault !== undefined) problems.add([...at, 'ca'], `${tls.ca} cannot be used: ${caFault}`);
  const fault = certificate === undefined || key === undefined ? undefined : pairFault({ certificate, key });
  if (fault !== undefined)
    problems.add([...at, 'certificate'], `this certificate and key cannot be used: ${fault}`);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
  };
}
