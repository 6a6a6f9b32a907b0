import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { test } from 'node:test';
import { httpBackend, streamBackend } from './support/backend.ts';
import { type Running, type RunOptions, passTo, startGateway } from './support/gateway.ts';
import { Http2Client, answerOf } from './support/http2-client.ts';
import { pause, until, within } from './support/within.ts';

function start(
  apis: Readonly<Record<string, unknown>>,
  { root = {}, ...options }: RunOptions = {},
): Promise<Running> {
  const listeners = [{ port: 0, host: '127.0.0.1', tls: 'selfsigned' }];
  return startGateway(apis, { ...options, root: { listeners, ...root } });
}

test('what a backend gets of an HTTP/2 request is an ordinary HTTP/1.1 request', async () => {
  await using backend = await httpBackend((_request, response) => {
    response.writeHead(201, [
      'X-Upper',
      'Kept',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'Connection',
      'close',
      'Keep-Alive',
      'x',
    ]);
    response.end('made');
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  const answer = await client.request(
    {
      ':method': 'POST',
      ':path': '/a%2Fb?x=%20&x',
      ':authority': 'API.test:444',
      'x-two': ['1', '2'],
      cookie: ['a=1', 'b=2'],
      te: 'trailers',
    },
    'content',
  );
  assert.equal(answer.status, 201);
  assert.equal(answer.body.toString(), 'made');
  assert.equal(answer.get('x-upper'), 'Kept');
  assert.deepEqual(
    answer.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value),
    ['a=1', 'b=2'],
  );
  for (const name of ['connection', 'keep-alive', 'transfer-encoding'])
    assert.equal(answer.get(name), undefined);
  const [seen] = backend.seen;
  assert.equal(`${seen?.method} ${seen?.url}`, 'POST /a%2Fb?x=%20&x');
  assert.equal(seen?.body.toString(), 'content');
  for (const [name, values] of [
    ['host', [`127.0.0.1:${backend.port}`]],
    ['cookie', ['a=1; b=2']],
    ['x-two', ['1', '2']],
    ['te', []],
    ['x-forwarded-proto', ['https']],
    ['x-forwarded-host', ['API.test:444']],
    ['x-forwarded-port', [String(running.port)]],
    ['x-forwarded-for', ['127.0.0.1']],
  ] as const) {
    assert.deepEqual(seen?.values(name), values, name);
  }
  assert.match(seen?.values('via')[0] ?? '', /^2\.0 tapgate-/);
  assert.equal(
    seen?.rawHeaders.some((name) => name.startsWith(':')),
    false,
  );
});

test('a host beside another authority, an unknown expectation and an odd target are refused; CONNECT has no tunnel', async () => {
  await using backend = await httpBackend();
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  for (const [headers, status] of [
    [{ ':authority': 'a', host: 'b' }, 400],
    [{ ':authority': 'a', host: 'a' }, 200],
    [{ ':path': '/x#y' }, 400],
    [{ ':method': 'OPTIONS', ':path': '*' }, 404],
    [{ expect: 'the-unexpected' }, 417],
  ] as const) {
    assert.equal((await client.request({ ...headers })).status, status, JSON.stringify(headers));
  }
  assert.notEqual((await client.request({ ':authority': 'a b' })).status, 200);
  const tunnel = client.session.request({ ':method': 'CONNECT', ':authority': 'a:1' }, { endStream: false });
  tunnel.on('error', () => undefined);
  const answer = await answerOf(tunnel);
  assert.ok(answer.status === 400 || answer.rstCode !== 0);
  assert.equal(backend.seen.length, 1);
});

test('the limits of targets and heads hold, and refuse with their own status', async () => {
  await using running = await start(
    { 'main/all': passTo(1) },
    { limits: { uriBytes: 1000, headerLineBytes: 2000, headersBytes: 4000 } },
  );
  await using client = await Http2Client.open(running.port);
  assert.equal((await client.request({ ':path': `/${'x'.repeat(1000)}` })).status, 414);
  assert.equal((await client.request({ 'x-long': 'x'.repeat(2001) })).status, 494);
  const many = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`x-${index}`, 'x'.repeat(1000)]));
  assert.equal((await client.request(many)).status, 494);
  // Beyond any limit: the stream or the connection ends, and the gateway goes on.
  const huge = client.stream({ 'x-huge': 'x'.repeat(500_000) });
  assert.notEqual((await answerOf(huge)).status, 200);
  await using again = await Http2Client.open(running.port);
  assert.equal((await again.request({ ':path': `/${'x'.repeat(1000)}` })).status, 414);
});

