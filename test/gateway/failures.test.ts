import assert from 'node:assert/strict';
import { Socket, connect } from 'node:net';
import { test } from 'node:test';
import { answerEach, httpBackend, rawBackend, streamBackend } from './support/backend.ts';
import { deafServer } from './support/deaf-server.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { type RawAnswer, exchangeRaw, openRaw } from './support/raw-client.ts';
import { until } from './support/within.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function huawei(answer: RawAnswer): string {
  const { error_code: code, error_msg: message, request_id: id } = answer.json();
  assert.equal(answer.get('content-type'), 'application/json');
  assert.equal(id, answer.get('x-request-id'));
  return `${answer.status} ${String(code)} ${String(message)}`;
}

test('a server that does not take the connection is a 504', async () => {
  await using server = await deafServer();
  await using running = await startGateway(
    { 'main/all': passTo(server.port) },
    { limits: { connectTimeoutMs: 300 } },
  );
  const start = performance.now();
  assert.equal(huawei(await exchangeRaw(running.port, get)), '504 APIG.0201 Backend timeout.');
  assert.ok(performance.now() - start < 3000);
  assert.equal(running.completed[0]?.refusal?.cause, 'UND_ERR_CONNECT_TIMEOUT');
});

test("a head that does not come within the API's time is a 504, and the backend sees its request aborted", async () => {
  let isAborted = false;
  await using backend = await streamBackend((_request, response) => {
    response.on('close', () => {
      isAborted = true;
    });
  });
  await using running = await startGateway({
    'main/all': passTo(backend.port, { backend: { timeoutMs: 200 } }),
  });
  const start = performance.now();
  assert.equal(huawei(await exchangeRaw(running.port, get)), '504 APIG.0201 Backend timeout.');
  const took = performance.now() - start;
  assert.ok(took >= 190 && took < 2000, String(took));
  await until(() => isAborted, 'the backend sees the end', 1000);
});

test('interim answers do not lengthen the time', async () => {
  await using backend = await streamBackend((_request, response) => {
    const timer = setInterval(() => response.writeProcessing(), 50);
    response.on('close', () => clearInterval(timer));
  });
  await using running = await startGateway({
    'main/all': passTo(backend.port, { backend: { timeoutMs: 300 } }),
  });
  const answer = await exchangeRaw(running.port, get);
  assert.equal(answer.status, 504);
  assert.ok(answer.interim.length > 0);
});

test('an answer that stops in the middle is cut after the time between two pieces', async () => {
  await using backend = await streamBackend((_request, response) => {
    response.writeHead(200, { 'Content-Length': 100 });
    response.write('some');
  });
  await using running = await startGateway({
    'main/all': passTo(backend.port, { backend: { timeoutMs: 300 } }),
  });
  const client = await openRaw(running.port);
  const answer = await client.send(get).answer();
  assert.equal(answer.text, 'some');
  assert.equal(answer.isWhole, false);
  await until(() => running.completed.length === 1, 'the request is completed');
  assert.deepEqual(
    [running.completed[0]?.status, running.completed[0]?.outcome, running.completed[0]?.bytesSent],
    [200, 'cut', 4],
  );
});

test('an upload may take longer than the time for the head, which counts from its last piece', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({
    'main/all': passTo(backend.port, { backend: { timeoutMs: 300 } }),
  });
  const client = await openRaw(running.port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const timer = setInterval(() => client.send('1\r\nx\r\n'), 100);
  setTimeout(() => {
    clearInterval(timer);
    client.send('0\r\n\r\n');
  }, 900);
  assert.equal((await client.answer('POST')).text, 'ok');
  client.socket.destroy();
});

