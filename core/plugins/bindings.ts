import type { Api } from '#sdk';
import type { Problems } from '../config/check.ts';
import type { Path } from '../config/problems.ts';
import { inRequest } from '../config/root-schema.ts';
import type { RootConfig } from '../config/schema.ts';
import type { Binder, Prepared } from './bind.ts';
import type { Breath } from '../breath.ts';
import type { Damaged } from './damaged.ts';

/** An API and the environments it is published in. */
export interface ApiIn {
  readonly api: Api;
  readonly environments: readonly string[];
}

/** A plugin bound to an API, and the line that did it. */
export interface Use {
  readonly prepared: Prepared;
  readonly path: Path;
  /** What a fault of it means, when it is sandboxed. */
  readonly onError?: OnError;
}

type OnError = 'closed' | 'open' | undefined;

const none: readonly Use[] = [];

interface Twin {
  readonly place: string;
  readonly twin: Prepared;
}

/** Which plugins are bound to which API in which environment, in order: its own fields, then `bindings`. */
export class Bindings {
  readonly #root: RootConfig;
  readonly #environments: readonly string[];
  readonly #damaged: Damaged;
  readonly #binder: Binder;
  readonly #problems: Problems;
  /** By environment. */
  readonly #uses = new Map<string, Map<Api, Use[]>>();

  constructor(
    root: RootConfig,
    environments: readonly string[],
    damaged: Damaged,
    binder: Binder,
    problems: Problems,
  ) {
    this.#root = root;
    this.#environments = environments;
    this.#damaged = damaged;
    this.#binder = binder;
    this.#problems = problems;
  }

  /** Sorts out what is bound to these. */
  async resolve(apis: readonly ApiIn[], breath: Breath): Promise<void> {
    await this.#placeFields(apis, breath);
    await this.#placeBindings(apis, breath);
  }

  of(api: Api, environment: string): readonly Use[] {
    return this.#uses.get(environment)?.get(api) ?? none;
  }

