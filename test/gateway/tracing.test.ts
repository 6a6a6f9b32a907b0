import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type IncomingHttpHeaders, createServer, get } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Params } from '#sdk';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { FakeCollector } from '../../plugins/tracing/testing.ts';
import { freePort } from '../support/redis.ts';
import { createAuthority, createPair, writeFiles } from './support/certificates.ts';
import { pause, until, within } from './support/within.ts';

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

interface Traced {
  readonly gateway: Gateway;
  readonly log: readonly Line[];
  /** Answers the status. */
  request(path: string, headers?: Readonly<Record<string, string>>): Promise<number>;
  status(): Promise<Readonly<Record<string, unknown>>>;
  /** Waits until the status says so. */
  tells(expected: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/** Answers at once, but for `/slow`; tells what it got. */
async function backendOf(t: TestContext): Promise<{ port: number; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    if (request.url !== '/slow') response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

async function start(
  t: TestContext,
  backend: number,
  tracing: object,
  file = 'gateway.yaml',
): Promise<Traced> {
  const log: Line[] = [];
  const note = (level: string) => (fields: Line['fields'], message: string) =>
    void log.push({ level, fields, message });
  const gateway = new Gateway({ log: { info: note('info'), warn: note('warn'), error: note('error') } });
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    limits: { drainTimeoutMs: 5000 },
    throttling: { defaultPerSecond: 0 },
    tracing,
    groups: { g: { domains: ['*'] } },
    apis: {
      'g/all': {
        request: { method: 'ANY', path: '/', match: 'prefix' },
        auth: 'none',
        backend: { type: 'http', address: `http://127.0.0.1:${backend}` },
      },
    },
  };
  await gateway.apply(readConfigText({ [file]: JSON.stringify(config) }, {}), { listen: true });
  const status = async (): Promise<Readonly<Record<string, unknown>>> => {
    const { body } = await gateway.manage('/status', { method: 'GET', query: Params.empty, body: '' });
    return (JSON.parse(body) as { plugins: { tracing: Record<string, unknown> } }).plugins.tracing;
  };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= gateway.close());
  t.after(close);
  return {
    gateway,
    log,
    close,
    request: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        const port = gateway.listeners[0]?.port;
        get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        }).on('error', reject);
      }),
    status,
    async tells(expected) {
      let last: Readonly<Record<string, unknown>> = {};
      const look = async (): Promise<void> => void (last = await status());
      const isSo = (): boolean => Object.entries(expected).every(([key, value]) => last[key] === value);
      await until(() => (void look(), isSo()), `the status is ${JSON.stringify(expected)}`, 30_000);
    },
  };
}

test('spans reach the collector, with the fields that the operator gave, and the backend continues the trace', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  const traced = await start(t, backend.port, {
    endpoint: `${collector.url}/otlp/traces`,
    headers: { 'x-token': 'hunter2' },
    service: 'edge',
    resource: { 'deployment.environment.name': 'test' },
    delayMs: 10,
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await traced.request('/orders', { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: 'a=b' });
  await until(() => collector.spans.length === 2, 'both spans came', 30_000);
  const client = collector.spans.find(({ kind }) => kind === 3);
  assert.equal(backend.seen[0]?.['traceparent'], `00-${traceId}-${client?.spanId}-01`);
  assert.equal(backend.seen[0]?.['tracestate'], 'a=b');
  const [{ url, headers } = assert.fail('nothing came')] = collector.requests;
  assert.deepEqual(
    [url, headers['x-token'], headers['content-type']],
    ['/otlp/traces', 'hunter2', 'application/json'],
  );
  assert.equal(collector.resource['service.name'], 'edge');
  assert.equal(collector.resource['deployment.environment.name'], 'test');
  const [server, port] = [collector.spans.find(({ kind }) => kind === 2), traced.gateway.listeners[0]?.port];
  assert.equal(server?.attributes['server.port'], port);
  assert.equal(server?.attributes['client.address'], '127.0.0.1');
  await traced.tells({ exported: 2, dropped: 0, queued: 0 });
  assert.doesNotMatch(JSON.stringify([traced.log, await traced.status()]), /hunter2/);
});

test('full messages leave at once, and no message is larger', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  const traced = await start(t, backend.port, { endpoint: collector.url, batch: 10, delayMs: 60_000 });
  await Promise.all(Array.from({ length: 25 }, () => traced.request('/')));
  await until(() => collector.spans.length === 50, 'all came', 30_000);
  const sizes = collector.requests.map(({ body }) => body.toString().match(/"spanId"/g)?.length ?? 0);
  assert.ok(sizes.length >= 5 && sizes.every((size) => size <= 10), sizes.join());
});

