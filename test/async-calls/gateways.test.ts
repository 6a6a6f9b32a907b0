import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, after, test } from 'node:test';
import { Served, newFolder, run } from '../commands/cli.ts';
import { until } from '../gateway/support/within.ts';
import { startStore } from './support.ts';

interface Engine {
  readonly url: string;
  /** Paths of the events, in order of arrival. */
  readonly calls: string[];
  /** Answers what waits, and everything from now on. */
  wake(): void;
}

/** Runs functions somewhere else, once it is awake. */
async function engineOf(): Promise<Engine> {
  const calls: string[] = [];
  const waiting: ServerResponse[] = [];
  let isAwake = false;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    request.on('end', () => {
      calls.push((JSON.parse(text) as { path: string }).path);
      if (isAwake) response.end('{}');
      else waiting.push(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    calls,
    wake() {
      isAwake = true;
      for (const response of waiting) response.end('{}');
    },
  };
}

const yaml = (engine: Engine, leaseSeconds: number, more = ''): string => `
listeners: [{ port: 0, host: 127.0.0.1 }]
limits: { drainTimeoutMs: 300 }
groups:
  g: { domains: ['*'] }
functions:
  f: { url: '${engine.url}', timeoutMs: 60000 }
asyncCalls:
  store: '\${env:QUEUE_STORE}'
  leaseSeconds: ${leaseSeconds}
  timeoutMs: 10000
  concurrency: 1
  ${more}
apis:
  g/later:
    request: { method: ANY, path: '/{name}' }
    auth: none
    backend: { type: function, function: f, invocation: async }
throttling: { defaultPerSecond: 0 }
`;

/** A Redis, and what starts gateways that share a queue in it. */
async function benchOf(t: TestContext, leaseSeconds: number) {
  const { server, redis } = await startStore(t, ['--appendonly', 'yes', '--appendfsync', 'always']);
  const engine = await engineOf();
  const config = join(newFolder({ 'gateway.yaml': yaml(engine, leaseSeconds) }), 'gateway.yaml');
  const start = (): Promise<Served> => Served.start(config, { QUEUE_STORE: server.url });
  return { server, redis, engine, start };
}

const countOf = ({ calls }: Engine, path: string): number => calls.filter((each) => each === path).length;

/** Asks for all of them at once; each is kept. */
async function accept(served: Served, names: readonly string[]): Promise<void> {
  const answers = await Promise.all(names.map((name) => served.get(name)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
}

test('two gateways, one queue: what one accepted before a kill -9 the other makes', async (t) => {
  const { engine, redis, start } = await benchOf(t, 2);
  const first = await start();
  await accept(first, ['/running']);
  await until(() => engine.calls.length === 1, 'the first call is being made', 30_000);
  // Not before: whoever is there may be the one that makes it.
  const second = await start();
  const names = Array.from({ length: 40 }, (_each, index) => `/waiting-${index}`);
  await accept(first, names);
  await until(() => engine.calls.length === 2, 'each gateway makes one', 30_000);
  assert.deepEqual(await first.end('SIGKILL'), [null, 'SIGKILL']);
  engine.wake();
  await until(() => new Set(engine.calls).size === 41, 'all calls were made', 60_000);
  await until(() => countOf(engine, '/running') >= 2, 'what was being made is made again', 60_000);
  assert.deepEqual(new Set(engine.calls), new Set([...names, '/running']));
  let left = -1;
  const look = async (): Promise<void> => void (left = await redis.zcard('tapgate:{async-calls}:born'));
  await until(() => (void look(), left === 0), 'nothing is left', 30_000);
  await second.end('SIGTERM');
});

test('a gateway that hangs loses its call when the lease runs out, and cannot spoil it later', async (t) => {
  const { engine, redis, start } = await benchOf(t, 2);
  const first = await start();
  await accept(first, ['/running']);
  await until(() => engine.calls.length === 1, 'the call is being made', 30_000);
  const second = await start();
  first.kill('SIGSTOP');
  await until(() => engine.calls.length === 2, 'the other one makes it', 60_000);
  engine.wake();
  first.kill('SIGCONT');
  await accept(first, ['/last']);
  await until(() => countOf(engine, '/last') === 1, 'it goes on', 30_000);
  assert.equal(countOf(engine, '/running'), 2);
  let left = -1;
  const look = async (): Promise<void> => void (left = await redis.zcard('tapgate:{async-calls}:born'));
  await until(() => (void look(), left === 0), 'nothing is left', 30_000);
  assert.deepEqual(await first.end('SIGTERM'), [0, null]);
  await second.end('SIGTERM');
});

test('a call that takes longer than the lease is made once, as long as its gateway lives', async (t) => {
  const { engine, redis, start } = await benchOf(t, 1);
  const [first, second] = [await start(), await start()];
  await accept(first, ['/running']);
  await until(() => engine.calls.length === 1, 'the call is being made', 30_000);
  const ends = Number(await redis.zscore('tapgate:{async-calls}:leased', '1'));
  let renewed = ends;
  const look = async (): Promise<void> =>
    void (renewed = Number(await redis.zscore('tapgate:{async-calls}:leased', '1')));
  await until(() => (void look(), renewed > ends + 2000), 'three leases have passed', 30_000);
  engine.wake();
  await accept(second, ['/last']);
  await until(() => countOf(engine, '/last') === 1, 'the other goes on', 30_000);
  assert.equal(countOf(engine, '/running'), 1);
  for (const served of [first, second]) await served.end('SIGTERM');
});

test('a Redis that crashes: 503 while it is away, and what it had is made when it is back', async (t) => {
  const { server, engine, start } = await benchOf(t, 30);
  const [first, second] = [await start(), await start()];
  await accept(first, ['/running']);
  await until(() => engine.calls.length === 1, 'the call is being made', 30_000);
  const names = Array.from({ length: 20 }, (_each, index) => `/waiting-${index}`);
  await accept(second, names);
  await server.kill();
  const refused = await first.get('/refused');
  assert.equal(refused.status, 503);
  assert.match(refused.body, /"error_code":"APIG\.0601"/);
  engine.wake();
  await first.logged('out of reach');
  await second.logged('out of reach');
  await server.restart();
  await until(() => new Set(engine.calls).size === 21, 'all calls were made', 60_000);
  await first.logged('within reach');
  await accept(first, ['/last']);
  await until(() => countOf(engine, '/last') === 1, 'new calls are made', 30_000);
  assert.equal(countOf(engine, '/running'), 1, 'what was being made is not made again');
  assert.equal(countOf(engine, '/refused'), 0);
  for (const served of [first, second]) await served.end('SIGTERM');
});

test('a gateway that stops gives back what it could not finish, at once', async (t) => {
  const { engine, start } = await benchOf(t, 3600);
  const first = await start();
  await accept(first, ['/running']);
  await until(() => engine.calls.length === 1, 'the call is being made', 30_000);
  assert.deepEqual(await first.end('SIGTERM'), [0, null]);
  engine.wake();
  const second = await start();
  await until(() => engine.calls.length === 2, 'it is made again', 30_000);
  await second.end('SIGTERM');
});

test('a gateway starts without its Redis, and checking a configuration connects to nothing', async (t) => {
  const { server, engine, start } = await benchOf(t, 30);
  engine.wake();
  await server.kill();
  const config = join(newFolder({ 'gateway.yaml': yaml(engine, 30) }), 'gateway.yaml');
  const checked = await run(['check', '--config', config], { env: { QUEUE_STORE: server.url } });
  assert.deepEqual([checked.code, checked.stderr], [0, '']);
  const served = await start();
  assert.equal((await served.get('/early')).status, 503);
  await server.restart();
  await served.logged('within reach');
  await accept(served, ['/later']);
  await until(() => countOf(engine, '/later') === 1, 'it is made', 30_000);
  await served.end('SIGTERM');
});

test('what is wrong with the section is told, and never the password', async () => {
  const engine: Engine = { url: 'http://127.0.0.1:1/', calls: [], wake: () => undefined };
  const config = join(newFolder({ 'gateway.yaml': yaml(engine, 30, 'folder: calls') }), 'gateway.yaml');
  const both = await run(['check', '--config', config], { env: { QUEUE_STORE: 'redis://:hunter2@a' } });
  assert.equal(both.code, 1);
  assert.match(both.stderr, /:\d+:\d+ asyncCalls\.folder: calls are kept in a folder or in a `store`/);
  const wrong = await run(['check', '--config', config], { env: { QUEUE_STORE: 'http://:hunter2@a' } });
  assert.match(wrong.stderr, /asyncCalls\.store: found a secret; allowed: redis:\/\//);
  assert.doesNotMatch(both.stderr + wrong.stderr, /hunter2/);
});
