import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { definePlugin } from '#sdk';
import { readConfigText } from '../../core/config/read.ts';
import { ConfigError } from '../../core/config/problems.ts';
import { streamBackend } from './support/backend.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';
import { openRaw } from './support/raw-client.ts';
import { until, within } from './support/within.ts';

interface Page {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

async function ask(
  port: number,
  path: string,
  { method = 'GET', host = 'localhost', body = '', headers = {} } = {},
): Promise<Page> {
  const fields = { host, ...headers };
  const asking = request({ host: '127.0.0.1', port, path, method, headers: fields, agent: false }).end(body);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

const mock = {
  request: { method: 'ANY', path: '/hello' },
  auth: 'none',
  backend: { type: 'mock', body: 'x' },
};
const management = { port: 0 };

const managementPort = ({ gateway }: Running): number =>
  gateway.management?.port ?? assert.fail('no listener');

const configOf = (root: object) =>
  readConfigText(
    {
      'gateway.yaml': JSON.stringify(
        {
          listeners: [{ port: 0, host: '127.0.0.1' }],
          groups: { main: { domains: ['*'] } },
          apis: { 'main/mock': mock },
          ...root,
        },
        null,
        1,
      ),
    },
    {},
  );

test('the pages are on the port for operators, and on no other; what callers reach is not there', async () => {
  await using running = await startGateway({ 'main/mock': mock }, { root: { management, metrics: {} } });
  const port = managementPort(running);
  for (const path of ['/healthz', '/readyz', '/status', '/metrics', '/metrics?x=1']) {
    assert.equal((await ask(port, path)).status, 200, path);
    assert.equal((await ask(running.port, path)).status, 404, path);
  }
  assert.equal((await ask(running.port, '/hello')).text, 'x');
  assert.equal((await ask(port, '/hello')).status, 404);
  const { status, headers } = await ask(port, '/metrics', { method: 'POST' });
  assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
  const head = await ask(port, '/status', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text, head.headers['cache-control']], [200, '', 'no-store']);
});

test('nothing listens for operators unless the configuration says so; loopback is where', async () => {
  await using running = await startGateway({ 'main/mock': mock });
  assert.equal(running.gateway.management, null);
  await using other = await startGateway({ 'main/mock': mock }, { root: { management } });
  assert.equal(other.gateway.management?.host, '127.0.0.1');
});

test('on loopback a name that is not the machine itself is not served', async () => {
  await using running = await startGateway({ 'main/mock': mock }, { root: { management } });
  const port = managementPort(running);
  for (const host of [
    'rebound.example',
    `rebound.example:${port}`,
    'localhost.rebound.example',
    '127.0.0.1.example',
  ])
    assert.equal((await ask(port, '/status', { host })).status, 421, host);
  for (const host of ['localhost', `LOCALHOST:${port}`, `127.0.0.1:${port}`, '[::1]', `[::1]:${port}`])
    assert.equal((await ask(port, '/status', { host })).status, 200, host);
});

test('the status tells version, configuration and what is under way', async () => {
  await using running = await startGateway({ 'main/mock': mock }, { root: { management } });
  const told = async () => JSON.parse((await ask(managementPort(running), '/status')).text) as Status;
  const first = await told();
  assert.match(first.version, /^\d+\.\d+\.\d+/);
  assert.deepEqual(
    [first.isReady, first.isDraining, first.inFlight, first.configuration.number, first.configuration.apis],
    [true, false, 0, 1, 1],
  );
  await running.gateway.apply(configOf({ management, apis: { 'main/mock': mock, 'main/b': passTo(1) } }), {
    listen: true,
  });
  const second = await told();
  assert.deepEqual([second.configuration.number, second.configuration.apis], [2, 2]);
  assert.notEqual(second.configuration.id, first.configuration.id);
});

/** A listener that a reload leaves behind closes after it. */
async function closed(port: number): Promise<void> {
  let isOpen = true;
  const look = async (): Promise<void> => {
    while (isOpen)
      isOpen = await ask(port, '/healthz').then(
        () => true,
        () => false,
      );
  };
  await within(look(), `port ${port} to close`);
}

interface Status {
  readonly version: string;
  readonly isReady: boolean;
  readonly isDraining: boolean;
  readonly inFlight: number;
  readonly configuration: { readonly id: string; readonly number: number; readonly apis: number };
}

test('while the gateway drains it is alive and not ready', async () => {
  const held: (() => void)[] = [];
  await using backend = await streamBackend((_request, response) => {
    held.push(() => response.end('done'));
  });
  const running = await startGateway({ 'main/all': passTo(backend.port) }, { root: { management } });
  const port = managementPort(running);
  const client = await openRaw(running.port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => held.length === 1, 'a request is under way');
  const closing = running.gateway.close();
  assert.equal((await ask(port, '/healthz')).status, 200);
  const { status, text } = await ask(port, '/readyz');
  assert.deepEqual([status, text], [503, 'draining\n']);
  held[0]?.();
  assert.equal((await client.answer()).text, 'done');
  await within(closing, 'the gateway to close');
  await assert.rejects(ask(port, '/healthz'), /ECONNREFUSED|ECONNRESET/);
});

test('a reload keeps the port, moves it, closes it; one that cannot be had refuses the configuration', async () => {
  await using running = await startGateway({ 'main/mock': mock }, { root: { management } });
  const { gateway } = running;
  const apply = (root: object) => gateway.apply(configOf(root), { listen: true });
  const first = managementPort(running);
  await apply({ management });
  assert.equal(managementPort(running), first);

  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await assert.rejects(apply({ management: { port } }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /^gateway\.yaml:\d+:\d+ management\.port: cannot listen: .*EADDRINUSE/);
    return true;
  });
  assert.equal((await ask(first, '/healthz')).status, 200);
  // The other listener is refused after this one was opened.
  taken.close();
  await once(taken, 'close');
  const held = createServer().listen(0, '127.0.0.1');
  await once(held, 'listening');
  const listeners = [{ port: (held.address() as AddressInfo).port, host: '127.0.0.1' }];
  await assert.rejects(apply({ management: { port }, listeners }), /listeners\[0\]\.port: cannot listen/);
  held.close();
  assert.equal(managementPort(running), first);
  await assert.rejects(ask(port, '/healthz'), /ECONNREFUSED/);

  await apply({ management: { port } });
  assert.equal((await ask(port, '/healthz')).status, 200);
  await closed(first);
  await apply({});
  assert.equal(gateway.management, null);
  await closed(port);
});

