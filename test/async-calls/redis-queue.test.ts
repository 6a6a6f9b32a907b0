import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Outcome } from '../../plugins/backend-function/async/queue.ts';
import { until } from '../gateway/support/within.ts';
import { type OpenedQueue, callOf, lots, openQueue, startStore, take } from './support.ts';

const dead = (at: number, reason = 'x'): Outcome => ({ kind: 'dead', at, attempts: 1, reason });
const bounds = { now: 0, bornAfter: -lots, deadAfter: -lots, deadBytes: lots };

/** Two gateways with one queue. */
async function pairOf(t: TestContext, more: Parameters<typeof openQueue>[2] = {}) {
  const { server, redis } = await startStore(t);
  const [one, other] = [openQueue(t, server.port, more), openQueue(t, server.port, more)];
  return { server, redis, one, other };
}

test('a call comes back as it went in, once for all gateways until it is settled', async (t) => {
  const { one, other, redis } = await pairOf(t);
  const call = callOf({ requestId: 'é', event: '{"a":"\\u0000é€😀"}', timeoutMs: 5 });
  assert.equal(await one.queue.add(call, lots), true);
  const { calls } = await take(other.queue);
  assert.equal(calls.length, 1);
  const { acceptedAt = 0, ...rest } = calls[0] ?? {};
  const { acceptedAt: _at, ...expected } = call;
  assert.deepEqual(rest, { ...expected, id: 1, attempts: 0 });
  assert.ok(Math.abs(acceptedAt - Date.now()) < 60_000);
  assert.deepEqual((await take(one.queue)).names, []);
  await other.queue.settle(1, { kind: 'again', at: Date.now() + 3_600_000, attempts: 1, reason: 'x' });
  const { names, nextDueAt = 0 } = await take(one.queue);
  assert.deepEqual(names, []);
  assert.ok(nextDueAt > Date.now() + 3_000_000 && nextDueAt <= Date.now() + 3_600_001, String(nextDueAt));
  await redis.zadd('tapgate:{async-calls}:due:f', 0, 1);
  const again = await take(one.queue);
  assert.deepEqual(
    again.calls.map(({ attempts }) => attempts),
    [1],
  );
  await one.queue.settle(1, { kind: 'done' });
  assert.deepEqual((await redis.keys('*:call:*')).length, 0);
  assert.equal(await redis.hget('tapgate:{async-calls}:bytes', 'calls'), '0');
});

test('many gateways that take at once: each call is taken by one', async (t) => {
  const { server } = await startStore(t);
  const queues = Array.from({ length: 4 }, () => openQueue(t, server.port).queue);
  const names = Array.from({ length: 400 }, (_each, index) => `r${index}`);
  await Promise.all(
    queues.flatMap((queue, part) =>
      names.slice(part * 100, part * 100 + 100).map((requestId) => queue.add(callOf({ requestId }), lots)),
    ),
  );
  const taken: string[] = [];
  await Promise.all(
    queues.map(async (queue) => {
      for (let more = 5; ; more += 5) {
        const found = await take(queue, more);
        if (found.names.length === 0) return;
        taken.push(...found.names);
      }
    }),
  );
  assert.equal(taken.length, 400);
  assert.deepEqual(new Set(taken), new Set(names));
});

test('of each function as many as may run in a gateway; others wait for nobody', async (t) => {
  const { one, other } = await pairOf(t);
  for (let turn = 0; turn < 5; turn += 1) await one.queue.add(callOf({ requestId: `f${turn}` }), lots);
  await one.queue.add(callOf({ requestId: 'g', function: 'g' }), lots);
  await one.queue.add(callOf({ requestId: 'gone', function: 'gone {}:' }), lots);
  const first = await take(one.queue, 2, ['f', 'g']);
  assert.deepEqual(first.names.toSorted(), ['f0', 'f1', 'g']);
  assert.deepEqual((await take(one.queue, 2, ['f', 'g'])).names, []);
  assert.deepEqual((await take(other.queue, 2, ['f', 'g'])).names, ['f2', 'f3']);
  await one.queue.settle(first.calls[0]?.id ?? 0, { kind: 'done' });
  assert.deepEqual((await take(one.queue, 2, ['f', 'g'])).names, ['f4']);
  assert.deepEqual((await take(other.queue, 2, ['gone {}:'])).names, ['gone']);
});

