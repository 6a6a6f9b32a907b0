import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerEach, httpBackend, rawBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';
import { agreed, handshake } from './support/websocket.ts';
import { pause, until, within } from './support/within.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a handshake that announces content is refused, and what follows is no request', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const contents = [
    handshake(`Content-Length: ${get.length}\r\n`) + get,
    `${handshake('Transfer-Encoding: chunked\r\n')}0\r\n\r\n${get}`,
    handshake('Transfer-Encoding: identity\r\n') + get,
    handshake('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n') + get,
    handshake('Content-Length: 0, 5\r\n') + get,
  ];
  for (const bytes of contents) {
    const client = await openRaw(running.port);
    const answer = await client.send(bytes).answer();
    assert.equal(answer.status, 400, bytes);
    await client.closed();
    assert.equal(client.reader.waiting, '', bytes);
  }
  assert.equal(backend.seen.length, 0);
});

test('what is no handshake is an ordinary request: its Upgrade is ignored', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const ordinary = [
    handshake().replace('websocket', 'h2c'),
    handshake().replace('websocket', 'websocket2'),
    handshake().replace('Connection: Upgrade', 'Connection: keep-alive'),
    handshake().replace('Upgrade: websocket\r\n', ''),
    handshake().replace('HTTP/1.1', 'HTTP/1.0'),
    handshake().replace('GET', 'HEAD'),
    handshake().replace('GET', 'DELETE'),
    `${handshake('Content-Length: 3\r\n').replace('GET', 'POST')}abc`,
  ];
  for (const bytes of ordinary) {
    const answer = await exchangeRaw(running.port, bytes);
    assert.equal(answer.status, 200, bytes);
  }
  assert.equal(backend.seen.length, ordinary.length);
  for (const seen of backend.seen) assert.deepEqual(seen.values('upgrade'), []);
});

for (const protocol of ['websocket', 'h2c']) {
  test(`a request for ${protocol} behind one that is not answered yet is dropped with its connection`, async () => {
    const large = 'x'.repeat(4 * 1024 * 1024);
    const urls: (string | undefined)[] = [];
    let release = (): void => undefined;
    await using backend = await streamBackend((request, response) => {
      urls.push(request.url);
      release = () => response.end(large);
    });
    await using running = await startGateway({ 'main/all': passTo(backend.port) });
    const client = await openRaw(running.port);
    client.send(
      get.replace('/', '/first') +
        handshake('', '/second').replace('websocket', protocol) +
        get.replace('/', '/third'),
    );
    await until(() => urls.length === 1, 'the first is under way');
    release();
    const answer = await client.answer();
    assert.ok(answer.text === large);
    assert.equal(await client.closed(), 'end');
    assert.equal(client.reader.waiting, '');
    assert.deepEqual(urls, ['/first']);
  });
}

test('what waits for an answer behind which there was an Upgrade is cut when the gateway has closed', async () => {
  let asked = 0;
  await using backend = await streamBackend((_request, response) => {
    asked += 1;
    response.writeHead(200);
    response.write('never ends');
  });
  const running = await startGateway(
    { 'main/all': passTo(backend.port, { backend: { timeoutMs: 60_000 } }) },
    { limits: { drainTimeoutMs: 200 } },
  );
  const client = await openRaw(running.port);
  client.send(get + handshake());
  await until(() => asked === 1 && client.reader.received > 0, 'the first is being answered');
  await within(running.gateway.close(), 'the gateway to close', 5000);
  await client.closed();
});

test('what follows an ignored Upgrade is not lost, wherever the packets end', async () => {
  await using backend = await httpBackend((_request, response, { url }) => response.end(`to ${url}`));
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const second = 'POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n';
  const bytes = `${handshake('', '/first').replace('websocket', 'h2c')}${second}${get.padEnd(40, 'x')}${get}`;
  for (const cut of [
    bytes.length,
    bytes.indexOf('POST'),
    bytes.indexOf('/second'),
    bytes.indexOf('GET /', 5),
  ]) {
    const client = await openRaw(running.port);
    client.send(bytes.slice(0, cut));
    await pause(30);
    client.send(bytes.slice(cut));
    for (const path of ['/first', '/second', '/']) {
      const answer = await client.answer();
      assert.equal(answer.text, `to ${path}`, `${cut}`);
      assert.deepEqual(answer.getAll('connection'), ['keep-alive'], path);
    }
    assert.equal(
      (await client.send(handshake('', '/last').replace('websocket', 'h2c')).answer()).text,
      'to /last',
    );
    client.socket.destroy();
  }
  const contents = await openRaw(running.port);
  contents.send(
    handshake('Content-Length: 3\r\n').replace('GET', 'POST').replace('websocket', 'h2c') + 'abc',
  );
  assert.deepEqual((await contents.answer('POST')).getAll('connection'), ['close']);
  await contents.closed();
  const last = await openRaw(running.port);
  last.send(handshake().replace('websocket', 'h2c').replace('Upgrade\r\n', 'Upgrade, close\r\n'));
  assert.deepEqual((await last.answer()).getAll('connection'), ['close']);
  await last.closed();
});

const answers: readonly (readonly [name: string, request: string, answer: string])[] = [
  ['101 that nobody asked for', get, agreed],
  ['101 without Upgrade, that nobody asked for', get, 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['101 without Upgrade', handshake(), 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['101 to another protocol', handshake(), agreed.replace('websocket', 'h2c')],
  ['101 to several protocols', handshake(), agreed.replace('websocket', 'h2c, websocket')],
  ['an end', handshake(), ''],
];
for (const [name, request, answer] of answers) {
  test(`a backend that answers a request with ${name} is a 502`, async () => {
    let open = 0;
    await using backend = await rawBackend((socket) => {
      open += 1;
      socket.on('close', () => {
        open -= 1;
      });
      answerEach(socket, () => {
        if (answer === '') socket.end();
        return `${answer}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`;
      });
    });
    await using running = await startGateway({ 'main/all': passTo(backend.port) });
    const got = await exchangeRaw(running.port, request);
    assert.equal(got.status, 502);
    assert.deepEqual(got.interim, []);
    assert.equal(got.getAll('upgrade').length, 0);
    await until(() => open === 0, 'the backend is let go');
  });
}

test('fields named by Connection are not forwarded, those of the handshake included', async () => {
  let head = '';
  await using backend = await rawBackend((socket) => {
    answerEach(socket, (text) => {
      head = text;
      return 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n';
    });
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const bytes = handshake('X-A: 1\r\n').replace(
    'Connection: Upgrade',
    'Connection: Upgrade, x-a, Sec-WebSocket-Key',
  );
  assert.equal((await exchangeRaw(running.port, bytes)).status, 400);
  assert.match(head, /^GET /);
  assert.doesNotMatch(head, /x-a:|sec-websocket-key:/i);
  assert.match(head, /\r\nupgrade: websocket\r\n/i);
});

test('a handshake with a head that is refused', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const twoHosts = handshake('Host: b\r\n');
  const noHost = handshake().replace('Host: a\r\n', '');
  const long = handshake(`X-Long: ${'x'.repeat(40_000)}\r\n`);
  for (const [bytes, status] of [
    [twoHosts, 400],
    [noHost, 400],
    [long, 494],
  ] as const) {
    const client = await openRaw(running.port);
    assert.equal((await client.send(bytes).answer()).status, status);
    assert.equal(await client.closed(), 'end');
  }
  assert.equal(backend.seen.length, 0);
  assert.deepEqual(running.log, []);
});
