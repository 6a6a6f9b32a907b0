import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scoped } from '../../core/state/memory-values.ts';
import { pause } from '../gateway/support/within.ts';
import { ownPrefix, sharedRedis } from '../support/redis.ts';
import { openMachine, planAt } from './support.ts';

test('what one machine claimed, no other claims, and each can ask', { timeout: 60_000 }, async () => {
  await using server = await sharedRedis();
  const plan = planAt(server.url, ownPrefix());
  const machines = await Promise.all([openMachine(plan), openMachine(plan)]);
  // As plugins get them.
  const [one, two] = machines.map(({ held }) => scoped(held.values, 'plugin'));
  assert.ok(one && two);
  assert.equal(await two.has('a'), false);
  assert.equal(await one.claim('a', 60_000), true);
  assert.equal(await two.claim('a', 60_000), false);
  assert.equal(await two.has('a'), true);
  const claim = async (_each: unknown, index: number): Promise<boolean> =>
    (index % 2 === 0 ? one : two).claim('b}{', 60_000);
  const claims = await Promise.all(Array.from({ length: 64 }, claim));
  assert.equal(claims.filter(Boolean).length, 1);
  await assert.rejects(async () => one.claim('c', Number.NaN), RangeError);
  assert.equal(await one.claim('short', 0.5), true);
  while (await two.has('short')) await pause(1);
  assert.equal(await two.claim('short', 60_000), true);
  await one.set('bytes', Buffer.from([0, 255, 128]), 60_000);
  assert.deepEqual([...((await two.get('bytes')) ?? [])], [0, 255, 128]);
  assert.equal(await two.claim('bytes', 60_000), true);
  await two.set('bytes', Buffer.alloc(0), 60_000);
  assert.equal((await one.get('bytes'))?.length, 0);
  await two.delete('bytes');
  assert.equal(await one.get('bytes'), undefined);
  assert.equal(await one.has('bytes'), true);
  await one.set('short', Buffer.from('x'), 0.5);
  while ((await two.get('short')) !== undefined) await pause(1);
  for (const { held, log } of machines) {
    held.release();
    assert.deepEqual(log, []);
  }
});
