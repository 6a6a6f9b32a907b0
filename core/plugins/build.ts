import type { Api, Clock, Group, HttpClient, Log, PluginDefinition, Published, Values } from '#sdk';
import { Problems } from '../config/check.ts';
import { ConfigError, type Path, describeAllowed } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import {
  type Limits,
  LimitsSchema,
  type RootConfig,
  apiFields,
  rootFields,
  defaultListeners,
} from '../config/schema.ts';
import { rootSchema } from '../config/root-schema.ts';
import { type Placed, compileEndpoint } from '../kernel/chains.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { scoped } from '../state/memory-values.ts';
import { Binder, type Prepared } from './bind.ts';
import { type Damaged, damagedEntries } from './damaged.ts';
import { OwnHosts, buildGroups } from './groups.ts';
import { type LoadedPlugin, loadExtension, loadGiven, loadOwnPlugins, locateExtension } from './registry.ts';
import { Setups } from './sections.ts';
import { BuiltSnapshot } from './snapshot.ts';

/** What a configuration is built on; outlives it. */
export interface BuildHost {
  readonly log: Log;
  readonly clock: Clock;
  readonly values: Values;
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
  problems.check(rootSchema(plugins), root, []);
  const damaged = damagedEntries(problems.misshapen);
  // What follows reads fields that only a section of the right shape has.
  if (damaged === undefined) throw new ConfigError(problems.list);
  const builder = new Builder(text, root, limits, plugins, damaged, problems, host);
  const snapshot = builder.build();
  if (problems.list.length > 0) {
    snapshot.retire();
    throw new ConfigError(problems.list);
  }
  return { snapshot, root, limits, files: text.files };
}

/** Loads the plugins that a configuration may use; what cannot be loaded is a problem. */
export async function loadPlugins(
  text: ConfigText,
  problems: Problems,
  given: readonly PluginDefinition[] = [],
): Promise<LoadedPlugin[]> {
  const extensions: LoadedPlugin[] = given.map((definition) => loadGiven(definition));
  const named = text.root['extensions'];
  const entries = typeof named === 'object' && named !== null ? Object.entries(named) : [];
  const own = await loadOwnPlugins();
  for (const [name, entry] of entries) {
    const path: Path = ['extensions', name];
    const source: unknown = (entry as { source?: unknown } | null)?.source;
    if (typeof source !== 'string') continue;
    if (own.some(({ definition }) => definition.name === name)) {
      problems.add(
        path,
        `a plugin of the gateway is called "${name}"; an extension needs a name of its own`,
        { key: true },
      );
      continue;
    }
    try {
      const extension = locateExtension(source, text.locate.fileOf([...path, 'source']));
      // Before it is loaded: a change may mend what cannot be.
      text.files.push(...extension.files);
      extensions.push(await loadExtension(name, extension));
    } catch (error) {
      const message = error instanceof Error ? error.message : 'it threw';
      problems.add([...path, 'source'], `the extension cannot be loaded: ${message}`);
    }
  }
  const names = new Set(extensions.map(({ definition }) => definition.name));
  const all = [...own.filter(({ definition }) => !names.has(definition.name)), ...extensions];
  reportClashes(all, problems);
  return all;
}

/** Two plugins that answer to one word: which of them did would depend on the order they were loaded in. */
function reportClashes(plugins: readonly LoadedPlugin[], problems: Problems): void {
  const owners = new Map<string, string>();
  for (const { definition } of plugins) {
    const { name, apiField, section, dialects, offers } = definition;
    const claims = [...Object.keys(dialects ?? {}), name].map((type) => `the type "${type}"`);
    if (apiField !== undefined) claims.push(`the API field "${apiField}"`);
    if (section !== undefined) claims.push(`the section "${section.name}"`);
    for (const token of offers ?? []) claims.push(`the service "${token.name}"`);
    for (const claim of claims) {
      const owner = owners.get(claim) ?? ownedByKernel.get(claim);
      if (owner !== undefined) {
        problems.add(['extensions', name], `${claim} belongs to ${owner} already`, { key: true });
      }
      owners.set(claim, `the plugin "${name}"`);
    }
  }
}

