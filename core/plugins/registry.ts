import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PluginDefinition } from '#sdk';
import { extensionScheme } from './resolve-sdk.ts';

/** A loaded plugin and where it came from. */
export interface LoadedPlugin {
  readonly definition: PluginDefinition;
  readonly source: string;
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
  'kind',
  'section',
  'offers',
  'setup',
  'bind',
  'bindRest',
]);

let own: Promise<readonly LoadedPlugin[]> | undefined;

/** The plugins that come with the gateway: every folder of `plugins/`. */
export function loadOwnPlugins(): Promise<readonly LoadedPlugin[]> {
  own ??= Promise.all(
    readdirSync(ownFolder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => loadFile(new URL(`${entry.name}/plugin.ts`, ownFolder).href, entry.name)),
  );
  return own;
}

/**
 * Loads a third party's plugin.
 * @param source a folder or file (starting with `.` or `/`), or an npm package
 * @param from the configuration file that names it
 * @throws Error saying what is wrong with it
 */
export function loadExtension(name: string, source: string, from: string): Promise<LoadedPlugin> {
  if (!source.startsWith('.') && !source.startsWith('/')) {
    const query = new URLSearchParams({ package: source, from: pathToFileURL(resolve(from)).href });
    return loadFile(`${extensionScheme}?${query}`, name, source);
  }
  const path = resolve(dirname(resolve(from)), source);
  const file = statSync(path).isDirectory() ? entryOf(path) : path;
  // The time in the URL makes a changed file another module: otherwise a reload would run the old one for ever.
  return loadFile(`${pathToFileURL(file).href}?changed=${statSync(file).mtimeMs}`, name, file);
}

function entryOf(folder: string): string {
  const names = new Set(readdirSync(folder));
  const entry = entryNames.find((name) => names.has(name));
  if (entry === undefined) throw new Error(`there is no ${entryNames.join(', ')} in ${folder}`);
  return join(folder, entry);
}

async function loadFile(url: string, name: string, source: string = url): Promise<LoadedPlugin> {
  const module = (await import(url)) as { default?: unknown };
  const definition = module.default;
  const problem = problemOf(definition, name);
  if (problem !== undefined) throw new Error(problem);
  return { definition: definition as PluginDefinition, source };
}

function problemOf(definition: unknown, name: string): string | undefined {
  if (typeof definition !== 'object' || definition === null) {
    return 'its default export is no plugin; use `export default definePlugin({...})`';
  }
  const unknown = Object.keys(definition).find((key) => !definitionKeys.has(key));
  if (unknown !== undefined) return `definePlugin does not know "${unknown}"; allowed: ${[...definitionKeys].join(', ')}`;
  const { name: own, summary, bind, bindRest, setup } = definition as Partial<PluginDefinition>;
  if (own !== name) return `it is named "${String(own)}" but stands under "${name}"; they must be the same`;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) return 'a plugin name is words in lower case joined by hyphens';
  if (typeof summary !== 'string' || summary === '') return 'it has no summary';
  if (bind === undefined && bindRest === undefined && setup === undefined) {
    return 'it has neither `bind` nor `bindRest` nor `setup`';
  }
  return undefined;
}
