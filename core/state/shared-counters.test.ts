import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { Limit, Taken } from '#sdk';
import { VirtualClock } from '#sdk/testing';
import { MemoryCounters } from './memory-counters.ts';
import { attachSharedState, openSharedState } from './shared-state.ts';

/** Two views of one memory, as two processes have them. */
function start(now = 10_000, counts = 2000) {
  const clock = new VirtualClock(now);
  const { fd, state } = openSharedState(clock, { counts, values: 20 });
  const other = attachSharedState(fd, clock);
  fs.closeSync(fd);
  const views = [state.counters, other.counters];
  let turn = 0;
  const take = (...limits: Limit[]): Taken => views[(turn += 1) % 2]?.of('plugin').take(limits) as Taken;
  return { clock, views, take };
}

const limit = (key: string, most: number, periodMs = 1000): Limit => ({
  key,
  limit: most,
  periodMs,
});

test('a limit of N admits N in each period, whoever asks', () => {
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

test('plugins, and periods of another length, are apart', () => {
  const { views, take } = start();
  assert.equal(take(limit('a', 1)).refusedBy, -1);
  assert.equal(take(limit('a', 1, 2000)).refusedBy, -1);
  assert.equal(take(limit('a', 1)).refusedBy, 0);
  for (const [turn, view] of views.entries())
    assert.equal((view.of('other').take([limit('a', 1)]) as Taken).refusedBy, turn === 0 ? -1 : 0);
  assert.equal(views[0]?.of('other'), views[0]?.of('other'));
});

test('a clock that was set back does not start a period anew, and tells when it really ends', () => {
  const { clock, take } = start(10_500);
  take(limit('a', 1));
  clock.advance(-5000);
  assert.deepEqual(take(limit('a', 1)), { refusedBy: 0, remaining: [0], resetMs: [5500] });
  clock.advance(5500);
  assert.equal(take(limit('a', 1)).refusedBy, -1);
});

const bucket = (key: string, most: number, periodMs = 1000): Limit => ({
  ...limit(key, most, periodMs),
  isBucket: true,
});

test('a bucket admits what it holds, and then one each time it gets one back, whoever asks', () => {
  const { clock, take } = start(10_250);
  for (const left of [3, 2, 1, 0])
    assert.deepEqual(take(bucket('a', 4)), { refusedBy: -1, remaining: [left], resetMs: [250] });
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: 0, remaining: [0], resetMs: [250] });
  clock.advance(249);
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: 0, remaining: [0], resetMs: [1] });
  clock.advance(1);
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: -1, remaining: [0], resetMs: [250] });
  // Over the end of a period, and of two.
  clock.advance(625);
  assert.deepEqual(take(bucket('a', 4)), { refusedBy: -1, remaining: [1], resetMs: [125] });
  clock.advance(5000);
  const taken = take(bucket('a', 4), limit('b', 0));
  assert.deepEqual(taken, { refusedBy: 1, remaining: [4, 0], resetMs: [0, 1000 - (16_125 % 1000)] });
});

test('a bucket is never over its rate and loses nothing, however it is asked', () => {
  const cases = [
    [3, 1000],
    [7, 1000],
    [1000, 1000],
    [997, 7919],
    [900_001, 1000],
    [5, 60_000],
    [10, 86_400_000],
  ] as const;
  for (const [most, periodMs] of cases) {
    const { clock, take } = start(123_457);
    const stepMs = Math.max(1, periodMs / 1000);
    const steps = most > 10_000 ? 20 : 3000;
    let admitted = 0;
    for (let step = 0; step < steps; step += 1) {
      while (take(bucket('a', most, periodMs)).refusedBy < 0) admitted += 1;
      const elapsed = clock.now() - 123_457;
      assert.equal(
        admitted,
        Math.floor(most + (elapsed / periodMs) * most + 1e-6),
        `${most} in ${periodMs} ms`,
      );
      clock.advance(Math.ceil(stepMs));
    }
  }
});

test('a bucket and a count are taken together or not at all', () => {
  const { take } = start();
  assert.equal(take(bucket('a', 2), limit('b', 1)).refusedBy, -1);
  assert.equal(take(bucket('a', 2), limit('b', 1)).refusedBy, 1);
  assert.deepEqual(take(limit('c', 9), bucket('a', 2), bucket('a', 2)).remaining, [8, 0, 0]);
  assert.equal(take(limit('c', 9), bucket('a', 2)).refusedBy, 1);
  assert.equal(take(limit('c', 9)).remaining[0], 7);
});

test('a bucket is another count than that of the same key, and than a bucket of another limit', () => {
  const { take } = start();
  assert.equal(take(bucket('a', 1)).refusedBy, -1);
  assert.equal(take(limit('a', 1)).refusedBy, -1);
  assert.deepEqual(take(bucket('a', 2), bucket('a', 3)).remaining, [1, 2]);
});

test('a bucket of nothing admits nothing, and one of more than there are numbers admits no more than it holds', () => {
  const { take } = start();
  assert.deepEqual(take(bucket('a', 0)), { refusedBy: 0, remaining: [0], resetMs: [1000] });
  assert.deepEqual(take(bucket('a', 1e12)).remaining, [0x7fff_fffe]);
});

