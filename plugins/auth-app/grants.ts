import { type SetupKit, describeAllowed } from '#sdk';

/** An entry of `apis`: a name or pattern for every environment, or with the environments it is meant for. */
export type GrantEntry = string | { readonly api: string; readonly environments: readonly string[] };

/** What an app may call. */
export class Grants {
  /** By `group/name`, `group/*` or `*`; null stands for every environment. */
  readonly #environments = new Map<string, Set<string> | null>();

  allow(pattern: string, environments: readonly string[] | null): void {
    const there = this.#environments.get(pattern);
    if (environments === null || there === null) this.#environments.set(pattern, null);
    else this.#environments.set(pattern, new Set([...(there ?? []), ...environments]));
  }

  mayCall(api: string, environment: string): boolean {
    if (this.#environments.size === 0) return false;
    return (
      this.#has(api, environment) ||
      this.#has(`${api.slice(0, api.indexOf('/'))}/*`, environment) ||
      this.#has('*', environment)
    );
  }

  #has(pattern: string, environment: string): boolean {
    const environments = this.#environments.get(pattern);
    return environments === null || environments?.has(environment) === true;
  }
}

function publishedIn({ environments, published }: SetupKit): Map<string, Set<string>> {
  const known = new Map([['*', new Set(environments)]]);
  for (const { api, environment } of published) {
    for (const pattern of [api.name, `${api.group.name}/*`]) {
      const there = known.get(pattern) ?? new Set<string>();
      known.set(pattern, there.add(environment));
    }
  }
  return known;
}

/** Reads `apis` entries against what the configuration publishes; knows where each problem stands. */
export class GrantReader {
  readonly #kit: SetupKit;
  #known: Map<string, Set<string>> | undefined;

  constructor(kit: SetupKit) {
    this.#kit = kit;
  }

  /** Environments by API, by `group/*` and for `*`. With ten thousand APIs not made for nothing. */
  get #published(): ReadonlyMap<string, ReadonlySet<string>> {
    return (this.#known ??= publishedIn(this.#kit));
  }

  read(entries: readonly GrantEntry[], path: readonly (string | number)[]): Grants {
    const grants = new Grants();
    for (const [index, entry] of entries.entries()) {
      const at = [...path, index];
      if (typeof entry === 'string') {
        if (this.#isKnown(entry, at)) grants.allow(entry, null);
        continue;
      }
      if (!this.#isKnown(entry.api, [...at, 'api'])) continue;
      this.#checkEnvironments(entry.api, entry.environments, [...at, 'environments']);
      grants.allow(entry.api, entry.environments);
    }
    return grants;
  }

  #isKnown(pattern: string, path: readonly (string | number)[]): boolean {
    if (this.#published.has(pattern)) return true;
    this.#kit.problem(
      path,
      `there is no API "${pattern}"; ${describeAllowed(this.#published.keys(), pattern)}`,
    );
    return false;
  }

  #checkEnvironments(
    pattern: string,
    environments: readonly string[],
    path: readonly (string | number)[],
  ): void {
    const known = this.#kit.environments;
    const published = this.#published.get(pattern) ?? new Set<string>();
    for (const [index, environment] of environments.entries()) {
      const at = [...path, index];
      if (!known.includes(environment)) {
        this.#kit.problem(
          at,
          `there is no environment "${environment}"; ${describeAllowed(known, environment)}`,
        );
      } else if (!published.has(environment)) {
        this.#kit.problem(
          at,
          `${pattern} is not published in ${environment}; ${describeAllowed(published, environment)}`,
        );
      }
    }
  }
}
