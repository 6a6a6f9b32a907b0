import { type Api, type Backend, type Hooks, type Kit, Options, type Stage, type TSchema } from '#sdk';
import type { Problems } from '../config/check.ts';
import { type Path, describeAllowed } from '../config/problems.ts';
import type { LoadedPlugin } from './registry.ts';

/** A plugin with its options, checked, before it is bound to an API. */
export interface Prepared {
  readonly plugin: LoadedPlugin;
  readonly config: unknown;
  /** What the operator calls it. */
  readonly name: string;
  /** Where its options stand. */
  readonly path: Path;
  /** Made by `bindRest`, from the plugin's section. */
  readonly isRest?: boolean;
}

/** What one call of `bind` gave. */
export interface Bound {
  readonly prepared: Prepared;
  readonly hooks: Hooks;
}

const hookKeys = [
  'preAuth',
  'auth',
  'backendRouting',
  'backendSigning',
  'response',
  'finish',
  'completed',
  'backend',
  'dispose',
] as const;
const stages: readonly Stage[] = ['authenticate', 'authorize', 'admit', 'serve'];
const noOptions = Options({});

/** Finds plugins by their `type`, checks options, and calls `bind`. */
export class Binder {
  readonly #byType = new Map<string, { plugin: LoadedPlugin; dialect: string | undefined }>();
  readonly #byField = new Map<string, LoadedPlugin>();
  readonly #problems: Problems;
  readonly #baseKit: (plugin: string, prepared: Prepared) => Omit<Kit, 'api' | 'environment' | 'binding' | 'backend'>;
  readonly #disposers: (() => void)[] = [];

  constructor(
    plugins: readonly LoadedPlugin[],
    problems: Problems,
    baseKit: (plugin: string, prepared: Prepared) => Omit<Kit, 'api' | 'environment' | 'binding' | 'backend'>,
  ) {
    this.#problems = problems;
    this.#baseKit = baseKit;
    for (const plugin of plugins) {
      const { name, dialects, apiField } = plugin.definition;
      this.#byType.set(name, { plugin, dialect: undefined });
      for (const dialect of Object.keys(dialects ?? {})) this.#byType.set(dialect, { plugin, dialect });
      if (apiField !== undefined) this.#byField.set(apiField, plugin);
    }
  }

  /** The plugins that API fields bind, by field. */
  get fields(): ReadonlyMap<string, LoadedPlugin> {
    return this.#byField;
  }

  /** What to run when the configuration is gone. */
  get disposers(): readonly (() => void)[] {
    return this.#disposers;
  }

  /**
   * Checks a plugin's options and translates them from its dialect.
   * @param typePath where the type stands, for the message when nothing is called that
   */
  prepare(
    use: { type: string; config: unknown; name: string; prefix?: string },
    path: Path,
    typePath: Path,
  ): Prepared | undefined {
    const found = this.#byType.get((use.prefix ?? '') + use.type);
    if (found?.plugin.definition.bind === undefined) {
      this.#problems.add(typePath, `no plugin is called "${use.type}"; ${describeAllowed(this.#types(use.prefix), use.type)}`);
      return undefined;
    }
    const { plugin, dialect } = found;
    const { definition } = plugin;
    const translation = dialect === undefined ? undefined : definition.dialects?.[dialect];
    const schema: TSchema = translation?.config ?? definition.config ?? noOptions;
    const given = use.config ?? {};
    if (!this.#problems.check(schema, given, path)) return undefined;
    if (translation === undefined) return { plugin, config: given, name: use.name, path };
    const before = this.#problems.list.length;
    const translate = translation.translate as (document: unknown, problem: Kit['problem']) => unknown;
    const config = translate(given, this.#problemAt(path));
    return this.#problems.list.length > before ? undefined : { plugin, config, name: use.name, path };
  }

  /** Calls `bind` for one API and environment, and checks what it returns. */
  bind(prepared: Prepared, api: Api, environment: string): Bound | undefined {
    const { definition } = prepared.plugin;
    const kit: Kit = {
      ...this.#baseKit(definition.name, prepared),
      api,
      environment,
      binding: prepared.name,
      problem: this.#problemAt(prepared.path),
      backend: (backend, path) => this.#backend(backend, [...prepared.path, ...path], api, environment),
    };
    let hooks: Hooks;
    try {
      const isRest = prepared.isRest === true;
      const returned = isRest
        ? definition.bindRest?.(prepared.config as never, kit)
        : definition.bind?.(prepared.config as never, kit);
      hooks = returned ?? {};
    } catch (error) {
      const message = error instanceof Error ? error.message : 'it threw';
      this.#problems.add(prepared.path, `plugin ${definition.name} could not be bound to ${api.name}: ${message}`);
      return undefined;
    }
    const wrong = wrongHook(hooks, definition.name);
    if (wrong !== undefined) {
      this.#problems.add(prepared.path, `plugin ${definition.name}: ${wrong}`);
      return undefined;
    }
    if (hooks.dispose !== undefined) this.#disposers.push(() => hooks.dispose?.());
    return { prepared, hooks };
  }

  #backend(definition: Readonly<Record<string, unknown>>, path: Path, api: Api, environment: string): Backend {
    const { type, ...config } = definition;
    const prepared = this.prepare({ type: String(type), config, name: 'backend', prefix: 'backend-' }, path, [
      ...path,
      'type',
    ]);
    const backend = prepared === undefined ? undefined : this.bind(prepared, api, environment)?.hooks.backend;
    // The problem is noted, and a configuration with problems is never served.
    return backend ?? { invoke: () => Promise.reject(new Error('no backend')) };
  }

  #problemAt(base: Path): Kit['problem'] {
    return (path, message, offset) => {
      this.#problems.add([...base, ...path], message, offset === undefined ? {} : { offset });
    };
  }

  #types(prefix = ''): string[] {
    const bindable = [...this.#byType].filter(([, { plugin }]) => plugin.definition.bind !== undefined);
    return bindable
      .map(([type]) => type)
      .filter((type) => (prefix === '' ? !/^(auth|backend)-(?!routing)/.test(type) : type.startsWith(prefix)))
      .map((type) => type.slice(prefix.length));
  }
}

// TypeScript does not refuse a misspelt key in what `bind` returns; a hook that is never called fails open.
function wrongHook(hooks: Hooks, plugin: string): string | undefined {
  for (const key of Object.keys(hooks)) {
    if (!(hookKeys as readonly string[]).includes(key)) {
      return `bind returned "${key}", which is no hook; ${describeAllowed(hookKeys, key)}`;
    }
  }
  const { auth, backend } = hooks;
  for (const key of ['preAuth', 'backendRouting', 'backendSigning', 'response', 'finish', 'completed', 'dispose'] as const) {
    if (hooks[key] !== undefined && typeof hooks[key] !== 'function') return `"${key}" must be a function`;
  }
  if (auth !== undefined && (typeof auth.handle !== 'function' || !stages.includes(auth.stage))) {
    return `"auth" must be {stage, handle}; stage is one of ${stages.join(', ')}`;
  }
  if (backend !== undefined && typeof backend.invoke !== 'function') return '"backend" must have a function `invoke`';
  if (backend !== undefined && !plugin.startsWith('backend-')) return 'only a plugin named backend-* has a backend';
  return undefined;
}
