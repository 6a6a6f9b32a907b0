import { stripTypeScriptTypes } from 'node:module';
import { extname } from 'node:path';
import { Script } from 'node:vm';

/** A source that an isolate can run. */
export interface Program {
  /** For stack traces. */
  readonly name: string;
  readonly kind: 'commonjs' | 'module';
  /** JavaScript, its lines those of the source. */
  readonly code: string;
  /** What a module may import, by the name that it writes, as names in `modules`; nothing unless given. */
  readonly imports?: Readonly<Record<string, string>>;
  readonly modules?: Readonly<Record<string, ProgramModule>>;
}

/** A module that a program is made of beside its source. */
export interface ProgramModule {
  /** JavaScript. */
  readonly code: string;
  /** As those of the program. */
  readonly imports: Readonly<Record<string, string>>;
}

/** Where a source is no JavaScript or TypeScript. */
export class SourceError extends Error {
  /** From 1; undefined when the parser does not tell. */
  readonly line: number | undefined;

  constructor(message: string, line: number | undefined) {
    super(message);
    this.line = line;
  }
}

/** The names of CommonJS; what follows the opening brace starts on the source's first line. */
export const commonjsHead = '(function (exports, require, module) {';
export const commonjsTail = '\n})';

/**
 * Reads a source: JavaScript, or TypeScript that is JavaScript once its types are left out; CommonJS
 * (`exports.handler = ...`) or a module (`export const handler = ...`). Nothing of it is run here.
 *
 * @param file its name, whose ending decides as for Node; `.js` and `.ts` may be either
 * @throws SourceError when it cannot be parsed
 */
export function compileProgram(source: string, file: string): Program {
  const ending = extname(file);
  const isTypeScript = ['.ts', '.mts', '.cts'].includes(ending);
  // A line for shells, which nothing but the first line of a file may hold.
  const text = source.replace(/^#!/, '//');
  const code = isTypeScript ? withoutTypes(text) : text;
  if (ending === '.mjs' || ending === '.mts') return moduleOf(code, file, isTypeScript);
  try {
    // oxlint-disable-next-line no-new -- compiling is the check
    new Script(commonjsHead + code + commonjsTail, { filename: file });
    return { name: file, kind: 'commonjs', code };
  } catch (error) {
    if (ending !== '.cjs' && ending !== '.cts' && /(?:^|[;}])\s*(?:export|import)\b/m.test(code))
      return moduleOf(code, file, isTypeScript);
    throw sourceError(error, file);
  }
}

function moduleOf(code: string, name: string, isChecked: boolean): Program {
  // Node parses modules without running them behind a flag only; its TypeScript parser reads JavaScript as well.
  if (!isChecked) withoutTypes(code);
  return { name, kind: 'module', code };
}

function withoutTypes(source: string): string {
  try {
    return withoutWarning(() => stripTypeScriptTypes(source, { mode: 'strip' }));
  } catch (error) {
    throw sourceError(error, '');
  }
}

/** Node warns once a process that the function is experimental, which no operator can do anything about. */
function withoutWarning<T>(work: () => T): T {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function sourceError(error: unknown, file: string): SourceError {
  if (!(error instanceof Error)) return new SourceError('it cannot be parsed', undefined);
  const stack = error.stack ?? '';
  const at = file !== '' && stack.startsWith(`${file}:`) ? /^:(\d+)/.exec(stack.slice(file.length)) : null;
  const line = at === null ? undefined : Number(at[1]);
  const [first = 'it cannot be parsed'] = error.message.trim().split('\n');
  return new SourceError(first, line);
}
