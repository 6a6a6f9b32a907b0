import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { MemoryValues } from './memory-values.ts';
import { attachSharedState, openSharedState } from './shared-state.ts';

function start(now: number, values = 2000) {
  const clock = new VirtualClock(now);
  const { fd, state } = openSharedState(clock, { counts: 20, values });
  const other = attachSharedState(fd, clock);
  fs.closeSync(fd);
  return { clock, one: state.values, other: other.values };
}

test('a key is kept for its time, whoever asks and whatever the lifetime of the second claim', () => {
  const { clock, one, other } = start(1500);
  assert.equal(one.claim('a', 10_000), true);
  for (const ttlMs of [10_000, 1, 20_000]) assert.equal(other.claim('a', ttlMs), false);
  clock.advance(9999);
  assert.equal(one.claim('a', 5), false);
  assert.equal(other.has('a'), true);
  clock.advance(1);
  assert.equal(other.has('a'), false);
  assert.equal(other.claim('a', 2000), true);
  assert.equal(one.claim('a', 2000), false);
});

test('a key that nobody claimed is not kept, and a lifetime is a number', () => {
  const { one } = start(1500);
  assert.equal(one.has('a'), false);
  assert.throws(() => one.claim('a', NaN), RangeError);
  assert.equal(one.has('a'), false);
});

test('a clock that was set back forgets nothing and lets nothing be claimed twice', () => {
  const { clock, one, other } = start(100_000);
  assert.equal(one.claim('a', 1000), true);
  clock.advance(-50_000);
  assert.equal(other.claim('a', 1000), false);
  assert.equal(other.claim('b', 1000), true);
  clock.advance(50_500);
  assert.equal(one.claim('b', 1000), false);
});

test('does what values of one process do, for random claims over a long time', () => {
  let seed = 3;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 0x1_0000_0000) * below);
  };
  const { clock, one, other } = start(Date.UTC(2026, 0, 1));
  const memory = new MemoryValues(clock);
  let claimed = 0;
  for (let turn = 0; turn < 30_000; turn += 1) {
    const values = random(2) === 0 ? one : other;
    const key = `key ${random(200)}`;
    const ttlMs = [1, 10, 1000, 1500, 100_000][random(5)] ?? 1;
    assert.equal(values.has(key), memory.has(key), `turn ${turn}`);
    if (random(3) === 0) {
      const isNew = values.claim(key, ttlMs);
      assert.equal(isNew, memory.claim(key, ttlMs), `turn ${turn}`);
      if (isNew) claimed += 1;
    }
    if (random(3) === 0) clock.advance([1, 9, 100, 2000][random(4)] ?? 1);
  }
  assert.ok(claimed > 2000, `${claimed}`);
});

test('without room a claim is no answer: neither this key nor another is forgotten', () => {
  const { clock, one, other } = start(1000, 40);
  const kept: string[] = [];
  let refused = 0;
  for (let key = 0; key < 100; key += 1)
    try {
      if (one.claim(`${key}`, 5000)) kept.push(`${key}`);
    } catch (error) {
      assert.match(String(error), /holds as many keys as it can/);
      refused += 1;
    }
  assert.equal(kept.length, 40);
  assert.equal(refused, 60);
  for (const key of kept) assert.equal(other.claim(key, 5000), false);
  clock.advance(5000);
  for (let key = 100; key < 115; key += 1) assert.equal(other.claim(`${key}`, 5000), true);
});
