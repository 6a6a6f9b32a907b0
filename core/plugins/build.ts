import type {
  Amendment,
  Api,
  Clock,
  Group,
  HandlerTiming,
  HttpClient,
  Kit,
  Log,
  Machine,
  PluginDefinition,
  Published,
} from '#sdk';
import { type Breath, withBreathBuilding, withLongBreath } from '../breath.ts';
import { Problems, checkRoot } from '../config/check.ts';
import type { Locator } from '../config/locate.ts';
import { ConfigError, type Path, type Position, describeAllowed } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import {
  type ApiConfig,
  type Limits,
  LimitsSchema,
  type RootConfig,
  defaultListeners,
} from '../config/schema.ts';
import { rootSchema } from '../config/root-schema.ts';
import { type Placed, blankEndpoint, compileEndpoint } from '../kernel/chains.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import type { Cages } from '../sandbox/cages.ts';
import { scoped } from '../state/memory-values.ts';
import type { HeldState } from '../state/state.ts';
import { type StatePlan, planState } from '../state/state-plan.ts';
import { checkSharing } from '../workers/state.ts';
import { Amending, Unamendable } from './amending.ts';
import { besideOf, readBeside } from './beside.ts';
import { Binder, type Prepared } from './bind.ts';
import { Disposal } from './disposal.ts';
import { type ApiIn, Bindings, type Use } from './bindings.ts';
import { Endpoints } from './endpoints.ts';
import { type Damaged, damagedEntries } from './damaged.ts';
import { OwnHosts, buildGroups } from './groups.ts';
import { type TlsPlan, planTls } from '../http/tls-plan.ts';
import type { DevelopmentCertificates } from '../http/development-certificate.ts';
import { checkPages } from './pages.ts';
import { Lines } from './lines.ts';
import type { LoadedPlugin } from './registry.ts';
import { loadPlugins } from './load.ts';
import { Setups } from './sections.ts';
import { BuiltSnapshot, type Traffic } from './snapshot.ts';

/** What a configuration is built on; outlives it. */
export interface BuildHost {
  readonly log: Log;
  readonly clock: Clock;
  readonly pseudonym: string;
  readonly development: DevelopmentCertificates;
  readonly traffic: Traffic;
  readonly cages: Cages;
  /** The machine, as one plugin sees it. */
  machine(plugin: string): Machine;
  /** Plugins given in code, beside the gateway's own. */
  readonly plugins?: readonly PluginDefinition[];
  /** Where one configuration counts and keeps values; nothing is connected yet. */
  state(plan: StatePlan | undefined): HeldState;
  /** Makes the client of one configuration. */
  client(limits: Limits, own: OwnHosts): HttpClient & { dispose(): void };
}

/** A configuration, checked and built. */
export interface Built {
  readonly snapshot: BuiltSnapshot;
  readonly root: RootConfig;
  readonly limits: Limits;
  readonly tls: TlsPlan;
  /** Released with the snapshot. */
  readonly state: HeldState;
  /** Files whose change means building again, and what they held. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Runs when it comes into force, in place of what the one before did. */
  readonly enact: (() => void) | undefined;
  /** This with APIs changed, if nothing else has changed since it was read; undefined when all has to be built. */
  amend(text: ConfigText, breath: Breath): Promise<Built | undefined>;
}

/**
 * Checks a configuration and builds what serves it.
 * @param before what of it is the same may be part of the new one
 * @param anew told when nothing of it can be
 * @throws ConfigError with everything that is wrong; nothing is then left behind
 */
export async function build(
  text: ConfigText,
  host: BuildHost,
  before?: Built | null,
  anew?: () => void,
): Promise<Built> {
  const amended = await withLongBreath(async (breath) => before?.amend(text, breath));
  if (amended !== undefined) return amended;
  anew?.();
  await text.complete?.();
  const problems = new Problems(text.locate, text.problems);
  host.cages.begin();
  try {
    return await withBreathBuilding((breath) => buildWith(text, problems, host, breath));
  } finally {
    host.cages.end();
  }
}

async function buildWith(
  text: ConfigText,
  problems: Problems,
  host: BuildHost,
  breath: Breath,
): Promise<Built> {
  const plugins = await loadPlugins(text, problems, host.plugins ?? [], host);
  try {
    return await buildFrom(plugins, text, problems, host, breath);
  } catch (error) {
    for (const { sandbox } of plugins) await sandbox?.dispose();
    throw error;
  }
}

