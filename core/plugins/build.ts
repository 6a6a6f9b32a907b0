import type { Api, Clock, Group, HttpClient, Log, PluginDefinition, Published, Values } from '#sdk';
import { Problems } from '../config/check.ts';
import { ConfigError, type Path, describeAllowed } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import { type Limits, LimitsSchema, type RootConfig } from '../config/schema.ts';
import { inRequest, rootSchema } from '../config/root-schema.ts';
import { type Placed, compileEndpoint } from '../kernel/chains.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import type { MemoryCounters } from '../state/memory-counters.ts';
import { scoped } from '../state/memory-values.ts';
import { Binder, type Prepared } from './bind.ts';
import { OwnHosts, buildGroups } from './groups.ts';
import { type LoadedPlugin, loadExtension, loadOwnPlugins } from './registry.ts';
import { Setups } from './sections.ts';
import { BuiltSnapshot } from './snapshot.ts';

/** What a configuration is built on; outlives it. */
export interface BuildHost {
  readonly log: Log;
  readonly clock: Clock;
  readonly values: Values;
  readonly counters: MemoryCounters;
  readonly pseudonym: string;
  /** Plugins given in code, beside the gateway's own. */
  readonly plugins?: readonly PluginDefinition[];
  /** Makes the client of one configuration. */
  client(limits: Limits, own: OwnHosts): HttpClient & { dispose(): void };
}

/** A configuration, checked and built. */
export interface Built {
  readonly snapshot: BuiltSnapshot;
  readonly root: RootConfig;
  readonly limits: Limits;
  /** Files whose change means building again. */
  readonly files: readonly string[];
}

/**
 * Checks a configuration and builds what serves it.
 * @throws ConfigError with everything that is wrong; nothing is then left behind
 */
export async function build(text: ConfigText, host: BuildHost): Promise<Built> {
  const problems = new Problems(text.locate, text.problems);
  const plugins = await loadPlugins(text, problems, host.plugins);
  const root = text.root as RootConfig;
  const limits = (root.limits ?? {}) as Limits;
  problems.check(LimitsSchema, limits, ['limits']);
  const isWhole = problems.check(rootSchema(plugins), root, []);
  // What follows reads fields that only a configuration of the right shape has.
  if (!isWhole) throw new ConfigError(problems.list);
  const builder = new Builder(text, root, limits, plugins, problems, host);
  const snapshot = builder.build();
  if (problems.list.length > 0) {
    snapshot.retire();
    throw new ConfigError(problems.list);
  }
  return { snapshot, root, limits, files: [...text.files, ...plugins.filter(isExtension).map(({ source }) => source)] };
}

function isExtension({ source }: LoadedPlugin): boolean {
  return source.startsWith('/');
}

/** Loads the plugins that a configuration may use; what cannot be loaded is a problem. */
export async function loadPlugins(
  text: ConfigText,
  problems: Problems,
  given: readonly PluginDefinition[] = [],
): Promise<LoadedPlugin[]> {
  const extensions: LoadedPlugin[] = given.map((definition) => ({ definition, source: 'code' }));
  const named = text.root['extensions'];
  const entries = typeof named === 'object' && named !== null ? Object.entries(named) : [];
  const own = await loadOwnPlugins();
  for (const [name, entry] of entries) {
    const path: Path = ['extensions', name];
    const source: unknown = (entry as { source?: unknown } | null)?.source;
    if (typeof source !== 'string') continue;
    if (own.some(({ definition }) => definition.name === name)) {
      problems.add(path, `a plugin of the gateway is called "${name}"; an extension needs a name of its own`, { key: true });
      continue;
    }
    try {
      extensions.push(await loadExtension(name, source, text.locate.fileOf([...path, 'source'])));
    } catch (error) {
      const message = error instanceof Error ? error.message : 'it threw';
      problems.add([...path, 'source'], `the extension cannot be loaded: ${message}`);
    }
  }
  const names = new Set(extensions.map(({ definition }) => definition.name));
  return [...extensions, ...own.filter(({ definition }) => !names.has(definition.name))];
}

class Builder {
  readonly #text: ConfigText;
  readonly #root: RootConfig;
  readonly #limits: Limits;
  readonly #plugins: readonly LoadedPlugin[];
  readonly #problems: Problems;
  readonly #host: BuildHost;
  readonly #client: HttpClient & { dispose(): void };
  readonly #binder: Binder;
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #environments: readonly string[];
  readonly #bindings = new Map<string, { prepared: Prepared; path: Path }[]>();

