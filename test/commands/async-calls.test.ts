import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../gateway/support/within.ts';
import { Served, newFolder, run } from './cli.ts';

interface Engine {
  readonly url: string;
  /** Paths of the events, in order of arrival. */
  readonly calls: string[];
  /** Whether calls are answered. */
  isAwake: boolean;
}

/** Runs functions somewhere else. */
async function engineOf(): Promise<Engine> {
  const engine = { url: '', calls: [] as string[], isAwake: false };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    request.on('end', () => {
      engine.calls.push((JSON.parse(text) as { path: string }).path);
      if (engine.isAwake) response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  engine.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return engine;
}

const yaml = (url: string, more = ''): string => `listeners: [{ port: 0, host: 127.0.0.1 }]
limits: { drainTimeoutMs: 300 }
groups:
  g: { domains: ['*'] }
functions:
  f: { url: '${url}', timeoutMs: 60000 }
asyncCalls: { concurrency: 1 }
apis:
  g/later:
    request: { method: ANY, path: '/{name}' }
    auth: none
    backend: { type: function, function: f, invocation: async }
${more}`;

test('calls that were accepted are made after a kill -9, and one that was being made is made again', async () => {
  const engine = await engineOf();
  const folder = newFolder({ 'gateway.yaml': yaml(engine.url) });
  const config = join(folder, 'gateway.yaml');
  const first = await Served.start(config);
  assert.equal((await first.get('/running')).status, 202);
  await until(() => engine.calls.length === 1, 'the first call is being made', 30_000);
  const names = Array.from({ length: 50 }, (_each, index) => `/waiting-${index}`);
  const answers = await Promise.all(names.map((name) => first.get(name)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  assert.deepEqual(await first.end('SIGKILL'), [null, 'SIGKILL']);
  assert.deepEqual(engine.calls, ['/running']);
  engine.isAwake = true;
  const second = await Served.start(config);
  await until(() => new Set(engine.calls).size === 51, 'all calls were made', 30_000);
  assert.equal(engine.calls.filter((path) => path === '/running').length, 2);
  assert.deepEqual(engine.calls.slice(1).sort(), ['/running', ...names].sort());
  assert.deepEqual(await second.end('SIGTERM'), [0, null]);
  // All that was made is gone: nothing is made once more.
  const third = await Served.start(config);
  assert.equal((await third.get('/last')).status, 202);
  await until(() => engine.calls.at(-1) === '/last', 'the last call was made', 30_000);
  assert.equal(engine.calls.length, 53);
  await third.end('SIGTERM');
});

test('a gateway that stops waits for what runs, but not for ever, and begins nothing', async () => {
  const engine = await engineOf();
  const config = join(newFolder({ 'gateway.yaml': yaml(engine.url) }), 'gateway.yaml');
  const first = await Served.start(config);
  await first.get('/running');
  await first.get('/waiting');
  await until(() => engine.calls.length === 1, 'the first call is being made', 30_000);
  engine.isAwake = true;
  assert.deepEqual(await first.end('SIGTERM'), [0, null]);
  assert.deepEqual(engine.calls, ['/running']);
  const second = await Served.start(config);
  await until(() => engine.calls.length === 3, 'both calls were made', 30_000);
  assert.deepEqual(engine.calls.slice(1).sort(), ['/running', '/waiting']);
  await second.end('SIGTERM');
});

test('a second gateway of the same folder is refused, and checking a configuration touches nothing', async () => {
  const engine = await engineOf();
  const folder = newFolder({ 'gateway.yaml': yaml(engine.url) });
  const config = join(folder, 'gateway.yaml');
  const checked = await run(['check', '--config', config]);
  assert.equal(checked.code, 0, checked.stderr);
  assert.equal(existsSync(join(folder, '.tapgate')), false);
  const first = await Served.start(config);
  assert.equal((await run(['check', '--config', config])).code, 0);
  const second = await run(['start', '--config', config]);
  assert.equal(second.code, 1);
  assert.match(
    second.stderr,
    /gateway\.yaml:\d+:\d+ asyncCalls: the folder \S+\.tapgate\/async-calls is in use by another gateway \(process \d+\)/,
  );
  await first.end('SIGTERM');
});
