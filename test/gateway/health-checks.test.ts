import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { generate } from 'selfsigned';
import { type CheckSettings, readHealthCheck } from '../../plugins/channels/check-settings.ts';
import { probe } from '../../plugins/channels/probe.ts';
import { httpBackend, rawBackend } from './support/backend.ts';
import { deafServer } from './support/deaf-server.ts';
import { within } from './support/within.ts';

type Fields = Partial<Parameters<typeof readHealthCheck>[0]>;

function settings(fields: Fields, timeoutMs = 5000): CheckSettings {
  const config = {
    protocol: 'tcp' as const,
    healthyThreshold: 1,
    unhealthyThreshold: 1,
    timeoutSeconds: 1,
    intervalSeconds: 2,
    ...fields,
  };
  const read = readHealthCheck(config, (path, message) => assert.fail(`${path.join('.')}: ${message}`));
  return { ...read, timeoutMs };
}

function checked(port: number, config: CheckSettings, signal = new AbortController().signal) {
  const target = { member: '127.0.0.1', address: '127.0.0.1', port };
  return within(probe(target, config, signal), 'the check', 10_000);
}

test('tcp: a connection is enough, and it is closed at once', async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  await using server = await rawBackend((socket) => {
    socket.resume();
    socket.on('close', () => resolve());
  });
  assert.equal(await checked(server.port, settings({})), undefined);
  await within(closed, 'the connection is closed');
});

test('tcp: refused, or not taken in time, is a failed check', async () => {
  const server = await rawBackend(() => undefined);
  await server[Symbol.asyncDispose]();
  assert.equal(await checked(server.port, settings({})), 'ECONNREFUSED');
  await using deaf = await deafServer();
  assert.equal(await checked(deaf.port, settings({}, 200)), 'no answer in 200 ms');
});

test('http: path, method and port as configured; the status decides', async () => {
  let status = 200;
  await using server = await httpBackend((_request, response) => {
    response.statusCode = status;
    response.end('content');
  });
  const config = settings({
    protocol: 'http',
    path: '/health?deep=1',
    method: 'HEAD',
    port: server.port,
    statusCodes: '200,210-299',
  });
  for (const [given, expected] of [
    [200, undefined],
    [201, 'the status 201'],
    [210, undefined],
    [299, undefined],
    [301, 'the status 301'],
    [503, 'the status 503'],
  ] as const) {
    status = given;
    // The member's own port is another one.
    assert.equal(await checked(1, config), expected, String(given));
  }
  assert.deepEqual([server.seen[0]?.method, server.seen[0]?.url], ['HEAD', '/health?deep=1']);
  const plain = settings({ protocol: 'http' });
  status = 200;
  assert.equal(await checked(server.port, plain), undefined);
  assert.deepEqual([server.seen.at(-1)?.method, server.seen.at(-1)?.url], ['GET', '/']);
  status = 204;
  assert.equal(await checked(server.port, plain), 'the status 204');
});

test('http: no answer, half of one, and bytes that are no HTTP are failed checks', async () => {
  for (const [bytes, expected] of [
    ['', /no answer in 300 ms/],
    ['HTTP/1.1 200 OK\r\nContent-Le', /no answer in 300 ms/],
    ['SSH-2.0-OpenSSH_9.9\r\n', /HPE_/],
  ] as const) {
    await using server = await rawBackend((socket) => void socket.write(bytes));
    assert.match((await checked(server.port, settings({ protocol: 'http' }, 300))) ?? '', expected);
  }
  await using closing = await rawBackend((socket) => socket.destroy());
  assert.equal(await checked(closing.port, settings({ protocol: 'http' })), 'ECONNRESET');
});

test('https: asks over TLS, whoever the certificate is for', async () => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'other.example.com' }]);
  const server = createServer({ key, cert }, (_request, response) => void response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  assert.equal(await checked(port, settings({ protocol: 'https' })), undefined);
  assert.notEqual(await checked(port, settings({ protocol: 'http' })), undefined);
  server.closeAllConnections();
  server.close();
});

test('a check that is stopped ends at once', async () => {
  await using server = await rawBackend(() => undefined);
  const stopping = new AbortController();
  const result = checked(server.port, settings({ protocol: 'http' }), stopping.signal);
  stopping.abort();
  assert.equal(await result, 'the check was stopped');
});
