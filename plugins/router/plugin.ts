import {
  type Amendment,
  type Api,
  type Arrival,
  type Fields,
  type Group,
  HostTable,
  type Published,
  type Reply,
  type Route,
  Routes,
  type SetupKit,
  definePlugin,
  offer,
  refuse,
} from '#sdk';
import { describeMiss } from './miss.ts';
import { type PathPattern, PathTable, readPattern } from './path-table.ts';

export type Environments = Map<string, PathTable<Published>>;

export default definePlugin({
  name: 'router',
  summary: 'Finds the API of a request by host name, environment, method and path.',
  offers: [Routes],
  setup(_section, kit) {
    const tables = new Tables(kit);
    const { hosts } = tables;
    const find: Routes['find'] = (request) => {
      const environments = hosts.find(request.host);
      if (environments === undefined) return undefined;
      const { headers } = request;
      const table = environments.get(environmentOf(headers));
      return table === undefined ? undefined : lookUp(table, request);
    };
    return {
      publish: (published) => tables.add(published),
      amend: (change) => tables.plan(change),
      routing: find,
      services: [offer(Routes, { find })],
      describeMiss: (arrival) =>
        describeMiss(kit, hosts.find(arrival.host), environmentOf(arrival.headers), arrival),
    };
  },
});

function environmentOf(headers: Fields): string {
  return headers.get('x-stage') ?? headers.get('x-ca-stage') ?? 'RELEASE';
}

function lookUp(
  table: PathTable<Published>,
  { method, path }: Pick<Arrival, 'method' | 'path'>,
): Route | Reply | undefined {
  const found = table.find(method, path);
  if (found === undefined) return undefined;
  const { target, values, rest } = found;
  // A server that resolves them would serve a path that no API of this gateway leads to.
  if (hasDotSegment(rest)) return refuse('bad-request', noDots);
  for (const value of values.values()) if (hasDotSegment(value)) return refuse('bad-request', noDots);
  return { target, pathValues: values, rest };
}

const noDots = { message: 'The path must not contain . or .. segments.' };

/** The paths of each group, by host name and environment. */
class Tables {
  readonly hosts = new HostTable<Environments>();
  readonly #kit: SetupKit;
  readonly #byGroup = new Map<string, Environments>();
  readonly #clashing = new Set<Api>();
  /** Of the API before: those of its other environments follow. */
  #last: { readonly api: Api; readonly pattern: PathPattern | undefined } | undefined;

  constructor(kit: SetupKit) {
    this.#kit = kit;
  }

  add(published: Published): void {
    const { api, environment } = published;
    if (this.#last?.api !== api) this.#last = { api, pattern: patternOf(published, this.#kit) };
    const { pattern } = this.#last;
    if (pattern === undefined) return;
    const environments = this.#of(api.group);
    const table = environments.get(environment) ?? new PathTable<Published>();
    environments.set(environment, table);
    const twin = table.add(...slotOf(published, pattern), published);
    // Once for an API, however many environments it shares with its twin.
    if (twin === undefined || this.#clashing.has(api)) return;
    this.#clashing.add(api);
    const problem = `${twin.api.name} has the same method, path and match in ${environment}`;
    this.#kit.problem(['apis', api.name, 'request', 'path'], problem);
  }

  /**
   * What puts the change in force; false where two APIs have one path, which building anew tells about, and where a group
   * has no API left: its hosts are then those of a group that has `*`.
   */
  plan(change: Amendment): (() => void) | false {
    const { added, removed } = change;
    for (const { api } of removed) {
      const isIn = (other: Published): boolean => other.api.group === api.group;
      // All are listed when they are asked for, which they seldom have to be.
      if (!added.some(isIn) && !change.published.some(isIn)) return false;
    }
    const going = new Set(removed);
    const coming = new Tables(this.#kit);
    for (const published of added) {
      const { pattern, table } = this.#find(published);
      if (pattern === undefined) return false;
      const twin = table?.get(...slotOf(published, pattern));
      if (twin !== undefined && !going.has(twin)) return false;
      coming.add(published);
      if (coming.#clashing.size > 0) return false;
    }
    return () => {
      for (const published of removed) {
        const { pattern, table } = this.#find(published);
        if (pattern !== undefined) table?.remove(...slotOf(published, pattern));
      }
      for (const published of added) this.add(published);
    };
  }

  #find(published: Published) {
    const { api, environment } = published;
    return {
      pattern: patternOf(published, this.#kit),
      table: this.#byGroup.get(api.group.name)?.get(environment),
    };
  }

  #of({ name, hosts }: Group): Environments {
    const there = this.#byGroup.get(name);
    if (there !== undefined) return there;
    const environments: Environments = new Map();
    this.#byGroup.set(name, environments);
    for (const host of hosts) this.hosts.add(host, environments);
    return environments;
  }
}

function slotOf({ api: { request } }: Published, pattern: PathPattern): [string, PathPattern, boolean] {
  return [request.method, pattern, request.match === 'prefix'];
}

function patternOf({ api }: Published, kit: SetupKit): PathPattern | undefined {
  const path = ['apis', api.name, 'request', 'path'];
  try {
    const pattern = readPattern(api.request.path);
    if (api.request.match === 'prefix' && pattern.segments.some(({ kind }) => kind === 'rest')) {
      kit.problem(path, '{name+} takes the rest of the path already; leave out `match: prefix`');
    }
    return pattern;
  } catch (error) {
    kit.problem(path, error instanceof Error ? error.message : 'not a path');
    return undefined;
  }
}

const dots = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\;]|%2f|%5c)/i;

function hasDotSegment(text: string): boolean {
  return (text.includes('.') || text.includes('%')) && dots.test(text);
}
