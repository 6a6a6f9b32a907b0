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
}

/** Everything that is wrong with a configuration, as one error. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = problems.toSorted(byPlace);
    super(sorted.map(formatProblem).join('\n'));
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

const MAX_LISTED = 20;

/** `allowed: method, path; did you mean "method"?`, the second half only if a known name is near. */
export function describeAllowed(known: Iterable<string>, word: string): string {
  const names = [...known];
  if (names.length === 0) return 'nothing is allowed here';
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  const near = nearest(word, names);
  const question = near === undefined ? '' : `; did you mean "${near}"?`;
  return `allowed: ${names.slice(0, MAX_LISTED).join(', ')}${more}${question}`;
}

/** The known name that `word` was probably meant to be: at most a third of it mistyped, letter case aside. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const name of known) {
    const limit = Math.min(3, Math.floor((Math.max(word.length, name.length) + 1) / 3), bestDistance - 1);
    const distance = editDistance(word.toLowerCase(), name.toLowerCase(), limit);
    if (distance > limit) continue;
    best = name;
    bestDistance = distance;
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours; Infinity as soon as it must exceed `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = cell(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? cell(beforeLast, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, cell(last, j) + 1, cell(row, j - 1) + 1, swapped));
    }
    if (Math.min(...row) > limit) return Infinity;
    [beforeLast, last] = [last, row];
  }
  return cell(last, b.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
