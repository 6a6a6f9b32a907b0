import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalQuery, canonicalUri } from './huawei-canonical.ts';
import { wire } from './huawei-testing.ts';

test('a URI: malformed escapes are text, bytes that are no UTF-8 stay themselves', () => {
  assert.equal(canonicalUri('', 'decoded'), '/');
  assert.equal(canonicalUri('/%zz%', 'decoded'), '/%25zz%25/');
  assert.equal(canonicalUri('/%FF%fe\xfd', 'decoded'), '/%FF%FE%FD/');
  assert.equal(canonicalUri('/名', 'decoded'), '/%E5%90%8D/');
  assert.equal(canonicalUri('/%41%7e', 'decoded'), '/A~/');
  assert.equal(canonicalUri('/%41%7e', 'raw'), '/%2541%257e/');
});

test('a query: decoded, encoded, sorted by name and value, repeats kept', () => {
  assert.equal(canonicalQuery(''), '');
  assert.equal(canonicalQuery('b=2&a=1&B=3&a1=4&a-b=5&a='), 'B=3&a=&a=1&a-b=5&a1=4&b=2');
  assert.equal(canonicalQuery('a&b=&&=v&'), '=v&a=&b=');
  assert.equal(canonicalQuery('x=10&x=9&x=Z&x=a&x=9'), 'x=10&x=9&x=9&x=Z&x=a');
  assert.equal(canonicalQuery("q=!*'()"), 'q=%21%2A%27%28%29');
  assert.equal(canonicalQuery('q=a+b%20c%2Bd=e'), 'q=a%20b%20c%2Bd%3De');
  assert.equal(canonicalQuery(wire('名=é&z=%e5%90%8d')), 'z=%E5%90%8D&%E5%90%8D=%C3%A9');
  // By the decoded name, where `[` comes after `0`; by code unit, where the rocket comes before U+FF46.
  assert.equal(canonicalQuery('a[0]=1&a0=2'), 'a0=2&a%5B0%5D=1');
  assert.equal(canonicalQuery('a=[&a=0'), 'a=0&a=%5B');
  assert.equal(canonicalQuery(wire('ｆ=1&🚀=2')), '%F0%9F%9A%80=2&%EF%BD%86=1');
  assert.equal(canonicalQuery('a=%FF&a=%FE&b=%zz'), 'a=%FE&a=%FF&b=%25zz');
  assert.equal(canonicalQuery('__proto__=1&constructor=2'), '__proto__=1&constructor=2');
});
