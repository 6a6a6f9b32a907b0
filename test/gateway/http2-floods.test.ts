import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpBackend, streamBackend } from './support/backend.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';
import { Http2Client } from './support/http2-client.ts';
import { RawHttp2, endHeaders, endStream, fields, frame, head, types, uint32 } from './support/raw-http2.ts';
import { pause, until } from './support/within.ts';

function start(
  port: number,
  limits: Readonly<Record<string, number>> = {},
  stalledMs = 60_000,
): Promise<Running> {
  const listeners = [{ port: 0, host: '127.0.0.1', tls: 'selfsigned' }];
  return startGateway({ 'main/all': passTo(port) }, { limits, stalledMs, root: { listeners } });
}

async function assertServes({ port }: Running): Promise<void> {
  await using client = await Http2Client.open(port);
  assert.equal((await client.request()).status, 200);
}

test('a head that does not end closes the connection, whatever else is sent meanwhile', async () => {
  await using backend = await httpBackend();
  await using running = await start(backend.port, { keepAliveTimeoutMs: 300 }, 300);
  const block = head();
  for (const pieces of [
    [frame(types.headers, 0, 1, block)],
    [frame(types.headers, endHeaders, 1, block).subarray(0, 12)],
    [],
  ]) {
    await using client = await RawHttp2.open(running.port);
    await client.receive(types.settings);
    client.send(...pieces);
    await client.closed(5000);
  }
  await using pinging = await RawHttp2.open(running.port);
  const pings = setInterval(() => pinging.send(frame(types.ping, 0, 0, Buffer.alloc(8))), 10);
  await pinging.closed(5000);
  clearInterval(pings);
  assert.deepEqual(backend.seen, []);
  await assertServes(running);
});

test('content that does not come is a 408, and so is the rest of one that stops', async () => {
  await using backend = await streamBackend((request) => {
    request.resume();
  });
  await using running = await start(backend.port, { bodyTimeoutMs: 200 });
  await using client = await Http2Client.open(running.port);
  for (const length of ['100', '100000', undefined]) {
    const stream = client.stream(
      { ':method': 'POST', ...(length === undefined ? {} : { 'content-length': length }) },
      false,
    );
    stream.write('abc');
    const wanted = running.completed.length + 1;
    await until(() => running.completed.length === wanted, 'it is answered', 5000);
    assert.equal(running.completed.at(-1)?.status, 408);
    stream.destroy();
  }
});

test('content that is not as long as was said resets the stream and never reaches the backend as whole', async () => {
  let ended = 0;
  await using backend = await streamBackend((request, response) => {
    request.on('end', () => (ended += 1));
    request.on('error', () => undefined);
    request.resume();
    response.on('error', () => undefined);
  });
  await using running = await start(backend.port);
  for (const [length, sent] of [
    ['5', 3],
    ['5', 7],
    ['100000', 90_000],
    ['0', 1],
    ['5', 0],
  ] as const) {
    await using client = await RawHttp2.open(running.port);
    client.send(
      frame(types.headers, endHeaders, 1, head([['content-length', length]])),
      frame(types.data, endStream, 1, Buffer.alloc(sent)),
    );
    await until(() => client.of(types.reset, 1).length > 0 || client.socket.destroyed, `${length} ${sent}`);
  }
  await using client = await RawHttp2.open(running.port);
  client.send(frame(types.headers, endHeaders | endStream, 1, head([['content-length', '5']])));
  await until(() => client.of(types.reset, 1).length > 0 || client.socket.destroyed, 'no content at all');
  await until(
    () => running.completed.every(({ status }) => status === 499 || status === 400),
    'all are told',
  );
  await pause(20);
  assert.equal(ended, 0);
});

const many = (count: number, make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));

const floods: Readonly<Record<string, () => Buffer>> = {
  'settings that nobody waits for': () => many(40_000, () => frame(types.settings, 0, 0)),
  pings: () => many(40_000, () => frame(types.ping, 0, 0, Buffer.alloc(8))),
  'a head in pieces without end': () =>
    Buffer.concat([
      frame(types.headers, endStream, 1, head()),
      many(3000, () => frame(types.continuation, 0, 1, fields([['x-a', 'x'.repeat(1000)]]))),
    ]),
  'empty pieces of a head': () =>
    Buffer.concat([
      frame(types.headers, endStream, 1, head()),
      many(50_000, () => frame(types.continuation, 0, 1)),
    ]),
  'streams opened and reset': () =>
    many(10_000, (index) =>
      Buffer.concat([
        frame(types.headers, endHeaders | endStream, 1 + 2 * index, head()),
        frame(types.reset, 0, 1 + 2 * index, uint32(8)),
      ]),
    ),
  // One field of 4,000 bytes in the table, then one byte for each further one (RFC 7541 section 6.1).
  'a small head that becomes a large one': () =>
    frame(
      types.headers,
      endHeaders | endStream,
      1,
      Buffer.concat([
        head(),
        Buffer.from([0x40]),
        fields([['x-a', 'x'.repeat(4000)]]).subarray(1),
        Buffer.alloc(10_000, 0x80 | 62),
      ]),
    ),
  'empty pieces of content': () =>
    Buffer.concat([frame(types.headers, endHeaders, 1, head()), many(50_000, () => frame(types.data, 0, 1))]),
  'streams beyond what may be open': () =>
    many(5000, (index) => frame(types.headers, endHeaders, 1 + 2 * index, head())),
  'no HTTP/2 at all': () => Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100)),
};

for (const [what, make] of Object.entries(floods)) {
  test(`${what}: the gateway goes on, and keeps little of it`, async () => {
    await using backend = await httpBackend((_request, response) => {
      response.end('ok');
    });
    await using running = await start(backend.port, { bodyTimeoutMs: 300, keepAliveTimeoutMs: 300 });
    const client = await RawHttp2.open(running.port);
    const before = process.memoryUsage().rss;
    // Who floods does not read.
    client.socket.pause();
    client.send(make());
    await assertServes(running);
    await until(() => running.completed.length > 0, 'something is completed');
    const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
    assert.ok(grown < 300, `${grown} MB`);
    client.socket.resume();
    await client.closed(8000);
    assert.deepEqual(
      running.log.filter(({ level }) => level === 'error'),
      [],
    );
    await assertServes(running);
  });
}
