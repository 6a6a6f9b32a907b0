import type { Group } from '#sdk';
import type { Problems } from '../config/check.ts';
import type { GroupConfig } from '../config/schema.ts';

/** The groups, each host name belonging to one of them. */
export function buildGroups(
  configs: Readonly<Record<string, GroupConfig>>,
  problems: Problems,
): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  const owners = new Map<string, string>();
  for (const [name, config] of Object.entries(configs)) {
    const hosts: string[] = [];
    const take = (host: string, path: readonly (string | number)[]): void => {
      const lower = host.toLowerCase();
      const owner = owners.get(lower);
      if (owner !== undefined)
        problems.add(['groups', name, ...path], `"${host}" belongs to the group "${owner}" already`);
      owners.set(lower, name);
      hosts.push(lower);
    };
    config.domains?.forEach((domain, index) => {
      if (typeof domain === 'string') take(domain, ['domains', index]);
      else take(domain.name, ['domains', index, 'name']);
    });
    config.internalDomains?.forEach((host, index) => take(host, ['internalDomains', index]));
    if (config.subdomain !== undefined) take(config.subdomain, ['subdomain']);
    groups.set(name, { name, hosts, definition: config });
  }
  return groups;
}

/** Which addresses mean the gateway itself. The host `*` does not count: every address would. */
export class OwnHosts {
  readonly #exact = new Set<string>();
  readonly #suffixes: string[] = [];

  readonly #ports: ReadonlySet<string>;

  /** @param ports that the gateway listens at; an address that names another one is somebody else's */
  constructor(groups: Iterable<Group>, ports: Iterable<number>) {
    this.#ports = new Set([...ports].map(String));
    for (const { hosts } of groups) {
      for (const host of hosts) {
        if (host.startsWith('*.')) this.#suffixes.push(host.slice(1));
        else if (host !== '*') this.#exact.add(host);
      }
    }
  }

  has(host: string, port: string): boolean {
    return (port === '' || this.#ports.has(port)) && this.#hasHost(host);
  }

  #hasHost(host: string): boolean {
    return this.#exact.has(host) || this.#suffixes.some((suffix) => host.endsWith(suffix));
  }
}