test('what does not fit is not taken in, by whichever gateway', async (t) => {
  const { one, other } = await pairOf(t);
  const event = `"${'x'.repeat(3000)}"`;
  assert.equal(await one.queue.add(callOf({ event }), 5000), true);
  assert.equal(await other.queue.add(callOf({ event }), 5000), false);
  const { calls } = await take(other.queue);
  // Those that run count as well.
  assert.equal(await one.queue.add(callOf({ event }), 5000), false);
  await other.queue.settle(calls[0]?.id ?? 0, { kind: 'done' });
  assert.equal(await one.queue.add(callOf({ event }), 5000), true);
});

test('a lease that runs out gives the call to another; the first holder then changes nothing', async (t) => {
  const { one, other, redis } = await pairOf(t);
  await one.queue.add(callOf(), lots);
  const { calls } = await take(one.queue);
  assert.deepEqual((await take(other.queue)).names, []);
  await redis.zadd('tapgate:{async-calls}:leased', 1, calls[0]?.id ?? 0);
  const second = await take(other.queue);
  assert.deepEqual(second.names, ['r']);
  await one.queue.settle(1, dead(Date.now()));
  assert.equal(await redis.zcard('tapgate:{async-calls}:dead'), 0);
  assert.equal(await redis.zcard('tapgate:{async-calls}:leased'), 1);
  await other.queue.settle(1, { kind: 'done' });
  assert.equal(await redis.zcard('tapgate:{async-calls}:leased'), 0);
});

test('a holder whose lease ran out may still settle, while nobody else has taken the call', async (t) => {
  const { one, other, redis } = await pairOf(t);
  await one.queue.add(callOf(), lots);
  await take(one.queue);
  await redis.zadd('tapgate:{async-calls}:leased', 1, 1);
  // Gives it back to those that wait; nobody here asks for `f`.
  assert.deepEqual((await take(other.queue, 100, ['g'])).names, []);
  assert.equal(await redis.zcard('tapgate:{async-calls}:due:f'), 1);
  await one.queue.settle(1, { kind: 'done' });
  assert.deepEqual((await take(other.queue)).names, []);
  assert.equal(await redis.hget('tapgate:{async-calls}:bytes', 'calls'), '0');
});

test('leases are renewed as long as a call runs; one that was lost is told once', async (t) => {
  const { server, redis } = await startStore(t);
  const one = openQueue(t, server.port, { leaseMs: 3000 });
  const other = openQueue(t, server.port, { leaseMs: 3000 });
  await one.queue.add(callOf(), lots);
  await take(one.queue);
  const until0 = Number(await redis.zscore('tapgate:{async-calls}:leased', '1'));
  let score = until0;
  const poll = async (): Promise<void> => {
    score = Number(await redis.zscore('tapgate:{async-calls}:leased', '1'));
  };
  await until(() => (void poll(), score > until0), 'it was renewed', 30_000);
  assert.deepEqual((await take(other.queue)).names, []);
  // What a gateway finds that was stopped for long.
  await redis.zadd('tapgate:{async-calls}:leased', 1, 1);
  assert.deepEqual((await take(other.queue)).names, ['r']);
  const told = (): number => one.log.filter((line) => line.includes('taken over')).length;
  await until(() => told() === 1, 'it is told', 30_000);
});

test('closing gives back what was taken, at once', async (t) => {
  const { one, other } = await pairOf(t);
  await one.queue.add(callOf(), lots);
  assert.deepEqual((await take(one.queue)).names, ['r']);
  const added = one.queue.add(callOf({ requestId: 'last' }), lots);
  await one.queue.close();
  assert.equal(await added, true);
  await assert.rejects(one.queue.add(callOf(), lots), /closed/);
  assert.deepEqual((await take(other.queue)).names.toSorted(), ['last', 'r']);
});

