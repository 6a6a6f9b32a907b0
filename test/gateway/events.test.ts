import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { type Backend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { type RawClient, openRaw } from './support/raw-client.ts';
import { pause, until, within } from './support/within.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n';

/** A backend that begins a stream and leaves the rest to the test. */
async function eventBackend(
  type = 'text/event-stream',
): Promise<{ backend: Backend; streams: ServerResponse[] }> {
  const streams: ServerResponse[] = [];
  const backend = await streamBackend((_request, response) => {
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' });
    response.flushHeaders();
    streams.push(response);
  });
  return { backend, streams };
}

async function nextEvent(client: RawClient): Promise<string> {
  const size = Number.parseInt((await within(client.reader.line(), 'an event')) ?? '', 16);
  const text = (await within(client.reader.take(size), 'an event')).toString();
  await client.reader.line();
  return text;
}

test('events reach the caller one by one, the head before the first of them', async () => {
  const { backend, streams } = await eventBackend();
  await using _backend = backend;
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  const head = await client.send(get).head();
  assert.equal(head.status, 200);
  assert.equal(head.get('content-type'), 'text/event-stream');
  for (let count = 0; count < 5; count++) {
    // Not sent before the one before has arrived.
    streams[0]?.write(`data: ${count}\n\n`);
    assert.equal(await nextEvent(client), `data: ${count}\n\n`);
  }
  streams[0]?.end();
  assert.equal(await within(client.reader.line(), 'the end'), '0');
  await until(() => running.completed.length === 1, 'it is completed');
  assert.equal(running.completed[0]?.outcome, 'answered');
  client.socket.destroy();
});

test('a caller that leaves closes the connection to the backend', async () => {
  const { backend, streams } = await eventBackend();
  await using _backend = backend;
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  await client.send(get).head();
  streams[0]?.write('data: 1\n\n');
  await nextEvent(client);
  const stream = streams[0];
  assert.ok(stream);
  const closed = once(stream, 'close');
  client.socket.destroy();
  await within(closed, 'the backend to see it', 2000);
  await until(() => running.completed.length === 1, 'it is completed');
  assert.equal(running.completed[0]?.outcome, 'client-gone');
});

test('silence is cut after timeoutMs, but in a stream of events after idleTimeoutMs', async () => {
  for (const [type, idleTimeoutMs, isCut] of [
    ['text/event-stream', 60_000, false],
    ['Text/Event-Stream ;charset=utf-8', 60_000, false],
    ['text/event-stream', 300, true],
    ['text/event-streams', 60_000, true],
    ['application/x-ndjson', 60_000, true],
  ] as const) {
    const { backend, streams } = await eventBackend(type);
    await using _backend = backend;
    await using running = await startGateway({
      'main/all': passTo(backend.port, { backend: { timeoutMs: 300, idleTimeoutMs } }),
    });
    const client = await openRaw(running.port);
    await client.send(get).head();
    streams[0]?.write('data: 1\n\n');
    await nextEvent(client);
    const start = performance.now();
    if (isCut) {
      await client.closed(5000);
      assert.ok(performance.now() - start >= 290, type);
      await until(() => running.completed.length === 1, 'it is completed');
      assert.equal(running.completed[0]?.outcome, 'cut', type);
    } else {
      await pause(1500);
      streams[0]?.write('data: 2\n\n');
      assert.equal(await nextEvent(client), 'data: 2\n\n', type);
    }
    client.socket.destroy();
  }
});

test('pieces within timeoutMs keep an answer of any length alive', async () => {
  const { backend, streams } = await eventBackend('text/plain');
  await using _backend = backend;
  await using running = await startGateway({
    'main/all': passTo(backend.port, { backend: { timeoutMs: 1000 } }),
  });
  const client = await openRaw(running.port);
  await client.send(get).head();
  for (let count = 0; count < 15; count++) {
    streams[0]?.write('piece');
    assert.equal(await nextEvent(client), 'piece');
    await pause(100);
  }
  client.socket.destroy();
});

test('events wait with the backend while the caller takes none, for longer than the idle time', async () => {
  const { backend, streams } = await eventBackend();
  await using _backend = backend;
  await using running = await startGateway({
    'main/all': passTo(backend.port, { backend: { timeoutMs: 1000, idleTimeoutMs: 400 } }),
  });
  const client = await openRaw(running.port);
  await client.send(get).head();
  client.socket.pause();
  const event = `data: ${'x'.repeat(1024 * 1024)}\n\n`;
  let sent = 0;
  const stream = streams[0];
  assert.ok(stream);
  for (let hasRoom = true; hasRoom && sent < 200;) {
    sent += 1;
    if (stream.write(event)) continue;
    hasRoom = await Promise.race([once(stream, 'drain').then(() => true), pause(1200).then(() => false)]);
  }
  assert.ok(sent < 100, `${sent} MiB were taken`);
  assert.equal(running.completed.length, 0);
  stream.end();
  client.socket.resume();
  // In chunks of any size.
  await until(() => client.reader.received >= sent * event.length, 'all of it arrives', 20_000);
  client.socket.destroy();
});
