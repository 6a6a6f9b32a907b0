import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { definePlugin } from '#sdk';
import { answerEach, httpBackend, rawBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';

/** A backend that answers every request with the same bytes. */
function fixed(bytes: string, thenClose = false) {
  return rawBackend((socket) => {
    answerEach(socket, () => {
      if (!thenClose) return bytes;
      socket.end(bytes, 'latin1');
      return null;
    });
  });
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Sends the request twice on one connection: bytes too many or too few would spoil the second answer. */
async function twice(port: number, request: string) {
  const method = request.split(' ', 1)[0];
  const client = await openRaw(port);
  const first = await client.send(request).answer(method);
  const second = await client.send(request).answer(method);
  assert.equal(second.status, first.status);
  assert.equal(client.reader.waiting, '');
  client.socket.destroy();
  return first;
}

test('HEAD keeps the announced length and has no content', async () => {
  await using backend = await fixed('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nETag: "x"\r\n\r\n');
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await twice(running.port, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual(answer.getAll('content-length'), ['5000']);
  assert.equal(answer.get('transfer-encoding'), undefined);
});

test('HEAD invents no length where the backend told none', async () => {
  await using backend = await fixed(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n',
  );
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await twice(running.port, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(answer.status, 200);
  assert.equal(answer.get('content-length'), undefined);
});

test('HEAD of an answer that the gateway makes announces the length that GET has', async () => {
  await using running = await startGateway({
    'main/all': {
      request: { method: 'ANY', path: '/' },
      auth: 'none',
      backend: { type: 'mock', body: 'hello' },
    },
  });
  const answer = await twice(running.port, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual(answer.getAll('content-length'), ['5']);
});

test('204 has neither length nor content', async () => {
  await using backend = await fixed('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n');
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await twice(running.port, get);
  assert.equal(answer.status, 204);
  assert.equal(answer.get('content-length'), undefined);
  assert.equal(answer.get('transfer-encoding'), undefined);
  assert.equal(answer.get('x-a'), '1');
});

test('304 keeps the length it came with, and gets none if it came without', async () => {
  await using sized = await fixed('HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: "x"\r\n\r\n');
  await using bare = await fixed('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nTrailer: X\r\n\r\n');
  await using running = await startGateway({
    'main/sized': passTo(sized.port, { request: { path: '/sized' } }),
    'main/bare': passTo(bare.port, { request: { path: '/bare' } }),
  });
  const first = await twice(running.port, 'GET /sized HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(first.status, 304);
  assert.deepEqual(first.getAll('content-length'), ['77']);
  const second = await twice(running.port, 'GET /bare HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(second.status, 304);
  assert.deepEqual(second.getAll('content-length'), []);
});

test('interim answers are forwarded, all of them, before the final one', async () => {
  await using backend = await fixed(
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\nX-Request-Id: theirs\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n' +
      'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </c.css>; rel=preload\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await twice(running.port, get);
  assert.equal(answer.text, 'ok');
  assert.deepEqual(
    answer.interim.map(({ status }) => status),
    [103, 102, 103],
  );
  const [first] = answer.interim;
  assert.deepEqual(first?.headers, [
    ['link', '</a.css>; rel=preload'],
    ['link', '</b.js>; rel=preload'],
  ]);
});

test('an interim answer reaches the caller before the final one exists', async () => {
  let finish = (): void => undefined;
  await using backend = await streamBackend((_request, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    finish = () => response.end('ok');
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  const hint = await client.send(get).head();
  assert.equal(hint.status, 103);
  finish();
  assert.equal((await client.answer()).text, 'ok');
  client.socket.destroy();
});

test('interim answers without end are a 502, however little the caller takes of them', async () => {
  await using backend = await rawBackend((socket) => {
    const interim = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(10_000)}\r\n\r\n`;
    const flood = (): void => {
      while (!socket.destroyed && socket.write(interim));
    };
    socket.on('drain', flood).once('data', flood);
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await exchangeRaw(running.port, get);
  assert.equal(answer.status, 502);
  assert.ok(answer.interim.length > 0 && answer.interim.length < 20, `${answer.interim.length} of them`);
});

test('HTTP/1.0 callers get no interim answers, no chunks, and the end by the end of the connection', async () => {
  await using backend = await fixed(
    'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX-Sum: 1\r\n\r\n',
  );
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  for (const request of [
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n',
  ]) {
    const answer = await exchangeRaw(running.port, request);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.interim, []);
    assert.equal(answer.get('transfer-encoding'), undefined);
    assert.equal(answer.text, 'abcdef');
    assert.ok(answer.isWhole);
  }
});

test('HTTP/1.0: an answer that streams ends with the connection, and a broken one with a reset', async () => {
  let kill = (): void => undefined;
  await using backend = await streamBackend((request, response) => {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('first');
    if (request.url === '/cut') kill = () => request.socket.destroy();
    else setTimeout(() => response.end('last'), 20);
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const whole = await exchangeRaw(running.port, 'GET /whole HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  assert.equal(whole.text, 'firstlast');
  assert.deepEqual(whole.getAll('connection'), ['close']);
  const client = await openRaw(running.port);
  await client.send('GET /cut HTTP/1.0\r\n\r\n').head();
  assert.equal((await client.reader.take(5)).toString(), 'first');
  kill();
  assert.equal(await client.closed(), 'reset');
});

test('trailers are forwarded, without those that frame, route or authenticate', async () => {
  await using backend = await fixed(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n' +
      'X-Sum: 42\r\nX-Sum: 43\r\nAuthorization: x\r\nSet-Cookie: a=1\r\nHost: b\r\n' +
      'Content-Type: text/html\r\nKeep-Alive: x\r\nX-Request-Id: theirs\r\n\r\n',
  );
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await twice(running.port, get);
  assert.equal(answer.text, 'abc');
  assert.deepEqual(answer.getAll('transfer-encoding'), ['chunked']);
  assert.deepEqual(answer.getAll('trailer'), ['X-Sum']);
  assert.deepEqual(answer.trailers, [
    ['x-sum', '42'],
    ['x-sum', '43'],
  ]);
});

test('trailers arrive behind an answer that streams, too', async () => {
  await using backend = await streamBackend((_request, response) => {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('x'.repeat(100_000));
    setTimeout(() => {
      response.addTrailers({ 'X-Sum': '42' });
      response.end('y');
    }, 20);
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await exchangeRaw(running.port, get);
  assert.equal(answer.body.length, 100_001);
  assert.deepEqual(answer.trailers, [['x-sum', '42']]);
});

test('a Trailer field where there can be none does no harm', async () => {
  await using backend = await fixed('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok');
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await twice(running.port, get);
  assert.equal(answer.text, 'ok');
  assert.equal(answer.get('trailer'), undefined);
});

test('content passes however the backend delimits it', async () => {
  const backends = {
    sized: await fixed('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef'),
    empty: await fixed('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    chunked: await fixed(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
    ),
    closed: await fixed('HTTP/1.0 200 OK\r\n\r\nabcdef', true),
  };
  const apis = Object.entries(backends).map(([name, { port }]) => [
    `main/${name}`,
    passTo(port, { request: { path: `/${name}` } }),
  ]);
  await using running = await startGateway(Object.fromEntries(apis) as Record<string, unknown>);
  for (const name of Object.keys(backends)) {
    const answer = await twice(running.port, `GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(answer.text, name === 'empty' ? '' : 'abcdef', name);
    assert.ok(answer.isWhole);
    assert.equal(answer.getAll('content-length').length + answer.getAll('transfer-encoding').length, 1, name);
  }
  for (const backend of Object.values(backends)) await backend[Symbol.asyncDispose]();
});

test('pipelined requests are answered in order', async () => {
  const held: (() => void)[] = [];
  await using backend = await streamBackend((request, response) => {
    const answer = (): void => {
      response.end(request.url);
    };
    if (request.url === '/1') held.push(answer);
    else answer();
    // The first is the last to be answered.
    if (request.url === '/3') setTimeout(() => held.forEach((release) => release()), 20);
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  for (const path of ['/1', '/2', '/3']) assert.equal((await client.answer()).text, path);
  client.socket.destroy();
});

test('bytes after a request that are none do not spoil its answer', async () => {
  await using backend = await httpBackend((_request, response) => {
    setTimeout(() => response.end('fine'), 30);
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  const answer = await client.send(`${get}rubbish\r\n\r\nmore rubbish\r\n\r\n`).answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'fine');
  assert.deepEqual(answer.getAll('connection'), ['close']);
  assert.equal(await client.closed(), 'end');
  assert.equal(client.reader.waiting, '');
});

test('an answer that HTTP cannot express is a 500, and the gateway lives', async () => {
  const plugin = definePlugin({
    name: 'spoiler',
    summary: 'Puts into answers what must not be there.',
    bind: () => ({
      response(inbound) {
        const { path } = inbound.exchange;
        if (path === '/control') inbound.headers.flat.push('X-Bad', 'a\r\nX-Injected: 1');
        if (path === '/status') inbound.status = 150;
        if (path === '/framing')
          inbound.headers.flat.push(
            'Transfer-Encoding',
            'chunked',
            'Connection',
            'close, x',
            'Content-Length',
            '1',
          );
        return undefined;
      },
    }),
  });
  await using backend = await httpBackend();
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    {
      plugins: [plugin],
      root: { plugins: { spoil: { type: 'spoiler' } }, bindings: [{ plugin: 'spoil', apis: ['*'] }] },
    },
  );
  for (const path of ['/control', '/status']) {
    const answer = await twice(running.port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(answer.status, 500, path);
    assert.equal(answer.json()['error_code'], 'APIG.0601');
    assert.equal(answer.get('x-injected'), undefined);
  }
  assert.equal(running.log.filter(({ message }) => message === 'an answer could not be sent').length, 4);
  const framed = await twice(running.port, 'GET /framing HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(framed.text, 'ok');
  assert.deepEqual(framed.getAll('content-length'), ['2']);
  assert.deepEqual(framed.getAll('transfer-encoding'), []);
  assert.deepEqual(
    running.completed.map(({ status }) => status),
    [500, 500, 500, 500, 200, 200],
  );
});

test('a small answer leaves in one write', async () => {
  const writes: string[] = [];
  let port = 0;
  const watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket & { _handle: Record<string, unknown> } };
    if (socket.localPort !== port) return;
    const handle = socket._handle;
    for (const name of [
      'writeLatin1String',
      'writeUtf8String',
      'writeAsciiString',
      'writeBuffer',
      'writev',
    ]) {
      const original = handle[name] as (...args: unknown[]) => unknown;
      handle[name] = (...args: unknown[]) => {
        writes.push(name);
        return original.apply(handle, args);
      };
    }
  };
  const json = JSON.stringify({ message: 'x'.repeat(500) });
  await using sized = await fixed(`HTTP/1.1 200 OK\r\nContent-Length: ${json.length}\r\n\r\n${json}`);
  await using chunked = await fixed(
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`,
  );
  await using running = await startGateway({
    'main/sized': passTo(sized.port, { request: { path: '/sized' } }),
    'main/chunked': passTo(chunked.port, { request: { path: '/chunked' } }),
  });
  ({ port } = running);
  for (const path of ['/sized', '/chunked', '/unknown']) {
    subscribe('net.server.socket', watch);
    const client = await openRaw(running.port);
    await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).answer();
    unsubscribe('net.server.socket', watch);
    assert.deepEqual(writes.splice(0), ['writeLatin1String'], path);
    client.socket.destroy();
  }
});
