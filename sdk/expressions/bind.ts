import type { Parameter } from './declaration.ts';
import { refuseAll, type Problem } from './expression-error.ts';
import { didYouMean, nearest } from './nearest.ts';
import type { ParameterScope } from './parameters.ts';

/** A parameter's value; null, undefined and NaN all mean that there is none. */
export type Value = string | number | boolean | null | undefined;

/** Whether there is no value. NaN equals nothing, itself included, so it counts as none. */
export function isAbsent(value: Value): value is null | undefined {
  return value === null || value === undefined || Number.isNaN(value);
}

/** Reads one parameter's value out of what the caller evaluates against, such as an exchange. */
export type Reader<T> = (target: T) => Value;

/** What a condition or template is compiled against. */
export interface CompileOptions<T> {
  /** The names it may use, from `parseParameters`. */
  readonly scope: ParameterScope;
  /**
   * Makes the reader of a parameter. Called while compiling, once for each parameter that the text uses, so
   * the caller also learns what it has to keep (a buffered body, say). What a reader throws is not caught.
   */
  readonly resolve: (parameter: Parameter) => Reader<T>;
}

/** Looks names up while compiling, and notes those that do not exist. */
export interface Binder<T> {
  /** The reader of a name used at `offset`. */
  readonly read: (name: string, offset: number) => Reader<T>;
  /** Throws an {@link ExpressionError} with all names that did not exist, if any. */
  readonly finish: () => void;
  /** Everything found so far; `finish` throws it. */
  readonly problems: Problem[];
}

const readNothing = () => undefined;

/** Makes a binder for one text. */
export function createBinder<T>({ scope, resolve }: CompileOptions<T>): Binder<T> {
  const readers = new Map<string, Reader<T>>();
  const problems: Problem[] = [];
  const read = (name: string, offset: number): Reader<T> => {
    const known = readers.get(name);
    if (known !== undefined) return known;
    const parameter = scope.visible.get(name);
    if (parameter === undefined) {
      problems.push(undeclared(name, offset, scope));
      return readNothing;
    }
    const reader = resolve(parameter);
    readers.set(name, reader);
    return reader;
  };
  return { read, problems, finish: () => refuseAll(problems) };
}

function undeclared(name: string, offset: number, scope: ParameterScope): Problem {
  const suggestions = nearest(name, scope.visible.keys());
  const ours = [...scope.declared.keys()];
  const others = [...scope.visible.keys()].filter((visible) => !scope.declared.has(visible));
  const declared = ours.length === 0 ? 'nothing is declared' : `declared are ${ours.join(', ')}`;
  const question = didYouMean(suggestions.map((suggestion) => `$${suggestion}`));
  return {
    message: `parameter $${name} is not declared${question || ':'} ${declared}; always there are ${others.join(', ')}`,
    offset,
    suggestions,
  };
}
