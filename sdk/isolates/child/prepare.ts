import { readFileSync } from 'node:fs';
import ivm from 'isolated-vm';
import { type Program, commonjsHead, commonjsTail } from '../program.ts';

const entryNames = ['load', 'call', 'fire', 'fetched', 'clear'] as const;
/** What the code of ours in an isolate is called by. */
export type Entry = (typeof entryNames)[number];
/** What may be handed to an isolate: it is copied, or stands for something in the isolate. */
export type Handed = ivm.Transferable | undefined;
export type Entries = ReadonlyMap<Entry, ivm.Reference<(...args: Handed[]) => unknown>>;
type HostFunction = (...args: never[]) => unknown;

const part = (name: string): string => readFileSync(new URL(`../inside/${name}.js`, import.meta.url), 'utf8');
const parts = ['bytes', 'web', 'harness'].map(part);
/** Memory that is not counted, waiting that cannot be ended, and code that runs outside of any call. */
const removed = ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'FinalizationRegistry', 'WeakRef'];

/**
 * Makes the globals of a context out of functions of this process, before any foreign code runs in it. Foreign code gets
 * what is made of these functions, and neither them nor the entries: those are names of closures that it is not in.
 */
export function prepare(
  context: ivm.Context,
  host: Readonly<Record<string, HostFunction>>,
  adapter: string,
): Entries {
  const names = Object.keys(host).map((name, index) => `${name}: $${index}`);
  const code = [
    `const host = { ${names.join(', ')} };`,
    'const kept = {};',
    'const entries = {};',
    'const install = (globals) => {',
    '  for (const [name, value] of Object.entries(globals))',
    '    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });',
    '};',
    // Strict: stack traces hand out the functions of sloppy code.
    ...parts.map((text) => `install((() => {\n'use strict';\n${text}\n})());`),
    `kept.adapt = (() => {\n'use strict';\n${adapter}\n})();`,
    ...removed.map((name) => `delete globalThis.${name};`),
    'return entries;',
  ].join('\n');
  const callbacks = Object.values(host).map((each) => new ivm.Callback(guarded(each)));
  const made = context.evalClosureSync(code, callbacks, { result: { reference: true } }) as ivm.Reference<
    Record<Entry, (...args: Handed[]) => unknown>
  >;
  return new Map(entryNames.map((name) => [name, made.getSync(name, { reference: true })]));
}

/**
 * Runs a program as far as its exports.
 * @throws Error when it throws, takes too long or too much memory, or lacks what the adapter looks for
 */
export function loadProgram(
  program: Program,
  isolate: ivm.Isolate,
  context: ivm.Context,
  entries: Entries,
  timeout: number,
): void {
  const load = entries.get('load');
  const { name: filename, kind, code } = program;
  if (kind === 'module') {
    const module = linked(program, isolate, context);
    module.evaluateSync({ timeout });
    load?.applySync(undefined, [module.namespace.derefInto(), true], { timeout });
    return;
  }
  const script = isolate.compileScriptSync(commonjsHead + code + commonjsTail, { filename });
  const made = script.runSync(context, { reference: true, timeout }) as ivm.Reference<unknown>;
  load?.applySync(undefined, [made.derefInto(), false], { timeout });
}

/** The program's module with all that it imports, each of them once. */
function linked(program: Program, isolate: ivm.Isolate, context: ivm.Context): ivm.Module {
  const { name, code, imports = {}, modules = {} } = program;
  const made = new Map<string, ivm.Module>();
  const known = new Map<ivm.Module, { name: string; imports: Readonly<Record<string, string>> }>();
  const main = isolate.compileModuleSync(code, { filename: name });
  known.set(main, { name, imports });
  main.instantiateSync(context, (specifier: string, referrer: ivm.Module) => {
    const from = known.get(referrer);
    const key =
      from !== undefined && Object.hasOwn(from.imports, specifier) ? from.imports[specifier] : undefined;
    const found = key !== undefined && Object.hasOwn(modules, key) ? modules[key] : undefined;
    if (key === undefined || found === undefined)
      throw new Error(`${from?.name ?? name}: "${specifier}" cannot be imported here`);
    const there = made.get(key);
    if (there !== undefined) return there;
    const module = isolate.compileModuleSync(found.code, { filename: key });
    made.set(key, module);
    known.set(module, { name: key, imports: found.imports });
    return module;
  });
  return main;
}

/** An error that crosses into the isolate brings its stack, which tells where the gateway lies. */
function guarded(work: HostFunction): HostFunction {
  return (...args) => {
    try {
      return work(...args);
    } catch (error) {
      const plain = new Error(messageOf(error));
      plain.stack = plain.message;
      throw plain;
    }
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it failed';
}