test('a backend that takes no more of an upload is a 504', async () => {
  await using backend = await streamBackend(() => undefined);
  await using running = await startGateway({
    'main/all': passTo(backend.port, { request: { maxBodyBytes: 1e9 }, backend: { timeoutMs: 300 } }),
  });
  const client = await openRaw(running.port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
  client.socket.on('error', () => undefined);
  const piece = Buffer.alloc(1024 * 1024);
  const go = (): void => {
    while (!client.socket.destroyed && client.socket.write(piece));
  };
  client.socket.on('drain', go);
  go();
  assert.equal(huawei(await client.answer('POST')), '504 APIG.0201 Backend timeout.');
  client.socket.destroy();
});

test('content that does not come is a 408', async () => {
  await using backend = await streamBackend((request) => {
    request.resume();
  });
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { bodyTimeoutMs: 200 } },
  );
  for (const framing of [
    'Content-Length: 100\r\n\r\nabc',
    'Content-Length: 100000\r\n\r\nabc',
    'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  ]) {
    const client = await openRaw(running.port);
    const start = performance.now();
    const answer = await client.send(`POST / HTTP/1.1\r\nHost: a\r\n${framing}`).answer();
    assert.equal(huawei(answer), '408 APIG.0201 The request did not arrive in time.');
    assert.ok(performance.now() - start < 2000);
    client.socket.destroy();
  }
});

test('a head that does not come is a 408', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { headersTimeoutMs: 300 } },
  );
  for (const bytes of ['', 'GET / HT', 'GET / HTTP/1.1\r\nHost: a\r\nX-Sl']) {
    const client = await openRaw(running.port);
    assert.equal(
      huawei(await client.send(bytes).answer()),
      '408 APIG.0201 The request did not arrive in time.',
    );
    client.socket.end();
    assert.equal(await client.closed(), 'end');
  }
  assert.deepEqual(backend.seen, []);
});

