import {
  type Answer,
  type Api,
  type Arrival,
  type Group,
  HostTable,
  type Kit,
  type Reply,
  type ServiceToken,
  type SetupKit,
  defineService,
} from '#sdk';
import { check, pathsOf } from './check.ts';
import type { Fetch } from './fetch.ts';
import { Gate } from './gate.ts';
import type { Config } from './options.ts';
import { MachineValues } from './machine-values.ts';
import { Party, type Surroundings } from './party.ts';
import { reachable } from './reachable.ts';
import { finish } from './sign-in.ts';
import { signOut } from './sign-out.ts';

/** Serves a request to an address of the plugin's own. */
export interface Page {
  readonly binding: string;
  handle(request: Arrival): Promise<Reply>;
}

/** One binding, for all the APIs it is bound to. */
export interface Site {
  readonly gate: Gate;
}

/** What a configuration has of this plugin. */
export class Sites {
  readonly #values: MachineValues;
  readonly #surroundings: Surroundings;
  readonly #kit: SetupKit;
  #apis: ReadonlyMap<string, Api> | undefined;
  readonly #sites = new Map<string, Site & { readonly party: Party }>();
  /** By the name of the group, then by path. */
  readonly #paths = new Map<string, Map<string, Page>>();
  readonly #hosts = new HostTable<ReadonlyMap<string, Page>>();
  readonly #pages = new Map<string, Page>();
  #isBuilt = false;

  constructor(kit: SetupKit, fetch: Fetch) {
    const { values, machine, clock, log } = kit;
    this.#values = new MachineValues(values, machine);
    this.#surroundings = { values: reachable(this.#values), clock, log, fetch };
    this.#kit = kit;
  }

  /** The site that an API belongs to by a binding. Undefined when something is wrong, which is then a problem. */
  join(config: Config, kit: Kit): Site | undefined {
    const problem: Kit['problem'] = (path, message) => kit.problem(path, message);
    check(config, problem);
    if (this.#isBuilt) {
      problem([], 'other APIs of the domain were bound when nobody signed in there');
      return undefined;
    }
    this.#apis ??= new Map(this.#kit.published.map(({ api }) => [api.name, api]));
    const paths = pathsOf(config, kit.api, this.#apis, problem);
    if (paths === undefined) return undefined;
    const key = JSON.stringify([kit.binding, config]);
    let site = this.#sites.get(key);
    if (site === undefined) {
      const party = partyOf(kit.binding, config, paths, this.#surroundings);
      if (party === undefined) return undefined;
      site = { party, gate: new Gate(party) };
      this.#sites.set(key, site);
    }
    this.#announce(site.party, config, kit);
    return site;
  }

  /** From now on other workers find sessions here, where this one is the main one. Answers what ends that. */
  serveWorkers(): () => void {
    return this.#values.serve();
  }

  /** What one API signs in by, others of its domain answer for: where there is a site, or one comes, all is built anew. */
  amend(): false | undefined {
    this.#isBuilt = true;
    return this.#sites.size === 0 ? undefined : false;
  }

  /** What this API serves for the plugin, whoever it is bound to. */
  pageOf(api: string): Page | undefined {
    return this.#pages.get(api);
  }

  /** Addresses that need no API, in a group; undefined when no API of the group is bound. */
  pathsIn(group: string): ReadonlyMap<string, Page> | undefined {
    return this.#paths.get(group);
  }

  /** Serves what no API does. */
  fallback(request: Arrival): Answer<Reply> {
    return this.#hosts.find(request.host)?.get(request.path)?.handle(request);
  }

  #announce(party: Party, config: Config, kit: Kit): void {
    const { callbackApi, logoutApi } = config;
    const { callback, logout } = party.paths;
    const paths = this.#pathsOf(kit.api.group);
    const back: Page['handle'] = (request) => finish(party, request);
    const out: Page['handle'] = (request) => signOut(party, request);
    const add = (map: Map<string, Page>, key: string, handle: Page['handle']): void => {
      const { binding } = kit;
      const before = map.get(key);
      if (before === undefined) map.set(key, { binding, handle });
      else if (before.binding !== binding)
        kit.problem([], `found ${key}, which "${before.binding}" has too; each needs its own`);
    };
    if (callbackApi === undefined) add(paths, callback, back);
    else add(this.#pages, callbackApi, back);
    if (logoutApi !== undefined) add(this.#pages, logoutApi, out);
    else if (logout !== undefined) add(paths, logout, out);
  }

  #pathsOf({ name, hosts }: Group): Map<string, Page> {
    const known = this.#paths.get(name);
    if (known !== undefined) return known;
    const paths = new Map<string, Page>();
    this.#paths.set(name, paths);
    for (const host of hosts) this.#hosts.add(host, paths);
    return paths;
  }
}

/** Undefined when the key is none, which is a problem already. */
function partyOf(...args: ConstructorParameters<typeof Party>): Party | undefined {
  try {
    return new Party(...args);
  } catch {
    return undefined;
  }
}

/** How `bind` gets what `setup` made. */
export const Own: ServiceToken<Sites> = defineService<Sites>('oidc-sites');
