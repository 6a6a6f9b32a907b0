import { type Api, type Backend, type Hooks, type Kit, Options, type TSchema } from '#sdk';
import type { Problems } from '../config/check.ts';
import { type Path, describeAllowed } from '../config/problems.ts';
import { type LoadedPlugin, isBackend } from './registry.ts';
import { stagesOf } from '../kernel/hooks.ts';
import { type Guard, guarded } from './guarded.ts';
import { ReportedError } from './sections.ts';

/** A plugin with its options, checked, before it is bound to an API. */
export interface Prepared {
  readonly plugin: LoadedPlugin;
  readonly config: unknown;
  /** What the operator calls it. */
  readonly name: string;
  /** Where its options stand. */
  readonly path: Path;
  /** No other binding to the same API and environment may be of this kind. */
  readonly kind: string;
  /** Made by `bindRest`; the options are the plugin's section. */
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
  'describe',
  'dispose',
] as const;
const noOptions = Options({});

/** What all kits of a plugin have. */
type BaseKit = (plugin: string) => Omit<Kit, 'api' | 'environment' | 'binding' | 'backend' | 'problem'>;

/** Finds plugins by their `type`, checks options, and calls `bind`. */
export class Binder {
  readonly #byType = new Map<string, { plugin: LoadedPlugin; dialect: string | undefined }>();
  readonly #byField = new Map<string, LoadedPlugin>();
  readonly #byBackendField = new Map<string, LoadedPlugin>();
  #problems: Problems;
  #lent: Partial<Kit> = {};
  readonly #baseKit: BaseKit;
  readonly #disposers: (() => unknown)[] = [];
  readonly #missing: ReadonlySet<string>;

  /** @param missing plugins that could not be loaded, which is a problem already */
  constructor(
    plugins: readonly LoadedPlugin[],
    missing: ReadonlySet<string>,
    problems: Problems,
    baseKit: BaseKit,
  ) {
    this.#missing = missing;
    this.#problems = problems;
    this.#baseKit = baseKit;
    for (const plugin of plugins) {
      const { name, dialects, apiField, backendField } = plugin.definition;
      this.#byType.set(name, { plugin, dialect: undefined });
      for (const dialect of Object.keys(dialects ?? {})) this.#byType.set(dialect, { plugin, dialect });
      if (apiField !== undefined) this.#byField.set(apiField, plugin);
      if (backendField !== undefined) this.#byBackendField.set(backendField.name, plugin);
    }
  }

  /** From now on what is wrong is told to these. */
  report(problems: Problems): void {
    this.#problems = problems;
  }

  /** What kits have from now on in place of what all of a plugin have. */
  lend(lent: Partial<Kit>): void {
    this.#lent = lent;
  }

  /** The plugins that API fields bind, by field. */
  get fields(): ReadonlyMap<string, LoadedPlugin> {
    return this.#byField;
  }

