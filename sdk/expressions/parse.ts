import { parseAddress, parseBlock } from './cidr.ts';
import { refuse } from './expression-error.ts';
import { tokenize, type Operator, type Token } from './tokens.ts';

/** The longest expression, in UTF-16 code units. */
export const maxExpressionLength = 512;
/** How deep parentheses may be nested. */
export const maxDepth = 32;

/** One side of a comparison. `offset` is where it begins in the expression. */
export type Operand = { readonly offset: number } & (
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'random' }
);

/** A comparison of two operands. */
export interface Comparison {
  readonly kind: 'comparison';
  readonly operator: Operator;
  readonly left: Operand;
  readonly right: Operand;
}

/** A parsed expression; `and` and `or` have two parts or more. */
export type Expression = Comparison | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] };

interface Cursor {
  readonly tokens: readonly Token[];
  position: number;
  depth: number;
}

/**
 * Parses a condition expression; `and` binds tighter than `or`, words are case-insensitive. Throws an
 * {@link ExpressionError} at the first syntax error, and for a text beside `in_cidr` that is no address or
 * block. Names are not looked up here.
 */
export function parseExpression(text: string): Expression {
  if (text.length > maxExpressionLength) {
    refuse(
      `the expression has ${text.length} characters, allowed are ${maxExpressionLength}`,
      maxExpressionLength,
    );
  }
  const cursor: Cursor = { tokens: tokenize(text), position: 0, depth: 0 };
  const expression = parseJoined(cursor, 'or');
  const token = take(cursor);
  if (token.kind !== 'end') refuseToken(token, 'and, or or the end of the expression');
  return expression;
}

function parseJoined(cursor: Cursor, kind: 'or' | 'and'): Expression {
  const parsePart = () => (kind === 'or' ? parseJoined(cursor, 'and') : parseUnit(cursor));
  const first = parsePart();
  const parts = [first];
  while (takeWord(cursor, kind)) parts.push(parsePart());
  return parts.length === 1 ? first : { kind, parts };
}

function parseUnit(cursor: Cursor): Expression {
  const token = peek(cursor);
  if (token.kind !== 'open') return parseComparison(cursor);
  if (cursor.depth === maxDepth)
    refuse(`parentheses are nested deeper than ${maxDepth} levels`, token.offset);
  cursor.position++;
  cursor.depth++;
  const inner = parseJoined(cursor, 'or');
  cursor.depth--;
  const close = take(cursor);
  if (close.kind !== 'close') refuseToken(close, 'and, or or ")"');
  return inner;
}

function parseComparison(cursor: Cursor): Comparison {
  const left = parseOperand(cursor, ' or "("');
  const token = take(cursor);
  if (token.kind !== 'operator') {
    return refuseToken(token, 'an operator (=, ==, <>, !=, <, <=, >, >=, like, !like, in_cidr, !in_cidr)');
  }
  const { operator } = token;
  const right = parseOperand(cursor, '');
  if (operator === 'in_cidr' || operator === '!in_cidr') {
    checkLiteral(left, 'left', operator, 'an IP address', parseAddress);
    checkLiteral(right, 'right', operator, 'an IP address or CIDR block', parseBlock);
  }
  return { kind: 'comparison', operator, left, right };
}

function parseOperand(cursor: Cursor, alternative: string): Operand {
  const token = take(cursor);
  const { offset } = token;
  if (token.kind === 'variable') return { kind: 'variable', name: token.name, offset };
  if (token.kind === 'string' || token.kind === 'number')
    return { kind: 'literal', value: token.value, offset };
  if (token.kind === 'word') {
    if (token.word === 'null') return { kind: 'literal', value: null, offset };
    if (token.word === 'true' || token.word === 'false') {
      return { kind: 'literal', value: token.word === 'true', offset };
    }
    if (token.word === 'random') return parseRandom(cursor, offset);
  }
  const allowed = `$name, a quoted text, a number, true, false, null, Random()${alternative}`;
  const isBareWord = token.kind === 'word' && token.word !== 'and' && token.word !== 'or';
  const hint = isBareWord ? `; a parameter is $${token.text}, a text is '${token.text}'` : '';
  return refuseToken(token, allowed, hint);
}

function parseRandom(cursor: Cursor, offset: number): Operand {
  const open = take(cursor);
  if (open.kind !== 'open') refuseToken(open, '"()" after Random');
  const close = take(cursor);
  if (close.kind !== 'close') refuseToken(close, '")", as Random() takes nothing,');
  return { kind: 'random', offset };
}

/** A comparison that can never be true would silently open a gate, so literals are checked right here. */
function checkLiteral(
  operand: Operand,
  side: string,
  operator: Operator,
  wanted: string,
  parse: (text: string) => unknown,
): void {
  if (operand.kind === 'variable' || (operand.kind === 'literal' && operand.value === null)) return;
  const value = operand.kind === 'literal' ? operand.value : 'Random()';
  if (typeof value === 'string' && parse(value) !== undefined) return;
  refuse(
    `found ${JSON.stringify(value)} on the ${side} of ${operator}, where ${wanted} is expected`,
    operand.offset,
  );
}

function peek(cursor: Cursor): Token {
  // Reading past the last token gives the last one, which is `end`, again.
  const token = cursor.tokens[cursor.position] ?? cursor.tokens.at(-1);
  return token ?? { kind: 'end', text: '', offset: 0 };
}

function take(cursor: Cursor): Token {
  const token = peek(cursor);
  cursor.position++;
  return token;
}

function takeWord(cursor: Cursor, word: string): boolean {
  const token = peek(cursor);
  if (token.kind !== 'word' || token.word !== word) return false;
  cursor.position++;
  return true;
}

function refuseToken(token: Token, allowed: string, hint = ''): never {
  const found = token.kind === 'end' ? 'the end of the expression' : token.text;
  return refuse(`found ${found} where ${allowed} is expected${hint}`, token.offset);
}
