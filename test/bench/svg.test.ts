import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toSvg, toTicks } from './svg.ts';

test('ticks are round, begin at zero and cover the largest value', () => {
  assert.deepEqual(toTicks(10), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(toTicks(0.7), [0, 0.2, 0.4, 0.6, 0.8]);
  assert.deepEqual(toTicks(412), [0, 100, 200, 300, 400, 500]);
  for (const most of [0.003, 1, 17, 99.9, 1234]) {
    const ticks = toTicks(most);
    assert.ok(
      (ticks.at(-1) ?? 0) >= most && ticks.length >= 4 && ticks.length <= 7,
      `${most}: ${ticks.join()}`,
    );
  }
});

test('nothing measured is a plot all the same', () => {
  assert.deepEqual(toTicks(0), toTicks(1));
  const svg = toSvg('empty', 'minutes', [{ unit: 'ms', lines: [{ name: 'p99', points: [] }] }]);
  assert.ok(!svg.includes('NaN') && !svg.includes('Infinity'));
});

test('curves go through their points, from the left below to the right above', () => {
  const points = [
    [0, 0],
    [5, 5],
    [10, 10],
  ] as const;
  const svg = toSvg('Load', 'minutes', [{ unit: 'MiB', lines: [{ name: 'heap', points }] }]);
  const drawn = /points="([^"]*)"/
    .exec(svg)?.[1]
    ?.split(' ')
    .map((point) => point.split(',').map(Number));
  assert.equal(drawn?.length, 3);
  const [[x0 = NaN, y0 = NaN] = [], [x1 = NaN, y1 = NaN] = [], [x2 = NaN, y2 = NaN] = []] = drawn ?? [];
  assert.ok(x0 < x1 && x1 < x2 && y0 > y1 && y1 > y2);
  assert.ok(Math.abs(x0 + x2 - 2 * x1) < 0.2 && Math.abs(y0 + y2 - 2 * y1) < 0.2);
});

test('axes tell their units, curves their names, and text cannot break the drawing', () => {
  const svg = toSvg('p99 < 5 & more', 'minutes', [
    { unit: 'ms', lines: [{ name: 'a<b', points: [[1, 1]] }] },
  ]);
  for (const text of ['p99 &lt; 5 &amp; more', '>minutes<', '>ms<', '>a&lt;b<'])
    assert.ok(svg.includes(text), text);
  assert.ok(!svg.includes('a<b'));
});

test('what could not be measured is left out of a curve', () => {
  const points = [
    [0, 1],
    [1, NaN],
    [2, 1],
  ] as const;
  const svg = toSvg('gaps', 's', [{ unit: 'ms', lines: [{ name: 'p99', points }] }]);
  assert.equal(/points="([^"]*)"/.exec(svg)?.[1]?.split(' ').length, 2);
});
