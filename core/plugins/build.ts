import { dirname, resolve } from 'node:path';
import type {
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
  TextFile,
} from '#sdk';
import { type Breath, withBreath } from '../breath.ts';
import { Problems, checkRoot } from '../config/check.ts';
import type { Locator } from '../config/locate.ts';
import { ConfigError, type Path, type Position, describeAllowed } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import { type Limits, LimitsSchema, type RootConfig, defaultListeners } from '../config/schema.ts';
import { rootSchema } from '../config/root-schema.ts';
import { type Placed, blankEndpoint, compileEndpoint } from '../kernel/chains.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import type { Cages } from '../sandbox/cages.ts';
import { scoped } from '../state/memory-values.ts';
import type { HeldState } from '../state/state.ts';
import { type StatePlan, planState } from '../state/state-plan.ts';
import { checkSharing } from '../workers/state.ts';
import { Binder, type Prepared } from './bind.ts';
import { type ApiIn, Bindings, type Use } from './bindings.ts';
import { type Damaged, damagedEntries } from './damaged.ts';
import { OwnHosts, buildGroups } from './groups.ts';
import { type TlsPlan, planTls } from '../http/tls-plan.ts';
import type { DevelopmentCertificates } from '../http/development-certificate.ts';
import { checkPages } from './pages.ts';
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
}

/**
 * Checks a configuration and builds what serves it.
 * @throws ConfigError with everything that is wrong; nothing is then left behind
 */