test('calls that are too old become dead letters, but not those that run; the oldest of these go first', async (t) => {
  const { one, other, redis } = await pairOf(t);
  await one.queue.add(callOf({ requestId: 'runs' }), lots);
  await take(one.queue);
  await one.queue.add(callOf({ requestId: 'waits', event: `"${'x'.repeat(1000)}"` }), lots);
  const aged = async (key: string, id: number): Promise<unknown> =>
    redis.zadd(`tapgate:{async-calls}:${key}`, 1, id);
  await aged('born', 1);
  await aged('born', 2);
  assert.deepEqual(await other.queue.tidy({ ...bounds, bornAfter: -60_000 }), { expired: 1, dropped: 0 });
  assert.equal(await redis.hget('tapgate:{async-calls}:call:2', 'reason'), 'too old');
  assert.deepEqual((await take(other.queue)).names, []);
  await one.queue.settle(1, dead(Date.now(), 'failed: no'));
  assert.equal(await redis.hget('tapgate:{async-calls}:bytes', 'calls'), '0');
  assert.ok(Number(await redis.hget('tapgate:{async-calls}:bytes', 'dead')) > 3000);
  await aged('dead', 2);
  assert.deepEqual(await one.queue.tidy({ ...bounds, deadBytes: 1500 }), { expired: 0, dropped: 1 });
  assert.deepEqual(await redis.zrange('tapgate:{async-calls}:dead', '0', '-1'), ['1']);
  await aged('dead', 1);
  assert.deepEqual(await one.queue.tidy({ ...bounds, deadAfter: -60_000 }), { expired: 0, dropped: 1 });
  assert.equal(await redis.hget('tapgate:{async-calls}:bytes', 'dead'), '0');
  assert.deepEqual(await redis.keys('*:call:*'), []);
});

test('a server that is full refuses calls, and learns what became of those that it has', async (t) => {
  const { server, redis } = await startStore(t);
  const { queue } = openQueue(t, server.port);
  for (let turn = 0; turn < 3; turn += 1) await queue.add(callOf({ requestId: `r${turn}` }), lots);
  await redis.config('SET', 'maxmemory', '1mb');
  assert.equal(await queue.add(callOf(), lots), false);
  const { calls } = await take(queue, 2);
  assert.equal(calls.length, 2);
  await queue.settle(calls[0]?.id ?? 0, { kind: 'done' });
  await queue.settle(calls[1]?.id ?? 0, dead(Date.now()));
  assert.equal(await redis.zcard('tapgate:{async-calls}:dead'), 1);
  await redis.config('SET', 'maxmemory', '0');
  assert.equal(await queue.add(callOf(), lots), true);
});

test('a server that is away: nothing is kept, nobody waits, and all goes on when it is back', async (t) => {
  const { server } = await startStore(t);
  const { queue, log } = openQueue(t, server.port);
  assert.equal(await queue.add(callOf({ requestId: 'kept' }), lots), true);
  await server.kill();
  await assert.rejects(queue.add(callOf(), lots));
  await assert.rejects(queue.take({ now: Date.now(), functions: ['f'], concurrency: 1 }));
  assert.deepEqual(log, ['the queue of functions is out of reach: calls for later are refused']);
  await server.restart();
  await until(() => log.length === 2, 'it is back', 30_000);
  assert.deepEqual((await take(queue)).names, ['kept']);
});

test('settings with which calls are lost are told', async (t) => {
  const { server, redis } = await startStore(t, []);
  await redis.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
  const { queue, log } = openQueue(t, server.port);
  await take(queue);
  await until(() => log.length === 2, 'both are told', 30_000);
  assert.match(log.join('\n'), /allowed: appendonly yes\n.*allowed: maxmemory-policy noeviction/);
  const safe = await startStore(t);
  const quiet: OpenedQueue = openQueue(t, safe.server.port);
  for (let turn = 0; turn < 3; turn += 1) await take(quiet.queue);
  assert.deepEqual(quiet.log, []);
});

test('a call that the server dropped is made by nobody, and holds up no other', async (t) => {
  const { one, other, redis } = await pairOf(t);
  for (const requestId of ['waits', 'runs', 'dies', 'kept']) await one.queue.add(callOf({ requestId }), lots);
  await redis.zadd('tapgate:{async-calls}:due:f', 0, 2, 0, 3);
  const { calls } = await take(one.queue, 2);
  assert.deepEqual(new Set(calls.map(({ id }) => id)), new Set([2, 3]));
  await one.queue.settle(3, dead(Date.now()));
  await redis.del(...[1, 2, 3].map((id) => `tapgate:{async-calls}:call:${id}`));
  assert.deepEqual((await take(other.queue)).names, ['kept']);
  await one.queue.settle(2, { kind: 'done' });
  const tidied = await one.queue.tidy({ ...bounds, bornAfter: 1, deadAfter: 1 });
  assert.deepEqual(tidied, { expired: 0, dropped: 1 });
  assert.deepEqual(await redis.zrange('tapgate:{async-calls}:dead', '0', '-1'), []);
});
