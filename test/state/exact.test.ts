import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { VirtualClock } from '#sdk/testing';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { type Machine, limit, longMs, openMachine, planFor, storm } from './support.ts';

let server: RedisServer;
let one: Machine;
let two: Machine;
let redis: Redis;

before(async () => {
  server = await startRedis();
  redis = new Redis(server.port);
  one = await openMachine(planFor(server.port));
  // Its own clock is years off: the server's decides.
  two = await openMachine(planFor(server.port), new VirtualClock(5_000_000));
});

after(async () => {
  one.held.release();
  two.held.release();
  redis.disconnect();
  await server[Symbol.asyncDispose]();
  assert.deepEqual([...one.log, ...two.log], []);
});

for (const most of [1, 63, 64, 1000]) {
  test(`two machines with 64 callers admit exactly ${most}`, async () => {
    assert.equal(await storm([one, two], 2000, limit(`exactly ${most}`, most)), most);
  });
}

for (const most of [1, 64, 1000]) {
  test(`two machines with 64 callers take exactly the ${most} that a bucket holds`, async () => {
    assert.equal(await storm([one, two], 2000, { ...limit(`bucket ${most}`, most), isBucket: true }), most);
  });
}

test('a bucket fills for all machines, by the time of the server', async () => {
  const bucket = { ...limit('filling', 4, 400), isBucket: true };
  const beganAt = performance.now();
  let admitted = 0;
  let refused = 0;
  while (admitted < 12) {
    const machine = admitted % 2 === 0 ? one : two;
    const taken = await machine.take(bucket, limit('beside it', 1_000_000));
    if (taken.refusedBy < 0) admitted += 1;
    else {
      refused += 1;
      assert.equal(taken.refusedBy, 0);
      assert.ok((taken.resetMs[0] ?? 0) >= 1 && (taken.resetMs[0] ?? 0) <= 100, `${taken.resetMs[0]}`);
    }
  }
  assert.ok(refused > 0);
  // Eight came back, one each 100 ms; a millisecond for each clock that was rounded.
  assert.ok(performance.now() - beganAt >= 798);
  assert.deepEqual((await two.take(limit('beside it', 1_000_000))).remaining, [1_000_000 - 13]);
});

test('a bucket is another count than that of the same key', async () => {
  assert.equal((await one.take(limit('both', 1))).refusedBy, -1);
  assert.equal((await one.take({ ...limit('both', 1), isBucket: true })).refusedBy, -1);
  assert.equal((await two.take({ ...limit('both', 1), isBucket: true })).refusedBy, 0);
});

test('a limit of N admits N, and tells what is left', async () => {
  const first = await one.take(limit('told', 2));
  assert.deepEqual([first.refusedBy, first.remaining], [-1, [1]]);
  const second = await two.take(limit('told', 2));
  assert.deepEqual([second.refusedBy, second.remaining], [-1, [0]]);
  const third = await one.take(limit('told', 2));
  assert.deepEqual([third.refusedBy, third.remaining], [0, [0]]);
});

test('all are counted, or none when one is used up', async () => {
  await one.take(limit('none b', 1));
  const taken = await two.take(limit('none a', 5), limit('none b', 1), limit('none c', 5));
  assert.deepEqual([taken.refusedBy, taken.remaining], [1, [5, 0, 5]]);
  assert.deepEqual((await one.take(limit('none a', 5))).remaining, [4]);
});

test('all or none, under load: the widest limit is used as often as requests were admitted', async () => {
  const admitted = await storm([one, two], 1000, limit('wide', 10_000), limit('narrow', 77));
  assert.equal(admitted, 77);
  assert.deepEqual((await one.take(limit('wide', 10_000))).remaining, [10_000 - 78]);
});

test('a limit of nothing looks without counting; no limits at all admit', async () => {
  await one.take(limit('looked at', 5));
  for (let turn = 0; turn < 3; turn += 1) {
    const { refusedBy, remaining } = await two.take(limit('looked at', 5), limit('', 0));
    assert.deepEqual([refusedBy, remaining], [1, [4, 0]]);
  }
  assert.equal((await one.take()).refusedBy, -1);
});

test('a key that stands twice is counted once', async () => {
  assert.deepEqual((await one.take(limit('twice', 5), limit('twice', 3))).remaining, [4, 2]);
  assert.deepEqual((await two.take(limit('twice', 5), limit('twice', 3))).remaining, [3, 1]);
});

test('another period, plugin or partition is another count; a changed limit goes on with the one there is', async () => {
  assert.equal((await one.take(limit('apart', 1))).refusedBy, -1);
  assert.equal((await one.take(limit('apart', 1, longMs + 1000))).refusedBy, -1);
  assert.equal((await one.held.counters.of('other').take([limit('apart', 1)])).refusedBy, -1);
  assert.equal((await one.held.counters.of('plugin').take([limit('apart', 1)], 'part')).refusedBy, -1);
  assert.equal((await one.take(limit('apart', 1))).refusedBy, 0);
  assert.deepEqual((await one.take(limit('apart', 3))).remaining, [1]);
});

test("windows are the server's, aligned to 1970, and each admits anew", { timeout: 60_000 }, async () => {
  const periodMs = 1000;
  const now = async (): Promise<number> => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  let last = -1;
  for (let turn = 0; turn < 3; turn += 1) {
    const before = await now();
    const { refusedBy, resetMs } = await two.take(limit('second', 1, periodMs));
    const after = await now();
    assert.equal(refusedBy, -1);
    const [key = ''] = await redis.keys('*second');
    const window = Number((await redis.get(key))?.split(':')[0]);
    assert.ok(window >= Math.floor(before / periodMs) && window <= Math.floor(after / periodMs));
    assert.ok(window > last, 'another window than before');
    last = window;
    const [reset = 0] = resetMs;
    const end = (window + 1) * periodMs;
    assert.ok(reset <= end - before && reset >= end - after, `${reset}`);
    // Looks until the window has ended.
    while ((await one.take(limit('second', 1, periodMs), limit('nothing', 0, periodMs))).refusedBy === 0);
    assert.ok((await now()) >= end);
  }
});

test('a window that began later than the present one goes on: a clock set back starts none anew', async () => {
  await one.take(limit('back', 2));
  const [key = ''] = await redis.keys('*back');
  assert.equal(await redis.get(key), '0:1');
  await redis.set(key, '3:2');
  assert.equal((await one.take(limit('back', 2))).refusedBy, 0);
  await redis.set(key, '-1:2');
  assert.equal((await one.take(limit('back', 2))).refusedBy, -1);
  assert.equal(await redis.get(key), '0:1');
});

test('keys go away by themselves, a little after their window', async () => {
  await one.take(limit('gone', 5, 60_000));
  const [key = ''] = await redis.keys('*gone');
  const ttl = await redis.pttl(key);
  assert.ok(ttl > 4000 && ttl <= 65_000, `${ttl}`);
});

test('a server that forgot the script is told again, and counts once', async () => {
  for (let turn = 1; turn <= 3; turn += 1) {
    await redis.script('FLUSH');
    assert.deepEqual((await one.take(limit('flushed', 10))).remaining, [10 - turn]);
  }
});

test('one round trip for all limits of a request', async () => {
  const take = () => one.take(limit('trip a', 100), limit('trip b', 100), limit('trip c', 100));
  await take();
  await redis.config('RESETSTAT');
  for (let turn = 0; turn < 10; turn += 1) await take();
  const stats = await redis.info('commandstats');
  assert.match(stats, /cmdstat_evalsha:calls=10,/);
  assert.doesNotMatch(stats, /cmdstat_(?:eval|script[^:]*):/);
});