  /** What an API's own fields bind comes before what `bindings` adds. */
  async #placeFields(apis: readonly ApiIn[], breath: Breath): Promise<void> {
    for (const { api, environments } of apis) {
      if (breath.isDue) await breath.take();
      for (const { prepared, path } of this.#fieldUses(api, ['apis', api.name])) {
        for (const environment of environments) this.#place(prepared, api, environment, path);
      }
    }
  }

  /** Sorts the bindings by API and environment, in the order they were written. */
  async #placeBindings(apis: readonly ApiIn[], breath: Breath): Promise<void> {
    const prepared = this.#prepareAll();
    if (this.#root.bindings === undefined) return;
    const names = new Names(this.#root.apis ?? {});
    for (const [index, binding] of (this.#root.bindings ?? []).entries()) {
      const path: Path = ['bindings', index];
      if (this.#damaged.has('bindings', index)) continue;
      if (!prepared.has(binding.plugin)) {
        this.#problems.known(binding.plugin, [...prepared.keys()], 'plugin', [...path, 'plugin']);
        continue;
      }
      binding.environments?.forEach((environment, place) => {
        this.#problems.known(environment, this.#environments, 'environment', [
          ...path,
          'environments',
          place,
        ]);
      });
      const use = prepared.get(binding.plugin);
      const { onError } = binding;
      if (onError !== undefined && use !== undefined && use.plugin.sandbox === undefined) {
        const { name } = use.plugin.definition;
        this.#problems.add(
          [...path, 'onError'],
          `${name} does not run in a sandbox; its faults always refuse the request`,
          { key: true },
        );
      }
      const twins: Twin[] = [];
      for (const [place, pattern] of binding.apis.entries()) {
        const matches = matcher(pattern);
        if (!apis.some(({ api }) => matches(api.name)) && !names.has(pattern))
          this.#problems.known(pattern, names.allowed, 'API', [...path, 'apis', place]);
        if (use === undefined) continue;
        for (const hit of apis) {
          if (breath.isDue) await breath.take();
          if (!matches(hit.api.name)) continue;
          this.#placeIn(use, hit, binding.environments, path, onError, twins);
        }
      }
      this.#reportTwins(twins, path);
    }
  }

  #prepareAll(): ReadonlyMap<string, Prepared | undefined> {
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
    return prepared;
  }

  #placeIn(
    use: Prepared,
    { api, environments }: ApiIn,
    only: readonly string[] | undefined,
    path: Path,
    onError: OnError,
    twins: Twin[],
  ): void {
    for (const environment of environments) {
      if (only?.includes(environment) === false) continue;
      const twin = this.#place(use, api, environment, path, onError);
      if (twin !== undefined) twins.push({ place: `${api.name} in ${environment}`, twin });
    }
  }

  /** Answers the binding of the same plugin that is there already, if there is one. */
  #place(
    prepared: Prepared,
    api: Api,
    environment: string,
    path: Path,
    onError?: OnError,
  ): Prepared | undefined {
    const byApi = this.#uses.get(environment) ?? new Map<Api, Use[]>();
    this.#uses.set(environment, byApi);
    const there = byApi.get(api) ?? [];
    byApi.set(api, there);
    const twin = there.find(
      (other) => other.prepared.plugin === prepared.plugin && other.prepared.kind === prepared.kind,
    );
    if (twin === undefined) there.push({ prepared, path, onError });
    // One binding may name an API twice, as in [shop/*, shop/orders].
    return twin?.path === path ? undefined : twin?.prepared;
  }

  /** Once for a binding, however many APIs it names. */
  #reportTwins(twins: readonly Twin[], path: Path): void {
    const [first] = twins;
    if (first === undefined) return;
    const { place, twin } = first;
    const more = twins.length > 1 ? ` (so do ${twins.length - 1} more)` : '';
    this.#problems.add(
      path,
      `${place} already has ${twin.kind}, bound by "${twin.name}"${more}; one of a kind is allowed for each API and environment`,
    );
  }

  /** The plugins that the API's own fields bind, in the order the fields are written; those in `request` come first. */
  #fieldUses(api: Api, base: Path): Use[] {
    const uses: Use[] = [];
    const take = (field: string, value: unknown, path: Path): void => {
      const use = this.#fieldUse(field, value);
      if (use === undefined) return;
      const prepared = this.#binder.prepare(use, path, use.typeInside ? [...path, 'type'] : path);
      if (prepared !== undefined) uses.push({ prepared, path });
    };
    for (const [field, value] of Object.entries(api.definition['request'] as object))
      take(inRequest + field, value, [...base, 'request', field]);
    for (const [field, value] of Object.entries(api.definition)) take(field, value, [...base, field]);
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
    const { name, dialects } = plugin.definition;
    return {
      type: dialects !== undefined && Object.hasOwn(dialects, field) ? field : name,
      config: value === true ? {} : value,
      name: field,
      typeInside: false,
    };
  }
}

/** All APIs, listed when that is needed: there may be tens of thousands, and few that have changed. */
class Names {
  readonly #apis: object;
  #names: readonly string[] | undefined;

  constructor(apis: object) {
    this.#apis = apis;
  }

  has(pattern: string): boolean {
    return Object.hasOwn(this.#apis, pattern) || this.#all.some(matcher(pattern));
  }

  /** What a binding may name. */
  get allowed(): string[] {
    return [...this.#all, ...new Set(this.#all.map((name) => `${name.split('/', 1)[0] ?? ''}/*`))];
  }

  get #all(): readonly string[] {
    this.#names ??= Object.keys(this.#apis);
    return this.#names;
  }
}

function matcher(pattern: string): (name: string) => boolean {
  if (pattern === '*') return () => true;
  if (pattern.endsWith('/*')) return (name) => name.startsWith(pattern.slice(0, -1));
  return (name) => name === pattern;
}
