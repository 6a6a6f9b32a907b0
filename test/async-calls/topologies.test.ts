import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { startCluster } from '../support/redis-cluster.ts';
import { startRedis, startSentinel } from '../support/redis.ts';
import { type OpenedQueue, callOf, lots, openQueue, take } from './support.ts';

const at = (port: number) => ({ host: '127.0.0.1', port });

async function makeSome({ queue, log }: OpenedQueue): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1)
    assert.equal(await queue.add(callOf({ requestId: `r${turn}`, function: `f${turn % 4}` }), lots), true);
  const { calls } = await take(queue, 3, ['f0', 'f1', 'f2', 'f3']);
  assert.equal(calls.length, 12);
  for (const { id } of calls) await queue.settle(id, { kind: 'done' });
  assert.equal((await take(queue, 3, ['f0', 'f1', 'f2', 'f3'])).calls.length, 8);
  assert.deepEqual(await queue.tidy({ now: 0, bornAfter: -lots, deadAfter: -lots, deadBytes: lots }), {
    expired: 0,
    dropped: 0,
  });
  assert.deepEqual(
    log.filter((line) => !line.includes('appendonly yes')),
    [],
  );
}

test('a Cluster: the queue is on one of its nodes', { timeout: 60_000 }, async (t) => {
  const { servers, clients } = await startCluster(t);
  const store = { kind: 'cluster', addresses: [at(servers[0]?.port ?? 0)] } as const;
  await makeSome(openQueue(t, 0, { store }));
  const counts = await Promise.all(clients.map((client) => client.keys('tapgate:*')));
  assert.equal(counts.filter((keys) => keys.length > 0).length, 1);
});

test('sentinels tell where the master is', { timeout: 60_000 }, async (t) => {
  const master = await startRedis();
  t.after(() => master[Symbol.asyncDispose]());
  const sentinel = await startSentinel(master.port);
  t.after(() => sentinel[Symbol.asyncDispose]());
  const store = { kind: 'sentinel', addresses: [at(sentinel.port)], master: 'main' } as const;
  await makeSome(openQueue(t, 0, { store }));
});

test('an account with the rights that the page names is enough', { timeout: 60_000 }, async (t) => {
  const server = await startRedis();
  t.after(() => server[Symbol.asyncDispose]());
  const redis = new Redis(server.port);
  t.after(() => redis.disconnect());
  const words =
    'on >secret resetchannels ~own:{async-calls}* -@all +eval +evalsha +info +ping +select +client|setname';
  const inScripts =
    '+time +incr +hget +hmget +hset +hdel +hincrby +zadd +zrem +zrange +zrangebyscore +zscore +del';
  await redis.call('ACL', 'SETUSER', 'gateway', ...words.split(' '), ...inScripts.split(' '));
  const store = {
    kind: 'single',
    addresses: [at(server.port)],
    username: 'gateway',
    password: 'secret',
  } as const;
  await makeSome(openQueue(t, 0, { store, prefix: 'own:' }));
});