test('a clock that was set back fills no bucket before it has caught up', () => {
  const { clock, take } = start(1_000_500);
  take(bucket('a', 2));
  clock.advance(-500_000);
  assert.deepEqual(take(bucket('a', 2)), { refusedBy: -1, remaining: [0], resetMs: [500_500] });
  assert.equal(take(bucket('a', 2)).refusedBy, 0);
  clock.advance(500_499);
  assert.equal(take(bucket('a', 2)).refusedBy, 0);
  clock.advance(1);
  assert.equal(take(bucket('a', 2)).refusedBy, -1);
});

test('does what counters of one process do, for random requests over a long time', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 0x1_0000_0000) * below);
  };
  const { clock, take } = start(Date.UTC(2026, 1, 27, 23, 59, 50));
  const memory = new MemoryCounters(clock).of('plugin');
  const periods = [100, 1000, 7919, 60_000, 3_600_000, 86_400_000, 31_536_000_000];
  const one = (): Limit => {
    const key = random(30);
    const periodMs = periods[random(periods.length)] ?? 1000;
    // A request in a year is not reckoned to the millisecond by either.
    if (random(3) === 0) {
      const most = [0, 1, 5, 100][random(4)] ?? 1;
      return bucket(`key ${key % 5} ${most}`, most, Math.min(periodMs, 60_000));
    }
    return limit(`key ${key} ü`.repeat(1 + (key % 3)), [0, 1, 2, 5, 100][random(5)] ?? 1, periodMs);
  };
  let [admitted, refused] = [0, 0];
  for (let turn = 0; turn < 30_000; turn += 1) {
    const limits = Array.from({ length: random(5) }, one);
    const taken = take(...limits);
    assert.deepEqual(taken, memory.take(limits), `turn ${turn}: ${JSON.stringify(limits)}`);
    if (taken.refusedBy < 0) admitted += 1;
    else refused += 1;
    if (random(3) === 0) clock.advance([1, 40, 1000, 50_000, 4_000_000][random(5)] ?? 1);
  }
  assert.ok(admitted > 3000 && refused > 3000, `${admitted} and ${refused}`);
});

test('slots are used again once a period is over, year after year', () => {
  const { clock, take } = start(10_000, 400);
  for (let turn = 0; turn < 500; turn += 1) {
    // So few that no bucket gets more of them than it has slots, however the keys are hashed this time.
    for (let key = 0; key < 80; key += 1)
      assert.equal(take(limit(`${turn} ${key}`, 1, 3_600_000)).refusedBy, -1, `turn ${turn}, key ${key}`);
    clock.advance(3_600_000 * (1 + (turn % 100)));
  }
});

test('keys without room share one count for each limit, and keep to it when there is room again', () => {
  const { clock, take } = start(10_000, 20);
  for (let key = 0; key < 20; key += 1) take(limit(`${key}`, 9));
  const hour = (key: string, most: number): Limit => limit(key, most, 3_600_000);
  assert.deepEqual(take(hour('a', 3)).remaining, [2]);
  assert.deepEqual(take(hour('b', 3)).remaining, [1]);
  assert.deepEqual(take(hour('c', 5)).remaining, [4]);
  assert.deepEqual(take(hour('a', 0), limit('0', 9)).remaining, [0, 8]);
  clock.advance(1000);
  // There is room, but what was counted of "a" is not in it.
  assert.deepEqual(take(hour('a', 3)).remaining, [0]);
  assert.equal(take(hour('b', 3)).refusedBy, 0);
  assert.equal(take(hour('a', 3), limit('z', 9)).refusedBy, 0);
  // Keys that had a slot go on in it.
  clock.advance(3_600_000);
  assert.deepEqual(take(hour('a', 3)).remaining, [2]);
  assert.deepEqual(take(hour('b', 3)).remaining, [2]);
});

test('buckets without room share one, which goes on from what each has left, and they from that', () => {
  const { clock, take } = start(3_590_000, 20);
  const hour = (key: string): Limit => bucket(key, 10, 3_600_000);
  for (let turn = 0; turn < 9; turn += 1) take(hour('a'));
  for (let key = 0; key < 19; key += 1) take(limit(`${key}`, 9, 86_400_000));
  // In this period there is no room any more.
  clock.advance(10_000);
  assert.deepEqual(take(hour('b')).remaining, [9]);
  assert.deepEqual(take(hour('a')), { refusedBy: -1, remaining: [0], resetMs: [350_000] });
  for (const key of ['a', 'b', 'c']) assert.equal(take(hour(key)).refusedBy, 0);
  clock.advance(3_590_000);
  for (let left = 9; left >= 0; left -= 1) assert.deepEqual(take(hour('b')).remaining, [left]);
  // In this one there is, and nobody knows which of them it was.
  clock.advance(10_000);
  for (const key of ['a', 'c']) assert.equal(take(hour(key)).refusedBy, 0);
  clock.advance(360_000);
  for (const key of ['a', 'c']) assert.equal(take(hour(key)).remaining[0], 0);
});

test('without room for a shared count either, requests are refused', () => {
  const { take } = start(10_000, 20);
  for (let key = 0; key < 20; key += 1) take(limit(`${key}`, 9));
  let refused = 0;
  for (let most = 1; most <= 200; most += 1) if (take(limit('further', most)).refusedBy === 0) refused += 1;
  // Four spare buckets of 20.
  assert.ok(refused >= 120, `${refused}`);
  assert.equal(take(limit('3', 9)).refusedBy, -1);
});
