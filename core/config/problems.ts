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