async function buildFrom(
  plugins: readonly LoadedPlugin[],
  text: ConfigText,
  problems: Problems,
  host: BuildHost,
  breath: Breath,
): Promise<Built> {
  const root = text.root as RootConfig;
  const limits = (root.limits ?? {}) as Limits;
  problems.check(LimitsSchema, limits, ['limits']);
  await checkRoot(rootSchema(plugins), root, problems, breath);
  const damaged = damagedEntries(problems.misshapen);
  // What follows reads fields that only a section of the right shape has.
  if (damaged === undefined) throw new ConfigError(problems.list);
  const plan =
    problems.has(['state']) || root.state === undefined ? undefined : planState(root.state, text, problems);
  checkSharing(root, problems);
  const state = host.state(plan);
  const builder = new Builder(text, root, limits, plugins, damaged, problems, host, state);
  const snapshot = await builder.build(breath);
  const tls = await builder.tls();
  if (problems.list.length > 0) {
    snapshot.retire();
    throw new ConfigError(problems.list);
  }
  problems.release();
  builder.release();
  const built = { snapshot, root, limits, tls, state, hashes: text.hashes, enact: undefined };
  return amendable(built, builder, text);
}

/** @param read what it was read from */
function amendable(built: Omit<Built, 'amend'>, builder: Builder, read: ConfigText): Built {
  const reading = read.reading?.id;
  const files = new Set(read.files);
  return {
    ...built,
    async amend(text, breath) {
      const { changes } = text.reading ?? {};
      if (changes === undefined || changes.since !== reading || text.problems.length > 0) return undefined;
      const { names } = changes;
      if (names.size > (names.has('apis') ? 1 : 0)) return undefined;
      // What has not changed has its defaults already.
      const root: RootConfig = { ...built.root, apis: (text.root as RootConfig).apis ?? {} };
      const amended = await builder.amend(text, root, names.get('apis') ?? new Set(), breath);
      if (amended === undefined) return undefined;
      // Files that building asked for: had one of them changed, the reading would have known.
      for (const [file, hash] of built.hashes)
        if (!text.hashes.has(file) && !files.has(file)) text.hashes.set(file, hash);
      return amendable({ ...built, ...amended, root, hashes: text.hashes }, builder, text);
    },
  };
}

/** So many changes there may always be before all is built anew. */
const fewApis = 1000;

/** To be filled in. The endpoint itself is what routing answers, so that the kernel looks nothing up. */
function blankEndpoints(apis: readonly ApiIn[]): Endpoint[] {
  return apis.flatMap(({ api, environments }) =>
    environments.map((environment) => blankEndpoint({ api, environment })),
  );
}

/** What the kits of a plugin have in common. */
type Common = Omit<Kit, 'api' | 'environment' | 'binding' | 'backend' | 'problem'>;

class Builder {
  #text: ConfigText | undefined;
  #root: RootConfig;
  readonly #limits: Limits;
  readonly #plugins: readonly LoadedPlugin[];
  readonly #damaged: Damaged;
  #problems: Problems;
  readonly #host: BuildHost;
  readonly #state: HeldState;
  readonly #client: HttpClient & { dispose(): void };
  readonly #binder: Binder;
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #environments: readonly string[];
  #bindings: Bindings;
  #rests: readonly Rest[] | undefined;
  readonly #commons = new Map<string, Common>();
  #setups: Setups | undefined;
  #timings: readonly HandlerTiming[] = [];
  #endpoints = new Endpoints([]);
  /** As a plugin has asked for them last. */
  #published: readonly Published[] | undefined;
  /** Plugins that have read which APIs there are. */
  readonly #readers = new Set<string>();
  #activate: () => void = () => undefined;
  readonly #disposal: Disposal;
  readonly #lines = new Lines();
  /** How many APIs were added to what was built at first. */
  #added = 0;

