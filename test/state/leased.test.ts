import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { type Machine, limit, openMachine, planFor, storm } from './support.ts';

let server: RedisServer;
let machines: Machine[] = [];
let redis: Redis;

before(async () => {
  server = await startRedis();
  redis = new Redis(server.port);
  const plan = planFor(server.port, { counters: 'leased', leasePercent: 5 });
  machines = [await openMachine(plan), await openMachine(plan)];
});

after(async () => {
  for (const { held } of machines) held.release();
  redis.disconnect();
  await server[Symbol.asyncDispose]();
  assert.deepEqual(
    machines.flatMap(({ log }) => log),
    [],
  );
});

/** As many as one machine takes at a time. */
const block = (most: number): number => Math.max(1, Math.floor(most * 0.05));

for (const most of [1, 10, 100, 1000]) {
  test(`of a limit of ${most}, no more are admitted, and all but what others have in hand`, async () => {
    const [one, two] = machines;
    assert.ok(one && two);
    const of = limit(`of ${most}`, most);
    // The second takes a block and spends one of it.
    assert.equal((await two.take(of)).refusedBy, -1);
    const byOne = await storm([one], 2 * most + 64, of);
    assert.equal(byOne, most - block(most), 'the first gets all that was not leased');
    assert.equal(await storm([one, two], 2 * most + 64, of), block(most) - 1, 'the rest is with the second');
  });
}

test('64 callers of two machines admit exactly the limit, once nobody has anything in hand', async () => {
  const of = limit('both', 500);
  assert.equal(await storm(machines, 3000, of), 500);
});

test('a block costs one round trip, however many wait for it; what is used up costs none', async () => {
  const [one] = machines;
  assert.ok(one);
  await redis.config('RESETSTAT');
  assert.equal(await storm([one], 1000, limit('trips', 200)), 200);
  // Twenty blocks of ten, the last of which told that nothing is left.
  const [, calls] = /cmdstat_evalsha:calls=(\d+),/.exec(await redis.info('commandstats')) ?? [];
  assert.equal(Number(calls), 20);
});

test('all are counted, or none when one is used up; what is left is told', async () => {
  const [one] = machines;
  assert.ok(one);
  assert.equal(await storm([one], 300, limit('wide', 1000), limit('narrow', 20)), 20);
  assert.deepEqual((await one.take(limit('wide', 1000))).remaining, [1000 - 21]);
  const refused = await one.take(limit('wide', 1000), limit('narrow', 20));
  assert.deepEqual([refused.refusedBy, refused.remaining], [1, [1000 - 21, 0]]);
});

test('a limit of nothing looks, and knows what the other machine used', async () => {
  const [one, two] = machines;
  assert.ok(one && two);
  await storm([one], 64, limit('looked at', 10));
  const { refusedBy, remaining } = await two.take(limit('looked at', 10), limit('nothing', 0));
  assert.deepEqual([refusedBy, remaining[0]], [0, 0]);
  const fresh = await two.take(limit('fresh', 10), limit('nothing', 0));
  assert.deepEqual([fresh.refusedBy, fresh.remaining[0]], [1, 10]);
});

test('a lowered limit does not spend what was leased under a higher one', async () => {
  const [one] = machines;
  assert.ok(one);
  assert.equal((await one.take(limit('lowered', 100))).refusedBy, -1);
  assert.equal((await one.take(limit('lowered', 5))).refusedBy, 0);
});

test('a key that stands twice is counted once', async () => {
  const [one] = machines;
  assert.ok(one);
  assert.deepEqual((await one.take(limit('twice', 50), limit('twice', 30))).remaining, [49, 29]);
});

test('a lease ends with its window', { timeout: 60_000 }, async () => {
  const [one, two] = machines;
  assert.ok(one && two);
  const of = limit('short', 40, 1000);
  for (let turn = 0; turn < 3; turn += 1) {
    const [seconds] = await redis.time();
    const admitted = await storm([one, two], 400, of);
    const [after] = await redis.time();
    // Those that ran into the next second admit what that admits, too.
    const windows = Number(after) - Number(seconds) + 1;
    assert.ok(admitted <= 40 * windows, `${admitted} in ${windows}`);
    for (;;) {
      const { refusedBy } = await one.take(of, limit('', 0, 1000));
      if (refusedBy === 1) break;
    }
  }
});

test('a bucket is never leased: whoever asks first gets what is there', async () => {
  const [one, two] = machines;
  assert.ok(one && two);
  const bucket = { ...limit('bucket', 100), isBucket: true };
  assert.equal((await two.take(bucket)).refusedBy, -1);
  assert.equal(await storm([one], 200, bucket), 99);
  assert.equal((await two.take(bucket)).refusedBy, 0);
});
