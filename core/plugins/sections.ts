import type { PluginDefinition, Published, ServiceToken, SetupKit, GatewayHooks } from '#sdk';
import type { Breath } from '../breath.ts';
import type { Problems } from '../config/check.ts';
import { describeAllowed } from '../config/problems.ts';
import type { LoadedPlugin } from './registry.ts';

/** A consequence of a problem that is noted already; noting it too would send the operator to the wrong place. */
export class ReportedError extends Error {}

/** Runs each plugin's `setup` once, providers of a service before those who use it. */
export class Setups {
  readonly hooks = new Map<string, GatewayHooks>();
  readonly #plugins: readonly LoadedPlugin[];
  readonly #providers = new Map<string, PluginDefinition>();
  readonly #services = new Map<string, unknown>();
  readonly #running = new Set<string>();
  readonly #problems: Problems;
  readonly #root: Readonly<Record<string, unknown>>;
  readonly #kitFor: (plugin: string) => Omit<SetupKit, 'use' | 'section'>;

  constructor(
    plugins: readonly LoadedPlugin[],
    root: Readonly<Record<string, unknown>>,
    problems: Problems,
    kitFor: (plugin: string) => Omit<SetupKit, 'use' | 'section'>,
  ) {
    this.#plugins = plugins;
    this.#root = root;
    this.#problems = problems;
    this.#kitFor = kitFor;
    for (const { definition } of plugins) {
      for (const token of definition.offers ?? []) this.#providers.set(token.name, definition);
    }
  }

  async runAll(breath: Breath): Promise<void> {
    for (const { definition } of this.#plugins) {
      this.#run(definition);
      if (breath.isDue) await breath.take();
    }
  }

  /** Tells the plugins of each API, all at once being too long to keep requests waiting. */
  async publish(all: readonly Published[], breath: Breath): Promise<void> {
    for (const { definition } of this.#plugins) {
      const hooks = this.hooks.get(definition.name);
      if (hooks?.publish === undefined) continue;
      try {
        for (const published of all) {
          hooks.publish(published);
          if (breath.isDue) await breath.take();
        }
      } catch (error) {
        this.#failed(definition, error);
      }
    }
  }

  /** Who offers the service. */
  providerOf(token: ServiceToken<unknown>): string | undefined {
    return this.#providers.get(token.name)?.name;
  }

  /** Tells every plugin that the configuration comes into force; says which section has a problem with that. */
  activate(): { readonly path: string; readonly message: string } | undefined {
    for (const { definition } of this.#plugins) {
      try {
        this.hooks.get(definition.name)?.activate?.();
      } catch (error) {
        const message = error instanceof Error ? error.message : 'it threw';
        return { path: definition.section?.name ?? definition.name, message };
      }
    }
    return undefined;
  }