  constructor(
    text: ConfigText,
    root: RootConfig,
    limits: Limits,
    plugins: readonly LoadedPlugin[],
    problems: Problems,
    host: BuildHost,
  ) {
    this.#text = text;
    this.#root = root;
    this.#limits = limits;
    this.#plugins = plugins;
    this.#problems = problems;
    this.#host = host;
    this.#groups = buildGroups(root.groups ?? {}, problems);
    this.#environments = ['RELEASE', ...Object.keys(root.environments ?? {}).filter((name) => name !== 'RELEASE')];
    this.#client = host.client(limits, new OwnHosts(this.#groups.values()));
    this.#binder = new Binder(plugins, problems, (plugin) => ({ ...this.#common(plugin), problem: () => undefined }));
  }

  build(): BuiltSnapshot {
    const apis = this.#apis();
    const published = apis.flatMap(({ api, environments }) =>
      environments.map((environment): Published => ({ api, environment })),
    );
    // The endpoint itself is what routing answers, so that the kernel looks nothing up; it is filled in below.
    const endpoints = published.map((each) => ({ ...each }) as Endpoint);
    const setups = new Setups(this.#plugins, this.#root, this.#problems, (plugin) => ({
      ...this.#common(plugin),
      published: endpoints,
      environments: this.#environments,
      groups: [...this.#groups.values()],
      problem: (path, message, offset) => {
        this.#problems.add(path, message, offset === undefined ? {} : { offset });
      },
    }));
    this.#use = (token) => setups.use(token);
    setups.runAll();
    this.#resolveBindings(apis);
    for (const endpoint of endpoints) Object.assign(endpoint, this.#endpoint(endpoint));
    return new BuiltSnapshot({
      log: this.#host.log,
      pseudonym: this.#host.pseudonym,
      endpoints,
      setups: setups.hooks,
      dispose: () => {
        for (const dispose of this.#binder.disposers) this.#guarded(dispose);
        for (const hooks of setups.hooks.values()) this.#guarded(() => hooks.dispose?.());
        this.#client.dispose();
      },
    });
  }

  #use: Setups['use'] = () => {
    throw new Error('services are not set up yet');
  };