  /** What to run when what was bound since the last time is gone. */
  takeDisposers(): (() => unknown)[] {
    return this.#disposers.splice(0);
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
    const isMeant = use.prefix !== 'backend-' || (found !== undefined && isBackend(found.plugin.definition));
    if (found?.plugin.definition.bind === undefined || !isMeant) {
      if (this.#missing.has((use.prefix ?? '') + use.type)) return undefined;
      this.#problems.add(
        typePath,
        `no plugin is called "${use.type}"; ${describeAllowed(this.#types(use.prefix), use.type)}`,
      );
      return undefined;
    }
    const { plugin, dialect } = found;
    const { definition } = plugin;
    const translation = dialect === undefined ? undefined : definition.dialects?.[dialect];
    const schema: TSchema = translation?.config ?? definition.config ?? noOptions;
    const given = use.config ?? {};
    if (!this.#problems.check(schema, given, path)) return undefined;
    const before = this.#problems.list.length;
    try {
      const config: unknown =
        translation === undefined ? given : translation.translate(given as never, this.#problemAt(path));
      if (this.#problems.list.length > before) return undefined;
      return { plugin, config, name: use.name, path, kind: definition.kind?.(config) ?? definition.name };
    } catch (error) {
      this.#problems.add(path, `plugin ${definition.name} could not translate this: ${messageOf(error)}`, {
        cause: error,
      });
      return undefined;
    }
  }

  /** Calls `bind` for one API and environment, and checks what it returns. */
  bind(prepared: Prepared, api: Api, environment: string, boundBy?: Path): Bound | undefined {
    const { definition } = prepared.plugin;
    const kit = this.#kit(prepared, api, environment, boundBy);
    let hooks: Hooks | undefined;
    try {
      hooks =
        prepared.isRest === true
          ? (definition.bindRest?.(prepared.config, kit) ?? {})
          : definition.bind?.(prepared.config, kit);
    } catch (error) {
      if (error instanceof ReportedError) return undefined;
      // Without the API's name: a binding to a hundred APIs has one problem, not a hundred.
      const message = `plugin ${definition.name} could not be bound: ${messageOf(error)}`;
      this.#problems.add(prepared.path, message, { cause: error, boundBy });
      return undefined;
    }
    const wrong = wrongHook(hooks, definition.name);
    // What `bind` has opened is closed whether or not its hooks are usable.
    if (typeof hooks?.dispose === 'function') this.#disposers.push(() => hooks.dispose?.());
    if (wrong === undefined && hooks !== undefined) return { prepared, hooks };
    const message = `plugin ${definition.name}: ${wrong ?? 'bind returned nothing'}`;
    this.#problems.add(prepared.path, message, { boundBy });
    return undefined;
  }

  #kit(prepared: Prepared, api: Api, environment: string, boundBy?: Path): Kit {
    const own: Omit<Kit, keyof ReturnType<BaseKit>> = {
      api,
      environment,
      binding: prepared.name,
      problem: this.#problemAt(prepared.path, boundBy),
      backend: (backend, path) => this.#backend(backend, [...prepared.path, ...path], api, environment),
    };
    const kit = Object.create(this.#baseKit(prepared.plugin.definition.name)) as ReturnType<BaseKit>;
    return Object.assign(kit, own, this.#lent);
  }

  /** Binds a backend as it is written, the fields in it that other plugins own included. */
  bindBackend(
    definition: Readonly<Record<string, unknown>>,
    path: Path,
    api: Api,
    environment: string,
  ): { readonly bound: Bound; readonly backend: Backend } | undefined {
    const { type, ...config }: Record<string, unknown> = { ...definition };
    const guards: (Guard | undefined)[] = [];
    for (const [field, plugin] of this.#byBackendField) {
      if (!Object.hasOwn(config, field)) continue;
      guards.push(this.#bindField(plugin, config[field], [...path, field], api, environment));
      delete config[field];
    }
    const use = { type: String(type), config, name: 'backend', prefix: 'backend-' };
    const prepared = this.prepare(use, path, [...path, 'type']);
    const bound = prepared === undefined ? undefined : this.bind(prepared, api, environment);
    const backend = bound?.hooks.backend;
    if (bound !== undefined && backend !== undefined)
      return { bound, backend: guards.reduce<Backend>(guarded, backend) };
    // What is wrong may have been reported for another environment.
    if (!this.#problems.has(path) && !this.#missing.has(`backend-${use.type}`))
      this.#problems.add(path, `plugin backend-${use.type} gave no backend`);
    return undefined;
  }

  #backend(
    definition: Readonly<Record<string, unknown>>,
    path: Path,
    api: Api,
    environment: string,
  ): Backend {
    // A configuration with problems is never served: what stands in for a backend is never called.
    const none = { invoke: () => Promise.reject(new Error('no backend')) };
    return this.bindBackend(definition, path, api, environment)?.backend ?? none;
  }

  #bindField(
    plugin: LoadedPlugin,
    value: unknown,
    path: Path,
    api: Api,
    environment: string,
  ): Guard | undefined {
    const field = plugin.definition.backendField;
    if (field === undefined || !this.#problems.check(field.schema, value, path)) return undefined;
    const name = `backend.${field.name}`;
    try {
      const guard: unknown = field.bind(
        value,
        this.#kit({ plugin, config: value, name, path, kind: name }, api, environment),
      );
      if (typeof guard === 'function') return guard as Guard;
      this.#problems.add(
        path,
        `plugin ${plugin.definition.name}: \`backendField.bind\` returned no function`,
      );
    } catch (error) {
      if (!(error instanceof ReportedError))
        this.#problems.add(path, `plugin ${plugin.definition.name} could not be bound: ${messageOf(error)}`);
    }
    return undefined;
  }

  #problemAt(base: Path, boundBy?: Path): Kit['problem'] {
    return (path, message, offset) => {
      const options = offset === undefined ? { boundBy } : { offset, boundBy };
      this.#problems.add([...base, ...path], message, options);
    };
  }

  #types(prefix = ''): string[] {
    return [...this.#byType]
      .filter(
        ([
          type,
          {
            plugin: { definition },
          },
        ]) => {
          if (definition.bind === undefined) return false;
          const kind = isBackend(definition) ? 'backend-' : type.startsWith('auth-') ? 'auth-' : '';
          return kind === prefix;
        },
      )
      .map(([type]) => type.slice(prefix.length));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it threw';
}

// TypeScript does not refuse a misspelt key in what `bind` returns; a hook that is never called fails open.
function wrongHook(hooks: unknown, plugin: string): string | undefined {
  if (hooks instanceof Promise) {
    hooks.catch(() => undefined);
    return 'bind returned a promise; it must return its hooks at once';
  }
  if (typeof hooks !== 'object' || hooks === null) return 'bind must return an object of hooks; {} for none';
  return wrongKey(hooks) ?? wrongShape(hooks, plugin);
}

function wrongKey(hooks: object): string | undefined {
  for (const key of Object.keys(hooks)) {
    if (!(hookKeys as readonly string[]).includes(key)) {
      return `bind returned "${key}", which is no hook; ${describeAllowed(hookKeys, key)}`;
    }
  }
  return undefined;
}

function wrongShape(hooks: Hooks, plugin: string): string | undefined {
  const { backend } = hooks;
  for (const key of ['preAuth', 'finish', 'completed', 'describe', 'dispose'] as const) {
    if (hooks[key] !== undefined && typeof hooks[key] !== 'function') return `"${key}" must be a function`;
  }
  for (const key of ['auth', 'backendRouting', 'backendSigning', 'response'] as const) {
    const { order, bare } = stagesOf[key];
    const hook: unknown = hooks[key];
    if (hook === undefined || (typeof hook === 'function' && bare !== undefined)) continue;
    const { stage, handle } = (hook ?? {}) as { stage?: unknown; handle?: unknown };
    if (typeof handle === 'function' && (order as readonly unknown[]).includes(stage)) continue;
    return `"${key}" must be ${bare === undefined ? '' : 'a function, or '}{stage, handle}; stage is one of ${order.join(', ')}`;
  }
  if (backend !== undefined && typeof backend.invoke !== 'function')
    return '"backend" must have a function `invoke`';
  if (backend !== undefined && !plugin.startsWith('backend-'))
    return 'only a plugin named backend-* has a backend';
  return undefined;
}