export async function build(text: ConfigText, host: BuildHost): Promise<Built> {
  const problems = new Problems(text.locate, text.problems);
  host.cages.begin();
  try {
    return await withBreath((breath) => buildWith(text, problems, host, breath));
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
  return { snapshot, root, limits, tls, state, hashes: text.hashes };
}

/** What the kits of a plugin have in common. */
type Common = Omit<Kit, 'api' | 'environment' | 'binding' | 'backend' | 'problem'>;

class Builder {
  #text: ConfigText | undefined;
  readonly #root: RootConfig;
  readonly #limits: Limits;
  readonly #plugins: readonly LoadedPlugin[];
  readonly #damaged: Damaged;
  readonly #problems: Problems;
  readonly #host: BuildHost;
  readonly #state: HeldState;
  readonly #client: HttpClient & { dispose(): void };
  readonly #binder: Binder;
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #environments: readonly string[];
  #bindings: Bindings;
  readonly #rests: Rest[] = [];
  readonly #commons = new Map<string, Common>();
  #setups: Setups | undefined;

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
  }

  #noBindings(): Bindings {
    return new Bindings(this.#root, this.#environments, this.#damaged, this.#binder, this.#problems);
  }

  #read(): ConfigText {
    if (this.#text === undefined) throw new Error('files are read while a configuration is built, not later');
    return this.#text;
  }

  async build(breath: Breath): Promise<BuiltSnapshot> {
    const apis = await this.#apis(breath);
    // The endpoint itself is what routing answers, so that the kernel looks nothing up; it is filled in below.
    const endpoints: Endpoint[] = [];
    for (const { api, environments } of apis)
      for (const environment of environments) endpoints.push(blankEndpoint({ api, environment }));
    const setups = new Setups(this.#plugins, this.#root, this.#problems, (plugin) => ({
      ...this.#common(plugin),
      published: endpoints,
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
    const timings = [...setups.hooks.values()].flatMap(({ timing }) =>
      timing === undefined ? [] : [timing],
    );
    // First what is bound everywhere: what a plugin does for other APIs may depend on it.
    const bound: Placed[][] = [];
    for (const endpoint of endpoints) {
      bound.push(this.#bound(endpoint));
      if (breath.isDue) await breath.take();
    }
    this.#rests.push(...this.#findRests());
    for (const [index, endpoint] of endpoints.entries()) {
      Object.assign(endpoint, this.#endpoint(endpoint, bound[index] ?? [], timings));
      if (breath.isDue) await breath.take();
    }
    return new BuiltSnapshot({
      log: this.#host.log,
      pseudonym: this.#host.pseudonym,
      endpoints,
      setups: setups.hooks,
      timings,
      traffic: this.#host.traffic,
      bodyTimeoutMs: this.#limits.bodyTimeoutMs,
      activate: activation(setups, this.#read()),
      dispose: disposal(this.#binder, setups, this.#plugins, this.#host.log, () => {
        this.#client.dispose();
        this.#state.release();
      }),
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

  async #apis(breath: Breath): Promise<ApiIn[]> {
    const apis: ApiIn[] = [];
    for (const [name, definition] of Object.entries(this.#root.apis ?? {})) {
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
      return bound === undefined ? [] : { bound, at: this.#read().locate.positionOf(path) };
    });
  }

  #endpoint(target: Published, own: Placed[], timings: readonly HandlerTiming[]): Endpoint | undefined {
    const { api, environment } = target;
    const base: Path = ['apis', api.name];
    const placed = [...this.#rest(this.#bindings.of(api, environment), api, environment), ...own];
    const path = [...base, 'backend'];
    const definition = api.definition['backend'] as Readonly<Record<string, unknown>>;
    const called = this.#binder.bindBackend(definition, path, api, environment);
    if (called === undefined) return undefined;
    const { backend, bound } = called;
    placed.push({ bound, at: this.#read().locate.positionOf(path) });
    const { maxBodyBytes } = api.definition['request'] as { maxBodyBytes?: number };
    const limits = { maxBytes: maxBodyBytes ?? this.#limits.bodyBytes, idleMs: this.#limits.bodyTimeoutMs };
    return compileEndpoint(target, placed, backend, limits, timings);
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
      const at = config === undefined ? undefined : this.#read().locate.positionOf(path);
      const prepared = { plugin, config, name: `${name} by default`, kind: name, path, isRest: true };
      return [{ prepared, at }];
    });
  }

  /** What plugins do for an API that nothing binds them to. */
  #rest(uses: readonly Use[], api: Api, environment: string): Placed[] {
    const placed: Placed[] = [];
    for (const { prepared, at } of this.#rests) {
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

/** Reads a file that the configuration names. Noted before it is read: a change may mend what cannot be. */
function readBeside(text: ConfigText, problems: Problems, path: Path, name: string): TextFile | undefined {
  const file = besideOf(text, path, name);
  try {
    return { file, text: text.read(file, maxTextBytes) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it failed';
    problems.add(path, `the file cannot be read: ${reason}`);
    return undefined;
  }
}

function besideOf(text: ConfigText, path: Path, name: string): string {
  return resolve(dirname(resolve(text.locate.fileOf(path))), name);
}

const maxTextBytes = 8 * 1024 * 1024;

/** As `disposal`, a function of its own. */
function activation(setups: Setups, text: ConfigText): () => void {
  let locate: Locator | null = text.locate;
  return () => {
    const problem = setups.activate();
    if (problem === undefined) locate = null;
    if (problem === undefined || locate === null) return;
    const { path, message } = problem;
    throw new ConfigError([{ at: locate.positionOf([path]), path, message }]);
  };
}

/** A function of its own, so that what it keeps alive is not all that building needed. */
function disposal(
  binder: Binder,
  setups: Setups,
  plugins: readonly LoadedPlugin[],
  log: Log,
  release: () => void,
): () => Promise<unknown> {
  const waiting: Promise<unknown>[] = [];
  const sandboxes = plugins.flatMap(({ sandbox }) => sandbox ?? []);
  const failed = (error: unknown): void => {
    const reason = error instanceof Error ? error.stack : String(error);
    log.error({ error: reason }, 'a plugin failed to dispose');
  };
  const guarded = (dispose: () => unknown): void => {
    try {
      const result = dispose();
      if (result instanceof Promise) waiting.push(result.catch(failed));
    } catch (error) {
      failed(error);
    }
  };
  return () => {
    for (const dispose of binder.disposers) guarded(dispose);
    for (const hooks of setups.hooks.values()) guarded(() => hooks.dispose?.());
    for (const sandbox of sandboxes) guarded(() => sandbox.dispose());
    release();
    return Promise.all(waiting);
  };
}
