import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { Fields, Reply, definePlugin, reply } from '#sdk';
import { readConfigText } from '../../core/config/read.ts';
import { httpBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { RawClient, exchangeRaw, openRaw } from './support/raw-client.ts';
import {
  closeWebSocket,
  echoServer,
  echoed,
  handshake,
  openWebSocket,
  secureEchoServer,
} from './support/websocket.ts';
import { until, within } from './support/within.ts';

for (const [scheme, start] of Object.entries({ http: echoServer, https: secureEchoServer })) {
  test(`messages go both ways over an ${scheme} backend`, async () => {
    await using backend = await start();
    const address = `${scheme}://localhost:${backend.port}`;
    await using running = await startGateway({ 'main/all': passTo(backend.port, { backend: { address } }) });
    const client = await openWebSocket(running.port);
    assert.equal(await echoed(client, 'text with é'), 'text with é');
    assert.deepEqual(await echoed(client, Buffer.from([0, 255, 128])), Buffer.from([0, 255, 128]));
    const large = Buffer.alloc(1024 * 1024, 'abcdefg');
    assert.ok(large.equals((await echoed(client, large)) as Buffer));
    const pong = once(client, 'pong') as Promise<[Buffer]>;
    client.ping('are you there');
    assert.equal((await within(pong, 'a pong'))[0].toString(), 'are you there');
    const closing = once(client, 'close') as Promise<[code: number, reason: Buffer]>;
    client.close(4001, 'done');
    const [code] = await within(closing, 'the close');
    assert.equal(code, 4001);
    await until(() => running.completed.length === 1, 'it is completed');
    const { status, outcome, bytesSent, bytesReceived, refusal } = running.completed[0] ?? {};
    assert.deepEqual([status, outcome, refusal], [101, 'answered', undefined]);
    assert.ok((bytesSent ?? 0) > 1024 * 1024 && (bytesReceived ?? 0) > 1024 * 1024);
    assert.deepEqual(running.log, []);
  });
}

test('wss: TLS towards the caller; an ignored Upgrade leaves the connection as it is', async () => {
  await using backend = await echoServer();
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { root: { listeners: [{ port: 0, host: '127.0.0.1', tls: 'selfsigned' }] } },
  );
  const options = { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
  const client = new WebSocket(`wss://127.0.0.1:${running.port}/`, options);
  await within(once(client, 'open'), 'the handshake');
  assert.equal(await echoed(client, 'encrypted'), 'encrypted');
  await closeWebSocket(client);
  const socket = connect({ port: running.port, host: '127.0.0.1', ...options });
  await within(once(socket, 'secureConnect'), 'a connection');
  const raw = new RawClient(socket);
  raw.send(handshake().replace('websocket', 'h2c') + 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  for (let count = 0; count < 2; count++) assert.equal((await raw.answer()).text, 'plain');
  socket.destroy();
});

test('the handshake keeps its fields both ways and gets those of the gateway', async () => {
  await using backend = await echoServer();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const asked = once(backend.peers, 'headers') as Promise<[string[], { rawHeaders: string[] }]>;
  const client = await openRaw(running.port);
  client.send(
    handshake('Sec-WebSocket-Protocol: one, two\r\nOrigin: http://page.example\r\nX-Hop: 1\r\n').replace(
      'Connection: Upgrade',
      'Connection: keep-alive, Upgrade, X-Hop',
    ),
  );
  const answer = await client.head();
  assert.equal(answer.status, 101);
  assert.deepEqual(answer.getAll('sec-websocket-accept'), ['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
  assert.deepEqual(answer.getAll('sec-websocket-protocol'), ['two']);
  assert.deepEqual(answer.getAll('upgrade'), ['websocket']);
  assert.deepEqual(answer.getAll('connection'), ['Upgrade']);
  assert.equal(answer.getAll('x-request-id').length, 1);
  const [, { rawHeaders }] = await asked;
  const sent = (name: string) =>
    rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
  assert.deepEqual(sent('sec-websocket-key'), ['dGhlIHNhbXBsZSBub25jZQ==']);
  assert.deepEqual(sent('sec-websocket-version'), ['13']);
  assert.deepEqual(sent('origin'), ['http://page.example']);
  assert.deepEqual(sent('x-forwarded-for'), ['127.0.0.1']);
  assert.deepEqual(sent('upgrade'), ['websocket']);
  assert.deepEqual(sent('connection'), ['upgrade']);
  assert.deepEqual(sent('x-hop'), []);
  client.socket.destroy();
});

test('a handshake behind an answered request on the same connection', async () => {
  await using backend = await echoServer();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  assert.equal((await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').answer()).text, 'plain');
  assert.equal((await client.send(handshake()).head()).status, 101);
  client.socket.destroy();
});

test('another answer than 101 is an ordinary answer, and the last of its connection', async () => {
  const large = 'x'.repeat(8 * 1024 * 1024);
  await using backend = await httpBackend((_request, response, { url }) => {
    response.writeHead(url === '/large' ? 200 : 426, { 'x-from': 'backend' });
    response.end(url === '/large' ? large : 'no');
  });
  const api = (path: string, fields: object) => passTo(backend.port, { request: { path }, ...fields });
  await using running = await startGateway({
    'main/plain': api('/plain', {}),
    'main/large': api('/large', {}),
    'main/mock': { ...api('/mock', {}), backend: { type: 'mock', body: 'fixed' } },
    'main/gone': api('/gone', { backend: { address: 'http://127.0.0.1:1' } }),
    'main/app': { ...api('/app', {}), auth: 'app' },
  });
  const expected = [
    ['/plain', 426, 'no'],
    ['/large', 200, large],
    ['/mock', 200, 'fixed'],
    ['/gone', 502, undefined],
    ['/app', 401, undefined],
    ['/none', 404, undefined],
  ] as const;
  for (const [path, status, text] of expected) {
    const client = await openRaw(running.port);
    // What follows was never agreed to: it is neither a request nor forwarded.
    client.send(handshake('', path) + 'GET /plain HTTP/1.1\r\nHost: a\r\n\r\n');
    const answer = await client.answer();
    assert.equal(answer.status, status, path);
    assert.equal(answer.isWhole, true, path);
    if (text !== undefined) assert.ok(answer.text === text, path);
    assert.deepEqual(answer.getAll('connection'), ['close'], path);
    assert.equal(await client.closed(), 'end', path);
    assert.equal(client.reader.waiting, '', path);
  }
  await until(() => running.completed.length === expected.length, 'all are completed');
  assert.ok(running.completed.every(({ outcome }) => outcome === 'answered'));
  assert.equal(backend.seen.length, 2);
});

test('handshakes are limited like other requests', async () => {
  await using backend = await echoServer();
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    {
      root: {
        plugins: {
          few: {
            type: 'throttling',
            config: { scope: 'api', period: { value: 1, unit: 'hour' }, limits: { api: 1 } },
          },
        },
        bindings: [{ plugin: 'few', apis: ['main/all'] }],
      },
    },
  );
  const client = await openWebSocket(running.port);
  assert.equal((await exchangeRaw(running.port, handshake())).status, 429);
  assert.equal(await echoed(client, 'still there'), 'still there');
  await closeWebSocket(client);
});

test('a WebSocket survives a reload that drops its API, and its pool', async () => {
  await using backend = await echoServer();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openWebSocket(running.port);
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    groups: { main: { domains: ['*'] } },
    apis: { 'main/mock': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
  };
  await running.gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {}), {
    listen: true,
  });
  assert.equal((await exchangeRaw(running.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).text, '');
  assert.equal(await echoed(client, 'after'), 'after');
  await closeWebSocket(client);
  await until(() => running.completed.some(({ status }) => status === 101), 'it is completed');
});

test('a call to the own domain carries the upgrade through both APIs', async () => {
  await using backend = await echoServer();
  await using running = await startGateway(
    {
      'inner/all': passTo(backend.port),
      'main/all': passTo(0, { backend: { address: 'http://inner.internal' } }),
    },
    { root: { groups: { inner: { domains: ['inner.internal'] }, main: { domains: ['*'] } } } },
  );
  const client = await openWebSocket(running.port);
  assert.equal(await echoed(client, 'twice'), 'twice');
  await closeWebSocket(client);
  await until(() => running.completed.length === 2, 'both are completed');
  const told = running.completed.map(({ status, outcome, bytesSent }) => ({ status, outcome, bytesSent }));
  assert.deepEqual(told[0], told[1]);
  assert.equal(told[0]?.status, 101);
});

const changes = {
  status: 418,
  101: 500,
  replaced: 409,
} as const;
for (const [what, status] of Object.entries(changes)) {
  test(`a plugin that answers something else instead of, or as, 101: ${what}`, async () => {
    await using backend = await echoServer();
    const plugin = definePlugin({
      name: 'changer',
      summary: 'Changes answers.',
      bind: () => ({
        response(inbound) {
          if (what === 'status') inbound.status = 418;
          if (what === 'replaced') return reply(409);
          return undefined;
        },
        // Not every 101 is one.
        ...(what === '101' ? { preAuth: () => new Reply(101, new Fields(), null) } : {}),
      }),
    });
    await using running = await startGateway(
      { 'main/all': passTo(backend.port) },
      {
        plugins: [plugin],
        root: { plugins: { c: { type: 'changer' } }, bindings: [{ plugin: 'c', apis: ['main/all'] }] },
      },
    );
    const answer = await exchangeRaw(running.port, handshake());
    assert.equal(answer.status, status);
    await until(() => backend.sockets.every(({ destroyed }) => destroyed), 'the backend is let go');
  });
}
