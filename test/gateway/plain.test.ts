import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { test } from 'node:test';
import { BodyStream, Fields, Reply, definePlugin } from '#sdk';
import { httpBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { RawClient, openRaw } from './support/raw-client.ts';
import { until, within } from './support/within.ts';

const request = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const chunked = 'POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n';

test('a connection goes on whatever comes on it: plain requests, pieces of one, chunks, several at once', async () => {
  await using backend = await httpBackend((incoming, response) => response.end(incoming.url));
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  for (const order of [
    ['plain', 'pieces', 'plain'],
    ['plain', 'several', 'plain'],
    ['plain', 'plain', 'chunks', 'plain', 'pieces'],
  ]) {
    const client = await openRaw(running.port);
    for (const kind of order) {
      if (kind === 'plain') client.send(request('/plain'));
      else if (kind === 'chunks') client.send(chunked);
      else if (kind === 'several') client.send(request('/1') + request('/2'));
      else {
        const text = request('/pieces');
        client.send(text.slice(0, 20));
        await new Promise((resolve) => setImmediate(resolve));
        client.send(text.slice(20));
      }
      for (const path of kind === 'several' ? ['/1', '/2'] : [`/${kind}`])
        assert.equal((await client.answer()).text, path);
    }
    client.socket.destroy();
  }
});

test('requests that come while one is answered are answered after it, however many there are', async () => {
  const held: (() => void)[] = [];
  await using backend = await streamBackend((incoming, response) => {
    const answer = (): void => void response.end(incoming.url);
    if (incoming.url === '/first') held.push(answer);
    else answer();
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send(request('/first'));
  await until(() => held.length === 1, 'the first is under way');
  // More than is held, so that some wait in the caller's own buffers.
  const count = 2000;
  for (let index = 0; index < count; index++)
    client.send(request(`/${index}`, `X-Fill: ${'x'.repeat(60)}\r\n`));
  held[0]?.();
  assert.equal((await client.answer()).text, '/first');
  for (let index = 0; index < count; index++) assert.equal((await client.answer()).text, `/${index}`);
  client.socket.destroy();
});

test('a caller that ends its side gets the answer that is ready, and one that is not is cancelled', async () => {
  let isAborted = false;
  await using backend = await streamBackend((_incoming, response) => {
    response.on('close', () => {
      isAborted = true;
    });
  });
  await using running = await startGateway({
    'main/ready': {
      request: { method: 'GET', path: '/ready' },
      auth: 'none',
      backend: { type: 'mock', body: 'x'.repeat(100_000) },
    },
    'main/slow': passTo(backend.port, { request: { path: '/slow' } }),
  });
  const ready = await openRaw(running.port);
  ready.send(request('/ready'));
  ready.socket.end();
  assert.equal((await ready.answer()).body.length, 100_000);
  assert.equal(await ready.closed(), 'end');
  const slow = await openRaw(running.port);
  slow.send(request('/slow'));
  slow.socket.end();
  await slow.closed();
  await until(() => isAborted, 'the backend is told');
  await until(() => running.completed.length === 2, 'both are completed');
  assert.deepEqual(
    running.completed.map(({ status, outcome }) => `${status} ${outcome}`),
    ['200 answered', '499 client-gone'],
  );
});

test('whoever says close is answered so, and the connection ends', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  const answer = await client.send(request('/', 'Connection: close\r\n')).answer();
  assert.deepEqual(answer.getAll('connection'), ['close']);
  assert.equal(await client.closed(), 'end');
});

test('an idle connection is closed in time, and one that never sent anything is told so', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { keepAliveTimeoutMs: 600, headersTimeoutMs: 600 } },
  );
  const silent = await openRaw(running.port);
  const used = await openRaw(running.port);
  const answer = await used.send(request('/')).answer();
  assert.deepEqual(answer.getAll('connection'), ['keep-alive']);
  assert.equal(await within(used.closed(), 'the used one to be closed', 5000), 'end');
  assert.equal((await within(silent.answer(), 'the silent one to be answered', 5000)).status, 408);
  assert.equal(await silent.closed(), 'end');
});

