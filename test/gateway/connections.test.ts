import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { answerEach, httpBackend, rawBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';
import { until, within } from './support/within.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function post(method: string, size: number): string {
  return `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`;
}

test('requests one after the other use one connection', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  for (const request of [
    get,
    post('POST', 3),
    post('PUT', 100_000),
    get,
    'DELETE / HTTP/1.1\r\nHost: a\r\n\r\n',
    get,
  ]) {
    assert.equal((await exchangeRaw(running.port, request)).status, 200);
  }
  assert.equal(backend.seen.length, 6);
  assert.equal(backend.connections.length, 1);
});

test('connections to an origin are bounded, and what waits for one is served in turn', async () => {
  let open = 0;
  let most = 0;
  await using backend = await httpBackend((_request, response) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      response.end('ok');
    }, 20);
  });
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { connectionsPerOrigin: 3 } },
  );
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchangeRaw(running.port, get)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(most, 3);
  assert.equal(backend.connections.length, 3);
});

test('who gives up while it waits for a connection costs none', async () => {
  const held: (() => void)[] = [];
  await using backend = await streamBackend((_request, response) => {
    held.push(() => response.end('ok'));
  });
  await using running = await startGateway(
    {
      'main/all': passTo(backend.port, { backend: { timeoutMs: 300 } }),
      'main/long': passTo(backend.port, { request: { path: '/long' } }),
    },
    { limits: { connectionsPerOrigin: 1 } },
  );
  const first = await openRaw(running.port);
  first.send('GET /long HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => held.length === 1, 'the first is under way');
  const gone = await openRaw(running.port);
  gone.send(get);
  assert.equal((await exchangeRaw(running.port, get)).status, 504);
  gone.socket.destroy();
  await until(() => running.completed.length === 2, 'both have given up');
  held[0]?.();
  assert.equal((await first.answer()).status, 200);
  first.send('GET /long HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => held.length === 2, 'the next is under way');
  held[1]?.();
  assert.equal((await first.answer()).status, 200);
  assert.equal(backend.connections.length, 1);
  first.socket.destroy();
});

test('an idle connection is closed by the gateway, whatever time the server promises', async () => {
  for (const promise of ['', 'Keep-Alive: timeout=60\r\n']) {
    let closed = (_by: string): void => undefined;
    const end = new Promise<string>((resolve) => {
      closed = resolve;
    });
    await using backend = await rawBackend((socket) => {
      socket.on('end', () => closed('gateway'));
      answerEach(socket, () => `HTTP/1.1 200 OK\r\n${promise}Content-Length: 2\r\n\r\nok`);
    });
    await using running = await startGateway(
      { 'main/all': passTo(backend.port) },
      { limits: { idleConnectionMs: 200 } },
    );
    assert.equal((await exchangeRaw(running.port, get)).text, 'ok');
    const start = performance.now();
    assert.equal(await within(end, 'the end of the connection', 3000), 'gateway');
    assert.ok(performance.now() - start > 100);
    // The next request gets a connection of its own.
    assert.equal((await exchangeRaw(running.port, get)).text, 'ok');
    assert.equal(backend.connections.length, 2);
  }
});

/** Answers the first request of the first connection; `fate` befalls the second one there. Other connections work. */
async function dyingBackend(fate: (socket: Socket) => void, sparesOthers = true) {
  const heads: string[] = [];
  const backend = await rawBackend((socket, connection) => {
    answerEach(socket, (head, index) => {
      heads.push(head);
      if ((connection === 0 || !sparesOthers) && index === 1) {
        fate(socket);
        return null;
      }
      return ok;
    });
  });
  return { backend, heads };
}

const fates: Record<string, (socket: Socket) => void> = {
  end: (socket) => socket.end(),
  reset: (socket) => socket.resetAndDestroy(),
};

test('a reused connection that dies before any byte of the answer: what can be repeated is, once', async () => {
  for (const [name, fate] of Object.entries(fates)) {
    for (const request of [
      get,
      'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
      'DELETE / HTTP/1.1\r\nHost: a\r\n\r\n',
      post('PUT', 3000),
    ]) {
      const { backend, heads } = await dyingBackend(fate);
      await using _backend = backend;
      await using running = await startGateway({ 'main/all': passTo(backend.port) });
      assert.equal((await exchangeRaw(running.port, get)).status, 200);
      const label = `${name}: ${request.slice(0, 10)}`;
      assert.equal((await exchangeRaw(running.port, request)).status, 200, label);
      assert.equal(heads.length, 3, label);
      assert.equal(backend.connections.length, 2, label);
      assert.equal(running.completed.length, 2);
    }
  }
});

test('what cannot be repeated is not', async () => {
  for (const [name, fate] of Object.entries(fates)) {
    const requests = {
      POST: post('POST', 3),
      PATCH: post('PATCH', 3),
      'PUT that streams': post('PUT', 100_000),
    };
    for (const [what, request] of Object.entries(requests)) {
      const { backend, heads } = await dyingBackend(fate);
      await using _backend = backend;
      await using running = await startGateway({ 'main/all': passTo(backend.port) });
      assert.equal((await exchangeRaw(running.port, get)).status, 200);
      assert.equal((await exchangeRaw(running.port, request)).status, 502, `${name} ${what}`);
      assert.equal(heads.length, 2, `${name} ${what}`);
    }
  }
});

test('a connection that dies on its first request is not tried again', async () => {
  for (const [name, fate] of Object.entries(fates)) {
    let count = 0;
    await using backend = await rawBackend((socket) => {
      answerEach(socket, () => {
        count += 1;
        fate(socket);
        return null;
      });
    });
    await using running = await startGateway({ 'main/all': passTo(backend.port) });
    assert.equal((await exchangeRaw(running.port, get)).status, 502, name);
    assert.equal(count, 1, name);
  }
});

test('nothing is tried again after the first byte of an answer, nor more than once', async () => {
  const begun: Record<string, string> = {
    'a byte': 'H',
    'half a head': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n',
    'half an answer': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no',
    'an interim answer': 'HTTP/1.1 103 Early Hints\r\n\r\n',
    garbage: 'garbage',
  };
  for (const [name, bytes] of Object.entries(begun)) {
    const { backend, heads } = await dyingBackend((socket) => socket.end(bytes));
    await using _backend = backend;
    await using running = await startGateway({ 'main/all': passTo(backend.port) });
    assert.equal((await exchangeRaw(running.port, get)).status, 200);
    const answer = await exchangeRaw(running.port, get).catch(() => null);
    assert.ok(answer === null || answer.status === 502 || !answer.isWhole, name);
    assert.equal(heads.length, 2, name);
  }
  const { backend, heads } = await dyingBackend((socket) => socket.end(), false);
  await using _backend = backend;
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  // Two connections, each good for one answer.
  await Promise.all([exchangeRaw(running.port, get), exchangeRaw(running.port, get)]);
  const before = heads.length;
  const answer = await exchangeRaw(running.port, get);
  assert.ok(heads.length - before <= 2);
  assert.ok(answer.status === 200 || answer.status === 502);
});

test('a backend that closes each connection after one answer, without saying so, loses no GET under load', async () => {
  await using backend = await rawBackend((socket) => {
    answerEach(socket, (_head, index) => {
      if (index > 0) return null;
      socket.end(ok);
      return null;
    });
  });
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { connectionsPerOrigin: 8 } },
  );
  const statuses = new Map<number, number>();
  const caller = async (): Promise<void> => {
    const client = await openRaw(running.port);
    for (let count = 0; count < 100; count++) {
      const { status } = await client.send(get).answer();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    client.socket.destroy();
  };
  await Promise.all(Array.from({ length: 16 }, caller));
  assert.deepEqual([...statuses], [[200, 1600]]);
});

test('connections outlive a reload that keeps their origin', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const { readConfigText } = await import('../../core/config/read.ts');
  await exchangeRaw(running.port, get);
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    groups: { main: { domains: ['*'] } },
    apis: { 'main/other': passTo(backend.port, { request: { path: '/other' } }) },
  };
  await running.gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {}), {
    listen: true,
  });
  assert.equal((await exchangeRaw(running.port, get)).status, 404);
  assert.equal((await exchangeRaw(running.port, 'GET /other HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal(backend.connections.length, 1);
});