  constructor(
    text: ConfigText,
    root: RootConfig,
    limits: Limits,
    plugins: readonly LoadedPlugin[],
    damaged: Damaged,
    problems: Problems,
    host: BuildHost,
    state: HeldState,
  ) {
    this.#text = text;
    this.#root = root;
    this.#limits = limits;
    this.#plugins = plugins;
    this.#damaged = damaged;
    this.#problems = problems;
    this.#host = host;
    this.#state = state;
    const groups = Object.entries(root.groups ?? {}).filter(([name]) => !damaged.has('groups', name));
    this.#groups = buildGroups(Object.fromEntries(groups), problems);
    this.#environments = [
      'RELEASE',
      ...Object.keys(root.environments ?? {}).filter((name) => name !== 'RELEASE'),
    ];
    const listeners = damaged.has('listeners', '*') ? [] : (root.listeners ?? defaultListeners);
    const ports = listeners.map(({ port }) => port);
    this.#client = host.client(limits, new OwnHosts(this.#groups.values(), ports));
    const loaded = new Set(plugins.map(({ definition }) => definition.name));
    const missing = new Set(Object.keys(root.extensions ?? {}).filter((name) => !loaded.has(name)));
    this.#binder = new Binder(plugins, missing, problems, (plugin) => this.#common(plugin));
    this.#bindings = this.#noBindings();
    this.#disposal = new Disposal(host.log, () => [
      ...[...(this.#setups?.hooks.values() ?? [])].map((hooks) => () => hooks.dispose?.()),
      ...plugins.flatMap(({ sandbox }) => (sandbox === undefined ? [] : [() => sandbox.dispose()])),
      () => this.#client.dispose(),
      () => this.#state.release(),
    ]);
  }

  #noBindings(): Bindings {
    return new Bindings(this.#root, this.#environments, this.#damaged, this.#binder, this.#problems);
  }

  #read(): ConfigText {
    if (this.#text === undefined) throw new Error('files are read while a configuration is built, not later');
    return this.#text;
  }

  async build(breath: Breath): Promise<BuiltSnapshot> {
    const apis = await this.#apis(this.#root.apis ?? {}, breath);
    const endpoints = blankEndpoints(apis);
    this.#endpoints = new Endpoints(endpoints);
    const read = (plugin: string): readonly Published[] => {
      this.#readers.add(plugin);
      this.#published ??= this.#endpoints.all;
      return this.#published;
    };
    const setups = new Setups(this.#plugins, this.#root, this.#problems, (plugin) => ({
      ...this.#common(plugin),
      get published() {
        return read(plugin);
      },
      inFlight: () => this.#host.traffic.inFlight,
      environments: this.#environments,
      groups: [...this.#groups.values()],
      readText: (path, name) => readBeside(this.#read(), this.#problems, path, name),
      absolutePath: (path, name) => besideOf(this.#read(), path, name),
      problem: (path, message, offset) => {
        this.#problems.add(path, message, offset === undefined ? {} : { offset });
      },
    }));
    this.#setups = setups;
    await setups.runAll(breath);
    await setups.publish(endpoints, breath);
    checkPages(setups.hooks, this.#plugins, this.#root.management !== undefined, this.#problems);
    await this.#bindings.resolve(apis, breath);
    await this.#bindAhead(endpoints);
    this.#timings = [...setups.hooks.values()].flatMap(({ timing }) =>
      timing === undefined ? [] : [timing],
    );
    await this.#fill(endpoints, breath);
    this.#activate = activation(setups, this.#read());
    return this.#snapshot(this.#endpoints.apis, this.#disposal.use());
  }

  /**
   * What is built with other APIs, put in the place of those that have changed; undefined when that cannot be done.
   * @param names of APIs that are new, other than before, or gone
   */
  async amend(
    text: ConfigText,
    root: RootConfig,
    names: ReadonlySet<string | number | undefined>,
    breath: Breath,
  ): Promise<{ readonly snapshot: BuiltSnapshot; readonly enact: () => void } | undefined> {
    // What goes is freed with all the rest.
    if (this.#added + names.size > Math.max(fewApis, this.#endpoints.apis / 2)) return undefined;
    if (names.has(undefined) || this.#plugins.some(({ sandbox }) => sandbox !== undefined)) return undefined;
    const problems = new Problems(text.locate, []);
    this.#text = text;
    this.#root = root;
    this.#problems = problems;
    this.#bindings = this.#noBindings();
    this.#binder.report(problems);
    try {
      const amended = await this.#amendWith(names, breath);
      this.#added += names.size;
      return amended;
    } catch (error) {
      // The whole of it is built then, which also tells all that is wrong.
      if (!(error instanceof Unamendable) && !text.locate.hasMissed) throw error;
      return undefined;
    } finally {
      problems.release();
      this.release();
    }
  }

  async #amendWith(names: ReadonlySet<unknown>, breath: Breath) {
    const { apis: all = {} } = this.#root;
    const kept = [...names].map(String).filter((name) => Object.hasOwn(all, name));
    const definitions = Object.fromEntries(kept.map((name) => [name, all[name] as ApiConfig]));
    await checkRoot(rootSchema(this.#plugins), { apis: definitions }, this.#problems, breath);
    this.#assertGood();
    const apis = await this.#apis(definitions, breath);
    const added = blankEndpoints(apis);
    const endpoints = this.#endpoints;
    const removed = endpoints.of(names);
    const setups = this.#set();
    const told = [...setups.hooks].filter(
      ([name, hooks]) => hooks.publish !== undefined || this.#readers.has(name),
    );
    let published: readonly Published[] | undefined;
    const change: Amendment = {
      added,
      removed,
      get published() {
        published ??= [...endpoints.without(names), ...added];
        return published;
      },
    };
    for (const name of names) this.#lines.forget('apis', name);
    const { locate, reading } = this.#read();
    // Before there are those of new APIs, which stand where they are to.
    const move = await breath.through(this.#lines.moves(locate, reading?.moved));
    const amending = new Amending(
      change,
      setups,
      told.map(([name]) => name),
      this.#host.log,
    );
    this.#binder.lend(amending.kit);
    try {
      await this.#bindings.resolve(apis, breath);
      await this.#fill(added, breath);
      this.#assertGood();
      amending.assertAble();
    } catch (error) {
      this.#disposal.drop(added);
      throw error;
    } finally {
      amending.end();
    }
    let isInForce = false;
    const over = this.#disposal.use();
    const dispose = (): Promise<unknown> => {
      if (!isInForce) this.#disposal.drop(added);
      return over();
    };
    const enact = (): void => {
      if (isInForce) return;
      isInForce = true;
      amending.enact();
      move();
      endpoints.replace(names, added);
      this.#published = undefined;
      this.#disposal.retire(removed);
    };
    const apisOf = (all: readonly Published[]): number => new Set(all.map(({ api }) => api)).size;
    const count = endpoints.apis - apisOf(removed) + apisOf(added);
    return { snapshot: this.#snapshot(count, dispose), enact };
  }

  /** Binds. First what is bound everywhere: what a plugin does for other APIs may depend on it. */
  async #fill(endpoints: readonly Endpoint[], breath: Breath): Promise<void> {
    const bound: Placed[][] = [];
    for (const endpoint of endpoints) {
      bound.push(this.#bound(endpoint));
      this.#disposal.add(endpoint, this.#binder.takeDisposers());
      if (breath.isDue) await breath.take();
    }
    this.#rests ??= this.#findRests();
    for (const [index, endpoint] of endpoints.entries()) {
      Object.assign(endpoint, this.#endpoint(endpoint, bound[index] ?? []));
      this.#disposal.add(endpoint, this.#binder.takeDisposers());
      if (breath.isDue) await breath.take();
    }
  }

  #assertGood(): void {
    const [first] = this.#problems.list;
    if (first !== undefined) throw new Unamendable(first.message);
    // Whoever has asked may have made something else of that.
    if (this.#read().locate.hasMissed) throw new Unamendable('what was asked for was not read');
  }

  #snapshot(apis: number, dispose: () => Promise<unknown>): BuiltSnapshot {
    return new BuiltSnapshot({
      log: this.#host.log,
      pseudonym: this.#host.pseudonym,
      apis,
      endpoints: this.#endpoints,
      setups: this.#set().hooks,
      timings: this.#timings,
      traffic: this.#host.traffic,
      bodyTimeoutMs: this.#limits.bodyTimeoutMs,
      activate: this.#activate,
      dispose,
    });
  }

  /** Building is over. Plugins hold on to their kits, and those to this; what was read is larger than what was built of it. */
  release(): void {
    this.#text = undefined;
    this.#bindings = this.#noBindings();
  }

  tls(): Promise<TlsPlan> {
    const { log, clock, development } = this.#host;
    const groups = Object.entries(this.#root.groups ?? {}).filter(
      ([name]) => !this.#damaged.has('groups', name),
    );
    const listeners = this.#damaged.has('listeners', '*') ? [] : (this.#root.listeners ?? defaultListeners);
    const common = { text: this.#read(), problems: this.#problems, log, development, now: clock.now() };
    return planTls({ ...common, listeners, groups: Object.fromEntries(groups) });
  }

  #set(): Setups {
    if (this.#setups === undefined) throw new Error('services are not set up yet');
    return this.#setups;
  }

  /** One for all that a plugin is bound to: with ten thousand APIs each object of a kit counts. */
  #common(plugin: string): Common {
    const common = this.#commons.get(plugin) ?? this.#makeCommon(plugin);
    this.#commons.set(plugin, common);
    return common;
  }

  #makeCommon(plugin: string): Common {
    const { log, clock } = this.#host;
    const { values, counters, ownCounters } = this.#state;
    return {
      log,
      clock,
      values: scoped(values, plugin),
      counters: counters.of(plugin),
      ownCounters: ownCounters.of(plugin),
      machine: this.#host.machine(plugin),
      http: this.#client,
      use: (token) => this.#set().use(token),
      find: (token) => this.#set().find(token),
    };
  }

  async #apis(definitions: NonNullable<RootConfig['apis']>, breath: Breath): Promise<ApiIn[]> {
    const apis: ApiIn[] = [];
    for (const [name, definition] of Object.entries(definitions)) {
      if (breath.isDue) await breath.take();
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
        this.#problems.known(environment, this.#environments, 'environment', [
          'apis',
          name,
          'environments',
          index,
        ]);
      });
      apis.push({ api: { name, group, request: { method, path, match }, definition }, environments });
    }
    return apis;
  }

  #bound({ api, environment }: Published): Placed[] {
    return this.#bindings.of(api, environment).flatMap(({ prepared, path }) => {
      const bound = this.#binder.bind(prepared, api, environment, path);
      return bound === undefined ? [] : { bound, at: this.#lines.placeOf(path, this.#read().locate) };
    });
  }

  #endpoint(target: Published, own: Placed[]): Endpoint | undefined {
    const { api, environment } = target;
    const base: Path = ['apis', api.name];
    const placed = [...this.#rest(this.#bindings.of(api, environment), api, environment), ...own];
    const path = [...base, 'backend'];
    const definition = api.definition['backend'] as Readonly<Record<string, unknown>>;
    const called = this.#binder.bindBackend(definition, path, api, environment);
    if (called === undefined) return undefined;
    const { backend, bound } = called;
    placed.push({ bound, at: this.#lines.placeOf(path, this.#read().locate) });
    const { maxBodyBytes } = api.definition['request'] as { maxBodyBytes?: number };
    const limits = { maxBytes: maxBodyBytes ?? this.#limits.bodyBytes, idleMs: this.#limits.bodyTimeoutMs };
    return compileEndpoint(target, placed, backend, limits, this.#timings);
  }

  /** Asks plugins that run elsewhere for what they do, while waiting is still possible. */
  async #bindAhead(endpoints: readonly Published[]): Promise<void> {
    if (this.#plugins.every(({ sandbox }) => sandbox === undefined)) return;
    const asked: Promise<void>[] = [];
    for (const { api, environment } of endpoints) {
      for (const { prepared, onError } of this.#bindings.of(api, environment)) {
        const { plugin, config, name: binding } = prepared;
        if (plugin.sandbox !== undefined)
          asked.push(plugin.sandbox.bindAhead({ config, binding, api, environment, onError }));
      }
    }
    await Promise.all(asked);
  }

  #findRests(): Rest[] {
    return this.#plugins.flatMap((plugin) => {
      const { section, name } = plugin.definition;
      if (plugin.definition.bindRest === undefined) return [];
      const path: Path = [section?.name ?? name];
      const config = section === undefined ? undefined : this.#root[section.name];
      const at = config === undefined ? undefined : this.#lines.placeOf(path, this.#read().locate);
      const prepared = { plugin, config, name: `${name} by default`, kind: name, path, isRest: true };
      return [{ prepared, at }];
    });
  }

  /** What plugins do for an API that nothing binds them to. */
  #rest(uses: readonly Use[], api: Api, environment: string): Placed[] {
    const placed: Placed[] = [];
    for (const { prepared, at } of this.#rests ?? []) {
      if (uses.some((use) => use.prepared.plugin === prepared.plugin)) continue;
      const bound = this.#binder.bind(prepared, api, environment);
      if (bound !== undefined) placed.push({ bound, at });
    }
    return placed;
  }
}

/** What a plugin does for all that it is not bound to. */
interface Rest {
  readonly prepared: Prepared;
  readonly at: Position | undefined;
}

/** Does so once. A function of its own, so that what it keeps alive is not all that building needed. */
function activation(setups: Setups, text: ConfigText): () => void {
  let locate: Locator | null = text.locate;
  return () => {
    if (locate === null) return;
    const problem = setups.activate();
    if (problem === undefined) {
      locate = null;
      return;
    }
    const { path, message } = problem;
    throw new ConfigError([{ at: locate.positionOf([path]), path, message }]);
  };
}