test('stopping sends what waits', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  const traced = await start(t, backend.port, { endpoint: collector.url, delayMs: 60_000, batch: 3 });
  await traced.request('/');
  assert.equal(collector.spans.length, 0);
  await traced.close();
  assert.equal(collector.spans.length, 2);
});

test('a reload loses no span, and counts on', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  const traced = await start(t, backend.port, { endpoint: collector.url, delayMs: 60_000 });
  await traced.request('/');
  const text = {
    tracing: { endpoint: collector.url, delayMs: 10 },
    listeners: [{ port: 0, host: '127.0.0.1' }],
  };
  await traced.gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(text) }, {}), { listen: true });
  await until(() => collector.spans.length === 2, 'those of before came', 30_000);
  assert.equal(await traced.request('/'), 404);
  await until(() => collector.spans.length === 3, 'the next came', 30_000);
  await traced.tells({ exported: 3, dropped: 0 });
});

test('a collector that is down: requests go on, so many spans wait, and it is told once', async (t) => {
  const [port, backend] = [await freePort(), await backendOf(t)];
  const endpoint = `http://127.0.0.1:${port}`;
  const traced = await start(t, backend.port, { endpoint, delayMs: 10, queue: 50, batch: 20 });
  for (let turn = 0; turn < 10; turn += 1)
    assert.deepEqual(
      new Set(await Promise.all(Array.from({ length: 20 }, () => traced.request('/')))),
      new Set([200]),
    );
  const during = await traced.status();
  assert.ok(Number(during['queued']) <= 50, JSON.stringify(during));
  assert.ok(Number(during['dropped']) >= 400 - 50 - 20, JSON.stringify(during));
  assert.match(String(during['lastError']), /ECONNREFUSED/);
  const told = () => traced.log.filter(({ message }) => message === 'spans cannot be exported').length;
  assert.equal(told(), 1);
  const collector = await FakeCollector.start(t, port);
  await until(() => collector.spans.length >= 50, 'what waited came', 60_000);
  await until(() => traced.log.some(({ message }) => message === 'spans are exported again'), 'it is told');
  await traced.tells({ queued: 0 });
  const { dropped } = await traced.status();
  await traced.tells({ exported: 400 - Number(dropped) });
  assert.equal(told(), 1);
});

test('a collector that never answers: requests go on, and stopping waits no longer than it may', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  collector.answer = undefined;
  const traced = await start(t, backend.port, {
    endpoint: collector.url,
    delayMs: 1,
    timeoutMs: 1000,
    queue: 10,
    batch: 5,
  });
  for (let turn = 0; turn < 40; turn += 1) assert.equal(await traced.request('/'), 200);
  await until(() => collector.requests.length > 0, 'it was asked', 30_000);
  await within(traced.close(), 'the gateway to stop', 20_000);
  assert.equal(collector.spans.length, 0);
});

test('a collector that has no time is asked again; one that wants no spans is not', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  collector.answer = { status: 503, headers: { 'retry-after': '1' } };
  const traced = await start(t, backend.port, { endpoint: collector.url, delayMs: 1, batch: 2 });
  await traced.request('/');
  await until(() => collector.requests.length === 1, 'it was asked', 30_000);
  collector.answer = { status: 200, body: '' };
  await until(() => collector.spans.length === 2, 'it was asked again', 30_000);
  assert.equal(collector.requests.length, 2);
  assert.deepEqual(collector.requests[0]?.body, collector.requests[1]?.body);
  collector.answer = { status: 400 };
  await traced.request('/');
  await traced.tells({ exported: 2, dropped: 2, lastError: 'the collector answered 400' });
  assert.equal(collector.requests.length, 3);
  collector.answer = { status: 200, body: '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}' };
  await traced.request('/');
  await traced.tells({ exported: 3, dropped: 3 });
});

