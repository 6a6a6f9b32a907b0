import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { Fleet, ask } from './support.ts';

/** Streams for as long as it is let, and echoes over WebSockets. */
const streams: ServerResponse[] = [];
const backend = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write('data: first\n\n');
  streams.push(response);
}).listen(0, '127.0.0.1');
const sockets = new WebSocketServer({ server: backend });
sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
await once(backend, 'listening');
after(() => {
  sockets.close();
  backend.closeAllConnections();
  backend.close();
});

const apis = {
  'g/stream': {
    request: { method: 'GET', path: '/stream', match: 'prefix' },
    auth: 'none',
    backend: { type: 'http', address: `http://127.0.0.1:${(backend.address() as AddressInfo).port}` },
  },
};

const start = (drainTimeoutMs: number): Promise<Fleet> =>
  Fleet.start({ workers: 2, limits: { drainTimeoutMs }, apis });

test('requests in flight in all workers are answered before the processes end; no new ones are taken', async () => {
  const fleet = await start(20_000);
  const { workers, spare } = await fleet.settled(2);
  const slow = Array.from({ length: 10 }, () => ask(fleet.port, '/?do=wait&ms=1500'));
  await fleet.until((status) => status.workers.every(({ connections }) => connections >= 3));
  fleet.served.kill('SIGTERM');
  await fleet.served.logged('stopping');
  await assert.rejects(ask(fleet.port, '/'), /ECONNREFUSED|ECONNRESET/);
  const ready = await fleet.page('/readyz');
  assert.deepEqual([ready.status, ready.body], [503, 'draining\n']);
  const answers = await Promise.all(slow);
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(new Set(answers.map(({ body }) => body)).size, 2);
  assert.deepEqual(await fleet.served.end(), [0, null]);
  for (const { pid } of [...workers, spare ?? assert.fail('no spare')])
    assert.throws(() => process.kill(pid, 0), /ESRCH/, 'no process is left');
});

test('WebSockets and event streams last until the deadline', async () => {
  const fleet = await start(3000);
  const socket = new WebSocket(`ws://127.0.0.1:${fleet.port}/stream`, { headers: { host: 'test' } });
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const stream = ask(fleet.port, '/stream').then(
    () => 'ended',
    () => 'cut',
  );
  await fleet.until((status) => status.workers.reduce((sum, { connections }) => sum + connections, 0) === 2);
  const stoppedAt = performance.now();
  fleet.served.kill('SIGTERM');
  await fleet.served.logged('stopping');
  socket.send('still here');
  assert.equal(String((await once(socket, 'message'))[0]), 'still here');
  await closed;
  assert.equal(await stream, 'cut');
  assert.ok(performance.now() - stoppedAt >= 2900, 'they had their time');
  assert.deepEqual(await fleet.served.end(), [0, null]);
});

test('workers do not outlive a supervisor that is killed', async () => {
  const fleet = await start(20_000);
  const { workers, spare } = await fleet.settled(2);
  fleet.served.kill('SIGKILL');
  await fleet.served.end();
  const pids = [...workers.map(({ pid }) => pid), spare?.pid ?? 0];
  const end = performance.now() + 10_000;
  const isThere = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (pids.some(isThere)) {
    assert.ok(performance.now() < end, 'a worker is still there');
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
});
