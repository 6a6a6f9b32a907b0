import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parameter } from './options.ts';
import { compileRule, toNumber } from './rule.ts';

const rule = (fields: Partial<Parameter>) =>
  compileRule({ name: 'p', in: 'query', type: 'string', ...fields });

const numbers: readonly (readonly [text: string, number: number | undefined])[] = [
  ['12', 12],
  ['-1.5', -1.5],
  ['0', 0],
  ['1e3', 1000],
  ['', undefined],
  [' 1', undefined],
  ['1 ', undefined],
  ['1\n', undefined],
  ['+1', undefined],
  ['01', undefined],
  ['.5', undefined],
  ['5.', undefined],
  ['0x1', undefined],
  ['1_000', undefined],
  ['1,000', undefined],
  ['NaN', undefined],
  ['Infinity', undefined],
  ['1e999', undefined],
  ['-1e999', undefined],
  ['null', undefined],
  ['true', undefined],
  ['١', undefined],
];
for (const [text, number] of numbers) {
  test(`${JSON.stringify(text)} is ${number === undefined ? 'no number' : number}`, () => {
    assert.equal(toNumber(text), number);
    assert.equal(rule({ type: 'number' })(text), number === undefined ? 'must be a number' : undefined);
  });
}

// The rules of table 3-6 and of reference 7.2, at and beyond each limit.
const cases: readonly (readonly [fields: Partial<Parameter>, value: string, broken: string | undefined])[] = [
  [{ minLength: 2 }, 'ab', undefined],
  [{ minLength: 2 }, 'a', 'must have at least 2 characters'],
  [{ maxLength: 2 }, 'ab', undefined],
  [{ maxLength: 2 }, 'abc', 'must have at most 2 characters'],
  [{ maxLength: 2 }, '😀😀', undefined],
  [{ type: 'number', minimum: 1, maximum: 100 }, '1', undefined],
  [{ type: 'number', minimum: 1, maximum: 100 }, '100', undefined],
  [{ type: 'number', minimum: 1, maximum: 100 }, '0', 'must be at least 1'],
  [{ type: 'number', minimum: 1, maximum: 100 }, '100.5', 'must be at most 100'],
  [{ type: 'number', maxLength: 3 }, '1000', 'must have at most 3 characters'],
  [{ enum: ['a', 'b'] }, 'b', undefined],
  [{ enum: ['a', 'b'] }, 'c', 'must be one of a, b'],
  [{ enum: ['a', 'b'] }, 'A', 'must be one of a, b'],
  [{ enum: 'a, b,c' }, 'c', undefined],
  [{ enum: 'a, b,c' }, 'a, b', 'must be one of a, b, c'],
  [{ enum: ['a', 'a'] }, 'a', undefined],
  [{ type: 'number', enum: '1,2' }, '2.0', undefined],
  [{ type: 'number', enum: [1, 2] }, '3', 'must be one of 1, 2'],
  [{ pattern: '[0-5]' }, '5', undefined],
  [{ pattern: '[0-5]' }, '55', 'must match [0-5]'],
  [{ pattern: 'a|bc' }, 'bc', undefined],
  [{ pattern: 'a|bc' }, 'abc', 'must match a|bc'],
  [{ pattern: '[a-z]+' }, 'abc\n', 'must match [a-z]+'],
];
for (const [fields, value, broken] of cases) {
  test(`${JSON.stringify(fields)}: ${JSON.stringify(value)}`, () => {
    assert.equal(rule(fields)(value), broken);
  });
}

test('a pattern that only brackets make whole is none', () => {
  assert.throws(() => rule({ pattern: 'a)(?:b' }), SyntaxError);
  assert.throws(() => rule({ pattern: '[' }), SyntaxError);
});

test('a long rule is shortened in the message', () => {
  const words = Array.from({ length: 200 }, (_, index) => `word${index}`);
  const broken = rule({ enum: words })('x') ?? '';
  assert.ok(broken.length < 250);
  assert.match(broken, /^must be one of word0, word1,.*\.\.\.$/);
});

test('parameters with the same rules share what was compiled, and keep their own answers', () => {
  const [one, two] = [rule({ maxLength: 3 }), rule({ maxLength: 3 })];
  assert.equal(one('abcd'), 'must have at most 3 characters');
  assert.equal(two('abc'), undefined);
});

test('the length is checked before a pattern that would take for ever', () => {
  const slow = rule({ pattern: '(a+)+b', maxLength: 20 });
  assert.equal(slow('a'.repeat(30_000)), 'must have at most 20 characters');
});
