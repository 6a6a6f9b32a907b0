import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileCondition, compileTemplate, ExpressionError, parseParameters, type Value } from './index.ts';
import { randomNumbers } from './random-numbers.ts';

const random = randomNumbers(4711);
const values: readonly Value[] = [
  null,
  undefined,
  '',
  '0',
  '10',
  'x',
  '10.0.0.1',
  '::1',
  5,
  -0.5,
  true,
  Number.NaN,
];
const scope = parseParameters({ aa: 'Header:a', bb: 'Query:b' }, { phase: 'request' });
const options = { scope, resolve: () => () => pick(values) };

const operands = `$aa \${bb} $CaAppId 'x' "%1%" '10.0.0.0/8' '' 1 -2.5 true null Random()`.split(' ');
const operators = '= == <> != < <= > >= like !like in_cidr !in_cidr'.split(' ');
const noise = [
  ...Array.from('(){}[]$!%.-_1a,/:*\'"\\ \n\0é\u{1f600}\ud800'),
  ...'and or not && ${ $nobody Header: XFF BodyJson:$'.split(' '),
];

function pick<V>(from: readonly V[]): V | undefined {
  return from[Math.floor(random() * from.length)];
}

function soup(words: readonly string[], length: number, separator: string): string {
  return Array.from({ length: Math.floor(random() * length) }, () => pick(words)).join(separator);
}

/** Whether it compiled; anything but an `ExpressionError` with an offset inside the text is a failure. */
function compiles(text: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    assert.ok(error instanceof ExpressionError, `${JSON.stringify(text)}: ${String(error)}`);
    for (const { offset } of error.problems) {
      assert.ok(Number.isInteger(offset) && offset >= 0 && offset <= text.length, `${offset} in ${text}`);
    }
    return false;
  }
}

function runCondition(text: string): boolean {
  return compiles(text, () => assert.equal(typeof compileCondition(text, options)(undefined), 'boolean'));
}

function validExpression(depth: number): string {
  const kind = depth === 0 ? 0 : Math.floor(random() * 4);
  if (kind === 1) return `(${validExpression(depth - 1)})`;
  if (kind === 2) return `${validExpression(depth - 1)} and ${validExpression(depth - 1)}`;
  if (kind === 3) return `${validExpression(depth - 1)} or ${validExpression(depth - 1)}`;
  const operator = pick(operators.slice(0, 10));
  return `${pick(operands)} ${operator} ${pick(operands)}`;
}

suite('fuzz', () => {
  test('token soup gives a condition or an ExpressionError', () => {
    const words = [...operands, ...operators, ...noise];
    for (let round = 0; round < 20_000; round++) {
      runCondition(soup(words, 12, pick(['', ' ']) ?? ''));
    }
  });

  test('well-formed expressions compile and run', () => {
    for (let round = 0; round < 5000; round++) {
      const text = validExpression(3);
      if (text.length <= 512) assert.ok(runCondition(text), text);
    }
  });

  test('a damaged expression gives a condition or an ExpressionError', () => {
    for (let round = 0; round < 10_000; round++) {
      const text = validExpression(3);
      const at = Math.floor(random() * text.length);
      runCondition(text.slice(0, at) + (pick(noise) ?? '') + text.slice(at + Math.floor(random() * 3)));
    }
  });

  test('templates and declarations of noise do the same', () => {
    for (let round = 0; round < 10_000; round++) {
      const text = soup([...noise, '${aa}'], 12, '');
      compiles(text, () => assert.equal(typeof compileTemplate(text, options)(undefined), 'string'));
      compiles(text, () => parseParameters({ aa: text, [text]: 'Method' }, { phase: 'response' }));
    }
  });

  test('long hostile texts are refused or run', () => {
    for (const word of [...noise, ...operands, ...operators]) {
      for (const text of [
        word.repeat(600),
        word.repeat(Math.floor(512 / word.length)),
        `${'1=1 or '.repeat(72)}${word}`,
      ]) {
        runCondition(text);
      }
      const long = word.repeat(20_000);
      compiles(long, () => compileTemplate(long, options)(undefined));
    }
  });
});
