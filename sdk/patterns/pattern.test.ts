import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compilePattern, longestValue } from './pattern.ts';

/** What the language's own engine says: the yardstick, wherever it is safe. */
const expected = (pattern: string, value: string) => new RegExp(`^(?:${pattern})$`, 'u').test(value);

const values = [
  '',
  'a',
  'b',
  'ab',
  'aab',
  'abab',
  '5',
  '9',
  '42',
  'x-y_z',
  'gold',
  'größe',
  '😀',
  '\n',
  ' ',
  '-',
  ']',
  '}',
  '/',
  '^',
  'a/b',
  'aaaa',
  'A',
  '\ud83d',
];
const patterns = [
  '',
  '[0-5]',
  '[0-9]+',
  'gold|silver',
  'a|',
  '|a',
  'a*b+',
  '(ab)*',
  '(?:ab)+?',
  '(?<first>a)(?<second>b)',
  'a{2}b',
  'a{0}b',
  'a{1,}b',
  'a{2,4}',
  '(a|b){2,3}?',
  '(a{1,2}){2}',
  '^a$',
  '^(a|b)$|^x',
  '(^a|b$)+',
  'a^b',
  'a$b',
  '.',
  '..',
  '[^a]',
  '[\\]\\-]',
  '[^\\]]+',
  '\\d+',
  '\\w+[-]\\w+',
  '\\s',
  '\\S+',
  '\\p{L}+',
  '\\P{L}',
  '\\u{1F600}',
  '\\ud83d\\ude00',
  '\\u0061\\x62',
  '\\n',
  '\\/',
  'a/b',
  '\\^',
  '\\]',
  '\\}',
  'gr.+e',
  '(a*)*',
  '(a*)+b',
  '((a|b)*)*',
  '(?:){3}a',
  '(?:a?){3}',
  '(a?b?)*',
  '[]',
  '[^]',
];

suite('matches what the language matches, of the whole value', () => {
  for (const pattern of patterns) {
    test(JSON.stringify(pattern), () => {
      const matches = compilePattern(pattern);
      const found = values.filter((value) => matches(value));
      assert.deepEqual(
        found,
        values.filter((value) => expected(pattern, value)),
      );
    });
  }
  test('the cases have both outcomes', () => {
    const outcomes = patterns.flatMap((pattern) => values.map((value) => expected(pattern, value)));
    assert.ok(outcomes.filter(Boolean).length > 100 && outcomes.filter((outcome) => !outcome).length > 500);
  });
});

/** Repeatable numbers, 0 ≤ n < 1, from a seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('random patterns match what the language matches', () => {
  const next = numbers(20_261_120);
  const pick = <T>(list: readonly T[]): T => {
    const found = list[Math.floor(next() * list.length)];
    assert.ok(found !== undefined);
    return found;
  };
  const random = (depth: number): string => {
    const kind = next();
    if (depth === 0 || kind < 0.35) return pick(['a', 'b', '.', '[ab]', '[^a]', '\\w', '^', '$', '']);
    if (kind < 0.6) return random(depth - 1) + random(depth - 1);
    if (kind < 0.75) return `(?:${random(depth - 1)}|${random(depth - 1)})`;
    return `(${random(depth - 1)})${pick(['*', '+', '?', '{2}', '{1,2}', '{0,1}', '*?', '{1,}?'])}`;
  };
  let matched = 0;
  for (let turn = 0; turn < 3000; turn += 1) {
    const pattern = random(4);
    const matches = compilePattern(pattern);
    for (let each = 0; each < 6; each += 1) {
      const value = Array.from({ length: Math.floor(next() * 5) }, () => pick(['a', 'b', 'c'])).join('');
      const found = matches(value);
      assert.equal(found, expected(pattern, value), `${pattern} on ${JSON.stringify(value)}`);
      if (found) matched += 1;
    }
  }
  assert.ok(matched > 1000, `${matched} matched`);
});

// An engine that tries one way after the other would still be busy when the sun has gone out.
test('patterns that are hard for other engines take no time', () => {
  for (const pattern of ['(a+)+', '(a|a)*', '(a*)*b', '(?:a?){100}a{100}', 'a*a*a*a*a*a*a*b', '([a-z]+)*=']) {
    const matches = compilePattern(pattern);
    assert.equal(matches(`${'a'.repeat(longestValue - 1)}!`), false, pattern);
  }
});

test('a value that is too long matches nothing', () => {
  const matches = compilePattern('a*');
  assert.equal(matches('a'.repeat(longestValue)), true);
  assert.equal(matches('a'.repeat(longestValue + 1)), false);
});

suite('refused', () => {
  const cases: readonly [pattern: string, message: RegExp][] = [
    ['(', /^this is no regular expression: Unterminated group$/],
    ['a)(?:b', /^this is no regular expression: Unmatched '\)'$/],
    ['[z-a]', /^this is no regular expression: Range out of order/],
    ['\\-', /^this is no regular expression: Invalid escape$/],
    ['a{2,1}', /^this is no regular expression: /],
    ['(a)\\1', /^references to groups/],
    ['(?<x>a)\\k<x>', /^references to groups/],
    ['\\bgold\\b', /^\\b and \\B/],
    ['(?=a)a', /^groups such as/],
    ['(?!a)b', /^groups such as/],
    ['(?<=a)b', /^groups such as/],
    ['(?<!a)b', /^groups such as/],
    ['(?i:a)', /^groups such as/],
    ['a{501}', /^the pattern is too large/],
    ['(a{100}){100}', /^the pattern is too large/],
    ['((((a{99}){99}){99}){99}){99}', /^the pattern is too large/],
    ['a{0,4294967295}', /^the pattern is too large/],
    ['(?:){0,4294967295}', /^the pattern is too large/],
    [`${'('.repeat(100)}a${')'.repeat(100)}`, /^groups may stand 50 deep/],
  ];
  for (const [pattern, message] of cases) {
    test(pattern.slice(0, 40), () => {
      assert.throws(
        () => compilePattern(pattern),
        (error) => error instanceof SyntaxError && message.test(error.message),
      );
    });
  }
});