test('a page or a status that fails is told as such, logged, and leaves the others', async () => {
  const fails = definePlugin({
    name: 'fails',
    summary: 'Fails.',
    setup: () => ({
      management: { path: '/fails', handle: () => Promise.reject(new Error('secret detail')) },
      status: () => 1n,
    }),
  });
  const odd = definePlugin({
    name: 'odd',
    summary: 'Answers nonsense.',
    setup: () => ({ management: { path: '/odd', handle: () => undefined as never }, status: () => 'fine' }),
  });
  await using running = await startGateway(
    { 'main/mock': mock },
    { root: { management }, plugins: [fails, odd] },
  );
  const port = managementPort(running);
  for (const path of ['/fails', '/odd']) {
    const { status, text } = await ask(port, path);
    assert.equal(status, 500);
    assert.doesNotMatch(text, /secret/);
  }
  const { plugins } = JSON.parse((await ask(port, '/status')).text) as { plugins: Record<string, unknown> };
  assert.deepEqual([plugins['fails'], plugins['odd']], [{ failed: true }, 'fine']);
  const failed = running.log.filter(({ message }) => message === 'a plugin failed');
  assert.deepEqual(
    failed.map(({ fields }) => `${String(fields['plugin'])} ${String(fields['hook'])}`),
    ['fails management', 'odd management', 'fails status'],
  );
});

test('what is no page and no timing is refused with what it must be', async () => {
  const [handle, record] = [() => ({ contentType: 'text/plain', body: '' }), () => undefined];
  for (const [hooks, message] of [
    [{ management: { path: 'page', handle } }, '"management" must be a `path` and a function `handle`'],
    [{ management: { path: '/a?b', handle } }, '"management" must be'],
    [{ management: { path: '/page' } }, '"management" must be'],
    [{ management: null }, '"management" must be'],
    [{ timing: { every: 0, record } }, '"timing" must be a number `every` and a function `record`'],
    [{ timing: { every: 1 } }, '"timing" must be'],
    [{ status: {} }, '"status" must be a function'],
  ] as const) {
    const plugin = definePlugin({ name: 'wrong', summary: 'Is wrong.', setup: () => hooks as never });
    const starting = startGateway({ 'main/mock': mock }, { root: { management }, plugins: [plugin] });
    await assert.rejects(starting, (error: Error) => error.message.includes(message));
  }
});

