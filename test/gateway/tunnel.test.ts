import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Backend, rawBackend } from './support/backend.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';
import { type RawClient, openRaw } from './support/raw-client.ts';
import { agreed, handshake, openTunnel } from './support/websocket.ts';
import { pause, until, within } from './support/within.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A backend that agrees to every handshake and leaves the rest to the test; it ends nothing by itself. */
async function agreeingBackend(answer: string = agreed): Promise<{ backend: Backend; peers: RawPeer[] }> {
  const peers: RawPeer[] = [];
  const backend = await rawBackend((socket) => {
    const peer: RawPeer = { socket, received: '', bytes: 0, hasEnded: false, error: undefined };
    socket.allowHalfOpen = true;
    let hasAgreed = false;
    socket.on('data', (chunk) => {
      if (hasAgreed) {
        peer.bytes += chunk.length;
        if (peer.received.length < 1000) peer.received += chunk.toString('latin1');
        return;
      }
      hasAgreed = true;
      peers.push(peer);
      socket.write(answer, 'latin1');
    });
    socket.on('end', () => {
      peer.hasEnded = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      peer.error = error.code;
    });
  });
  return { backend, peers };
}

interface RawPeer {
  readonly socket: Socket;
  received: string;
  bytes: number;
  hasEnded: boolean;
  error: string | undefined;
}

interface Joined extends AsyncDisposable {
  readonly client: RawClient;
  readonly peer: RawPeer;
  readonly running: Running;
}

async function joined(
  options: { backend?: Record<string, number>; limits?: Record<string, number> } = {},
): Promise<Joined> {
  const { backend, peers } = await agreeingBackend();
  const running = await startGateway(
    { 'main/all': passTo(backend.port, { backend: options.backend ?? {} }) },
    { limits: options.limits ?? {} },
  );
  const client = await openTunnel(running.port);
  const [peer] = peers;
  assert.ok(peer);
  return {
    client,
    peer,
    running,
    async [Symbol.asyncDispose]() {
      client.socket.destroy();
      await backend[Symbol.asyncDispose]();
      await running[Symbol.asyncDispose]();
    },
  };
}

async function ended(running: Running): Promise<string> {
  await until(() => running.completed.length === 1, 'it is completed');
  const { status, outcome, bytesSent, bytesReceived } = running.completed[0] ?? {};
  return `${status} ${outcome} ${bytesSent} ${bytesReceived}`;
}

test('bytes that come with the heads are not lost', async () => {
  const { backend, peers } = await agreeingBackend(`${agreed}early`);
  await using _backend = backend;
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send(`${handshake()}first`);
  assert.equal((await client.head()).status, 101);
  assert.equal((await within(client.reader.take(5), 'what came early')).toString(), 'early');
  await until(() => peers[0]?.received === 'first', 'the first bytes arrive');
  client.socket.resetAndDestroy();
});

test('nothing reaches a backend that has not agreed, and what waits is bounded', async () => {
  let received = '';
  let agree = (): void => undefined;
  await using backend = await rawBackend((socket) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    agree = () => socket.write(agreed);
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  client.send(handshake());
  await until(() => received.endsWith('\r\n\r\n'), 'the handshake arrives');
  const { length } = received;
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1000);
  for (let count = 0; count < 1000; count++) client.send(smuggled);
  await pause(300);
  assert.equal(received.length, length);
  assert.ok(client.socket.writableLength > 0, 'the gateway took everything');
  agree();
  await until(() => received.length === length + smuggled.length * 1000, 'all of it arrives');
  assert.equal(received.slice(length), smuggled.repeat(1000));
  assert.equal(running.completed.length, 0);
  client.socket.resetAndDestroy();
});