  /** @throws Error when no plugin offers the service, or the one that does could not be set up */
  use<T>(token: ServiceToken<T>): T {
    const provider = this.#providers.get(token.name);
    if (provider === undefined) throw new Error(`no plugin offers the service "${token.name}"`);
    this.#run(provider);
    if (!this.#services.has(token.name))
      throw new ReportedError(`plugin ${provider.name} could not be set up`);
    return this.#services.get(token.name) as T;
  }

  /** As `use`; undefined when no plugin offers the service. */
  find<T>(token: ServiceToken<T>): T | undefined {
    return this.#providers.has(token.name) ? this.use(token) : undefined;
  }

  #run(definition: PluginDefinition): void {
    const { name, section: main } = definition;
    if (definition.setup === undefined || this.hooks.has(name)) return;
    if (this.#running.has(name))
      throw new Error(`services need each other in a circle: ${[...this.#running, name].join(', ')}`);
    this.#running.add(name);
    const path = main?.name ?? name;
    try {
      // Its own only: another plugin's may hold secrets.
      const own = definition.moreSections?.map((each) => each.name);
      const section = (key: string): unknown => (own?.includes(key) === true ? this.#root[key] : undefined);
      const use = <T>(token: ServiceToken<T>): T => this.use(token);
      // Not a copy: what is published is looked up when it is asked for.
      const kit = Object.assign(Object.create(this.#kitFor(name)) as SetupKit, { section, use });
      const hooks = definition.setup(main === undefined ? undefined : this.#root[main.name], kit);
      this.#adopt(definition, hooks, path);
    } catch (error) {
      this.hooks.set(name, {});
      if (error instanceof ReportedError) return;
      this.#failed(definition, error);
    } finally {
      this.#running.delete(name);
    }
  }

  #failed({ name, section }: PluginDefinition, error: unknown): void {
    const reason = error instanceof Error ? error.message : 'it threw';
    const message = `plugin ${name} could not be set up: ${reason}`;
    this.#problems.add([section?.name ?? name], message, { cause: error });
  }

  #adopt({ name, offers }: PluginDefinition, hooks: GatewayHooks, path: string): void {
    const wrong = wrongHook(hooks);
    if (wrong !== undefined) throw new Error(wrong);
    this.hooks.set(name, hooks);
    for (const { token, service } of hooks.services ?? []) this.#services.set(token.name, service);
    for (const token of offers ?? []) {
      if (!this.#services.has(token.name))
        this.#problems.add([path], `plugin ${name} did not set up "${token.name}"`);
    }
  }
}

/** Each hook of a plugin's setup, and what is wrong with a value that it cannot be. */
const hookForms: Readonly<Record<keyof GatewayHooks, (value: unknown) => string | undefined>> = {
  routing: notFunction,
  publish: notFunction,
  amend: notFunction,
  describeMiss: notFunction,
  fallback: notFunction,
  completed: notFunction,
  unrouted: notFunction,
  // An empty one would withhold every field, one in upper case none.
  withheld: (value) =>
    Array.isArray(value) &&
    value.every((prefix) => typeof prefix === 'string' && /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(prefix))
      ? undefined
      : 'must be a list of beginnings of field names in lower case',
  services: () => undefined,
  management: (value) => {
    const pages: unknown[] = Array.isArray(value) ? value : [value];
    return pages.every(isPage) ? undefined : 'must be a `path` and a function `handle`, or a list of them';
  },
  status: notFunction,
  timing: (value) => {
    const { every, record } = partsOf(value);
    const isCount = Number.isInteger(every) && Number(every) > 0;
    return isCount && typeof record === 'function'
      ? undefined
      : 'must be a number `every` and a function `record`';
  },
  activate: notFunction,
  stop: notFunction,
  dispose: notFunction,
};

function wrongHook(hooks: unknown): string | undefined {
  if (hooks instanceof Promise) {
    hooks.catch(() => undefined);
    return 'setup returned a promise; it must return its hooks at once';
  }
  if (typeof hooks !== 'object' || hooks === null) return 'setup must return an object of hooks; {} for none';
  for (const [key, value] of Object.entries(hooks)) {
    if (!Object.hasOwn(hookForms, key)) {
      return `setup returned "${key}", which is no hook; ${describeAllowed(Object.keys(hookForms), key)}`;
    }
    const wrong = value === undefined ? undefined : hookForms[key as keyof GatewayHooks](value);
    if (wrong !== undefined) return `"${key}" ${wrong}`;
  }
  return undefined;
}

function notFunction(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : 'must be a function';
}

function partsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function isPage(value: unknown): boolean {
  const { path, methods = ['GET'], handle } = partsOf(value);
  if (typeof path !== 'string' || !/^\/[\w.~/-]+$/.test(path) || typeof handle !== 'function') return false;
  return Array.isArray(methods) && methods.every((method) => pageMethods.has(method));
}

const pageMethods: ReadonlySet<unknown> = new Set(['GET', 'POST', 'PUT', 'DELETE']);
