import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differenceWithinRounds, median, percentile, ratioWithinRounds, toLatencies } from './statistics.ts';

test('percentiles lie on the line between two values', () => {
  const sorted = [10, 20, 30, 40, 50];
  assert.equal(percentile(sorted, 0), 10);
  assert.equal(percentile(sorted, 50), 30);
  assert.equal(percentile(sorted, 90), 46);
  assert.equal(percentile(sorted, 100), 50);
  assert.equal(percentile([7], 99), 7);
});

test('of nothing there is no percentile', () => {
  assert.ok(Number.isNaN(percentile([], 50)));
  assert.ok(Number.isNaN(median([])));
  assert.ok(Number.isNaN(toLatencies([]).max));
});

test('medians do not depend on the order, nor change it', () => {
  const values = [9, 1, 5, 100];
  assert.equal(median(values), 7);
  assert.deepEqual(values, [9, 1, 5, 100]);
});

test('latencies of a thousand requests, one of them slow', () => {
  const values = [...Array.from({ length: 999 }, () => 2), 500];
  assert.deepEqual(toLatencies(values.toReversed()), { p50: 2, p90: 2, p99: 2, max: 500 });
});

test('rounds are compared with each other: a slow round of both changes nothing', () => {
  assert.equal(ratioWithinRounds([20, 200, 40], [10, 100, 20]), 2);
  assert.equal(differenceWithinRounds([12, 102, 23], [10, 100, 20]), 2);
});

test('a round that one of them lacks is left out', () => {
  assert.equal(ratioWithinRounds([20, 30], [10]), 2);
});
