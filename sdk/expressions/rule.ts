import { compileSearch } from '../patterns/pattern.ts';
import type { Reader } from './bind.ts';
import { isAbsent } from './bind.ts';
import type { Condition } from './compile.ts';
import { ExpressionError, type Problem, refuseAll } from './expression-error.ts';
import { didYouMean, nearest } from './nearest.ts';
import type { ReportProblem } from './reporting.ts';
import { parseRule, type Rule } from './rule-parse.ts';

/** The names that a rule may use, each with what reads it. */
export type RuleNames<T> = ReadonlyMap<string, Reader<T>>;

/**
 * Compiles a rule expression of Huawei's plug-ins, which is JSON text: `["name","operator","value"]`, or a group of any
 * number of rules, `["AND", rule, ...]` or `["OR", rule, ...]`, which may stand in one another.
 *
 * - `==` and `~=` (not equal) compare as text, case-sensitively; `in` takes a list with commas, blanks around its items
 *   not counting; `~~` takes a regular expression that may match anywhere in the value, in linear time; `>` compares
 *   numbers, and is false where one side is none.
 * - A name that has no value fulfils `~=` and nothing else. So `~=` asks for everybody who does not show a value, those
 *   who show none included.
 *
 * Throws an {@link ExpressionError} with an offset into the text: for the first syntax error, or for all names that do
 * not exist and all patterns that are none.
 */
export function compileRule<T>(text: string, names: RuleNames<T>): Condition<T> {
  const problems: Problem[] = [];
  const condition = compile(parseRule(text), names, problems);
  refuseAll(problems);
  return condition;
}

/**
 * As `compileRule`, with every problem reported at its place in the text; the condition is then never true.
 * @param path of the text
 */
export function reportRule<T>(
  text: string,
  names: RuleNames<T>,
  path: readonly (string | number)[],
  problem: ReportProblem,
): Condition<T> {
  try {
    return compileRule(text, names);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    for (const { message, offset } of error.problems) problem(path, message, offset);
    return () => false;
  }
}

type Leaf = Rule & { kind: 'leaf' };

function compile<T>(rule: Rule, names: RuleNames<T>, problems: Problem[]): Condition<T> {
  if (rule.kind === 'leaf') return compileLeaf(rule, names, problems);
  const parts = rule.parts.map((part) => compile(part, names, problems));
  const isOr = rule.kind === 'or';
  return (target) => {
    for (const part of parts) {
      if (part(target) === isOr) return isOr;
    }
    return !isOr;
  };
}

function compileLeaf<T>(leaf: Leaf, names: RuleNames<T>, problems: Problem[]): Condition<T> {
  const read = names.get(leaf.name);
  if (read === undefined) problems.push(unknownName(leaf, names));
  const test = testOf(leaf, problems);
  if (read === undefined || test === undefined) return () => false;
  const ofNothing = leaf.operator === '~=';
  return (target) => {
    const value = read(target);
    return isAbsent(value) ? ofNothing : test(String(value));
  };
}

/** Undefined when the value is not what the operator takes. */
function testOf({ operator, value, valueOffset }: Leaf, problems: Problem[]) {
  switch (operator) {
    case '==':
      return (found: string) => found === value;
    case '~=':
      return (found: string) => found !== value;
    case 'in': {
      const items = new Set(value.split(',').map((item) => item.trim()));
      return (found: string) => items.has(found);
    }
    case '>':
      return largerThan(value, valueOffset, problems);
    case '~~':
    default:
      return searchFor(value, valueOffset, problems);
  }
}

const number = /^-?[0-9]+(?:\.[0-9]+)?$/;

function largerThan(value: string, offset: number, problems: Problem[]) {
  if (!number.test(value)) {
    problems.push({
      message: `${JSON.stringify(value)} is no number, which ">" compares with`,
      offset,
      suggestions: [],
    });
    return undefined;
  }
  const least = Number(value);
  return (found: string) => number.test(found) && Number(found) > least;
}

function searchFor(value: string, offset: number, problems: Problem[]) {
  try {
    return compileSearch(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    problems.push({ message: error.message, offset, suggestions: [] });
    return undefined;
  }
}

function unknownName<T>({ name, nameOffset: offset }: Leaf, names: RuleNames<T>): Problem {
  const suggestions = nearest(name, names.keys());
  const question = didYouMean(suggestions);
  const message = `nothing is named ${JSON.stringify(name)}${question || ':'} there are ${[...names.keys()].join(', ')}`;
  return { message, offset, suggestions };
}
