import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Every TypeScript file of the checkout below these folders, as paths from its top. */
export function sourceFiles(...folders: readonly string[]): string[] {
  return folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root })).sort();
}

export function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/**
 * The same text with every comment blanked out, and with `keep` false every text too; line breaks stay. Knows strings,
 * templates and regular expressions, because comment marks occur in all of them.
 */
export function withoutComments(source: string): string {
  let result = '';
  let index = 0;
  while (index < source.length) {
    const piece = nextPiece(source, index, result);
    result += piece.isComment ? piece.text.replace(/[^\n]/g, ' ') : piece.text;
    index += piece.text.length;
  }
  return result;
}

interface Piece {
  readonly text: string;
  readonly isComment: boolean;
}

const comment = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const text = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const pattern = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After one of these a slash begins a regular expression, after anything else it divides. */
const beforePattern = /(?:^|[=(,:;!&|?{}[+\-*%~<>]|\b(?:return|typeof|case|in|of|yield|await|throw))\s*$/;

function nextPiece(source: string, index: number, before: string): Piece {
  const at = (expression: RegExp): string | undefined => {
    expression.lastIndex = index;
    return expression.exec(source)?.[0];
  };
  const found = at(comment);
  if (found !== undefined) return { text: found, isComment: true };
  if (source[index] === '`') return { text: templateAt(source, index), isComment: false };
  const isPattern = source[index] === '/' && beforePattern.test(before.slice(-200));
  const whole = at(text) ?? (isPattern ? at(pattern) : undefined);
  return { text: whole ?? source[index] ?? '', isComment: false };
}

/** A whole template, the code in its `${}` included. */
function templateAt(source: string, start: number): string {
  let depth = 0;
  for (let index = start + 1; index < source.length; index += 1) {
    const character = source[index];
    if (character === '\\') index += 1;
    else if (depth === 0 && character === '`') return source.slice(start, index + 1);
    else if (source.startsWith('${', index)) depth += 1;
    else if (depth > 0 && character === '}') depth -= 1;
    else if (depth > 0 && character === '`') index += templateAt(source, index).length - 1;
  }
  return source.slice(start);
}

/** What a file imports: `import`, `export ... from`, side effects, and `import()` of a fixed text. */
export function importsOf(source: string): string[] {
  const code = withoutComments(source);
  const statements =
    /^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*(['"])([^'"]+)\1|^\s*import\s*(['"])([^'"]+)\3/gm;
  const calls = /\bimport\(\s*(['"`])([^'"`$]+)\1\s*\)/g;
  return [
    ...Array.from(code.matchAll(statements), (match) => match[2] ?? match[4] ?? ''),
    ...Array.from(code.matchAll(calls), (match) => match[2] ?? ''),
  ];
}
