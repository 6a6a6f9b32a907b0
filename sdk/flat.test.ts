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

/** Whose results say how many were made before. */
function counting(maxTexts: number, maxLength: number): Remembered<number> {
  let made = 0;
  return new Remembered(() => made++, maxTexts, maxLength);
}

test('what was made of a text is given again, until too many others came', () => {
  const remembered = counting(3, 5);
  const texts = ['one', 'two', 'one', 'three', 'two', 'four', 'four', 'one'];
  assert.deepEqual(
    texts.map((text) => remembered.of(text)),
    [0, 1, 0, 2, 1, 3, 3, 4],
  );
});

test('of a long text all is made each time', () => {
  const remembered = counting(3, 5);
  assert.deepEqual([remembered.of('longer'), remembered.of('longer')], [0, 1]);
  assert.deepEqual([remembered.keeps('longer'), remembered.keeps('short')], [false, true]);
});

test('what is undefined is made again', () => {
  let asked = 0;
  const remembered = new Remembered(() => (asked++ === 0 ? undefined : 'made'));
  assert.deepEqual([remembered.of('a'), remembered.of('a'), remembered.of('a')], [undefined, 'made', 'made']);
  assert.equal(asked, 2);
});
