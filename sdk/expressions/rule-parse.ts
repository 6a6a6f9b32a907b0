import { refuse } from './expression-error.ts';
import { didYouMean, nearest } from './nearest.ts';

/** What a leaf of a rule compares with. */
const ruleOperators = ['==', '~=', '~~', 'in', '>'] as const;

/** `==` equal, `~=` not equal, `~~` matches a regular expression, `in` one of a list, `>` a larger number. */
type RuleOperator = (typeof ruleOperators)[number];

/** A rule as a tree. Offsets are 0-based, in UTF-16 code units of the text. */
export type Rule =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Rule[] }
  | {
      readonly kind: 'leaf';
      readonly name: string;
      readonly nameOffset: number;
      readonly operator: RuleOperator;
      readonly value: string;
      readonly valueOffset: number;
    };

/** A JSON value with the place where it begins; objects and the words of JSON have no place in a rule. */
type Json = { readonly offset: number } & (
  | { readonly kind: 'text' | 'number'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly Json[] }
);

interface Cursor {
  readonly text: string;
  at: number;
}

const deepest = 32;
const blank = /[ \t\n\r]*/y;
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Parses JSON text such as `["AND", ["Host","==","a.example"], ["reqPath","~~","/admin/"]]`. Throws an `ExpressionError`. */
export function parseRule(text: string): Rule {
  const cursor = { text, at: 0 };
  const json = parseJson(cursor, 0);
  skipBlank(cursor);
  if (cursor.at < text.length) refuse(`found ${found(cursor)} after the end of the rule`, cursor.at);
  return toRule(json);
}

function parseJson(cursor: Cursor, depth: number): Json {
  skipBlank(cursor);
  const offset = cursor.at;
  if (cursor.text[offset] === '[') return parseList(cursor, depth);
  const quoted = take(string, cursor);
  if (quoted !== undefined) return { kind: 'text', offset, value: String(JSON.parse(quoted)) };
  const digits = take(number, cursor);
  if (digits !== undefined) return { kind: 'number', offset, value: String(Number(digits)) };
  return refuse(`found ${found(cursor)}; allowed: a list, a text in double quotes, a number`, offset);
}

function parseList(cursor: Cursor, depth: number): Json {
  const offset = cursor.at;
  if (depth >= deepest) refuse(`groups may stand ${deepest} deep in one another`, offset);
  const items: Json[] = [];
  cursor.at += 1;
  for (;;) {
    skipBlank(cursor);
    if (items.length === 0 && cursor.text[cursor.at] === ']') break;
    items.push(parseJson(cursor, depth + 1));
    skipBlank(cursor);
    if (cursor.text[cursor.at] === ']') break;
    if (cursor.text[cursor.at] !== ',') refuse(`found ${found(cursor)}; allowed: "," or "]"`, cursor.at);
    cursor.at += 1;
  }
  cursor.at += 1;
  return { kind: 'list', offset, items };
}

const form = 'a rule is ["name", "operator", "value"], or ["AND", rule, rule] or ["OR", rule, rule]';

function toRule(json: Json): Rule {
  if (json.kind !== 'list') return refuse(form, json.offset);
  const [head, second, third] = json.items;
  if (head?.kind !== 'text') return refuse(form, (head ?? json).offset);
  if (second?.kind === 'list' || json.items.length === 1) return toGroup(head, json.items.slice(1));
  if (json.items.length !== 3 || second === undefined || third === undefined)
    return refuse(form, json.offset);
  if (third.kind === 'list') return refuse('the value is a text or a number', third.offset);
  return {
    kind: 'leaf',
    name: head.value,
    nameOffset: head.offset,
    operator: toOperator(second),
    value: third.value,
    valueOffset: third.offset,
  };
}

function toGroup(head: Json & { value: string }, members: readonly Json[]): Rule {
  const { value, offset } = head;
  if (value !== 'AND' && value !== 'OR') {
    return refuse(`found ${JSON.stringify(value)} before rules; allowed: "AND", "OR"`, offset);
  }
  // A group of nothing would let everything match, or nothing, and look as if it did not.
  if (members.length === 0) return refuse(`${value} needs at least one rule`, offset);
  return { kind: value === 'AND' ? 'and' : 'or', parts: members.map(toRule) };
}

function toOperator(json: Json): RuleOperator {
  const text = json.kind === 'text' ? json.value : '';
  const known = ruleOperators.find((operator) => operator === text);
  if (known !== undefined) return known;
  const suggestions = nearest(text, ruleOperators);
  const question = didYouMean(suggestions);
  const shown = json.kind === 'text' ? JSON.stringify(json.value) : `a ${json.kind}`;
  return refuse(
    `${shown} is no operator${question || ':'} allowed are ${ruleOperators.join(', ')}`,
    json.offset,
    suggestions,
  );
}

function skipBlank(cursor: Cursor): void {
  take(blank, cursor);
}

function take(piece: RegExp, cursor: Cursor): string | undefined {
  piece.lastIndex = cursor.at;
  const [text] = piece.exec(cursor.text) ?? [];
  if (text !== undefined) cursor.at += text.length;
  return text;
}

function found({ text, at }: Cursor): string {
  const point = text.codePointAt(at);
  return point === undefined ? 'the end of the text' : JSON.stringify(String.fromCodePoint(point));
}
