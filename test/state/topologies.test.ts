import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { Problems } from '../../core/config/check.ts';
import { readConfigText } from '../../core/config/read.ts';
import { type StateConfig, StateSchema } from '../../core/config/state-schema.ts';
import { planState } from '../../core/state/state-plan.ts';
import { createAuthority, createPair, writeFiles } from '../gateway/support/certificates.ts';
import { within } from '../gateway/support/within.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { freePort, startRedis, startSentinel } from '../support/redis.ts';
import { type Machine, limit, openMachine, planFor, storm } from './support.ts';

test(
  'a Cluster: all keys of a request are in one slot, and those of partitions are spread',
  { timeout: 60_000 },
  async (t) => {
    const { servers, clients } = await startCluster(t);
    const store = {
      kind: 'cluster',
      addresses: servers.slice(0, 1).map(({ port }) => ({ host: '127.0.0.1', port })),
    } as const;
    const machines = [await openMachine(planFor(0, { store })), await openMachine(planFor(0, { store }))];
    for (const { held } of machines) t.after(() => held.release());
    assert.equal(
      await storm(machines, 1000, limit('api', 1000), limit('user x', 300), limit('ip }{', 200)),
      200,
    );
    const counters = machines[0]?.held.counters.of('plugin');
    const partitions = Array.from({ length: 60 }, (_each, index) => `policy ${index} }{`);
    for (const partition of partitions)
      await counters?.take([limit('a', 5), limit('b', 5, 3_600_000)], partition);
    const found = new Map<string, Set<number>>();
    let total = 0;
    for (const client of clients) {
      const keys = await client.keys('tapgate:count:*');
      assert.ok(keys.length > 0, 'each node has some');
      total += keys.length;
      for (const key of keys) {
        const partition = /^tapgate:count:\{plugin\0(policy \d+ )?/.exec(key)?.[1] ?? '';
        const slot = await client.cluster('KEYSLOT', key);
        found.set(partition, (found.get(partition) ?? new Set()).add(slot));
      }
    }
    assert.equal(total, 3 + 2 * partitions.length);
    assert.equal(found.size, 1 + partitions.length);
    for (const [partition, its] of found) assert.equal(its.size, 1, `all of "${partition}" in one slot`);
    const claims: boolean[] = [];
    for (let index = 0; index < 50; index += 1)
      claims.push((await machines[index % 2]?.held.values.claim(`nonce ${index % 25}`, 60_000)) === true);
    assert.equal(claims.filter(Boolean).length, 25);
    assert.deepEqual(
      machines.flatMap(({ log }) => log),
      [],
    );
  },
);

test('sentinels tell where the master is', async (t) => {
  const master = await startRedis();
  t.after(() => master[Symbol.asyncDispose]());
  const sentinel = await startSentinel(master.port);
  t.after(() => sentinel[Symbol.asyncDispose]());
  const store = {
    kind: 'sentinel',
    addresses: [{ host: '127.0.0.1', port: sentinel.port }],
    master: 'main',
  } as const;
  const machine = await within(openMachine(planFor(0, { store })), 'the machine', 20_000);
  t.after(() => machine.held.release());
  assert.equal(await storm([machine], 100, limit('a', 10)), 10);
  const redis = new Redis(master.port);
  t.after(() => redis.disconnect());
  assert.equal((await redis.keys('tapgate:*')).length, 2, 'the count, and what was tried at first');
  assert.deepEqual(machine.log, []);
});

test('rediss://, and a certificate of an authority of our own; without trust in it the store is out of reach', async (t) => {
  const authority = await createAuthority('authority');
  const pair = await createPair('localhost', authority);
  const folder = writeFiles({
    'ca.pem': authority.cert,
    'redis.pem': pair.cert,
    'redis.key': pair.key,
  });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const tlsPort = await freePort();
  const files = ['--tls-cert-file', join(folder, 'redis.pem'), '--tls-key-file', join(folder, 'redis.key')];
  const tls = [
    '--tls-port',
    String(tlsPort),
    '--tls-auth-clients',
    'no',
    '--tls-ca-cert-file',
    join(folder, 'ca.pem'),
  ];
  const server = await startRedis([...tls, ...files, '--requirepass', 'p@ss/word']);
  t.after(() => server[Symbol.asyncDispose]());
  const open = async (store: unknown): Promise<Machine> => {
    const text = readConfigText({ [join(folder, 'gateway.yaml')]: JSON.stringify({ state: { store } }) }, {});
    const problems = new Problems(text.locate, text.problems);
    assert.ok(problems.check(StateSchema, text.root['state'], ['state']));
    const plan = planState(text.root['state'] as StateConfig, text, problems);
    assert.deepEqual(problems.list, []);
    assert.ok(plan);
    const machine = await openMachine({ ...plan, timeoutMs: 5000, connectTimeoutMs: 5000 });
    t.after(() => machine.held.release());
    return machine;
  };
  const trusting = await open({
    address: `localhost:${tlsPort}`,
    password: 'p@ss/word',
    tls: { ca: 'ca.pem' },
  });
  assert.equal(await trusting.held.values.claim('a', 60_000), true);
  assert.deepEqual(trusting.log, []);
  const doubting = await open(`rediss://:p%40ss%2Fword@localhost:${tlsPort}/0`);
  assert.match(String(doubting.log[0]?.error), /certificate/);
  await assert.rejects(async () => doubting.held.values.claim('a', 1));
  const plain = await open(`redis://:p%40ss%2Fword@127.0.0.1:${server.port}/0`);
  assert.equal(await plain.held.values.claim('a', 60_000), false);
});