test('a caller who leaves is told so', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  const traced = await start(t, backend.port, { endpoint: collector.url, delayMs: 1 });
  const socket = connect(traced.gateway.listeners[0]?.port ?? 0, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => backend.seen.length === 1, 'the backend was called', 30_000);
  socket.destroy();
  await until(() => collector.spans.length === 2, 'both spans came', 30_000);
  const [server, client] = [2, 3].map((kind) => collector.spans.find((each) => each.kind === kind));
  assert.equal(server?.attributes['tapgate.outcome'], 'client-gone');
  assert.equal(server?.attributes['http.response.status_code'], undefined);
  assert.equal(server?.isError, false);
  assert.equal(client?.attributes['error.type'], 'client-gone');
});

/** Fields of a protobuf message that hold bytes or messages, by number; numbers are left out. */
function fieldsOf(bytes: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at] ?? assert.fail('cut');
      at += 1;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) varint();
    else if (type === 2) {
      const length = varint();
      fields.set(number, [...(fields.get(number) ?? []), bytes.subarray(at, at + length)]);
      at += length;
    } else at += type === 1 ? 8 : 4;
  }
  return fields;
}

test('protobuf says the same', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  collector.answer = { status: 200 };
  const traced = await start(t, backend.port, {
    endpoint: collector.url,
    encoding: 'protobuf',
    delayMs: 1,
    batch: 2,
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await traced.request('/orders', { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  await until(() => collector.requests.length === 1, 'it came', 30_000);
  const [{ headers, body } = assert.fail('nothing came')] = collector.requests;
  assert.equal(headers['content-type'], 'application/x-protobuf');
  // ExportTraceServiceRequest, ResourceSpans, ScopeSpans, Span.
  const inner = (messages: readonly Buffer[], number: number): Buffer[] =>
    messages.flatMap((each) => fieldsOf(each).get(number) ?? []);
  const spans = inner(inner(inner([body], 1), 2), 2).map(fieldsOf);
  assert.deepEqual(
    new Set(spans.map((span) => `${span.get(1)?.[0]?.toString('hex')} ${span.get(5)?.[0]?.toString()}`)),
    new Set([`${traceId} GET`, `${traceId} GET /*`]),
  );
  const parents = spans.map((span) => span.get(4)?.[0]?.toString('hex'));
  assert.ok(parents.includes('00f067aa0ba902b7'));
  await traced.tells({ exported: 2, dropped: 0 });
});

test('a collector behind TLS, with a certificate of an authority of our own; without trust in it there is nothing', async (t) => {
  const authority = await createAuthority('authority');
  const pair = await createPair('localhost', authority);
  const folder = writeFiles({ 'ca.pem': authority.cert });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  const server = createTlsServer({ cert: pair.cert, key: pair.key }, (request, response) => {
    count += 1;
    request.resume().on('end', () => response.end('{}'));
  }).listen(0);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const backend = await backendOf(t);
  const endpoint = `https://localhost:${(server.address() as AddressInfo).port}`;
  const file = join(folder, 'gateway.yaml');
  const doubting = await start(t, backend.port, { endpoint, delayMs: 1 }, file);
  await doubting.request('/');
  const failed = () => doubting.log.find(({ message }) => message === 'spans cannot be exported');
  await until(() => failed() !== undefined, 'it is told', 30_000);
  assert.match(String(failed()?.fields['error']), /certificate|issuer/i);
  assert.equal(count, 0);
  const trusting = await start(t, backend.port, { endpoint, ca: 'ca.pem', delayMs: 1 }, file);
  await trusting.request('/');
  await until(() => count === 1, 'it came', 30_000);
});

test('what waits takes no more memory than it may', async (t) => {
  const [collector, backend] = [await FakeCollector.start(t), await backendOf(t)];
  collector.answer = undefined;
  const traced = await start(t, backend.port, { endpoint: collector.url, delayMs: 1, queue: 20, batch: 10 });
  const long = `/${'x'.repeat(6000)}`;
  await traced.request(long);
  await until(() => collector.requests.length === 1, 'one message is on its way', 30_000);
  for (let turn = 0; turn < 50; turn += 1) await traced.request(`${long}?q=${turn}`);
  await pause(50);
  assert.equal((await traced.status())['queued'], 20);
  assert.equal(collector.requests.length, 1, 'one at a time');
  const [{ body } = assert.fail('nothing came')] = collector.requests;
  assert.ok(body.length < 10 * (2 * 2048 + 4000), `${body.length} bytes`);
});