test('a caller that leaves while its large answer is under way is the only one that notices', async () => {
  await using backend = await streamBackend((_incoming, response) => {
    const piece = Buffer.alloc(64 * 1024);
    const write = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', write);
    write();
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send(request('/'));
  await until(() => client.reader.received > 200_000, 'the answer is under way');
  client.socket.destroy();
  await until(() => running.completed.length === 1, 'it is completed');
  const [completed] = running.completed;
  assert.equal(completed?.outcome, 'client-gone');
  assert.ok((completed?.bytesSent ?? 0) > 200_000);
});

test('over TLS too, a caller that ends its side gets the answer that is ready', async () => {
  await using running = await startGateway(
    {
      'main/ready': {
        request: { method: 'GET', path: '/' },
        auth: 'none',
        backend: { type: 'mock', body: 'ready' },
      },
    },
    { root: { listeners: [{ port: 0, host: '127.0.0.1', tls: 'selfsigned' }] } },
  );
  const socket = connect({ port: running.port, host: '127.0.0.1', rejectUnauthorized: false });
  await within(once(socket, 'secureConnect'), 'a TLS connection');
  const client = new RawClient(socket);
  socket.end(request('/'));
  assert.equal((await client.answer()).text, 'ready');
  assert.equal(await client.closed(), 'end');
  assert.deepEqual(
    running.completed.map(({ outcome }) => outcome),
    ['answered'],
  );
});

test('an idle connection is kept for longer than its caller is told', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { keepAliveTimeoutMs: 1000 } },
  );
  const client = await openRaw(running.port);
  const start = performance.now();
  const answer = await client.send(request('/')).answer();
  assert.deepEqual(answer.getAll('keep-alive'), ['timeout=1']);
  assert.equal(await client.closed(), 'end');
  assert.ok(performance.now() - start >= 2000);
});

const ofPieces = (fields: Fields, pieces: readonly unknown[], trailers?: Fields): Reply => {
  const stream = new BodyStream();
  const push = (index: number): void => {
    if (index === pieces.length) stream.end(trailers);
    else {
      stream.push(pieces[index] as Uint8Array);
      setImmediate(push, index + 1);
    }
  };
  setImmediate(push, 0);
  return new Reply(200, fields, stream);
};

for (const [what, make] of Object.entries({
  'more content than it announces': () =>
    ofPieces(new Fields(['Content-Length', '5']), [Buffer.from('abc'), Buffer.from('defgh')]),
  'less content than it announces': () =>
    ofPieces(new Fields(['Content-Length', '50']), [Buffer.from('abc'), Buffer.from('def')]),
  'a length that is none': () => ofPieces(new Fields(['Content-Length', 'some']), [Buffer.from('abc')]),
  'pieces that are no bytes': () => ofPieces(new Fields(), ['\u20ac\u20ac', 'abc']),
  'trailers that cannot be sent': () =>
    ofPieces(new Fields(), [Buffer.from('abc')], new Fields(['X-A', 'a\r\nb: c'])),
}))
  for (const kind of ['plain', 'chunks'])
    test(`an answer that gives ${what} breaks off, and nothing follows it (${kind})`, async () => {
      const clumsy = definePlugin({
        name: 'clumsy',
        summary: 'Answers streams that are wrong.',
        bind: () => ({ preAuth: (exchange) => (exchange.path === '/right' ? undefined : make()) }),
      });
      await using backend = await httpBackend();
      await using running = await startGateway(
        { 'main/all': passTo(backend.port) },
        {
          plugins: [clumsy],
          root: { plugins: { p: { type: 'clumsy' } }, bindings: [{ plugin: 'p', apis: ['main/all'] }] },
        },
      );
      const client = await openRaw(running.port);
      client.send(kind === 'plain' ? request('/wrong') : chunked);
      await client.closed();
      assert.ok(client.reader.received > 0);
      await until(() => running.completed.length === 1, 'it is completed');
      assert.equal(running.completed[0]?.outcome, 'cut');
    });
