import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileLike, type Searchable } from './like.ts';

const cases: [pattern: string, text: string, matches: boolean][] = [
  ['', '', true],
  ['', 'a', false],
  ['abc', 'abc', true],
  ['abc', 'ABC', false],
  ['abc', 'abcd', false],
  ['%', '', true],
  ['%', 'anything', true],
  ['%%', '', true],
  ['%0', '110', true],
  ['%0', '101', false],
  ['2.%', '2.0.5', true],
  ['2.%', '12.0', false],
  ['AUTH%', 'AUTH', true],
  ['%b%', 'abc', true],
  ['%b%', 'ac', false],
  ['a%a', 'a', false],
  ['a%a', 'aa', true],
  ['ab%ba', 'aba', false],
  ['a%b%c', 'axxbyyc', true],
  ['a%b%c', 'acb', false],
  ['%ab%ab%', 'ab', false],
  ['%ab%ab%', 'abab', true],
  ['%aab%', 'aaab', true],
  ['%ab%b', 'ab', false],
  ['a_c', 'abc', false],
  ['a_c', 'a_c', true],
  ['a.c', 'abc', false],
  [String.raw`\d%`, '1', false],
  [String.raw`\%`, String.raw`\x`, true],
  ['%é%', 'café!', true],
  ['%\n%', 'a\nb', true],
];

/** A text that counts how many characters are looked at. */
class Counted implements Searchable {
  readonly text: string;
  looked = 0;

  constructor(text: string) {
    this.text = text;
  }

  get length(): number {
    return this.text.length;
  }

  startsWith(search: string): boolean {
    this.looked += search.length;
    return this.text.startsWith(search);
  }

  endsWith(search: string): boolean {
    this.looked += search.length;
    return this.text.endsWith(search);
  }

  indexOf(search: string, from = 0): number {
    const found = this.text.indexOf(search, from);
    this.looked += (found < 0 ? this.length : found + search.length) - from;
    return found;
  }
}

suite('like', () => {
  for (const [pattern, text, matches] of cases) {
    test(`${JSON.stringify(text)} ${matches ? 'is' : 'is not'} like ${JSON.stringify(pattern)}`, () =>
      assert.equal(compileLike(pattern)(text), matches));
  }

  test('looks at each character of a hostile text about once', () => {
    const text = 'a'.repeat(10_000);
    for (const pattern of [`${'a%'.repeat(200)}b`, `${'a%'.repeat(200)}b%`, '%aaaaaaaa%'.repeat(20) + 'b%']) {
      const counted = new Counted(text);
      assert.equal(compileLike(pattern)(counted), false);
      assert.ok(counted.looked <= text.length + 2 * pattern.length, `${counted.looked} for ${pattern}`);
    }
    assert.equal(compileLike('a%'.repeat(256))(text), true);
  });
});
