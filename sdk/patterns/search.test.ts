import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileSearch } from './pattern.ts';

const expected = (pattern: string, value: string) => new RegExp(pattern, 'u').test(value);

suite('finds what the language finds, anywhere in the value', () => {
  const values = [
    '',
    '/',
    '/admin',
    '/admin/',
    '/v1/admin/users',
    'xadmin',
    'ab',
    'aab',
    '😀',
    'a😀b',
    '\n',
    '12',
  ];
  const patterns = [
    ['', '/admin/*', '/admin/', '^/admin', 'admin$', '^$', '^', '$', 'a+b', '(a|x)(d|b)', '\\d{2}', '.'],
    ['^.$', '[^/]+$', '(?:/v1)?/admin(?:/|$)', '😀', 'a.b', '(^a|b$)', 'x|', '[]', 'z'],
  ].flat();
  for (const pattern of patterns) {
    test(JSON.stringify(pattern), () => {
      const matches = compileSearch(pattern);
      for (const value of values)
        assert.equal(matches(value), expected(pattern, value), `${pattern} in ${JSON.stringify(value)}`);
    });
  }
});

test('patterns of all short texts agree with the language', () => {
  const pieces = ['a', 'b', '.', '^', '$', 'a*', 'b+', '(?:ab)?', '[^a]', '|'];
  const values = ['', 'a', 'b', 'c', 'ab', 'ba', 'cab', 'abc', 'bbab'];
  let found = 0;
  for (const one of pieces)
    for (const two of pieces)
      for (const three of pieces) {
        const pattern = one + two + three;
        const matches = compileSearch(pattern);
        for (const value of values) {
          assert.equal(matches(value), expected(pattern, value), `${pattern} in ${JSON.stringify(value)}`);
          if (matches(value)) found += 1;
        }
      }
  assert.ok(found > 1000);
});

test('a pattern that is hard for other engines is looked for in one pass', () => {
  for (const pattern of ['(a+)+$', '(a|a)*b', 'a*a*a*a*a*a*a*b', '([a-z]+)*='])
    assert.equal(compileSearch(pattern)(`${'a'.repeat(20_000)}!`), false, pattern);
});

test('the longer the pattern, the shorter the value it is looked for in', () => {
  assert.equal(compileSearch('[x]')(`${'a'.repeat(100_000)}x`), true);
  const long = compileSearch('[a]{400}');
  assert.equal(long('a'.repeat(1200)), true);
  assert.equal(long('a'.repeat(2000)), false);
});

test('what is no pattern is refused', () => {
  assert.throws(() => compileSearch('('), SyntaxError);
  assert.throws(() => compileSearch('(?=a)'), SyntaxError);
});
