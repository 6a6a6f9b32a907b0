import path from 'node:path';
import { HostTable, type Log } from '#sdk';
import { authoritiesFault, pairFault } from '#sdk/pem';
import type { Problems } from '../config/check.ts';
import type { Path } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import type { GroupConfig, ListenerConfig } from '../config/schema.ts';
import type { CertificatePair, DevelopmentCertificates } from './development-certificate.ts';
import { ListenerTls, type TlsDomain, endOf } from './tls.ts';

/** How the listeners of one configuration speak TLS. */
export interface TlsPlan {
  /** In the order of `listeners`; undefined for those that speak plain HTTP. */
  readonly listeners: readonly (ListenerTls | undefined)[];
  /** Whether hosts are not served without a client's certificate, on plain listeners neither; null when none is. */
  readonly guarded: HostTable<boolean> | null;
}

/** What a plan is made of. */
interface TlsSource {
  readonly text: ConfigText;
  readonly problems: Problems;
  readonly listeners: readonly ListenerConfig[];
  readonly groups: Readonly<Record<string, GroupConfig>>;
  readonly development: DevelopmentCertificates;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const maxPemBytes = 1024 * 1024;
const soonMs = 14 * 24 * 60 * 60 * 1000;

/** Reads the certificates that a configuration names. What is wrong with them is a problem of the configuration. */
export async function planTls(source: TlsSource): Promise<TlsPlan> {
  const files = new PemFiles(source);
  const domains = readDomains(source, files);
  const guarded = new HostTable<boolean>();
  for (const { host, clientCa } of domains) guarded.add(host, clientCa !== undefined);
  const listeners: (ListenerTls | undefined)[] = [];
  for (const [index, { tls }] of source.listeners.entries()) {
    if (tls === undefined) {
      listeners.push(undefined);
      continue;
    }
    const at: Path = ['listeners', index, 'tls'];
    const isDevelopment = tls === 'selfsigned';
    const pair = isDevelopment ? await source.development.for(hostsOf(source.groups)) : files.pair(tls, at);
    const clientCa = isDevelopment ? undefined : files.authorities(tls.clientCertificates, at);
    // Without it the configuration is refused.
    if (pair === undefined) continue;
    const minVersion = isDevelopment ? '1.2' : tls.minVersion;
    listeners.push(new ListenerTls({ pair, minVersion, clientCa, domains }));
  }
  return { listeners, guarded: domains.some(({ clientCa }) => clientCa !== undefined) ? guarded : null };
}

function hostsOf(groups: TlsSource['groups']): string[] {
  return Object.values(groups).flatMap(({ domains = [], subdomain }) => {
    const names = domains.map((domain) => (typeof domain === 'string' ? domain : domain.name));
    return subdomain === undefined ? names : [...names, subdomain];
  });
}

function readDomains({ groups, problems }: TlsSource, files: PemFiles): TlsDomain[] {
  const found: TlsDomain[] = [];
  for (const [group, { domains = [] }] of Object.entries(groups)) {
    for (const [index, domain] of domains.entries()) {
      if (typeof domain === 'string') continue;
      const at: Path = ['groups', group, 'domains', index];
      const { name, certificate, key, clientCertificates } = domain;
      if (certificate === undefined || key === undefined) {
        const needs = certificate !== undefined || key !== undefined || clientCertificates !== undefined;
        const missing = certificate === undefined ? 'certificate' : 'key';
        if (needs)
          problems.add(
            at,
            `"${missing}" is missing; a domain has both \`certificate\` and \`key\`, or neither`,
          );
        continue;
      }
      const pair = files.pair({ certificate, key }, at);
      const clientCa = files.authorities(clientCertificates, at);
      if (pair !== undefined) found.push({ host: name.toLowerCase(), pair, clientCa });
    }
  }
  return found;
}

/** The PEM files of a configuration; each of them means reading again when it changes. */
class PemFiles {
  readonly #source: TlsSource;
  readonly #read: (file: string, maxBytes: number) => string;

  constructor(source: TlsSource) {
    this.#source = source;
    this.#read = source.text.read;
  }

  pair(names: CertificatePair, at: Path): CertificatePair | undefined {
    const certificate = this.#text(names.certificate, [...at, 'certificate']);
    const key = this.#text(names.key, [...at, 'key']);
    if (certificate === undefined || key === undefined) return undefined;
    const fault = pairFault({ certificate, key });
    if (fault !== undefined) {
      this.#source.problems.add([...at, 'certificate'], `this certificate and key cannot be used: ${fault}`);
      return undefined;
    }
    this.#lookAtEnd(certificate, names.certificate);
    return { certificate, key };
  }

  authorities(name: string | undefined, at: Path): string | undefined {
    if (name === undefined) return undefined;
    const place = [...at, 'clientCertificates'];
    const text = this.#text(name, place);
    if (text === undefined) return undefined;
    const fault = authoritiesFault(text);
    if (fault === undefined) return text;
    this.#source.problems.add(place, `${name} cannot be used: ${fault}`);
    return undefined;
  }

  #text(name: string, at: Path): string | undefined {
    const { text, problems } = this.#source;
    const file = path.resolve(path.dirname(text.locate.positionOf(at)?.file ?? '.'), name);
    try {
      return this.#read(file, maxPemBytes);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      problems.add(at, `the file ${file} cannot be read: ${code === 'ENOENT' ? 'no such file' : message}`);
      return undefined;
    }
  }

  // A certificate that has ended is no reason to refuse a configuration: everything else in it may be urgent.
  #lookAtEnd(certificate: string, name: string): void {
    const { log, now } = this.#source;
    const end = endOf(certificate);
    if (end - now > soonMs) return;
    const fields = { certificate: name, until: new Date(end).toISOString() };
    log.warn(fields, end < now ? 'a certificate has ended' : 'a certificate ends soon');
  }
}
