import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { MemoryBytes } from './memory-bytes.ts';
import { MemoryValues, scoped } from './memory-values.ts';

test('a key is kept for its time, whatever the lifetime of the second claim', () => {
  const clock = new VirtualClock(1500);
  const values = new MemoryValues(clock);
  assert.equal(values.claim('a', 10_000), true);
  for (const ttlMs of [10_000, 1, 20_000]) assert.equal(values.claim('a', ttlMs), false);
  clock.advance(9999);
  assert.equal(values.claim('a', 5), false);
  clock.advance(1);
  assert.equal(values.claim('a', 2000), true);
  assert.equal(values.claim('a', 2000), false);
});

test('what was claimed anew outlives the sweep of its first claim', () => {
  const clock = new VirtualClock(0);
  const values = new MemoryValues(clock);
  assert.equal(values.claim('a', 100), true);
  clock.advance(200);
  assert.equal(values.claim('a', 5000), true);
  for (let second = 1; second <= 5; second += 1) {
    assert.equal(values.claim('a', 5000), false);
    clock.advance(999);
  }
  clock.advance(1000);
  assert.equal(values.claim('a', 1), true);
});

test('whether a key is kept can be asked', () => {
  const clock = new VirtualClock(1500);
  const own = scoped(new MemoryValues(clock), 'one');
  assert.equal(own.has('a'), false);
  assert.equal(own.claim('a', 1000), true);
  assert.equal(own.has('a'), true);
  clock.advance(1000);
  assert.equal(own.has('a'), false);
  assert.throws(() => scoped({ claim: () => true }, 'one').has('a'), /cannot be asked/);
});

test('keys of two plugins are apart', () => {
  const values = new MemoryValues(new VirtualClock());
  assert.equal(scoped(values, 'one').claim('a', 1000), true);
  assert.equal(scoped(values, 'two').claim('a', 1000), true);
  assert.equal(scoped(values, 'one').claim('a', 1000), false);
  assert.equal(scoped(values, 'three').has('a'), false);
});

test('bytes are kept for their time, apart from what is claimed, and can be forgotten', () => {
  const clock = new VirtualClock(0);
  const values = new MemoryValues(clock);
  const given = Buffer.from('one');
  values.set('a', given, 1000);
  given.fill(0);
  assert.equal(Buffer.from(values.get('a') ?? []).toString(), 'one');
  assert.equal(values.claim('a', 1000), true);
  values.set('a', Buffer.from('two'), 1000);
  assert.equal(Buffer.from(values.get('a') ?? []).toString(), 'two');
  clock.advance(999);
  assert.notEqual(values.get('a'), undefined);
  clock.advance(1);
  assert.equal(values.get('a'), undefined);
  values.set('b', Buffer.from('x'), 1000);
  values.delete('b');
  values.delete('b');
  assert.equal(values.get('b'), undefined);
});

test('a full store forgets what nobody asked for longest', () => {
  const bytes = new MemoryBytes(new VirtualClock(0), 1000);
  const value = Buffer.alloc(100);
  for (const key of ['a', 'b', 'c']) bytes.set(key, value, 1000);
  assert.notEqual(bytes.get('a'), undefined);
  bytes.set('d', value, 1000);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => bytes.get(key) !== undefined),
    [true, false, true, true],
  );
  bytes.set('large', Buffer.alloc(2000), 1000);
  assert.equal(bytes.get('large'), undefined);
  assert.notEqual(bytes.get('d'), undefined);
});
