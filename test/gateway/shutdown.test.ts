import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { readConfigText } from '../../core/config/read.ts';
import { ConfigError } from '../../core/config/problems.ts';
import { Gateway } from '../../core/gateway.ts';
import { httpBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { openRaw } from './support/raw-client.ts';
import { pause, until, within } from './support/within.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const refused = await Promise.race([
    once(socket, 'connect').then(() => false),
    once(socket, 'close').then(() => true),
  ]).catch(() => true);
  socket.destroy();
  return refused;
}

test('closing refuses new connections, ends idle ones, and lets what runs finish with Connection: close', async () => {
  const held: (() => void)[] = [];
  await using backend = await streamBackend((_request, response) => {
    held.push(() => response.end('done'));
  });
  const running = await startGateway({ 'main/all': passTo(backend.port) });
  const idle = await openRaw(running.port);
  const used = await openRaw(running.port);
  const fresh = used.send(get).answer();
  await until(() => held.length === 1, 'a request is under way');
  held[0]?.();
  await fresh;
  const busy = await openRaw(running.port);
  busy.send(get);
  await until(() => held.length === 2, 'another request is under way');
  const closing = running.gateway.close();
  assert.equal(await used.closed(), 'end');
  assert.equal(await idle.closed(), 'end');
  assert.equal(await isRefused(running.port), true);
  held[1]?.();
  const answer = await busy.answer();
  assert.equal(answer.text, 'done');
  assert.deepEqual(answer.getAll('connection'), ['close']);
  const start = performance.now();
  await within(closing, 'the gateway to close');
  assert.ok(performance.now() - start < 1000, 'a connection was waited for');
});

test('closing does not cut an answer that the caller is still taking', async () => {
  const size = 16 * 1024 * 1024;
  await using running = await startGateway({
    'main/large': {
      request: { method: 'GET', path: '/' },
      auth: 'none',
      backend: { type: 'mock', body: 'x'.repeat(size) },
    },
  });
  const client = await openRaw(running.port);
  client.socket.pause();
  client.send(get);
  await pause(200);
  const closing = running.gateway.close();
  await pause(100);
  client.socket.resume();
  const answer = await client.answer();
  assert.equal(answer.body.length, size);
  assert.equal(answer.isWhole, true);
  await within(closing, 'the gateway to close');
});

test('closing lets an answer finish whose head was sent as one to be followed by others', async () => {
  let finish = (): void => undefined;
  await using backend = await streamBackend((_request, response) => {
    response.write('first ');
    finish = () => response.end('last');
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  const answering = client.send(get).answer();
  await until(() => client.reader.received > 0, 'the answer begins');
  const closing = running.gateway.close();
  finish();
  assert.equal((await answering).text, 'first last');
  const start = performance.now();
  await within(closing, 'the gateway to close');
  assert.ok(performance.now() - start < 1000);
  assert.equal(await client.closed(), 'end');
});

test('closing cuts what is not done at the deadline', async () => {
  let isAborted = false;
  let count = 0;
  await using backend = await streamBackend((_request, response) => {
    count += 1;
    response.on('close', () => {
      isAborted = true;
    });
  });
  const running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { drainTimeoutMs: 200 } },
  );
  const client = await openRaw(running.port);
  client.send(get);
  await until(() => count === 1, 'a request is under way');
  const start = performance.now();
  await within(running.gateway.close(), 'the gateway to close', 3000);
  assert.ok(performance.now() - start >= 190);
  await client.closed();
  await until(() => isAborted, 'the backend sees the end');
  assert.deepEqual(
    running.completed.map(({ status, outcome }) => `${status} ${outcome}`),
    ['499 client-gone'],
  );
});

test('a request that comes in while the gateway closes is still answered, as the last of its connection', async () => {
  const held: (() => void)[] = [];
  await using backend = await streamBackend((_request, response) => {
    held.push(() => response.end('done'));
  });
  const running = await startGateway({ 'main/all': passTo(backend.port) });
  const half = await openRaw(running.port);
  half.send('GET / HTTP/1.1\r\nHo');
  const busy = await openRaw(running.port);
  busy.send(get);
  await until(() => held.length === 1, 'a request is under way');
  const closing = running.gateway.close();
  half.send('st: a\r\n\r\n');
  await until(() => held.length === 2, 'the late request is under way');
  for (const release of held) release();
  for (const client of [half, busy]) {
    const answer = await client.answer();
    assert.equal(answer.text, 'done');
    assert.deepEqual(answer.getAll('connection'), ['close']);
  }
  await within(closing, 'the gateway to close', 2000);
});

test('a port that cannot be had is a problem of the configuration, with its line; nothing is left behind', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const text = `groups: {}\napis: {}\nlisteners:\n  - port: ${port}\n    host: 127.0.0.1\n`;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = new Gateway({ log });
  const apply = () => gateway.apply(readConfigText({ 'gateway.yaml': text }, {}), { listen: true });
  await assert.rejects(apply, (error) => {
    assert.ok(error instanceof ConfigError);
    const [problem] = error.problems;
    assert.equal(error.problems.length, 1);
    assert.equal(problem?.path, 'listeners[0].port');
    assert.deepEqual([problem?.at?.file, problem?.at?.line], ['gateway.yaml', 4]);
    assert.match(problem?.message ?? '', /EADDRINUSE/);
    return true;
  });
  assert.equal(gateway.listeners.length, 0);
  taken.close();
  await once(taken, 'close');
  await apply();
  assert.equal(gateway.listeners[0]?.port, port);
  await gateway.close();
});

test('requests in flight finish on the configuration they began with', async () => {
  let finish = (): void => undefined;
  await using backend = await streamBackend((_request, response) => {
    finish = () => response.end('done');
  });
  await using other = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  const answering = client.send(get).answer();
  await until(
    () => running.gateway.listeners.length === 1 && backend.connections.length === 1,
    'a request is under way',
  );
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    groups: { main: { domains: ['*'] } },
    apis: { 'main/all': passTo(other.port) },
  };
  await running.gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {}), {
    listen: true,
  });
  await pause(50);
  finish();
  assert.equal((await answering).text, 'done');
  assert.equal((await client.send(get).answer()).text, 'ok');
  client.socket.destroy();
});

test('a configuration that is still being built when the gateway closes is not put in force', async () => {
  const gateway = new Gateway({
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    groups: { main: { domains: ['*'] } },
    apis: { 'main/all': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
  };
  const text = () => readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {});
  await gateway.apply(text(), { listen: true });
  const late = gateway.apply(text(), { listen: true });
  await gateway.close();
  await late.catch(() => undefined);
  const left = gateway.listeners.length;
  await gateway.close();
  assert.equal(left, 0);
  await assert.rejects(late, /closed/);
});
