import { createBinder, isAbsent, type Binder, type CompileOptions, type Reader } from './bind.ts';
import { contains, parseAddress, parseBlock } from './cidr.ts';
import { compileLike } from './like.ts';
import {
  maxExpressionLength,
  parseExpression,
  type Comparison,
  type Expression,
  type Operand,
} from './parse.ts';
import type { Operator } from './tokens.ts';

/** What a condition is compiled against. */
export interface ConditionOptions<T> extends CompileOptions<T> {
  /** Where `Random()` gets its numbers, 0 ≤ n < 1; `Math.random` unless given. */
  readonly random?: () => number;
}

/** A compiled condition. */
export type Condition<T> = (target: T) => boolean;

type Present = string | number | boolean;
/** Compares two values that exist. */
type Test = (left: Present, right: Present) => boolean;

const orderTests: Readonly<Record<'=' | '<>' | '<' | '<=' | '>' | '>=', Test>> = {
  '=': (left, right) => compare(left, right) === 0,
  '<>': (left, right) => compare(left, right) !== 0,
  '<': (left, right) => compare(left, right) < 0,
  '<=': (left, right) => compare(left, right) <= 0,
  '>': (left, right) => compare(left, right) > 0,
  '>=': (left, right) => compare(left, right) >= 0,
};

const number = /^-?[0-9]+(?:\.[0-9]+)?$/;

/**
 * Compiles a condition such as `$status = 200 and $rc <> 'OK'` to one function; nothing is parsed or looked
 * up by name when it runs. Throws an {@link ExpressionError} for a syntax error or undeclared names.
 *
 * - When one side is a number (a literal without quotes, `Random()`, or a reader that gives a number) and the
 *   other looks like one (`-1`, `0.5`; no exponent, sign `+` or blanks), they compare as numbers; otherwise as
 *   text, case-sensitively, by UTF-16 code units. A boolean is the text `true` or `false`.
 * - A comparison with a value that does not exist is false, whatever the operator: also `<>`, `!like`,
 *   `!in_cidr`. So is `in_cidr` or `!in_cidr` with a value that is no IP address or block.
 * - `x = null` is true when x does not exist, `x <> null` when it does; all else with `null` is false. An
 *   empty text exists.
 * - A value on the right of `like` is a pattern too, `%` included; one above 512 characters never matches.
 */
export function compileCondition<T>(text: string, options: ConditionOptions<T>): Condition<T> {
  const expression = parseExpression(text);
  const binder = createBinder(options);
  const condition = compileExpression(expression, binder, options.random ?? Math.random);
  binder.finish();
  return condition;
}

function compileExpression<T>(expression: Expression, binder: Binder<T>, random: () => number): Condition<T> {
  if (expression.kind === 'comparison') return compileComparison(expression, binder, random);
  const parts = expression.parts.map((part) => compileExpression(part, binder, random));
  const isOr = expression.kind === 'or';
  return (target) => {
    for (const part of parts) {
      if (part(target) === isOr) return isOr;
    }
    return !isOr;
  };
}

function compileComparison<T>(
  { operator, left, right }: Comparison,
  binder: Binder<T>,
  random: () => number,
): Condition<T> {
  const readLeft = compileOperand(left, binder, random);
  const readRight = compileOperand(right, binder, random);
  if (isNull(left) || isNull(right)) return compileNullTest(operator, isNull(left) ? readRight : readLeft);
  const test = testOf(operator, right);
  return (target) => {
    const leftValue = readLeft(target);
    if (isAbsent(leftValue)) return false;
    const rightValue = readRight(target);
    return !isAbsent(rightValue) && test(leftValue, rightValue);
  };
}

function compileOperand<T>(operand: Operand, binder: Binder<T>, random: () => number): Reader<T> {
  if (operand.kind === 'variable') return binder.read(operand.name, operand.offset);
  if (operand.kind === 'random') return random;
  const { value } = operand;
  return () => value;
}

function compileNullTest<T>(operator: Operator, read: Reader<T>): Condition<T> {
  if (operator === '=') return (target) => isAbsent(read(target));
  if (operator === '<>') return (target) => !isAbsent(read(target));
  return () => false;
}

function testOf(operator: Operator, right: Operand): Test {
  if (operator === 'like' || operator === '!like') return likeTest(right, operator === 'like');
  if (operator === 'in_cidr' || operator === '!in_cidr') return blockTest(right, operator === 'in_cidr');
  return orderTests[operator];
}

function likeTest(right: Operand, expected: boolean): Test {
  if (right.kind === 'literal') {
    const matches = compileLike(String(right.value));
    return (text) => matches(String(text)) === expected;
  }
  return (text, value) => {
    const pattern = String(value);
    return pattern.length <= maxExpressionLength && compileLike(pattern)(String(text)) === expected;
  };
}

function blockTest(right: Operand, expected: boolean): Test {
  const fixed = right.kind === 'literal' ? parseBlock(String(right.value)) : undefined;
  return (text, value) => {
    const address = parseAddress(String(text));
    const block = fixed ?? parseBlock(String(value));
    return address !== undefined && block !== undefined && contains(block, address) === expected;
  };
}

/** Negative, zero or positive, as for sorting. */
function compare(left: Present, right: Present): number {
  if (typeof left === 'number' || typeof right === 'number') {
    const a = toNumber(left);
    const b = toNumber(right);
    if (a !== undefined && b !== undefined) return order(a, b);
  }
  return order(String(left), String(right));
}

function order<V extends string | number>(a: V, b: V): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function toNumber(value: Present): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && number.test(value) ? Number(value) : undefined;
}

function isNull(operand: Operand): boolean {
  return operand.kind === 'literal' && operand.value === null;
}
