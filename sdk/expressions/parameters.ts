import { parseDeclaration, type Parameter } from './declaration.ts';
import { ExpressionError, refuseAll, type Problem } from './expression-error.ts';
import { systemNames } from './locations.ts';

/** The most parameters one plug-in may declare. */
const maxParameters = 16;

const namePattern = /^[a-zA-Z_][a-zA-Z0-9]+$/;

/** The names that expressions and templates of one plug-in may use. */
export interface ParameterScope {
  /** The declared parameters by name. */
  readonly declared: ReadonlyMap<string, Parameter>;
  /** Declared, built-in and system parameters by name; the first of these that has a name wins. */
  readonly visible: ReadonlyMap<string, Parameter>;
}

/** Where the declared parameters are going to be read. */
export interface ParameterContext {
  /** The phase the plug-in runs in; a location without a value in it is refused. */
  readonly phase: 'request' | 'response';
  /** Names the plug-in itself offers besides the system parameters, such as `LatencyMilliSeconds`. */
  readonly builtIns?: readonly string[];
}

/**
 * Parses a plug-in's `parameters:` map, `{ uid: 'Token:sub' }`, into the scope that
 * `compileCondition` and `compileTemplate` work in.
 *
 * Throws an {@link ExpressionError} that lists every faulty declaration at once.
 * Source: Alibaba Cloud, "Use parameters and conditional expressions" (doc 153405).
 */
export function parseParameters(
  declarations: Readonly<Record<string, string>>,
  { phase, builtIns = [] }: ParameterContext,
): ParameterScope {
  const declared = new Map<string, Parameter>();
  const problems: Problem[] = [];
  for (const [index, [name, value]] of Object.entries(declarations).entries()) {
    problems.push(...nameProblems(name, index));
    try {
      declared.set(name, parseDeclaration(name, value, phase));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      problems.push(...error.problems.map((problem) => attributed(problem, name)));
    }
  }
  refuseAll(problems);
  return { declared, visible: new Map([...offered(builtIns), ...declared]) };
}

function nameProblems(name: string, index: number): readonly Problem[] {
  const messages = [];
  if (!namePattern.test(name)) {
    messages.push('a name is a letter or underscore, then one or more letters or digits');
  }
  if (index === maxParameters) messages.push(`at most ${maxParameters} parameters can be declared`);
  return messages.map((message) => attributed({ message, offset: 0, suggestions: [] }, name));
}

function attributed(problem: Problem, parameter: string): Problem {
  return { ...problem, parameter, message: `parameter ${JSON.stringify(parameter)}: ${problem.message}` };
}

function offered(builtIns: readonly string[]): readonly (readonly [string, Parameter])[] {
  return [
    ...systemNames.map((key) => [key, { name: key, location: 'System', phase: 'both', key }] as const),
    ...builtIns.map((key) => [key, { name: key, location: 'BuiltIn', phase: 'both', key }] as const),
  ];
}
