import type { Reader } from './bind.ts';
import { compileCondition, type Condition, type ConditionOptions } from './compile.ts';
import type { Parameter } from './declaration.ts';
import { ExpressionError } from './expression-error.ts';
import { compileTemplate, type Template, type TemplateOptions } from './interpolate.ts';
import { parseParameters, type ParameterContext, type ParameterScope } from './parameters.ts';

type Path = readonly (string | number)[];
/** The `problem` of a kit or of a dialect's `translate`. */
export type ReportProblem = (path: Path, message: string, offset?: number) => void;

/**
 * As `parseParameters`, with every faulty declaration reported where it stands. A faulty one is declared all the same,
 * so that conditions can be compiled and all problems are reported at once.
 * @param path of the `parameters` map
 */
export function reportParameters(
  declarations: Readonly<Record<string, string>>,
  context: ParameterContext,
  path: Path,
  problem: ReportProblem,
): ParameterScope {
  try {
    return parseParameters(declarations, context);
  } catch (error) {
    for (const { parameter, message, offset } of problemsOf(error)) {
      problem(parameter === undefined ? path : [...path, parameter], message, offset);
    }
    return tolerantScope(declarations, context);
  }
}

/**
 * As `compileCondition`, with every problem reported at its place in the text; the condition is then never true.
 * @param path of the text
 */
export function reportCondition<T>(
  text: string,
  options: ConditionOptions<T>,
  path: Path,
  problem: ReportProblem,
): Condition<T> {
  try {
    return compileCondition(text, options);
  } catch (error) {
    for (const { message, offset } of problemsOf(error)) problem(path, message, offset);
    return () => false;
  }
}

/**
 * As `compileTemplate`, with every problem reported at its place in the text; the template is then always empty.
 * @param path of the text
 */
export function reportTemplate<T>(
  text: string,
  options: TemplateOptions<T>,
  path: Path,
  problem: ReportProblem,
): Template<T> {
  try {
    return compileTemplate(text, options);
  } catch (error) {
    for (const { message, offset } of problemsOf(error)) problem(path, message, offset);
    return () => '';
  }
}

/** For `resolve` where a text is only checked: nothing has a value. */
export const resolveNothing = (): Reader<unknown> => () => undefined;

function problemsOf(error: unknown): ExpressionError['problems'] {
  if (error instanceof ExpressionError) return error.problems;
  throw error;
}

function tolerantScope(
  declarations: Readonly<Record<string, string>>,
  context: ParameterContext,
): ParameterScope {
  const declared = new Map<string, Parameter>();
  for (const [name, value] of Object.entries(declarations)) {
    try {
      for (const [key, parameter] of parseParameters({ [name]: value }, context).declared)
        declared.set(key, parameter);
    } catch (error) {
      problemsOf(error);
      declared.set(name, { name, location: 'Method', phase: 'both' });
    }
  }
  return { declared, visible: new Map([...parseParameters({}, context).visible, ...declared]) };
}
