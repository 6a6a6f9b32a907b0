import type { SetupKit } from '#sdk';
import type { JsonSchema, Section } from './options.ts';
import { Compiler, type Mode } from './validator.ts';
import { unboundedLists } from './unbounded-lists.ts';

/** The schemas of the section `schemas`, and the compilers that know them. */
export class Schemas {
  readonly #named: ReadonlyMap<string, JsonSchema>;
  readonly #compilers = new Map<string, Compiler>();

  constructor(section: Section | undefined, kit: SetupKit) {
    const named = new Map<string, JsonSchema>();
    for (const [name, { file, schema }] of Object.entries(section ?? {})) {
      const read = file === undefined ? schema : readFile(['schemas', name, 'file'], file, kit);
      if (read === undefined) continue;
      const problem = wrongWith(name, read);
      if (problem === undefined) named.set(name, read);
      else kit.problem(['schemas', name], problem);
    }
    this.#named = named;
  }

  /** @throws Error when a named schema is none */
  compiler(mode: Mode): Compiler {
    const key = JSON.stringify(mode);
    const compiler = this.#compilers.get(key) ?? new Compiler(mode, this.#named);
    this.#compilers.set(key, compiler);
    return compiler;
  }
}

/** Alone: those that refer to others are compiled when they are used. */
function wrongWith(name: string, schema: JsonSchema): string | undefined {
  try {
    const alone = new Map([[name, schema]]);
    return (
      new Compiler({ formats: 'ignore', patterns: 'backtracking', isCoercing: false }, alone),
      unboundedLists(schema)[0]
    );
  } catch (error) {
    return messageOf(error);
  }
}

function readFile(path: readonly string[], name: string, kit: SetupKit): JsonSchema | undefined {
  const read = kit.readText(path, name);
  if (read === undefined) return undefined;
  try {
    const value = JSON.parse(read.text) as unknown;
    if (typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value)))
      return value as JsonSchema;
    kit.problem(path, 'the file holds no schema; allowed: a JSON object, true or false');
  } catch (error) {
    kit.problem(path, `the file is not JSON: ${messageOf(error)}`);
  }
  return undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it failed';
}
