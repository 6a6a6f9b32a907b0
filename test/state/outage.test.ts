import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { pause, until } from '../gateway/support/within.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { type Machine, limit, longMs, openMachine, planFor, storm } from './support.ts';

async function start(t: TestContext, timeoutMs: number): Promise<{ server: RedisServer; machine: Machine }> {
  const server = await startRedis();
  const machine = await openMachine(planFor(server.port, { timeoutMs }));
  t.after(async () => {
    machine.held.release();
    await server[Symbol.asyncDispose]();
  });
  return { server, machine };
}

const said = ({ log }: Machine): string[] => log.map(({ level }) => level);

/** Claims until that succeeds again. */
async function recovered(machine: Machine): Promise<void> {
  await until(() => said(machine).at(-1) === 'info', 'the store is within reach', 20_000);
}

test('a server that died: this machine counts by itself, claims are refused; all is well when it is back', async (t) => {
  const { server, machine } = await start(t, 5000);
  assert.equal(await storm([machine], 500, limit('a', 100)), 100);
  const [, admitted] = await Promise.all([server.kill(), storm([machine], 2000, limit('b', 1_000_000))]);
  assert.equal(admitted, 2000, 'nobody fails');
  assert.equal(await storm([machine], 500, limit('a', 100)), 100, "the machine's own count");
  assert.equal((await machine.take(limit('a', 100))).refusedBy, 0);
  await assert.rejects(async () => machine.held.values.claim('x', 1000), /out of reach/);
  await assert.rejects(async () => machine.held.values.has?.('x'), /out of reach/);
  assert.deepEqual(said(machine), ['warn'], 'told once');
  await server.restart();
  await recovered(machine);
  assert.deepEqual(said(machine), ['warn', 'info']);
  assert.equal(await storm([machine], 500, limit('a', 100)), 100, 'the server, which forgot, counts');
  assert.equal(await machine.held.values.claim('x', 1000), true);
});

test('a server that hangs: waits are bounded, and nobody else waits', async (t) => {
  const { server, machine } = await start(t, 500);
  assert.equal((await machine.take(limit('a', 10))).refusedBy, -1);
  server.freeze();
  const begun = performance.now();
  assert.equal(await storm([machine], 64, limit('a', 64)), 64);
  const waited = performance.now() - begun;
  assert.ok(waited >= 450 && waited < 4000, `${waited}`);
  // Answered without looking at the server: not a promise.
  assert.ok('refusedBy' in machine.held.counters.of('plugin').take([limit('c', 1)]));
  await assert.rejects(async () => machine.held.values.claim('x', 1000), /out of reach/);
  assert.deepEqual(said(machine), ['warn']);
  server.thaw();
  await recovered(machine);
  assert.equal(await machine.held.values.claim('y', longMs), true);
});

test('while this process is busy, the store is not late', async (t) => {
  const { machine } = await start(t, 100);
  const block = (): void => {
    const end = performance.now() + 400;
    while (performance.now() < end);
  };
  const taken = Array.from({ length: 10 }, () => machine.take(limit('a', 5)));
  // Before the question leaves, and after it left.
  block();
  setImmediate(block);
  const refused = (await Promise.all(taken)).filter(({ refusedBy }) => refusedBy === 0);
  assert.equal(refused.length, 5);
  assert.deepEqual(machine.log, []);
});

test('a server that hangs for long: the connection is given up, and another one made', async (t) => {
  const { server, machine } = await start(t, 100);
  const redis = new Redis(server.port);
  t.after(() => redis.disconnect());
  const connection = async (): Promise<string | undefined> =>
    /id=(\d+) [^\n]*name=tapgate /.exec(String(await redis.client('LIST')))?.[1];
  const first = await connection();
  assert.ok(first);
  server.freeze();
  await machine.take(limit('a', 10));
  await until(() => machine.log.length > 0, 'the outage is told');
  // Longer than a connection is given.
  await pause(6000);
  server.thaw();
  await recovered(machine);
  const second = await connection();
  assert.ok(second !== undefined && second !== first, `${first} ${second}`);
});

test('a server that is not there yet: the gateway starts, and finds it later', async (t) => {
  const server = await startRedis();
  t.after(() => server[Symbol.asyncDispose]());
  await server.kill();
  const machine = await openMachine(planFor(server.port));
  t.after(() => machine.held.release());
  assert.equal(await storm([machine], 200, limit('a', 10)), 10);
  assert.match(String(machine.log[0]?.error), /ECONNREFUSED/);
  await server.restart();
  await recovered(machine);
  assert.equal(await storm([machine], 200, limit('b', 10)), 10);
  assert.deepEqual(said(machine), ['warn', 'info']);
});

test('a server that answers, but takes no writes, is out of reach', async (t) => {
  const { server, machine } = await start(t, 5000);
  const redis = new Redis(server.port);
  t.after(() => redis.disconnect());
  await redis.replicaof('127.0.0.1', 1);
  assert.equal((await machine.take(limit('a', 1))).refusedBy, -1);
  assert.equal((await machine.take(limit('a', 1))).refusedBy, 0);
  assert.match(String(machine.log[0]?.error), /READONLY/);
  await redis.replicaof('NO', 'ONE');
  await recovered(machine);
  assert.deepEqual(said(machine), ['warn', 'info'], 'it did not seem to be back meanwhile');
});

test('a wrong password is told without it', async (t) => {
  const server = await startRedis(['--requirepass', 'right-password']);
  t.after(() => server[Symbol.asyncDispose]());
  const store = (password: string) =>
    ({ kind: 'single', addresses: [{ host: '127.0.0.1', port: server.port }], password }) as const;
  const wrong = await openMachine(planFor(server.port, { store: store('hunter2') }));
  t.after(() => wrong.held.release());
  assert.equal((await wrong.take(limit('a', 1))).refusedBy, -1);
  assert.deepEqual(said(wrong), ['warn']);
  assert.doesNotMatch(JSON.stringify(wrong.log), /hunter2|right-password/);
  const right = await openMachine(planFor(server.port, { store: store('right-password') }));
  t.after(() => right.held.release());
  assert.equal(await right.held.values.claim('a', 1000), true);
  assert.deepEqual(right.log, []);
});

test('leases in hand are spent while the store is away, then the machine counts by itself', async (t) => {
  const server = await startRedis();
  const machine = await openMachine(planFor(server.port, { counters: 'leased', leasePercent: 50 }));
  t.after(async () => {
    machine.held.release();
    await server[Symbol.asyncDispose]();
  });
  const of = limit('a', 20);
  assert.deepEqual((await machine.take(of)).remaining, [19]);
  await server.kill();
  assert.equal(await storm([machine], 200, of), 9 + 20);
  await server.restart();
  await recovered(machine);
  assert.equal(await storm([machine], 200, limit('b', 20)), 20);
});