const ownedByKernel: ReadonlyMap<string, string> = new Map([
  ...Object.keys(apiFields).map((field) => [`the API field "${field}"`, 'the kernel'] as const),
  ...[...Object.keys(rootFields), 'apis'].map(
    (section) => [`the section "${section}"`, 'the kernel'] as const,
  ),
]);

class Builder {
  readonly #text: ConfigText;
  readonly #root: RootConfig;
  readonly #limits: Limits;
  readonly #plugins: readonly LoadedPlugin[];
  readonly #damaged: Damaged;
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
    damaged: Damaged,
    problems: Problems,
    host: BuildHost,
  ) {
    this.#text = text;
    this.#root = root;
    this.#limits = limits;
    this.#plugins = plugins;
    this.#damaged = damaged;
    this.#problems = problems;
    this.#host = host;
    const groups = Object.entries(root.groups ?? {}).filter(([name]) => !damaged.has('groups', name));
    this.#groups = buildGroups(Object.fromEntries(groups), problems);
    this.#environments = [
      'RELEASE',
      ...Object.keys(root.environments ?? {}).filter((name) => name !== 'RELEASE'),
    ];
    const ports = (root.listeners ?? defaultListeners).map(({ port }) => port);
    this.#client = host.client(limits, new OwnHosts(this.#groups.values(), ports));
    const loaded = new Set(plugins.map(({ definition }) => definition.name));
    const missing = new Set(Object.keys(root.extensions ?? {}).filter((name) => !loaded.has(name)));
    this.#binder = new Binder(plugins, missing, problems, (plugin) => ({
      ...this.#common(plugin),
      problem: () => undefined,
    }));
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
      problem: (path, message, offset) => {
        this.#problems.add(path, message, offset === undefined ? {} : { offset });
      },
    }));
    this.#use = (token) => setups.use(token);
    setups.runAll();
    this.#placeFields(apis);
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

  #guarded(dispose: () => unknown): void {
    const failed = (error: unknown): void => {
      const reason = error instanceof Error ? error.stack : String(error);
      this.#host.log.error({ error: reason }, 'a plugin failed to dispose');
    };
    try {
      const result = dispose();
      // Nobody waits for it, but its rejection would end the process.
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #common(plugin: string) {
    const { log, clock, values } = this.#host;
    return {
      log,
      clock,
      values: scoped(values, plugin),
      http: this.#client,
      use: ((token) => this.#use(token)) as Setups['use'],
    };
  }

  #apis(): { api: Api; environments: readonly string[] }[] {
    const apis: { api: Api; environments: readonly string[] }[] = [];
    for (const [name, definition] of Object.entries(this.#root.apis ?? {})) {
      const [groupName = '', ...rest] = name.split('/');
      if (this.#damaged.has('apis', name) || this.#damaged.has('groups', groupName)) continue;
      const group = this.#groups.get(groupName);
      if (group === undefined || rest.length !== 1 || rest[0] === '') {
        const hint = describeAllowed(this.#groups.keys(), groupName);
        const message =
          rest.length === 1 ? `there is no group "${groupName}"; ${hint}` : 'an API is named group/name';
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

  /** What an API's own fields bind comes before what `bindings` adds. */
  #placeFields(apis: readonly { api: Api; environments: readonly string[] }[]): void {
    for (const { api, environments } of apis) {
      for (const { prepared, path } of this.#fieldUses(api, ['apis', api.name])) {
        for (const environment of environments) this.#place(prepared, api, environment, path);
      }
    }
  }

  /** Sorts the bindings by API and environment, in the order they were written. */
  #resolveBindings(apis: readonly { api: Api; environments: readonly string[] }[]): void {
    const prepared = new Map<string, Prepared | undefined>();
    for (const [name, { type, config }] of Object.entries(this.#root.plugins ?? {})) {
      const path = ['plugins', name];
      // Known by name all the same: that it cannot be used is noted already.
      prepared.set(name, undefined);
      if (this.#damaged.has('plugins', name)) continue;
      prepared.set(
        name,
        this.#binder.prepare({ type, config, name }, [...path, 'config'], [...path, 'type']),
      );
    }
    const names = Object.keys(this.#root.apis ?? {});
    for (const [index, binding] of (this.#root.bindings ?? []).entries()) {
      const path: Path = ['bindings', index];
      if (this.#damaged.has('bindings', index)) continue;
      if (!prepared.has(binding.plugin)) {
        this.#known(binding.plugin, [...prepared.keys()], 'plugin', [...path, 'plugin']);
        continue;
      }
      binding.environments?.forEach((environment, place) => {
        this.#known(environment, this.#environments, 'environment', [...path, 'environments', place]);
      });
      const use = prepared.get(binding.plugin);
      const twins: { place: string; twin: Prepared }[] = [];
      for (const [place, pattern] of binding.apis.entries()) {
        const matches = matcher(pattern);
        if (!names.some(matches)) this.#known(pattern, names, 'API', [...path, 'apis', place]);
        for (const { api, environments } of apis.filter((each) => matches(each.api.name))) {
          for (const environment of environments) {
            if (use === undefined || binding.environments?.includes(environment) === false) continue;
            const twin = this.#place(use, api, environment, path);
            if (twin !== undefined) twins.push({ place: `${api.name} in ${environment}`, twin });
          }
        }
      }
      this.#reportTwins(twins, path);
    }
  }

  /** Answers the binding of the same plugin that is there already, if there is one. */
  #place(prepared: Prepared, api: Api, environment: string, path: Path): Prepared | undefined {
    const key = `${environment} ${api.name}`;
    const there = this.#bindings.get(key) ?? [];
    this.#bindings.set(key, there);
    const twin = there.find((other) => other.prepared.plugin === prepared.plugin);
    if (twin === undefined) there.push({ prepared, path });
    // One binding may name an API twice, as in [shop/*, shop/orders].
    return twin?.path === path ? undefined : twin?.prepared;
  }

  /** Once for a binding, however many APIs it names. */
  #reportTwins(twins: readonly { place: string; twin: Prepared }[], path: Path): void {
    const [first] = twins;
    if (first === undefined) return;
    const { place, twin } = first;
    const more = twins.length > 1 ? ` (so do ${twins.length - 1} more)` : '';
    const kind = twin.plugin.definition.name;
    this.#problems.add(
      path,
      `${place} already has ${kind}, bound by "${twin.name}"${more}; one of a kind is allowed for each API and environment`,
    );
  }

  #endpoint(target: Published): Endpoint | undefined {
    const { api, environment } = target;
    const base: Path = ['apis', api.name];
    const uses = this.#bindings.get(`${environment} ${api.name}`) ?? [];
    const placed: Placed[] = [];
    for (const { prepared, path } of uses) {
      const bound = this.#binder.bind(prepared, api, environment);
      if (bound !== undefined) placed.push({ bound, at: this.#text.locate.positionOf(path) });
    }
    const { type, ...config } = api.definition['backend'] as { type: string };
    const path = [...base, 'backend'];
    const prepared = this.#binder.prepare({ type, config, name: 'backend', prefix: 'backend-' }, path, [
      ...path,
      'type',
    ]);
    if (prepared === undefined) return undefined;
    const own = this.#binder.bind(prepared, api, environment);
    const backend = own?.hooks.backend;
    if (own === undefined || backend === undefined) {
      if (!this.#problems.has(path)) this.#problems.add(path, `plugin backend-${type} gave no backend`);
      return undefined;
    }
    placed.push({ bound: own, at: this.#text.locate.positionOf(path) });
    const { maxBodyBytes } = api.definition['request'] as { maxBodyBytes?: number };
    const limits = { maxBytes: maxBodyBytes ?? this.#limits.bodyBytes, idleMs: this.#limits.bodyTimeoutMs };
    return compileEndpoint(target, placed, backend, limits);
  }

  /** The plugins that the API's own fields bind, in the order the fields are written. */
  #fieldUses(api: Api, base: Path): { prepared: Prepared; path: Path }[] {
    const uses: { prepared: Prepared; path: Path }[] = [];
    for (const [field, value] of Object.entries(api.definition)) {
      const path = [...base, field];
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
    return {
      type: plugin.definition.name,
      config: value === true ? {} : value,
      name: field,
      typeInside: false,
    };
  }
}

function matcher(pattern: string): (name: string) => boolean {
  if (pattern === '*') return () => true;
  if (pattern.endsWith('/*')) return (name) => name.startsWith(pattern.slice(0, -1));
  return (name) => name === pattern;
}