test('callers who go away, answers that break off and bytes are counted as they were', async () => {
  await using backend = await streamBackend((asked, response) => {
    if (asked.url === '/hang') return;
    response.writeHead(200, { 'content-length': '10' });
    response.write('12345');
    if (asked.url === '/cut') setImmediate(() => response.destroy());
    else response.end('67890');
  });
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { root: { management, metrics: { process: false } } },
  );
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const whole = await openRaw(running.port);
  assert.equal((await whole.send(get('/')).answer()).text, '1234567890');
  const cut = await openRaw(running.port);
  cut.send(get('/cut'));
  await cut.closed();
  const gone = await openRaw(running.port);
  gone.send(get('/hang'));
  await until(
    () => running.gateway.listeners.length === 1 && backend.connections.length >= 2,
    'it is called',
  );
  gone.socket.destroy();
  await until(() => running.completed.length === 3, 'all are completed');
  const { text } = await ask(managementPort(running), '/metrics');
  const labels = 'api="main/all",environment="RELEASE"';
  const sent = running.completed.reduce((total, { bytesSent }) => total + bytesSent, 0);
  for (const line of [
    `tapgate_requests_total{${labels},class="2xx"} 2`,
    `tapgate_requests_total{${labels},class="4xx"} 1`,
    `tapgate_unfinished_total{${labels},outcome="client-gone"} 1`,
    `tapgate_unfinished_total{${labels},outcome="cut"} 1`,
    `tapgate_sent_bytes_total{${labels}} ${sent}`,
    'tapgate_requests_in_flight 0',
  ])
    assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
  assert.ok(sent >= 10 && sent <= 15);
});

test('a page says what may be sent to it, and gets the query and the content', async () => {
  const seen: unknown[] = [];
  const purge = definePlugin({
    name: 'purge',
    summary: 'Has pages.',
    setup: () => ({
      management: [
        {
          path: '/purge',
          methods: ['POST', 'DELETE'] as const,
          handle({ method, query, body }) {
            seen.push([method, query.get('api'), body]);
            return { contentType: 'text/plain', body: 'done' };
          },
        },
        { path: '/purged', handle: () => ({ contentType: 'text/plain', body: 'all' }) },
      ],
    }),
  });
  await using running = await startGateway({ 'main/mock': mock }, { root: { management }, plugins: [purge] });
  const port = managementPort(running);
  assert.equal((await ask(port, '/purge?api=a%2Fb', { method: 'POST', body: 'what' })).text, 'done');
  assert.equal((await ask(port, '/purge', { method: 'DELETE' })).text, 'done');
  assert.deepEqual(seen, [
    ['POST', 'a/b', 'what'],
    ['DELETE', undefined, ''],
  ]);
  assert.equal((await ask(port, '/purged')).text, 'all');
  for (const [path, method, allow] of [
    ['/purge', 'GET', 'POST, DELETE'],
    ['/purged', 'POST', 'GET, HEAD'],
    ['/status', 'POST', 'GET, HEAD'],
  ] as const) {
    const page = await ask(port, path, { method });
    assert.deepEqual([page.status, page.headers.allow], [405, allow], `${method} ${path}`);
  }
  const large = await ask(port, '/purge', { method: 'POST', body: 'x'.repeat(70_000) });
  assert.equal(large.status, 413);
  assert.equal(seen.length, 2);
});

test('a page of another origin that a browser shows changes nothing', async () => {
  let changes = 0;
  const purge = definePlugin({
    name: 'purge',
    summary: 'Has a page.',
    setup: () => ({
      management: {
        path: '/purge',
        methods: ['POST'] as const,
        handle() {
          changes += 1;
          return { contentType: 'text/plain', body: 'done' };
        },
      },
    }),
  });
  await using running = await startGateway({ 'main/mock': mock }, { root: { management }, plugins: [purge] });
  const port = managementPort(running);
  const from = async (origin: string): Promise<number> =>
    (await ask(port, '/purge', { method: 'POST', host: `localhost:${port}`, headers: { origin } })).status;
  for (const origin of ['http://evil.example', 'null', 'http://localhost:1', `https://localhost:${port}`])
    assert.equal(await from(origin), 403, origin);
  assert.equal(changes, 0);
  assert.equal(await from(`http://localhost:${port}`), 200);
  assert.equal(changes, 1);
});
