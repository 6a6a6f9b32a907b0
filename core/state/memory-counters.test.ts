import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limit, Taken } from '#sdk';
import { VirtualClock } from '#sdk/testing';
import { MemoryCounters } from './memory-counters.ts';

function start(now = 10_000) {
  const clock = new VirtualClock(now);
  const all = new MemoryCounters(clock);
  const take = (...limits: Limit[]) => all.of('plugin').take(limits) as Taken;
  return { clock, all, take };
}

const limit = (key: string, most: number, periodMs = 1000): Limit => ({ key, limit: most, periodMs });

test('a limit of N admits N in each period', () => {
  const { clock, take } = start(10_250);
  assert.deepEqual(take(limit('a', 2)), { refusedBy: -1, remaining: [1], resetMs: [750] });
  assert.deepEqual(take(limit('a', 2)), { refusedBy: -1, remaining: [0], resetMs: [750] });
  assert.deepEqual(take(limit('a', 2)), { refusedBy: 0, remaining: [0], resetMs: [750] });
  clock.advance(749);
  assert.equal(take(limit('a', 2)).refusedBy, 0);
  clock.advance(1);
  assert.deepEqual(take(limit('a', 2)), { refusedBy: -1, remaining: [1], resetMs: [1000] });
});

test('all are counted, or none when one is used up', () => {
  const { take } = start();
  take(limit('b', 1));
  const taken = take(limit('a', 5), limit('b', 1), limit('c', 5, 60_000));
  assert.deepEqual(taken, { refusedBy: 1, remaining: [5, 0, 5], resetMs: [1000, 1000, 50_000] });
  assert.equal(take(limit('a', 5)).remaining[0], 4);
});

test('a limit of nothing looks without counting', () => {
  const { take } = start();
  take(limit('a', 5));
  for (let turn = 0; turn < 3; turn += 1) assert.equal(take(limit('a', 5), limit('', 0)).remaining[0], 4);
});

test('a key that stands twice is counted once', () => {
  const { take } = start();
  assert.deepEqual(take(limit('a', 5), limit('a', 3)).remaining, [4, 2]);
  assert.deepEqual(take(limit('a', 5), limit('a', 3)).remaining, [3, 1]);
});

test('the same key under another period is another count', () => {
  const { take } = start();
  assert.equal(take(limit('a', 1)).refusedBy, -1);
  assert.equal(take(limit('a', 1, 2000)).refusedBy, -1);
  assert.equal(take(limit('a', 1)).refusedBy, 0);
});

test('a changed limit goes on with the count there is', () => {
  const { take } = start();
  for (let turn = 0; turn < 5; turn += 1) take(limit('a', 10));
  assert.equal(take(limit('a', 3)).refusedBy, 0);
  assert.deepEqual(take(limit('a', 7)).remaining, [1]);
});

test('a clock that was set back does not start a period anew', () => {
  const { clock, take } = start();
  take(limit('a', 1));
  clock.advance(-5000);
  assert.equal(take(limit('a', 1)).refusedBy, 0);
});

test('plugins are apart, and each gets its counts again', () => {
  const { all } = start();
  const one = all.of('one');
  assert.equal((one.take([limit('a', 1)]) as Taken).refusedBy, -1);
  assert.equal((all.of('two').take([limit('a', 1)]) as Taken).refusedBy, -1);
  assert.equal((all.of('one').take([limit('a', 1)]) as Taken).refusedBy, 0);
});
