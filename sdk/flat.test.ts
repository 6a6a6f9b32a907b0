import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flat, Remembered } from './flat.ts';

test('a text in memory of its own is the same text', () => {
  for (const text of [
    '',
    'short',
    'longer than a dozen',
    'ÿ beyond ASCII, one byte',
    'beyond Latin-1: 名前名前',
  ])
    assert.equal(flat(text), text);
});

test('what was made of a text is found again, until too many others came', () => {
  const remembered = new Remembered<number>(3, 5);
  assert.equal(remembered.keep('one', 1), 1);
  assert.equal(remembered.get('one'), 1);
  assert.equal(remembered.get('two'), undefined);
  for (const [text, value] of Object.entries({ two: 2, three: 3, four: 4 })) remembered.keep(text, value);
  assert.deepEqual(
    ['one', 'two', 'three', 'four'].map((text) => remembered.get(text)),
    [undefined, undefined, undefined, 4],
  );
});

test('a long text is not kept', () => {
  const remembered = new Remembered<number>(3, 5);
  assert.equal(remembered.keep('longer', 1), 1);
  assert.equal(remembered.get('longer'), undefined);
});
