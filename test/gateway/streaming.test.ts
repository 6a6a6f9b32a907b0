import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { answerEach, httpBackend, rawBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { openRaw } from './support/raw-client.ts';
import { pause, until, within } from './support/within.ts';

const megabyte = 1024 * 1024;
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** More than the sockets, their kernel buffers and the gateway between two ends hold, with room. */
const heldAtMost = 24 * megabyte;

/** Writes until the other side takes no more for a while; answers how much it took. */
async function fill(
  write: (chunk: Buffer) => boolean,
  drained: () => Promise<unknown>,
  most: number,
): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let written = 0;
  while (written < most) {
    written += chunk.length;
    if (write(chunk)) continue;
    const isStopped = await Promise.race([drained().then(() => false), pause(400).then(() => true)]);
    if (isStopped) break;
  }
  return written;
}

test('a large upload streams: it arrives while it is sent, and whole', async () => {
  const size = 64 * megabyte;
  let received = 0;
  await using backend = await streamBackend((request, response) => {
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    request.on('end', () => response.end(String(received)));
  });
  await using running = await startGateway({
    'main/all': passTo(backend.port, { request: { maxBodyBytes: size } }),
  });
  for (const framing of [`Content-Length: ${size}`, 'Transfer-Encoding: chunked']) {
    received = 0;
    const client = await openRaw(running.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
    const isChunked = framing.includes('chunked');
    const piece = Buffer.alloc(megabyte, 'x');
    const part = isChunked ? Buffer.concat([Buffer.from('100000\r\n'), piece, Buffer.from('\r\n')]) : piece;
    for (let sent = 0; sent < size; sent += megabyte) {
      if (!client.socket.write(part)) await once(client.socket, 'drain');
      if (sent > heldAtMost) assert.ok(received > sent - heldAtMost, `${sent} sent, ${received} received`);
    }
    if (isChunked) client.send('0\r\n\r\n');
    assert.equal((await client.answer('POST', 30_000)).text, String(size));
    client.socket.destroy();
  }
});

test('a backend that does not read stops the caller from sending', async () => {
  let request: IncomingMessage | undefined;
  let answer = (): void => undefined;
  await using backend = await streamBackend((incoming, response) => {
    request = incoming;
    answer = () => response.end('ok');
  });
  const size = 256 * megabyte;
  await using running = await startGateway(
    { 'main/all': passTo(backend.port, { request: { maxBodyBytes: size }, backend: { timeoutMs: 20_000 } }) },
    // Nothing that the caller is to blame for: its time must not run while the backend is the slow one.
    { limits: { bodyTimeoutMs: 300 } },
  );
  const client = await openRaw(running.port);
  const { socket } = client;
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  const taken = await fill(
    (chunk) => socket.write(chunk),
    () => once(socket, 'drain'),
    size,
  );
  assert.ok(taken < heldAtMost, `${taken} bytes went in while nobody read`);
  assert.ok(request);
  let received = 0;
  request.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  await until(() => received >= taken - megabyte, 'what was held arrives');
  answer();
  assert.equal((await client.answer('POST')).text, 'ok');
  socket.destroy();
});

test('a caller that does not read stops the backend from writing', async () => {
  const size = 256 * megabyte;
  let written = 0;
  await using backend = await streamBackend((_request, response) => {
    response.writeHead(200, { 'Content-Length': size });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const go = (): void => {
      while (written < size) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', go);
          return;
        }
      }
    };
    go();
  });
  await using running = await startGateway({
    'main/all': passTo(backend.port, { backend: { timeoutMs: 60_000 } }),
  });
  const client = await openRaw(running.port);
  await client.send(get).head();
  client.socket.pause();
  let before = -1;
  while (before !== written) {
    before = written;
    await pause(300);
  }
  assert.ok(written < heldAtMost, `${written} bytes went out while nobody read`);
  client.socket.resume();
  await until(() => written > before + 8 * megabyte, 'the backend goes on');
  client.socket.destroy();
});

test('a large download passes with bounded memory, and whole', async () => {
  const size = 128 * megabyte;
  await using backend = await streamBackend((_request, response) => {
    const chunk = Buffer.alloc(megabyte, 'x');
    let written = 0;
    const go = (): void => {
      while (written < size) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', go);
          return;
        }
      }
      response.end();
    };
    go();
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  await client.send(get).head();
  const start = process.memoryUsage();
  let most = 0;
  let left = size;
  const deadline = performance.now() + 60_000;
  while (left > 0) {
    const line = await client.reader.line();
    const count = Number.parseInt(line ?? '', 16);
    assert.ok(count > 0 && performance.now() < deadline);
    left -= (await client.reader.take(count)).length;
    await client.reader.line();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    most = Math.max(most, arrayBuffers + heapUsed - start.arrayBuffers - start.heapUsed);
  }
  assert.equal(await client.reader.line(), '0');
  // Garbage of the test's own client included.
  assert.ok(most < size, `${most} bytes held`);
  client.socket.destroy();
});

