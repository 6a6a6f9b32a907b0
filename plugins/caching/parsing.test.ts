import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDirectives } from './directives.ts';
import { readHttpDate } from './http-date.ts';
import { readTargeted } from './structured.ts';

test('directives: letter case, blanks, quoted strings and empty members', () => {
  const read = readDirectives(' Max-Age=10 ,, NO-STORE,foo="a, private, b", x="\\"q"');
  assert.equal(read.isMalformed, false);
  assert.equal(read.seconds('max-age'), 10);
  assert.deepEqual([read.has('no-store'), read.has('private')], [true, false]);
  assert.deepEqual(readDirectives('private="a, B"').fieldNames('private'), ['a', 'b']);
  assert.equal(readDirectives('max-age="60"').seconds('max-age'), 60);
});

test('a number that is none, or given twice in different ways, leaves nothing fresh', () => {
  for (const text of [
    'max-age=x',
    'max-age',
    'max-age=-1',
    'max-age=1.5',
    "max-age='60'",
    'max-age=60, max-age=61',
  ])
    assert.equal(readDirectives(text).seconds('max-age'), 0, text);
  assert.equal(readDirectives('max-age=60, max-age=60').seconds('max-age'), 60);
  assert.equal(readDirectives('max-age=99999999999').seconds('max-age'), 2_147_483_648);
  assert.equal(readDirectives('s-maxage=1').seconds('max-age'), undefined);
});

test('what cannot be read is noted; a list of names that cannot be read limits nothing', () => {
  for (const text of ['max-age =60', 'a b', 'private;max-age=1', 'x="open, private', '=1', '"private"'])
    assert.equal(readDirectives(text).isMalformed, true, text);
  for (const text of ['private=""', 'private="a b"', 'private, private="a"'])
    assert.equal(readDirectives(text).fieldNames('private'), undefined, text);
});

test('targeted fields are structured dictionaries, or as if they were not there', () => {
  const read = readTargeted('max-age=60, foo, private="a", bar=(1 "x" tok);p=?0;q, no-store=?0');
  assert.equal(read?.seconds('max-age'), 60);
  assert.deepEqual(read?.fieldNames('private'), ['a']);
  assert.equal(read?.has('no-store'), false);
  assert.equal(readTargeted('max-age=1, max-age=2')?.seconds('max-age'), 2);
  for (const text of [
    'max-age=60, &',
    'MAX-AGE=60',
    'max-age="60"',
    'max-age=1.5',
    'max-age =60',
    'max-age= 60',
    'a,',
    ',a',
    'a b',
    'max-age=1234567890123456',
    'a=(1',
    'no-store=5',
    'a="\u00e9"',
  ])
    assert.equal(readTargeted(text), undefined, text);
});

test('dates in the three forms of HTTP, and nothing else', () => {
  const now = Date.UTC(2026, 0, 1);
  const known = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of [
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    'sun, 06 NOV 1994 08:49:37 gmt',
  ])
    assert.equal(readHttpDate(text, now), known, text);
  assert.equal(readHttpDate('Thursday, 18-Aug-50 02:01:18 GMT', now), Date.UTC(2050, 7, 18, 2, 1, 18));
  assert.equal(readHttpDate('Thursday, 18-Aug-77 02:01:18 GMT', now), Date.UTC(1977, 7, 18, 2, 1, 18));
  for (const text of [
    '0',
    '',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ])
    assert.equal(readHttpDate(text, now), undefined, text);
});
