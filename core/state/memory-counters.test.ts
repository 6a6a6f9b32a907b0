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

const bucket = (key: string, most: number, periodMs = 1000): Limit => ({
  key,
  limit: most,
  periodMs,
  isBucket: true,
});

test('a bucket admits what it holds, and then one each time it gets one back', () => {
  const { clock, take } = start(10_250);
  for (const left of [3, 2, 1, 0])
    assert.deepEqual(take(bucket('a', 4)), { refusedBy: -1, remaining: [left], resetMs: [250] });
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: 0, remaining: [0], resetMs: [250] });
  clock.advance(249);
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: 0, remaining: [0], resetMs: [1] });
  clock.advance(1);
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: -1, remaining: [0], resetMs: [250] });
  clock.advance(625);
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: -1, remaining: [1], resetMs: [125] });
  clock.advance(5000);
  assert.deepEqual(take(bucket('a', 4), limit('b', 0)), {
    refusedBy: 1,
    remaining: [4, 0],
    resetMs: [0, 1000 - (16_125 % 1000)],
  });
});

test('a bucket is never over its rate, however it is asked', () => {
  for (const [most, periodMs] of [
    [3, 1000],
    [7, 1000],
    [1000, 1000],
    [900_001, 1000],
    [5, 60_000],
  ] as const) {
    const { clock, take } = start(123_457);
    let admitted = 0;
    const stepMs = periodMs / 1000;
    const steps = most > 10_000 ? 20 : 5000;
    for (let step = 0; step < steps; step += 1) {
      while (take(bucket('a', most, periodMs)).refusedBy < 0) admitted += 1;
      clock.advance(stepMs);
      const elapsed = (step + 1) * stepMs;
      assert.ok(admitted <= most + (elapsed / periodMs) * most + 1e-6);
    }
    // Nothing that it got back was lost either.
    assert.equal(admitted, Math.floor(most + ((steps - 1) * stepMs * most) / periodMs + 1e-6));
  }
});

test('a bucket and a count are taken together or not at all', () => {
  const { take } = start();
  assert.equal(take(bucket('a', 2), limit('b', 1)).refusedBy, -1);
  assert.equal(take(bucket('a', 2), limit('b', 1)).refusedBy, 1);
  assert.equal(take(limit('c', 9), bucket('a', 2)).remaining[1], 0);
  assert.equal(take(limit('c', 9), bucket('a', 2)).refusedBy, 1);
  assert.equal(take(limit('c', 9)).remaining[0], 7);
});

test('a bucket is another count than that of the same key', () => {
  const { take } = start();
  assert.equal(take(bucket('a', 1)).refusedBy, -1);
  assert.equal(take(limit('a', 1)).refusedBy, -1);
});

test('a clock that is set back leaves a bucket as it is', () => {
  const { clock, take } = start(1_000_000);
  take(bucket('a', 2));
  clock.advance(-500_000);
  assert.deepEqual(take(bucket('a', 2)), { refusedBy: -1, remaining: [0], resetMs: [500] });
  assert.equal(take(bucket('a', 2)).refusedBy, 0);
  clock.advance(-400_000);
  assert.equal(take(bucket('a', 2)).refusedBy, 0);
  clock.advance(500);
  assert.equal(take(bucket('a', 2)).refusedBy, -1);
});

test('a bucket of nothing admits nothing', () => {
  const { take } = start();
  assert.deepEqual(take(bucket('a', 0)), { refusedBy: 0, remaining: [0], resetMs: [1000] });
});
