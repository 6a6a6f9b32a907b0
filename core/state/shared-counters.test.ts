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

const limit = (key: string, most: number, periodMs = 1000): Limit => ({ key, limit: most, periodMs });

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
    for (let key = 0; key < 150; key += 1)
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

test('without room for a shared count either, requests are refused', () => {
  const { take } = start(10_000, 20);
  for (let key = 0; key < 20; key += 1) take(limit(`${key}`, 9));
  let refused = 0;
  for (let most = 1; most <= 200; most += 1) if (take(limit('further', most)).refusedBy === 0) refused += 1;
  // Four spare buckets of 20.
  assert.ok(refused >= 120, `${refused}`);
  assert.equal(take(limit('3', 9)).refusedBy, -1);
});