for (const first of ['caller', 'backend'] as const) {
  test(`an end of the ${first} leaves the other direction open`, async () => {
    await using pair = await joined();
    const { client, peer, running } = pair;
    client.socket.allowHalfOpen = true;
    if (first === 'caller') {
      client.socket.end('last words');
      await until(() => peer.hasEnded, 'the end arrives');
      assert.equal(peer.received, 'last words');
      for (const word of ['one ', 'two ']) {
        peer.socket.write(word);
        assert.equal((await within(client.reader.take(4), 'a word')).toString(), word);
      }
      peer.socket.end('three');
      assert.equal((await within(client.reader.rest(), 'the rest')).toString(), 'three');
      assert.equal(await ended(running), '101 answered 13 10');
    } else {
      peer.socket.end('last words');
      assert.equal((await within(client.reader.rest(), 'the end')).toString(), 'last words');
      client.send('one ');
      await until(() => peer.received === 'one ', 'a word');
      client.socket.end('two');
      await until(() => peer.hasEnded, 'the end arrives');
      assert.equal(peer.received, 'one two');
      assert.equal(await ended(running), '101 answered 10 7');
    }
  });

  test(`a reset by the ${first} passes as a reset`, async () => {
    await using pair = await joined();
    const { client, peer, running } = pair;
    client.send('x');
    await until(() => peer.received === 'x', 'a byte');
    if (first === 'caller') {
      client.socket.resetAndDestroy();
      await until(() => peer.socket.destroyed, 'the backend sees it');
      assert.equal(peer.error, 'ECONNRESET');
      assert.equal(await ended(running), '101 client-gone 0 1');
    } else {
      peer.socket.resetAndDestroy();
      assert.equal(await client.closed(), 'reset');
      assert.equal(await ended(running), '101 cut 0 1');
    }
  });

  test(`what the other takes slowly, the ${first} can send slowly only`, async () => {
    await using pair = await joined();
    const { client, peer } = pair;
    const [from, to] = first === 'caller' ? [client.socket, peer.socket] : [peer.socket, client.socket];
    to.pause();
    const piece = Buffer.alloc(1024 * 1024, 'x');
    let sent = 0;
    for (let hasRoom = true; hasRoom && sent < 200;) {
      sent += 1;
      if (from.write(piece)) continue;
      hasRoom = await Promise.race([once(from, 'drain').then(() => true), pause(500).then(() => false)]);
    }
    assert.ok(sent < 100, `${sent} MiB were taken`);
    to.resume();
    const total = sent * piece.length;
    const arrived = (): number => (first === 'caller' ? peer.bytes : client.reader.received);
    await until(() => arrived() >= total, 'all of it arrives', 20_000);
  });
}

test('a connection without a byte for the idle time is ended; bytes keep it', async () => {
  const idleTimeoutMs = 600;
  await using pair = await joined({ backend: { idleTimeoutMs, timeoutMs: 100 } });
  const { client, peer, running } = pair;
  const start = performance.now();
  for (let count = 0; count < 8; count++) {
    await pause(100);
    (count % 2 === 0 ? client.socket : peer.socket).write('x');
  }
  const last = performance.now();
  await until(() => peer.hasEnded, 'the backend sees the end');
  assert.equal(await client.closed(), 'end');
  assert.ok(performance.now() - start >= 800 && performance.now() - last >= idleTimeoutMs - 50);
  assert.equal(await ended(running), '101 cut 4 4');
});

test('closing waits for a connection, then cuts it', async () => {
  await using pair = await joined({ limits: { drainTimeoutMs: 400 } });
  const { client, peer, running } = pair;
  const start = performance.now();
  const closing = running.gateway.close();
  client.send('x');
  await until(() => peer.received === 'x', 'a byte while it closes');
  await within(closing, 'the gateway to close');
  assert.ok(performance.now() - start >= 390);
  await client.closed();
  await until(() => peer.hasEnded || peer.socket.destroyed, 'the backend sees the end');
  assert.equal(await ended(running), '101 cut 0 1');
});

test('closing is done as soon as the last connection is', async () => {
  await using pair = await joined({ limits: { drainTimeoutMs: 60_000 } });
  const { client, peer, running } = pair;
  const closing = running.gateway.close();
  client.socket.end();
  await until(() => peer.hasEnded, 'the end arrives');
  peer.socket.end();
  await within(closing, 'the gateway to close');
  assert.equal(await ended(running), '101 answered 0 0');
});

for (const way of ['end', 'resetAndDestroy'] as const) {
  test(`a caller that leaves before the backend agrees cancels the request: ${way}`, async () => {
    let asked = 0;
    let gone = 0;
    await using backend = await rawBackend((socket) => {
      socket.once('data', () => {
        asked += 1;
      });
      socket.on('close', () => {
        gone += 1;
      });
    });
    await using running = await startGateway({ 'main/all': passTo(backend.port) });
    const client = await openRaw(running.port);
    client.send(handshake());
    await until(() => asked === 1, 'the handshake arrives');
    client.socket[way]();
    await until(() => gone === 1, 'the backend sees the end', 2000);
    assert.equal(await ended(running), '499 client-gone 0 0');
  });
}

test('a thousand connections leave nothing behind', async () => {
  const { backend, peers } = await agreeingBackend();
  await using _backend = backend;
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const churn = async (count: number): Promise<number> => {
    for (let done = 0; done < count; done += 20) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => openTunnel(running.port)));
      for (const { socket } of clients) socket.destroy();
      for (const { socket } of peers.splice(0)) socket.destroy();
      await until(() => running.completed.length === 20, 'all are completed');
      running.completed.length = 0;
      backend.connections.length = 0;
    }
    await pause(50);
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await churn(200);
  const after = await churn(1000);
  assert.ok(after - before < 2_000_000, `${after - before} bytes more`);
});
