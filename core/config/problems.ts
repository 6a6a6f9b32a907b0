export { describeAllowed, nearest } from '#sdk';

/** Where something stands in a configuration file; lines and columns count from 1, columns in UTF-16 units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Path = readonly (string | number)[];

/** One reason to refuse a configuration. `path` is written by {@link formatPath}, '' being the whole document. */
export interface Problem {
  readonly at: Position | undefined;
  readonly path: string;
  readonly message: string;
  /** What a plugin threw; for the place in its code alone, since nobody looked whether its text is fit to be shown. */
  readonly cause?: unknown;
  /** Where the plugin that reports it was bound to an API, when that is another place. */
  readonly boundAt?: Position;
}

/** Everything that is wrong with a configuration, as one error. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = problems.toSorted(byPlace);
    super(told(sorted).join('\n'));
    this.name = 'ConfigError';
    this.problems = sorted;
  }
}

/** As somebody reads who mends one file after the other. */
function byPlace({ at: a }: Problem, { at: b }: Problem): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

/** How many problems of one kind the text tells: a mistake in what generates a configuration is made 10,000 times. */
const maxOfAKind = 10;

function told(problems: readonly Problem[]): string[] {
  const lines: string[] = [];
  const totals = new Map<string, number>();
  const kinds = problems.map(kindOf);
  for (const kind of kinds) totals.set(kind, (totals.get(kind) ?? 0) + 1);
  const seen = new Map<string, number>();
  for (const [index, problem] of problems.entries()) {
    const kind = kinds[index] ?? '';
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    if (count <= maxOfAKind) lines.push(formatProblem(problem));
    const more = (totals.get(kind) ?? 0) - maxOfAKind;
    if (count === maxOfAKind && more > 0) lines.push(`  and ${more} more like this`);
  }
  return lines;
}

/** The message without the names and numbers that tell one mistake from its like. */
function kindOf({ path, message }: Problem): string {
  const [text = ''] = message.split('; did you mean', 1);
  // `"auth" is missing` names what is wrong with all of them.
  if (text.startsWith('"')) return text;
  const [, field = ''] = /^(?:found |unknown field)/.test(text)
    ? (/(\w+)(?:\[\d+\])*$/.exec(path) ?? [])
    : [];
  return `${field} ${text.replaceAll(/"[^"]*"/g, '""')}`.replaceAll(/\d+/g, '0');
}

const BARE_NAME = /^[\w$/@-]+$/;

/** `apis.shop/get-order.request.parameters[0].name`; a name with other characters is written `["a.b"]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, depth) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!BARE_NAME.test(step)) return `[${JSON.stringify(step)}]`;
      return depth === 0 ? step : `.${step}`;
    })
    .join('');
}

export function formatPosition(at: Position): string {
  return `${at.file}:${at.line}:${at.column}`;
}

export function formatProblem(problem: Problem): string {
  const where = [problem.at ? formatPosition(problem.at) : '', problem.path].filter(Boolean).join(' ');
  return where === '' ? problem.message : `${where}: ${problem.message}`;
}
