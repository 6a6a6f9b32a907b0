import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Program, type ProgramModule, SourceError, compileProgram } from '#sdk/isolates';
import { hashOf, sourcesIn } from '../config/files.ts';
import type { ExtensionSource } from '../plugins/registry.ts';
import { extensionScheme } from '../plugins/resolve-sdk.ts';

/** A plugin's source with all that it imports, as an isolate runs it. */
export interface PluginProgram {
  readonly program: Program;
  /** Of all its code: what has the same one is the same program. */
  readonly hash: string;
  /** `file:line` of the plugin's imports that lead to nothing a sandbox has, by what they name. */
  readonly unknown: ReadonlyMap<string, string>;
}

const inside = new URL('inside/', import.meta.url);
const sdkFolder = new URL('../../sdk/', import.meta.url);
const maxSourceBytes = 4 * 1024 * 1024;

/** What stands in an isolate for what it does not have. */
const substitutes: Readonly<Record<string, string>> = {
  typebox: 'typebox.js',
  'node:querystring': 'querystring.js',
  'node:os': 'os.js',
  'node:crypto': 'crypto.js',
  crypto: 'crypto.js',
  'node:buffer': 'buffer.js',
  buffer: 'buffer.js',
  'node:url': 'url.js',
  url: 'url.js',
};

export function partOf(name: string): string {
  return readFileSync(new URL(name, inside), 'utf8');
}

/**
 * Collects what a plugin is made of: its file, those of its folder that it imports, and the sdk. Nothing is run.
 * @throws Error when a file cannot be read or parsed; the message says which and where
 */
export function readProgram(name: string, { url, files }: ExtensionSource): PluginProgram {
  const isPackage = url.startsWith(extensionScheme);
  const entry = fileURLToPath(isPackage ? import.meta.resolve(url) : url.replace(/\?.*$/, ''));
  const root = isPackage ? packageOf(entry) : dirname(entry);
  // Nothing but the plugin's own: an import is no way to read a file of the gateway's.
  const own = new Set(isPackage ? sourcesIn(root).files : files.keys());
  const collector = new Collector(name, root, own);
  const plugin = collector.add(entry);
  const { modules, unknown } = collector;
  const imports = { plugin, 'tapgate/sdk': 'sdk/index.ts' };
  const program: Program = { name: 'tapgate', kind: 'module', code: partOf('entry.js'), imports, modules };
  return { program, unknown, hash: hashOf(JSON.stringify(program)) };
}

class Collector {
  readonly modules: Record<string, ProgramModule>;
  readonly unknown = new Map<string, string>();
  readonly #name: string;
  readonly #root: string;
  readonly #own: ReadonlySet<string>;
  #bytes = 0;

  constructor(name: string, root: string, own: ReadonlySet<string>) {
    this.#name = name;
    this.#root = root;
    this.#own = own;
    this.modules = { ...sdkModules() };
  }

  /** Answers the name of the module. */
  add(file: string): string {
    const key = `${this.#name}/${relative(this.#root, file)}`;
    if (Object.hasOwn(this.modules, key)) return key;
    const source = readFileSync(file, 'utf8');
    this.#bytes += source.length;
    if (this.#bytes > maxSourceBytes) throw new Error(`it has more than ${maxSourceBytes} bytes of code`);
    const imports: Record<string, string> = {};
    const code = compiled(source, file);
    this.modules[key] = { code, imports };
    for (const { specifier, line } of importsIn(code)) {
      const found = this.#resolve(specifier, file);
      if (found === undefined) this.unknown.set(specifier, `${file}:${line}`);
      else imports[specifier] = found;
    }
    return key;
  }

  #resolve(specifier: string, from: string): string | undefined {
    if (specifier === 'tapgate/sdk') return 'sdk/index.ts';
    const substitute = Object.hasOwn(substitutes, specifier) ? substitutes[specifier] : undefined;
    if (substitute !== undefined) return `inside/${substitute}`;
    if (!/^\.\.?\//.test(specifier)) return undefined;
    const file = join(dirname(from), specifier);
    return this.#own.has(file) && /\.(?:ts|js|mjs)$/.test(file) ? this.add(file) : undefined;
  }
}

let sdk: Readonly<Record<string, ProgramModule>> | undefined;

/** The sdk as a plugin imports it, less what only the gateway needs. */
function sdkModules(): Readonly<Record<string, ProgramModule>> {
  if (sdk !== undefined) return sdk;
  const modules: Record<string, ProgramModule> = {};
  for (const file of Object.values(substitutes))
    modules[`inside/${file}`] = { code: partOf(file), imports: {} };
  const add = (file: string): string => {
    const key = `sdk/${file}`;
    if (Object.hasOwn(modules, key)) return key;
    const code = compiled(readFileSync(new URL(file, sdkFolder), 'utf8'), file);
    const imports: Record<string, string> = {};
    modules[key] = { code, imports };
    for (const { specifier } of importsIn(code)) {
      const substitute = substitutes[specifier];
      if (substitute !== undefined) imports[specifier] = `inside/${substitute}`;
      else if (/^\.\.?\//.test(specifier)) imports[specifier] = add(join(dirname(file), specifier));
    }
    return key;
  };
  add('index.ts');
  sdk = modules;
  return sdk;
}

function compiled(source: string, file: string): string {
  try {
    return compileProgram(source, file).code;
  } catch (error) {
    const line = error instanceof SourceError && error.line !== undefined ? `:${error.line}` : '';
    const reason = error instanceof Error ? error.message : 'it cannot be parsed';
    throw new Error(`${file}${line}: ${reason}`, { cause: error });
  }
}

/**
 * What a module may mean to import: every text behind `from` or `import`, in comments too. One too many does no harm, since
 * the isolate asks for what is really imported.
 */
function importsIn(code: string): { specifier: string; line: number }[] {
  return [...code.matchAll(/\b(?:from|import)\s*(['"])([^'"\n]+)\1/g)].map((match) => ({
    specifier: match[2] ?? '',
    line: code.slice(0, match.index).split('\n').length,
  }));
}

function packageOf(entry: string): string {
  for (let folder = dirname(entry); ; folder = dirname(folder)) {
    try {
      readFileSync(join(folder, 'package.json'));
      return folder;
    } catch {
      if (folder === dirname(folder)) return dirname(entry);
    }
  }
}
