/** One thing wrong with an expression, a template or a parameter declaration. */
export interface Problem {
  /** What was found and what is allowed there. */
  readonly message: string;
  /**
   * Where, as a 0-based index in UTF-16 code units: into the expression or template, or into the value of
   * the declaration named by `parameter` (0 when the declared name itself is at fault).
   */
  readonly offset: number;
  /** The declared name, when a `parameters:` entry is at fault. */
  readonly parameter?: string;
  /** The nearest known names, equally near if several; empty when nothing is near. */
  readonly suggestions: readonly string[];
}

/**
 * The only error this library throws about its input. It carries every problem that could be found in one
 * pass: all faulty declarations, or all undeclared names, but only the first syntax error.
 */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  /** Everything that is wrong, in order of appearance; never empty. */
  readonly problems: readonly [Problem, ...Problem[]];

  constructor(first: Problem, ...more: readonly Problem[]) {
    super([first, ...more].map((problem) => problem.message).join('; '));
    this.problems = [first, ...more];
  }

  /** The offset of the first problem. */
  get offset(): number {
    return this.problems[0].offset;
  }

  /** The suggestions of the first problem. */
  get suggestions(): readonly string[] {
    return this.problems[0].suggestions;
  }
}

/** Throws an {@link ExpressionError} with one problem. */
export function refuse(message: string, offset: number, suggestions: readonly string[] = []): never {
  throw new ExpressionError({ message, offset, suggestions });
}

/** Throws one {@link ExpressionError} with all `problems`, or returns when there are none. */
export function refuseAll(problems: readonly Problem[]): void {
  const [first, ...more] = problems;
  if (first !== undefined) throw new ExpressionError(first, ...more);
}