test('content streams both ways at the pace of the slower side, many streams at once', async () => {
  const size = 1024 * 1024;
  await using backend = await streamBackend((request, response) => {
    request.pipe(response);
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      client.request({ ':method': 'POST', ':path': `/${index}` }, Buffer.alloc(size, index)),
    ),
  );
  for (const [index, answer] of answers.entries()) {
    assert.equal(answer.status, 200);
    assert.equal(answer.body.equals(Buffer.alloc(size, index)), true);
  }
});

test('a caller that reads nothing stops the backend from sending', async () => {
  let sent = 0;
  await using backend = await streamBackend((_request, response) => {
    const more = (): void => {
      do sent += 65_536;
      while (sent < 100e6 && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  const stream = client.stream({});
  await within(once(stream, 'response'), 'the head');
  let before = -1;
  await until(() => {
    const isStill = before === sent && sent > 0;
    before = sent;
    return isStill;
  }, 'the backend is held up');
  assert.ok(sent < 30e6, `${sent} bytes were taken`);
  stream.close(constants.NGHTTP2_CANCEL);
  await until(() => backend.connections.every((socket) => socket.destroyed), 'the backend is told');
});

test('answers without content, trailers and interim answers pass', async () => {
  await using backend = await streamBackend((request, response) => {
    request.resume();
    const { url = '' } = request;
    if (url === '/hints') response.writeEarlyHints({ link: '</a>; rel=preload' }, () => response.end('late'));
    else if (url === '/trailers') {
      response.writeHead(200, { trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'x-sum': '42' });
      response.end();
    } else if (url === '/204') response.writeHead(204).end();
    else if (url === '/304') response.writeHead(304, { etag: '"a"' }).end();
    else response.writeHead(200, { 'content-length': '5' }).end('hello');
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  const hints = await client.request({ ':path': '/hints' });
  assert.deepEqual([hints.interim, hints.status, hints.body.toString()], [[103], 200, 'late']);
  const trailers = await client.request({ ':path': '/trailers' });
  assert.equal(trailers.body.toString(), 'body');
  assert.equal(trailers.trailers?.['x-sum'], '42');
  assert.deepEqual(
    [(await client.request({ ':path': '/204' })).status, (await client.request({ ':path': '/304' })).status],
    [204, 304],
  );
  const head = await client.request({ ':method': 'HEAD' });
  assert.deepEqual([head.status, head.get('content-length'), head.body.length], [200, '5', 0]);
  // A pooled connection is as good as new after each of them.
  assert.equal((await client.request()).body.toString(), 'hello');
});

test('Expect: 100-continue is answered when the content is wanted', async () => {
  await using backend = await httpBackend();
  await using running = await start({
    'main/all': passTo(backend.port),
    'main/closed': { ...passTo(backend.port, { request: { path: '/closed' } }), auth: 'app' },
  });
  await using client = await Http2Client.open(running.port);
  const stream = client.stream({ ':method': 'POST', expect: '100-continue' }, false);
  stream.on('continue', () => stream.end('now'));
  const answer = await answerOf(stream);
  assert.deepEqual([answer.interim, answer.status], [[100], 200]);
  assert.equal(backend.seen[0]?.body.toString(), 'now');
  const refused = client.stream({ ':method': 'POST', ':path': '/closed', expect: '100-continue' }, false);
  const refusal = await answerOf(refused);
  assert.deepEqual([refusal.interim, refusal.status, refusal.rstCode], [[], 401, 0]);
});

test('content that its sender gives up does not reach the backend as if it were whole', async () => {
  let ended = 0;
  let broken = 0;
  await using backend = await streamBackend((request, response) => {
    request.on('end', () => (ended += 1));
    request.on('error', () => undefined);
    request.on('close', () => {
      if (!request.complete) broken += 1;
    });
    request.resume();
    response.on('error', () => undefined);
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  for (const way of ['stream', 'connection'] as const) {
    await using client = await Http2Client.open(running.port);
    const before = backend.connections.length;
    const stream = client.stream({ ':method': 'POST' }, false);
    stream.write(Buffer.alloc(100_000));
    await until(() => backend.connections.length > before, 'the backend is called');
    if (way === 'connection') client.session.destroy();
    // Not `close`, which would end the content first.
    else stream.destroy();
    const wanted = broken + 1;
    await until(() => broken === wanted, 'the backend sees it break off');
  }
  assert.equal(ended, 0);
  await until(() => running.completed.length === 2, 'all are told');
  assert.deepEqual(
    running.completed.map(({ status, outcome }) => [status, outcome]),
    [
      [499, 'client-gone'],
      [499, 'client-gone'],
    ],
  );
});

test('a backend that breaks off resets the stream, not the connection', async () => {
  await using backend = await streamBackend((request, response) => {
    response.writeHead(200, request.url === '/sized' ? { 'content-length': '1000' } : {});
    response.write('part');
    setImmediate(() => response.destroy());
  });
  await using running = await start({ 'main/all': passTo(backend.port) });
  await using client = await Http2Client.open(running.port);
  for (const path of ['/sized', '/chunked']) {
    const answer = await client.request({ ':path': path });
    assert.notEqual(answer.rstCode, constants.NGHTTP2_NO_ERROR, path);
  }
  assert.deepEqual(
    running.completed.map(({ outcome }) => outcome),
    ['cut', 'cut'],
  );
});

test('an answer that does not wait for the content is read whole, and the rest is not sent', async () => {
  await using running = await start({
    'main/all': {
      request: { method: 'POST', path: '/', maxBodyBytes: 10 },
      auth: 'none',
      backend: { type: 'mock' },
    },
  });
  await using client = await Http2Client.open(running.port);
  const stream = client.stream({ ':method': 'POST', 'content-length': '100000000' }, false);
  stream.write(Buffer.alloc(100));
  const answer = await answerOf(stream);
  assert.deepEqual([answer.status, answer.rstCode], [413, constants.NGHTTP2_NO_ERROR]);
  assert.match(answer.body.toString(), /Request entity too large/);
});

test('streams that are opened and reset in a row leave nothing behind', async () => {
  let running = 0;
  await using backend = await streamBackend((request, response) => {
    running += 1;
    request.resume();
    response.on('close', () => {
      running -= 1;
    });
  });
  await using gateway = await start({ 'main/all': passTo(backend.port) });
  const client = await Http2Client.open(gateway.port);
  for (let round = 0; round < 30; round += 1) {
    const streams = Array.from({ length: 50 }, () => client.stream({}));
    await pause(0);
    for (const stream of streams) if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  }
  client.session.destroy();
  await until(() => running === 0, 'the backend is left alone');
  await until(() => gateway.completed.every(({ outcome }) => outcome === 'client-gone'), 'all ended');
  await using again = await Http2Client.open(gateway.port);
  again.stream({});
  await until(() => running === 1, 'the gateway still serves');
});

test('closing sends connections away after what they carry; an idle connection is closed in its time', async () => {
  const held: (() => void)[] = [];
  await using backend = await streamBackend((_request, response) => {
    held.push(() => response.end('done'));
  });
  const running = await start({ 'main/all': passTo(backend.port) }, { limits: { keepAliveTimeoutMs: 200 } });
  const idle = await Http2Client.open(running.port);
  await within(once(idle.session, 'close'), 'the end of an idle connection');
  const busy = await Http2Client.open(running.port);
  const answer = busy.request();
  await until(() => held.length === 1, 'a request is under way');
  const closing = running.gateway.close();
  await within(once(busy.session, 'goaway'), 'a GOAWAY');
  held[0]?.();
  const { status, body } = await answer;
  assert.deepEqual([status, body.toString()], [200, 'done']);
  await within(closing, 'the gateway to close');
  const stuck = await start({ 'main/all': passTo(backend.port) }, { limits: { drainTimeoutMs: 100 } });
  const late = await Http2Client.open(stuck.port);
  const cut = late.request();
  await until(() => held.length === 2, 'a request is under way');
  await within(stuck.gateway.close(), 'the gateway to close after its deadline');
  assert.equal((await cut).status, 0);
});