test('a caller that goes away while it waits for the head aborts the backend call', async () => {
  let isAborted = false;
  let reached = (): void => undefined;
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  await using backend = await streamBackend((_request, response) => {
    response.on('close', () => {
      isAborted = true;
    });
    reached();
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send(get);
  await within(there, 'the request');
  client.socket.destroy();
  await until(() => isAborted, 'the backend sees the end', 1000);
  await until(() => running.completed.length === 1, 'the request is completed');
  assert.deepEqual([running.completed[0]?.status, running.completed[0]?.outcome], [499, 'client-gone']);
});

test('a caller that goes away while the answer streams aborts the backend call', async () => {
  let isAborted = false;
  await using backend = await streamBackend((_request, response) => {
    const timer = setInterval(() => response.write('x'.repeat(1000)), 5);
    response.on('close', () => {
      clearInterval(timer);
      isAborted = true;
    });
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  await client.send(get).head();
  client.socket.destroy();
  await until(() => isAborted, 'the backend sees the end', 1000);
  await until(() => running.completed.length === 1, 'the request is completed');
  assert.deepEqual([running.completed[0]?.status, running.completed[0]?.outcome], [200, 'client-gone']);
});

test('a caller that goes away within its upload aborts the backend call', async () => {
  for (const way of ['end', 'resetAndDestroy'] as const) {
    let isWhole = false;
    let isAborted = false;
    let received = 0;
    await using backend = await streamBackend((request) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      request.on('end', () => {
        isWhole = true;
      });
      request.on('close', () => {
        isAborted = !request.complete;
      });
    });
    await using running = await startGateway({ 'main/all': passTo(backend.port) });
    const client = await openRaw(running.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(500_000)}`);
    await until(() => received === 500_000, 'half of it arrives');
    client.socket[way]();
    await until(() => isAborted, 'the backend sees the end', 1000);
    assert.equal(isWhole, false);
    await until(() => running.completed.length === 1, 'the request is completed');
  }
});

test('pipelined requests are aborted with their connection', async () => {
  let open = 0;
  await using backend = await streamBackend((_request, response) => {
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send(get + get + get);
  await until(() => open === 3, 'all three are under way');
  client.socket.destroy();
  await until(() => open === 0, 'all three are aborted', 1000);
  await until(() => running.completed.length === 3, 'all three are completed');
  assert.ok(running.completed.every(({ status, outcome }) => status === 499 && outcome === 'client-gone'));
});

test('a backend that dies within its answer cuts the answer', async () => {
  const heads = {
    sized: 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc',
    chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    'chunked, to be closed':
      'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    'sized, to be closed': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100000\r\n\r\nabc',
    'broken chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n',
  };
  for (const [name, bytes] of Object.entries(heads)) {
    for (const way of ['end', 'resetAndDestroy'] as const) {
      let kill = (): void => undefined;
      await using backend = await rawBackend((socket) => {
        kill = () => socket[way]();
        answerEach(socket, () => bytes);
      });
      await using running = await startGateway({ 'main/all': passTo(backend.port) });
      const client = await openRaw(running.port);
      const whole = client.send(get).answer();
      await until(() => client.reader.received > 0 || name === 'broken chunk', 'the answer begins');
      kill();
      const answer = await whole.catch(() => null);
      if (answer !== null) assert.equal(answer.isWhole, false, `${name} ${way}`);
      await client.closed();
      await until(() => running.completed.length === 1, 'the request is completed');
      const { status, outcome } = running.completed[0] ?? {};
      assert.deepEqual([status, outcome], [200, 'cut'], `${name} ${way}`);
    }
  }
});

test('an early answer is passed on while the caller still sends', async () => {
  await using backend = await streamBackend((request, response) => {
    // A server that closed here could lose its own answer to a reset.
    response.writeHead(403);
    response.end('no');
    request.resume();
  });
  const size = 8 * megabyte;
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  for (const connection of ['keep-alive', 'close']) {
    const client = await openRaw(running.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\nContent-Length: ${size}\r\n\r\n`);
    const { socket } = client;
    for (let sent = 0; sent < size; sent += megabyte) {
      if (!socket.write(Buffer.alloc(megabyte, 'x'))) await within(once(socket, 'drain'), 'room to send');
    }
    const answer = await client.answer('POST');
    assert.equal(answer.status, 403);
    assert.equal(answer.text, 'no');
    if (connection === 'keep-alive') assert.equal((await client.send(get).answer()).status, 403);
    socket.destroy();
  }
});

test('both directions at once: the answer streams while the content does', async () => {
  let pipe: ServerResponse | undefined;
  await using backend = await streamBackend((request, response) => {
    pipe = response;
    response.flushHeaders();
    request.pipe(response);
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  const head = await client.head();
  assert.equal(head.status, 200);
  for (const word of ['abc', 'def', 'ghi']) {
    if (word !== 'abc') client.send(`3\r\n${word}\r\n`);
    assert.equal(await within(client.reader.line(), 'an echo'), '3');
    assert.equal((await client.reader.take(5)).toString(), `${word}\r\n`);
  }
  client.send('0\r\n\r\n');
  assert.equal(await within(client.reader.line(), 'the end'), '0');
  assert.ok(pipe);
  client.socket.destroy();
});

test('content that nobody reads does not block the connection', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({
    'main/mock': {
      request: { method: 'POST', path: '/mock' },
      auth: 'none',
      backend: { type: 'mock', body: 'fixed' },
    },
    'main/all': passTo(backend.port),
  });
  const client = await openRaw(running.port);
  for (let count = 0; count < 3; count++) {
    client.send(`POST /mock HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`);
    assert.equal((await client.answer('POST')).text, 'fixed');
    assert.equal((await client.send(get).answer()).text, 'ok');
  }
  client.socket.destroy();
});