  #guarded(dispose: () => void): void {
    try {
      dispose();
    } catch (error) {
      this.#host.log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a plugin failed to dispose');
    }
  }

  #common(plugin: string) {
    const { log, clock, values, counters } = this.#host;
    return {
      log,
      clock,
      values: scoped(values, plugin),
      counters: counters.of(plugin),
      http: this.#client,
      use: ((token) => this.#use(token)) as Setups['use'],
    };
  }

  #apis(): { api: Api; environments: readonly string[] }[] {
    const apis: { api: Api; environments: readonly string[] }[] = [];
    for (const [name, definition] of Object.entries(this.#root.apis ?? {})) {
      const [groupName = '', ...rest] = name.split('/');
      const group = this.#groups.get(groupName);
      if (group === undefined || rest.length !== 1 || rest[0] === '') {
        const hint = describeAllowed(this.#groups.keys(), groupName);
        const message = rest.length === 1 ? `there is no group "${groupName}"; ${hint}` : 'an API is named group/name';
        this.#problems.add(['apis', name], message, { key: true });
        continue;
      }
      const { method, path, match } = definition.request;
      const environments = definition.environments ?? ['RELEASE'];
      environments.forEach((environment, index) => {
        this.#known(environment, this.#environments, 'environment', ['apis', name, 'environments', index]);
      });
      apis.push({ api: { name, group, request: { method, path, match }, definition }, environments });
    }
    return apis;
  }

  #known(name: string, known: readonly string[], what: string, path: Path): boolean {
    if (known.includes(name)) return true;
    this.#problems.add(path, `there is no ${what} "${name}"; ${describeAllowed(known, name)}`);
    return false;
  }

  /** Sorts the bindings by API and environment, in the order they were written. */
  #resolveBindings(apis: readonly { api: Api; environments: readonly string[] }[]): void {
    const prepared = new Map<string, Prepared | undefined>();
    for (const [name, { type, config }] of Object.entries(this.#root.plugins ?? {})) {
      const path = ['plugins', name];
      prepared.set(name, this.#binder.prepare({ type, config, name }, [...path, 'config'], [...path, 'type']));
    }
    const names = new Set(apis.map(({ api }) => api.name));
    for (const [index, binding] of (this.#root.bindings ?? []).entries()) {
      const path: Path = ['bindings', index];
      if (!prepared.has(binding.plugin)) {
        this.#known(binding.plugin, [...prepared.keys()], 'plugin', [...path, 'plugin']);
        continue;
      }
      binding.environments?.forEach((environment, place) => {
        this.#known(environment, this.#environments, 'environment', [...path, 'environments', place]);
      });
      const use = prepared.get(binding.plugin);
      for (const [place, pattern] of binding.apis.entries()) {
        const matches = matcher(pattern);
        const hit = apis.filter(({ api }) => matches(api.name));
        if (hit.length === 0) this.#known(pattern, [...names], 'API', [...path, 'apis', place]);
        for (const { api, environments } of hit) {
          for (const environment of environments) {
            if (use === undefined || binding.environments?.includes(environment) === false) continue;
            this.#place(use, api, environment, path);
          }
        }
      }
    }
  }

  #place(prepared: Prepared, api: Api, environment: string, path: Path): void {
    const key = `${environment} ${api.name}`;
    const there = this.#bindings.get(key) ?? [];
    this.#bindings.set(key, there);
    const kind = kindOf(prepared);
    const twin = there.find((other) => kindOf(other.prepared) === kind);
    if (twin !== undefined) {
      this.#problems.add(
        path,
        `${api.name} in ${environment} has a ${kind} already: "${twin.prepared.name}"; one of a kind is allowed`,
      );
      return;
    }
    there.push({ prepared, path });
  }

  #endpoint(target: Published): Endpoint | undefined {
    const { api, environment } = target;
    const base: Path = ['apis', api.name];
    const uses = [...this.#fieldUses(api, base), ...(this.#bindings.get(`${environment} ${api.name}`) ?? [])];
    const placed: Placed[] = this.#rest(uses, api, environment);
    for (const { prepared, path } of uses) {
      const bound = this.#binder.bind(prepared, api, environment);
      if (bound !== undefined) placed.push({ bound, at: this.#text.locate.positionOf(path) });
    }
    const { type, ...config } = api.definition['backend'] as { type: string };
    const path = [...base, 'backend'];
    const prepared = this.#binder.prepare({ type, config, name: 'backend', prefix: 'backend-' }, path, [...path, 'type']);
    if (prepared === undefined) return undefined;
    const own = this.#binder.bind(prepared, api, environment);
    const backend = own?.hooks.backend;
    if (own === undefined || backend === undefined) {
      this.#problems.add(path, `plugin backend-${type} gave no backend`);
      return undefined;
    }
    placed.push({ bound: own, at: this.#text.locate.positionOf(path) });
    const { maxBodyBytes } = api.definition['request'] as { maxBodyBytes?: number };
    const limits = { maxBytes: maxBodyBytes ?? this.#limits.bodyBytes, idleMs: this.#limits.bodyTimeoutMs };
    return compileEndpoint(target, placed, backend, limits);
  }

  /** What plugins do for an API that nothing binds them to. */
  #rest(uses: readonly { prepared: Prepared }[], api: Api, environment: string): Placed[] {
    const placed: Placed[] = [];
    for (const plugin of this.#plugins) {
      const { bindRest, section, name } = plugin.definition;
      if (bindRest === undefined || uses.some(({ prepared }) => prepared.plugin === plugin)) continue;
      const path = section === undefined ? [name] : [section.name];
      const config = section === undefined ? undefined : this.#root[section.name];
      const bound = this.#binder.bind({ plugin, config, name: `${name} by default`, path, isRest: true }, api, environment);
      if (bound !== undefined) placed.push({ bound, at: config === undefined ? undefined : this.#text.locate.positionOf(path) });
    }
    return placed;
  }

  /** The plugins that the API's own fields bind, in the order the fields are written. */
  #fieldUses(api: Api, base: Path): { prepared: Prepared; path: Path }[] {
    const uses: { prepared: Prepared; path: Path }[] = [];
    const { request } = api.definition;
    const inner = Object.entries(request as object).map(([field, value]) => [inRequest + field, value] as const);
    for (const [field, value] of [...inner, ...Object.entries(api.definition)]) {
      const path = [...base, ...field.split('.')];
      const use = this.#fieldUse(field, value);
      if (use === undefined) continue;
      const prepared = this.#binder.prepare(use, path, use.typeInside ? [...path, 'type'] : path);
      if (prepared !== undefined) uses.push({ prepared, path });
    }
    return uses;
  }

  #fieldUse(field: string, value: unknown) {
    if (field === 'auth') {
      const isWord = typeof value === 'string';
      const { type, ...config } = (isWord ? { type: value } : value) as { type: string };
      return { type, config, name: field, prefix: 'auth-', typeInside: !isWord };
    }
    const plugin = this.#binder.fields.get(field);
    if (plugin === undefined || value === false) return undefined;
    return { type: plugin.definition.name, config: value === true ? {} : value, name: field, typeInside: false };
  }
}

function kindOf({ plugin, config }: Prepared): string {
  const { name, kind } = plugin.definition;
  return kind === undefined ? name : kind(config as never);
}

function matcher(pattern: string): (name: string) => boolean {
  if (pattern === '*') return () => true;
  if (pattern.endsWith('/*')) return (name) => name.startsWith(pattern.slice(0, -1));
  return (name) => name === pattern;
}
