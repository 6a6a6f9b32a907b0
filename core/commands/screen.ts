import { spawnSync } from 'node:child_process';
import { relative } from 'node:path';
import { styleText } from 'node:util';
import type { Completed, Log } from '#sdk';
import { hashOfFile } from '../config/files.ts';
import { type Problem, formatPosition, formatProblem } from '../config/problems.ts';
import { type Place, codeFrame, placeOf, visible, yamlLine } from './code-frame.ts';

/** What an author reads while writing a plugin; colours only where a terminal shows them. */
export class Screen {
  /** The files of the version that is served, and what they held. */
  readonly #served: () => ReadonlyMap<string, string>;

  constructor(served: () => ReadonlyMap<string, string>) {
    this.#served = served;
  }

  say(text: string): void {
    print([styleText('cyan', visible(text))]);
  }

  /** A line for each request. Without the query, which may hold a secret. */
  request(notice: Completed): void {
    const { arrival, exchange, status, durationMs, answeredBy, refusal, outcome } = notice;
    const colour = status >= 500 ? 'red' : status >= 400 ? 'yellow' : 'green';
    const api = exchange === undefined ? 'no API' : `${exchange.api.name} in ${exchange.environment}`;
    const own = refusal === undefined ? 'the backend' : 'the gateway';
    const by = answeredBy === undefined ? own : `${answeredBy.plugin} at ${answeredBy.hook}`;
    const cause = refusal?.cause === undefined ? '' : ` (${refusal.cause})`;
    const late = outcome === 'answered' ? '' : `, ${outcome}`;
    const request = `${arrival.method} ${arrival.path}`;
    print([
      `${styleText(colour, String(status))} ${visible(request)} ${durationMs.toFixed(1)} ms  ${visible(`${api}, answered by ${by}${cause}${late}`)}`,
    ]);
  }

  /** A refused configuration: each problem with the line of YAML, and the code that threw. */
  problems(problems: readonly Problem[], sources: readonly string[]): void {
    const shown = problems.slice(0, 20);
    for (const problem of shown) {
      print([styleText('red', visible(formatProblem(problem)))]);
      const isSecret = /^found a secret|is a secret$/.test(problem.message);
      if (problem.at !== undefined && !isSecret) print(yamlLine(problem.at));
      if (problem.boundAt !== undefined && problem.boundAt.line !== problem.at?.line)
        print(boundAt(formatPosition(problem.boundAt)));
      const { cause } = problem;
      if (!(cause instanceof Error)) continue;
      const stack = cause.stack ?? '';
      const place = placeOf(stack) ?? (cause instanceof SyntaxError ? misread(sources) : undefined);
      if (place !== undefined) print(['', ...placed(place, codeFrame(place))]);
    }
    if (problems.length > shown.length) print([`and ${problems.length - shown.length} more problems`]);
  }

  /** The operator's log, for people. */
  readonly log: Log = {
    info: (fields, message) => print([styleText('dim', `${visible(message)}${rest(fields)}`)]),
    warn: (fields, message) => print([`${styleText('yellow', visible(message))}${rest(fields)}`]),
    error: (fields, message) => this.#error(fields, message),
  };

  #error({ error, at, ...fields }: Readonly<Record<string, unknown>>, message: string): void {
    print([`${styleText('red', visible(message))}${rest(fields)}`]);
    if (typeof error === 'string') {
      const place = placeOf(error);
      const [text = ''] = error.split(/\n +at /, 1);
      const lines = place === undefined ? error.split('\n') : text.split('\n').slice(0, 10);
      print(lines.map((line) => `  ${visible(line)}`));
      if (place !== undefined) print(placed(place, this.#frame(place)));
    }
    if (typeof at === 'string') print(boundAt(at));
  }

  /** What is served may be older than what the file holds now. */
  #frame(place: Place): string[] {
    const hash = this.#served().get(place.file);
    if (hash === undefined || hash === hashOfFile(place.file)) return codeFrame(place);
    return ['  (this is of the version in force; the file has changed since)'];
  }
}

/** The line of YAML that bound a plugin. */
function boundAt(at: string): string[] {
  const [, file = '', line] = /^(.*):(\d+):\d+$/.exec(at) ?? [];
  return [`bound at ${visible(at)}`, ...yamlLine({ file, line: Number(line), column: 0 })];
}

function placed({ file, line, column }: Place, frame: readonly string[]): string[] {
  const where = `${shortName(file)}:${line}${column === 0 ? '' : `:${column}`}`;
  return [styleText('bold', visible(where)), ...frame];
}

/** As seen from the current folder, where it lies in it. */
export function shortName(file: string): string {
  const name = relative('', file);
  return name.startsWith('..') ? file : name === '' ? '.' : name;
}

function rest(fields: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(fields);
  return text === '{}' ? '' : ` ${styleText('dim', visible(text))}`;
}

function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

/** Each takes a process of its own. */
const maxParsed = 50;

/** Parses a module and runs none of it. */
const parse = `const [, file] = process.argv;
const source = require('node:fs').readFileSync(file, 'utf8');
const text = file.endsWith('.ts') ? require('node:module').stripTypeScriptTypes(source) : source;
new (require('node:vm').SourceTextModule)(text, { identifier: file });`;

/** Of some mistakes Node keeps the place to itself, and tells it only when nobody catches them. */
function misread(sources: readonly string[]): Place | undefined {
  const flags = ['--disable-warning=ExperimentalWarning', '--experimental-vm-modules'];
  for (const file of sources.filter((each) => /\.(?:ts|js|mjs)$/.test(each)).slice(0, maxParsed)) {
    const args = [...flags, '-e', parse, file];
    const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 5000 });
    const place = placeOf(stderr);
    if (place?.file === file) return place;
  }
  return undefined;
}