test('a refused connection, an unresolvable name and an answer that is none are told apart', async () => {
  const gone = await httpBackend();
  await gone[Symbol.asyncDispose]();
  const raw = (answer: string) =>
    rawBackend((socket) => {
      answerEach(socket, () => {
        socket.end(answer, 'latin1');
        return null;
      });
    });
  const garbage = await raw('SSH-2.0-OpenSSH\r\n\r\n');
  const nothing = await raw('');
  const half = await raw('HTTP/1.1 200 OK\r\nContent-Le');
  const broken = await raw('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab');
  const both = await raw(
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  );
  const upgrade = await raw('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
  const large = await raw(`HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(200_000)}\r\n\r\n`);
  const ports = {
    gone: gone.port,
    garbage: garbage.port,
    nothing: nothing.port,
    half: half.port,
    broken: broken.port,
    both: both.port,
    upgrade: upgrade.port,
    large: large.port,
  };
  const apis = Object.entries(ports).map(([name, port]) => [
    `main/${name}`,
    passTo(port, { request: { path: `/${name}` } }),
  ]);
  await using running = await startGateway({
    ...(Object.fromEntries(apis) as Record<string, unknown>),
    'main/name': passTo(80, {
      request: { path: '/name' },
      backend: { address: 'http://name.invalid', timeoutMs: 60_000 },
    }),
  });
  for (const name of Object.keys(ports)) {
    const answer = await exchangeRaw(running.port, `GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(huawei(answer), '502 APIG.0201 Backend unavailable.', name);
  }
  const client = await openRaw(running.port);
  const answer = await client.send('GET /name HTTP/1.1\r\nHost: a\r\n\r\n').answer('GET', 60_000);
  assert.equal(huawei(answer), '500 APIG.0605 Domain name resolution failed.');
  client.socket.destroy();
  for (const backend of [garbage, nothing, half, broken, both, upgrade, large])
    await backend[Symbol.asyncDispose]();
});

test('limits: target 414, one line 494, all lines 494', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const kilobyte = 1024;
  const ask = (head: string) => exchangeRaw(running.port, head);
  const target = (size: number) => `GET /${'x'.repeat(size - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const line = (size: number) =>
    `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(size - 'X-Long: \r\n'.length)}\r\n\r\n`;
  const lines = (count: number) =>
    `GET / HTTP/1.1\r\nHost: a\r\n${Array.from({ length: count }, (_each, index) => `X-${index}: ${'x'.repeat(16 * kilobyte - 20)}\r\n`).join('')}\r\n`;
  assert.equal((await ask(target(32 * kilobyte))).status, 200);
  assert.equal((await ask(line(32 * kilobyte))).status, 200);
  assert.equal((await ask(lines(7))).status, 200);
  const before = backend.seen.length;
  for (const request of [target(32 * kilobyte + 1), target(100 * kilobyte), target(2000 * kilobyte)]) {
    assert.equal(huawei(await ask(request)), '414 APIG.0201 Request URI too large.');
  }
  for (const request of [line(32 * kilobyte + 1), lines(9), lines(100)]) {
    assert.equal(huawei(await ask(request)), '494 APIG.0201 Request headers too large.');
  }
  assert.equal(backend.seen.length, before);
});

test('limits: content 413, by its length at once and by counting when it is chunked', async () => {
  const megabyte = 1024 * 1024;
  let isWhole = false;
  await using backend = await streamBackend((request, response) => {
    request.on('end', () => {
      isWhole = true;
      response.end('ok');
    });
    request.resume();
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const announced = await openRaw(running.port);
  const start = performance.now();
  const early = await announced
    .send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${12 * megabyte + 1}\r\n\r\n`)
    .answer();
  assert.equal(huawei(early), '413 APIG.0201 Request entity too large.');
  assert.ok(performance.now() - start < 1000);
  announced.socket.destroy();
  const piece = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(megabyte), Buffer.from('\r\n')]);
  const counted = await openRaw(running.port);
  counted.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let count = 0; count < 12; count++) counted.send(piece);
  counted.send('1\r\nx\r\n');
  assert.equal(huawei(await counted.answer('POST')), '413 APIG.0201 Request entity too large.');
  counted.socket.destroy();
  assert.equal(isWhole, false);
  const fits = await openRaw(running.port);
  fits.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let count = 0; count < 12; count++) fits.send(piece);
  assert.equal((await fits.send('0\r\n\r\n').answer('POST')).status, 200);
  fits.socket.destroy();
});

test('a caller that is busy sending can read the 413', async () => {
  const megabyte = 1024 * 1024;
  await using backend = await streamBackend((request) => {
    request.resume();
  });
  await using running = await startGateway({
    'main/all': passTo(backend.port, { request: { maxBodyBytes: megabyte } }),
  });
  const size = 32 * megabyte;
  const piece = Buffer.alloc(megabyte, 'x');
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), piece, Buffer.from('\r\n')]);
  for (const connection of ['keep-alive', 'close']) {
    for (const [framing, part] of [
      [`Content-Length: ${size}`, piece],
      ['Transfer-Encoding: chunked', chunk],
    ] as const) {
      const client = await openRaw(running.port);
      const { socket } = client;
      // It looks at no answer before it has sent everything.
      socket.pause();
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n${framing}\r\n\r\n`);
      let sent = 0;
      const go = (): void => {
        while (sent < size) {
          sent += megabyte;
          if (!socket.write(part)) {
            socket.once('drain', go);
            return;
          }
        }
        if (part === chunk) socket.write('0\r\n\r\n');
      };
      go();
      await until(() => sent === size && socket.writableLength === 0, 'everything is sent');
      assert.equal(
        huawei(await client.answer('POST')),
        '413 APIG.0201 Request entity too large.',
        `${connection}, ${framing}`,
      );
      socket.destroy();
    }
  }
});

test('a caller that goes on sending for ever after its answer is cut off', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({
    'main/all': passTo(backend.port, { request: { maxBodyBytes: 10 } }),
  });
  const client = await openRaw(running.port);
  const { socket } = client;
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n');
  const timer = setInterval(() => socket.write('x'), 50);
  assert.equal((await client.answer('POST')).status, 413);
  const start = performance.now();
  await client.closed(15_000);
  clearInterval(timer);
  assert.ok(performance.now() - start > 3000);
  socket.destroy();
});

test('a caller that does not read an answer that was written whole is cut off', async (t) => {
  // oxlint-disable-next-line typescript/unbound-method -- called with its `this` below
  const { setTimeout: original } = Socket.prototype;
  // The minute it has, made short.
  t.mock.method(Socket.prototype, 'setTimeout', function shortened(this: Socket, ms: number) {
    return original.call(this, ms === 60_000 ? 200 : ms);
  });
  const big = { type: 'mock', body: 'a'.repeat(20_000_000) };
  const request = { method: 'GET', path: '/' };
  await using running = await startGateway({ 'main/all': { request, auth: 'none', backend: big } });
  const socket = connect({ port: running.port, host: '127.0.0.1' }).pause();
  socket.on('error', () => undefined);
  socket.write(get);
  await until(() => running.completed.length === 1, 'it is cut off', 5000);
  assert.equal(running.completed[0]?.outcome, 'client-gone');
  socket.destroy();
});
