import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { styleText } from 'node:util';
import { fileURLToPath } from 'node:url';
import { versionKey } from '../plugins/resolve-sdk.ts';

/** A place in a file; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  /** 0 when only the line is known. */
  readonly column: number;
}

const around = 2;
const maxWidth = 160;
const maxStack = 20_000;
// Only code is ever shown: an error's text may have been made by whoever sent the request.
const fileOf = String.raw`((?:file:\/\/)?\/[^?\n()]+?\.(?:ts|js|mjs|cjs|json))`;
const query = String.raw`(\?${versionKey}=[0-9a-f]+)?`;
/** What Node writes above the stack of code it cannot read: the line's number, some lines, and mostly a marker. */
const head = new RegExp(String.raw`^${fileOf}${query}:(\d+)\n([^]*?)\n(?:\n|\w*Error)`);
const frame = new RegExp(String.raw`^ +at (?:[^\n]*\()?${fileOf}${query}:(\d+):(\d+)\)?$`, 'gm');
const json = new RegExp(String.raw`${fileOf}: [^\n]*\(line (\d+) column (\d+)\)`);
const missing = new RegExp(String.raw`Cannot find (?:module|package) '([^'\n]+)' imported from ${fileOf}`);

/** Where in a plugin's code an error comes from, as far as its stack tells. */
export function placeOf(text: string): Place | undefined {
  const stack = text.slice(0, maxStack);
  return placeOfHead(stack) ?? placeOfImport(stack) ?? placeOfJson(stack) ?? placeOfFrame(stack);
}

function placeOfHead(stack: string): Place | undefined {
  const [, file, , line, shown = ''] = head.exec(stack) ?? [];
  if (file === undefined) return undefined;
  const [, indent] = /^([ \t]*)\^+[ \t]*$/m.exec(shown) ?? [];
  return { file: pathOf(file), line: Number(line), column: indent === undefined ? 0 : indent.length + 1 };
}

/** An import of what is not there has no place in the stack: the first line that names it is the one. */
function placeOfImport(stack: string): Place | undefined {
  const [, name = '', from] = missing.exec(stack) ?? [];
  if (from === undefined) return undefined;
  const file = pathOf(from);
  const quoted = new RegExp(`['"](?:[^'"]*/)?${RegExp.escape(basename(name))}(?:/[^'"]*)?['"]`);
  for (const [index, text] of linesOf(file).entries()) {
    const column = text.search(quoted) + 1;
    if (column > 0) return { file, line: index + 1, column };
  }
  return undefined;
}

function placeOfJson(stack: string): Place | undefined {
  const [, file, line, column] = json.exec(stack) ?? [];
  return file === undefined ? undefined : { file: pathOf(file), line: Number(line), column: Number(column) };
}

/** The innermost frame of an extension, else of anything that is neither Node nor the gateway. */
function placeOfFrame(stack: string): Place | undefined {
  const frames = [...stack.matchAll(frame)];
  const found =
    frames.find(([, , version]) => version !== undefined) ?? frames.find(([, file = '']) => !isCore(file));
  if (found === undefined) return undefined;
  const [, file = '', , line, column] = found;
  return { file: pathOf(file), line: Number(line), column: Number(column) };
}

const core = fileURLToPath(new URL('../', import.meta.url));

function isCore(file: string): boolean {
  const path = pathOf(file);
  return path.startsWith(core) || path.includes('/node_modules/');
}

function pathOf(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return file;
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}

/** The lines around a place, with a marker; the place alone when the file cannot be read. */
export function codeFrame({ file, line, column }: Place): string[] {
  const lines = linesOf(file);
  if (line < 1 || line > lines.length) return [];
  const first = Math.max(1, line - around);
  const shown = lines.slice(first - 1, line + around);
  const width = String(first + shown.length - 1).length;
  return shown.flatMap((text, index) => {
    const number = first + index;
    const row = `${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${clean(text)}`;
    if (number !== line) return [styleText('dim', row)];
    const marker = `  ${' '.repeat(width)} | ${clean(text.slice(0, column - 1)).replace(/[^\t]/g, ' ')}^`;
    return column > 0 && column <= maxWidth ? [row, styleText('red', marker)] : [row];
  });
}

/** One line of a configuration. What may be a secret written there in full is not shown. */
export function yamlLine({ file, line }: Place): string[] {
  const text = linesOf(file)[line - 1];
  if (text === undefined) return [];
  const secret =
    /((?:secret|password|passwd|token|key|code|credential)\w*["']?\s*:\s*)("[^"]*"|'[^']*'|[^\s,}\]#][^,}\]#]*)/gi;
  return [`> ${line} | ${clean(text.replace(secret, '$1***'))}`];
}

function clean(text: string): string {
  return visible(text.length > maxWidth ? `${text.slice(0, maxWidth)}...` : text);
}

/** Text that steers no terminal: a request may have brought it. */
export function visible(text: string): string {
  return text.replace(
    /[\0-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
