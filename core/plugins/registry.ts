import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Api, PluginDefinition } from '#sdk';
import { describeAllowed } from '../config/problems.ts';
import { validator } from '../config/check.ts';
import { hashOf, hashOfFile, sourcesIn } from '../config/files.ts';
import { extensionScheme, importedBy, versionKey } from './resolve-sdk.ts';

/** A plugin that passed the checks of loading. */
export interface LoadedPlugin {
  readonly definition: PluginDefinition;
  /** Set when its code runs elsewhere. */
  readonly sandbox?: Sandboxed;
}

/** What a plugin in a sandbox has beside its definition: what `bind` gives must be asked for before. */
export interface Sandboxed {
  /** Asks for one API and environment; `bind` of the definition then answers it. Never rejects. */
  bindAhead(use: {
    config: unknown;
    binding: string;
    api: Api;
    environment: string;
    onError: 'closed' | 'open' | undefined;
  }): Promise<void>;
  /** The configuration is gone, or was refused. */
  dispose(): Promise<void>;
}

/**
 * Whether `backend: {type: x}` means this plugin, `backend-x`. One that an API field or another vendor's document binds
 * stands beside backends and is none: `backend-routing` chooses among them.
 */
export function isBackend({ name, dialects, apiField }: PluginDefinition): boolean {
  return name.startsWith('backend-') && dialects === undefined && apiField === undefined;
}

const ownFolder = new URL('../../plugins/', import.meta.url);
const entryNames = ['plugin.ts', 'plugin.js', 'plugin.mjs'];
const definitionKeys = new Set([
  'name',
  'summary',
  'config',
  'dialects',
  'apiField',
  'groupField',
  'backendField',
  'kind',
  'section',
  'moreSections',
  'offers',
  'setup',
  'bind',
  'bindRest',
  'needs',
]);

let own: Promise<readonly LoadedPlugin[]> | undefined;

/** The plugins that come with the gateway: every folder of `plugins/`. */
export function loadOwnPlugins(): Promise<readonly LoadedPlugin[]> {
  own ??= Promise.all(
    readdirSync(ownFolder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => loadOwn(entry.name)),
  );
  return own;
}

/** Where a third party's plugin lies. */
export interface ExtensionSource {
  readonly url: string;
  /** Stands for what its files hold; empty for an npm package, which is loaded once. */
  readonly version: string;
  /** What it is made of, as far as it lies in its folder, and what that held: a change means loading it again. */
  readonly files: ReadonlyMap<string, string>;
}

/** Where a source that is no npm package lies. */
export function extensionPath(source: string, from: string): string | undefined {
  return /^[./]/.test(source) ? resolve(dirname(resolve(from)), source) : undefined;
}

/**
 * Finds a third party's plugin.
 * @param source a folder or file (starting with `.` or `/`), or an npm package
 * @param from the configuration file that names it
 * @throws Error when there is nothing
 */
export function locateExtension(source: string, from: string): ExtensionSource {
  const path = extensionPath(source, from);
  if (path === undefined) {
    const query = new URLSearchParams({ package: source, from: pathToFileURL(resolve(from)).href });
    return { url: `${extensionScheme}?${query.toString()}`, version: '', files: new Map() };
  }
  const isFolder = statSync(path).isDirectory();
  const names = isFolder ? sourcesIn(path).files : [path];
  const files = new Map(names.map((file) => [file, hashOfFile(file)]));
  // Its content in the URL makes a changed file another module: otherwise a reload would run the old one for ever.
  const version = versionOf(files);
  const url = `${pathToFileURL(isFolder ? entryOf(path) : path).href}?${versionKey}=${version}`;
  return { url, version, files };
}

/** Only a version that was loaded knows what it imports from outside; where that has changed, it is yet another one. */
function versionOf(files: ReadonlyMap<string, string>): string {
  let version = hashOf([...files].join('\n')).slice(0, 16);
  for (;;) {
    const imported = [...importedBy(version)].filter(([file]) => !files.has(file));
    const now = imported.map(([file]): [string, string] => [file, hashOfFile(file)]);
    if (now.every(([, hash], index) => hash === imported[index]?.[1])) return version;
    version = hashOf([version, ...now].join('\n')).slice(0, 16);
  }
}

/** @throws Error saying what is wrong with it */
export function loadExtension(name: string, source: ExtensionSource): Promise<LoadedPlugin> {
  return loadFile(source.url, name);
}

/**
 * @param name what it must be called
 * @throws Error saying what is wrong with it
 */
export function loadGiven(definition: PluginDefinition, name: string = definition.name): LoadedPlugin {
  return checked(definition, name);
}

function entryOf(folder: string): string {
  const names = new Set(readdirSync(folder));
  const entry = entryNames.find((name) => names.has(name));
  if (entry === undefined) throw new Error(`there is no ${entryNames.join(', ')} in ${folder}`);
  return join(folder, entry);
}

/** Without a look at the schemas: a test sees to those, and compiling all of them took half the time of a start. */
async function loadOwn(name: string): Promise<LoadedPlugin> {
  const { default: definition } = (await import(new URL(`${name}/plugin.ts`, ownFolder).href)) as {
    default?: unknown;
  };
  const problem = problemOf(definition, name);
  if (problem !== undefined) throw new Error(problem);
  return { definition: definition as PluginDefinition };
}

async function loadFile(url: string, name: string): Promise<LoadedPlugin> {
  const module = (await import(url)) as { default?: unknown };
  return checked(module.default, name);
}

function checked(definition: unknown, name: string): LoadedPlugin {
  const problem = problemOf(definition, name) ?? schemaProblem(definition as PluginDefinition);
  if (problem !== undefined) throw new Error(problem);
  return { definition: definition as PluginDefinition };
}

/** A schema that cannot be compiled would otherwise fail for whoever first uses the plugin. */
export function schemaProblem({
  config,
  section,
  moreSections,
  groupField,
  backendField,
  dialects,
}: PluginDefinition): string | undefined {
  const schemas = [
    config,
    section?.schema,
    ...(moreSections ?? []).map(({ schema }) => schema),
    groupField?.schema,
    backendField?.schema,
    ...Object.values(dialects ?? {}).map((dialect) => dialect.config),
  ];
  for (const schema of schemas) {
    try {
      if (schema !== undefined) validator(schema);
    } catch (error) {
      return `a schema of it cannot be used: ${error instanceof Error ? error.message : 'it failed'}`;
    }
  }
  return undefined;
}

function problemOf(definition: unknown, name: string): string | undefined {
  if (typeof definition !== 'object' || definition === null) {
    return 'its default export is no plugin; use `export default definePlugin({...})`';
  }
  const unknown = Object.keys(definition).find((key) => !definitionKeys.has(key));
  if (unknown !== undefined)
    return `definePlugin does not know "${unknown}"; ${describeAllowed(definitionKeys, unknown)}`;
  const { name: own, summary, bind, bindRest, setup } = definition as Partial<PluginDefinition>;
  if (own !== name) return `it is named "${String(own)}" but stands under "${name}"; they must be the same`;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    return 'a plugin name is words in lower case joined by hyphens';
  if (typeof summary !== 'string' || summary === '') return 'it has no summary';
  if (bind === undefined && bindRest === undefined && setup === undefined)
    return 'it has neither `bind` nor `bindRest` nor `setup`';
  return undefined;
}
