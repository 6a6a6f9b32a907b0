import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { Fields, Reply, definePlugin, reply } from '#sdk';
import type { Exchange } from '../../core/kernel/exchange.ts';
import { httpBackend, streamBackend } from './support/backend.ts';
import { type Running, type RunOptions, passTo, startGateway } from './support/gateway.ts';
import { Http2Client } from './support/http2-client.ts';
import { RawClient } from './support/raw-client.ts';
import { RawHttp2, endHeaders, endStream, frame, head, types, uint32 } from './support/raw-http2.ts';
import { pause, until, within } from './support/within.ts';

function start(
  apis: Readonly<Record<string, unknown>>,
  { root = {}, ...options }: RunOptions = {},
): Promise<Running> {
  const listeners = [{ port: 0, host: '127.0.0.1', tls: 'selfsigned' }];
  return startGateway(apis, { ...options, root: { listeners, ...root } });
}

test('a backend that repeats a field that has one value, in head, interim head or trailers, harms nobody', async () => {
  await using backend = await streamBackend((request) => {
    request.resume();
    const { socket } = request;
    const twice = 'etag: "a"\r\netag: "b"\r\ncontent-type: a/b\r\ncontent-type: c/d\r\n';
    if (request.url === '/trailers')
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n${twice}\r\n`);
    else if (request.url === '/hints')
      socket.write(
        `HTTP/1.1 103 Hints\r\n${twice}http2-settings: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody`,
      );
    else if (request.url === '/bare-trailers')
      socket.write(
        `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nhttp2-settings: x\r\nproxy-connection: x\r\nconstructor: x\r\n__proto__: y\r\n\r\n`,
      );
    else socket.write(`HTTP/1.1 200 OK\r\n${twice}http2-settings: x\r\ncontent-length: 4\r\n\r\nbody`);
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  for (const path of ['/', '/hints', '/trailers', '/bare-trailers']) {
    const answer = await client.request({ ':path': path });
    assert.deepEqual([path, answer.status, answer.body.toString()], [path, 200, 'body']);
  }
  assert.deepEqual(
    running.log.filter(({ level }) => level === 'error'),
    [],
  );
});

const answering = (answer: () => ReturnType<typeof reply>) =>
  definePlugin({
    name: 'test-answer',
    summary: 'Answers.',
    bind: () => ({ preAuth: answer }),
  });

test('a field of an answer that no HTTP can carry is a 500, not other bytes', async () => {
  for (const value of ['a\r\nb: c', 'a\0\0b\0c', '\u010d\u010aset-cookie: x', '\u4e2d']) {
    await using running = await start(
      { 'main/all': passTo(1) },
      {
        plugins: [answering(() => new Reply(200, new Fields(['x-bad', value]), 'body'))],
        root: {
          plugins: { bad: { type: 'test-answer' } },
          bindings: [{ plugin: 'bad', apis: ['main/all'] }],
        },
      },
    );
    await using client = await Http2Client.open(running.port);
    const answer = await client.request();
    assert.deepEqual([answer.status, answer.get('x-bad')], [500, undefined], JSON.stringify(value));
  }
});

test('a 205 with content, which HTTP/2 clients do not expect', async () => {
  await using backend = await streamBackend((request, response) => {
    request.resume();
    response.writeHead(205, request.url === '/sized' ? { 'content-length': 5 } : {});
    response.end('hello');
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  for (const path of ['/', '/sized']) {
    const answer = await client.request({ ':path': path });
    assert.deepEqual([answer.status, answer.rstCode, answer.body.length], [205, 0, 0]);
  }
  await until(() => running.completed.length === 2, 'both told');
  assert.deepEqual(
    running.completed.map(({ outcome }) => outcome),
    ['answered', 'answered'],
  );
  assert.deepEqual(running.log, []);
});

test('streams that are reset in the packet that opens them leave neither a crash nor a connection behind', async () => {
  await using backend = await httpBackend();
  await using running = await start(
    { 'main/all': passTo(backend.port) },
    { limits: { keepAliveTimeoutMs: 200 } },
  );
  await using client = await RawHttp2.open(running.port);
  await client.receive(types.settings);
  for (let index = 0; index < 14; index += 1) {
    const id = 1 + 2 * index;
    client.send(
      frame(types.headers, endHeaders | (index % 2), id, head()),
      frame(types.reset, 0, id, uint32(index)),
    );
  }
  await client.closed();
  await pause(20);
  await using again = await Http2Client.open(running.port);
  assert.equal((await again.request()).status, 200);
});

test('content that is given up with NO_ERROR is not whole either', async () => {
  let ended = 0;
  await using backend = await streamBackend((request, response) => {
    request.on('end', () => (ended += 1));
    request.on('error', () => undefined);
    request.resume();
    response.on('error', () => undefined);
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await RawHttp2.open(running.port);
  client.send(frame(types.headers, endHeaders, 1, head()), frame(types.data, 0, 1, Buffer.alloc(1000)));
  await until(() => backend.connections.length > 0, 'the backend is called');
  client.send(frame(types.reset, 0, 1, uint32(0)));
  await until(() => running.completed.length === 1, 'completed');
  assert.deepEqual(
    running.completed.map(({ status, outcome }) => [status, outcome]),
    [[499, 'client-gone']],
  );
  await until(() => backend.connections.every((socket) => socket.destroyed), 'the backend is told');
  assert.equal(ended, 0);
});

test('an answer for a stream that was reset meanwhile is no fault of a plugin', async () => {
  const held: (() => void)[] = [];
  const slow = definePlugin({
    name: 'test-slow',
    summary: 'Answers when it is told to.',
    bind: () => ({
      preAuth: (exchange) =>
        new Promise((resolve) => {
          held.push(() => {
            (exchange as Exchange).incoming.delivery.inform(103, ['link', 'x']);
            resolve(reply(200, {}, 'late'));
          });
        }),
    }),
  });
  await using running = await start(
    { 'main/all': passTo(1) },
    {
      plugins: [slow],
      root: { plugins: { slow: { type: 'test-slow' } }, bindings: [{ plugin: 'slow', apis: ['main/all'] }] },
    },
  );
  await using client = await RawHttp2.open(running.port);
  for (const [index, code] of [0, 8, 1].entries()) {
    const id = 1 + 2 * index;
    client.send(frame(types.headers, endHeaders, id, head()), frame(types.data, 0, id, Buffer.alloc(2000)));
    await until(() => held.length === index + 1, 'called');
    client.send(frame(types.reset, 0, id, uint32(code)), frame(types.ping, 0, 0, Buffer.alloc(8)));
    await until(() => client.of(types.ping).length === index + 1, 'the reset is read');
    held[index]?.();
  }
  await until(() => running.completed.length === 3, 'completed');
  assert.deepEqual(
    running.completed.map(({ outcome }) => outcome),
    ['client-gone', 'client-gone', 'client-gone'],
  );
  assert.deepEqual(running.log, []);
});

test('a target that is neither a path nor an asterisk is refused', async () => {
  await using backend = await httpBackend();
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await RawHttp2.open(running.port);
  let id = -1;
  for (const changes of [
    [
      [':scheme', 'ftp'],
      [':path', 'http://other/x'],
    ],
    [
      [':scheme', 'x'],
      [':path', 'x'],
    ],
    [
      [':scheme', 'x'],
      [':path', '*'],
    ],
  ] as const) {
    id += 2;
    client.send(frame(types.headers, endHeaders | endStream, id, head(changes)));
  }
  await until(() => running.completed.length + client.of(types.reset).length === 3, 'all refused');
  assert.deepEqual(
    running.completed.map(({ status }) => status),
    [400, 400, 400],
  );
  assert.equal(backend.seen.length, 0);
});

test('HEAD for which a backend sends content without end gives the backend up', async () => {
  await using backend = await streamBackend((request, response) => {
    request.resume();
    const timer = setInterval(() => response.write(Buffer.alloc(10_000)), 1);
    response.on('close', () => clearInterval(timer));
  });
  await using running = await start({ 'main/all': passTo(backend.port, { backend: { method: 'GET' } }) });
  await using client = await Http2Client.open(running.port);
  assert.equal((await client.request({ ':method': 'HEAD' })).status, 200);
  const isTold = (): boolean => backend.connections.every((socket) => socket.destroyed);
  await until(isTold, 'the backend is told', 3000);
  const older = new RawClient(
    connectTls({ port: running.port, host: '127.0.0.1', rejectUnauthorized: false }),
  );
  assert.equal((await older.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n').answer('HEAD')).status, 200);
  await until(isTold, 'the backend is told', 3000);
  older.socket.destroy();
});

const flowing = (): ReturnType<typeof streamBackend> =>
  streamBackend((request, response) => {
    request.resume();
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    if (request.url === '/small') response.end('small');
    else if (request.url === '/large') response.end(Buffer.alloc(1_000_000));
    else more();
  });

test('answers that their caller leaves no room for are given up, however small they are', async () => {
  await using backend = await flowing();
  await using running = await start({ 'main/all': passTo(backend.port) }, { stalledMs: 200 });
  // No window for content (RFC 9113 section 6.5.2), and a lively connection.
  await using client = await RawHttp2.open(running.port, [[4, 0]]);
  for (const [index, path] of ['/small', '/large', '/endless'].entries())
    client.send(
      frame(
        types.headers,
        endHeaders | endStream,
        1 + 2 * index,
        head([
          [':method', 'GET'],
          [':path', path],
        ]),
      ),
    );
  const pings = setInterval(() => client.send(frame(types.ping, 0, 0, Buffer.alloc(8))), 20);
  await until(() => running.completed.length === 3, 'all are given up');
  clearInterval(pings);
  assert.deepEqual(
    running.completed.map(({ outcome }) => outcome),
    ['client-gone', 'client-gone', 'client-gone'],
  );
  await until(() => client.of(types.reset).length === 3, 'the caller is told');
});

test('a caller that takes a large answer piece by piece gets all of it, however long that takes', async () => {
  await using backend = await flowing();
  await using running = await start({ 'main/all': passTo(backend.port) }, { stalledMs: 1000 });
  await using client = await RawHttp2.open(running.port, [[4, 65_535]]);
  client.send(
    frame(
      types.headers,
      endHeaders | endStream,
      1,
      head([
        [':path', '/large'],
        [':method', 'GET'],
      ]),
    ),
  );
  const size = (): number => client.of(types.data, 1).reduce((sum, { payload }) => sum + payload.length, 0);
  for (let given = 65_535; given < 1_000_000; given += 65_536) {
    await until(() => size() === given, 'what there is room for');
    await pause(100);
    const room = uint32(65_536);
    client.send(frame(types.windowUpdate, 0, 0, room), frame(types.windowUpdate, 0, 1, room));
  }
  await until(() => size() === 1_000_000, 'everything');
  await until(() => running.completed[0]?.outcome === 'answered', 'it is told');
});

for (const how of ['stalls', 'closes'] as const) {
  test(`a connection whose peer reads nothing at all ends when the gateway ${how}`, async () => {
    await using backend = await flowing();
    const limits = { keepAliveTimeoutMs: 200, drainTimeoutMs: how === 'closes' ? 300 : 60_000 };
    await using running = await start(
      { 'main/all': passTo(backend.port) },
      { limits, stalledMs: how === 'stalls' ? 100 : 60_000 },
    );
    const client = await RawHttp2.open(running.port, [[4, 0x7fffffff]]);
    client.send(frame(types.windowUpdate, 0, 0, uint32(0x7fff0000)));
    client.send(frame(types.headers, endHeaders | endStream, 1, head()));
    await client.receive(types.headers);
    client.socket.pause();
    await until(() => backend.connections.length === 1, 'the backend is called');
    if (how === 'closes') await within(running.gateway.close(), 'the gateway to close', 5000);
    await until(() => running.completed.length === 1, 'completed');
    await until(() => backend.connections.every((socket) => socket.destroyed), 'the backend is told');
    await within(running.gateway.close(), 'the connection is given up too', 5000);
    client.socket.destroy();
  });
}

test('closing does not wait for who has not finished shaking hands', async () => {
  const running = await start({ 'main/all': passTo(1) }, { limits: { drainTimeoutMs: 100 } });
  const socket = connectPlain(running.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await within(running.gateway.close(), 'the gateway to close', 5000);
});

test('content that is refused unread does not use up the window of the connection', async () => {
  await using running = await start({ 'main/all': { ...passTo(1), auth: 'app' } });
  await using client = await Http2Client.open(running.port);
  for (let round = 0; round < 60; round += 1) {
    const answer = await client.request({ ':method': 'POST' }, Buffer.alloc(60_000));
    assert.equal(answer.status, 401);
  }
});
