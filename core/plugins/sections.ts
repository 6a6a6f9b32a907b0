import type { PluginDefinition, ServiceToken, SetupKit, GatewayHooks } from '#sdk';
import type { Problems } from '../config/check.ts';
import type { LoadedPlugin } from './registry.ts';

/** Runs each plugin's `setup` once, providers of a service before those who use it. */
export class Setups {
  readonly hooks = new Map<string, GatewayHooks>();
  readonly #plugins: readonly LoadedPlugin[];
  readonly #providers = new Map<string, PluginDefinition>();
  readonly #services = new Map<string, unknown>();
  readonly #running = new Set<string>();
  readonly #problems: Problems;
  readonly #root: Readonly<Record<string, unknown>>;
  readonly #kitFor: (plugin: string) => Omit<SetupKit, 'use'>;

  constructor(
    plugins: readonly LoadedPlugin[],
    root: Readonly<Record<string, unknown>>,
    problems: Problems,
    kitFor: (plugin: string) => Omit<SetupKit, 'use'>,
  ) {
    this.#plugins = plugins;
    this.#root = root;
    this.#problems = problems;
    this.#kitFor = kitFor;
    for (const { definition } of plugins) {
      for (const token of definition.offers ?? []) this.#providers.set(token.name, definition);
    }
  }

  runAll(): void {
    for (const { definition } of this.#plugins) this.#run(definition);
  }

  /** @throws Error when no plugin offers the service */
  use<T>(token: ServiceToken<T>): T {
    const provider = this.#providers.get(token.name);
    if (provider !== undefined) this.#run(provider);
    if (!this.#services.has(token.name)) throw new Error(`no plugin offers the service "${token.name}"`);
    return this.#services.get(token.name) as T;
  }

  #run(definition: PluginDefinition): void {
    const { name, setup, section } = definition;
    if (setup === undefined || this.hooks.has(name)) return;
    if (this.#running.has(name)) throw new Error(`services need each other in a circle: ${[...this.#running].join(', ')}`);
    this.#running.add(name);
    const path = section?.name ?? name;
    try {
      const kit = { ...this.#kitFor(name), use: <T>(token: ServiceToken<T>): T => this.use(token) };
      const hooks = setup(section === undefined ? undefined : this.#root[section.name], kit);
      this.#adopt(definition, hooks, path);
    } catch (error) {
      this.#problems.add([path], `plugin ${name} could not be set up: ${error instanceof Error ? error.message : 'it threw'}`);
      this.hooks.set(name, {});
    } finally {
      this.#running.delete(name);
    }
  }

  #adopt({ name, offers }: PluginDefinition, hooks: GatewayHooks, path: string): void {
    const known = ['routing', 'completed', 'unrouted', 'services', 'dispose'];
    for (const key of Object.keys(hooks)) {
      if (!known.includes(key)) throw new Error(`setup returned "${key}"; allowed: ${known.join(', ')}`);
    }
    this.hooks.set(name, hooks);
    for (const { token, service } of hooks.services ?? []) this.#services.set(token.name, service);
    for (const token of offers ?? []) {
      if (!this.#services.has(token.name)) this.#problems.add([path], `plugin ${name} did not set up "${token.name}"`);
    }
  }
}
