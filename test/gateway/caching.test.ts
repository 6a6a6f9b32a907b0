import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  Agent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  request,
} from 'node:http';
import { test } from 'node:test';
import { Params } from '#sdk';
import { ownPrefix, sharedRedis } from '../support/redis.ts';
import { type Handler, httpBackend } from './support/backend.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';
import { openRaw } from './support/raw-client.ts';
import { until, within } from './support/within.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

interface Call {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly agent?: Agent;
  readonly host?: string;
}

async function call(
  port: number,
  path: string,
  { method = 'GET', headers = {}, agent, host = '127.0.0.1' }: Call = {},
): Promise<Answer> {
  const asking = request({ host, port, path, method, headers, agent: agent ?? false }).end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

interface Options {
  readonly type?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly api?: Readonly<Record<string, unknown>>;
  readonly root?: Readonly<Record<string, unknown>>;
}

function start(
  port: number,
  { type = 'caching', config = {}, api = {}, root = {} }: Options = {},
): Promise<Running> {
  return startGateway(
    { 'main/all': passTo(port, api) },
    {
      root: {
        plugins: { cache: { type, config } },
        bindings: [{ plugin: 'cache', apis: ['main/all'] }],
        ...root,
      },
    },
  );
}

/** Holds what it is asked until it is told to answer. */
function holding() {
  const held: ServerResponse[] = [];
  const handler: Handler = (_request, response) => void held.push(response);
  return { held, handler };
}

async function inFlight({ gateway }: Running): Promise<number> {
  const { body } = await gateway.manage('/status', { method: 'GET', query: Params.empty, body: '' });
  return (JSON.parse(body) as { inFlight: number }).inFlight;
}

const fresh = { 'Cache-Control': 'max-age=100' };

test('fifty callers who ask for the same at once cost one call; one that goes away harms none', async () => {
  const { held, handler } = holding();
  await using backend = await httpBackend(handler);
  await using gateway = await start(backend.port);
  const leader = await openRaw(gateway.port);
  leader.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => held.length === 1, 'the first call');
  const agent = new Agent({ maxSockets: 50 });
  const others = Array.from({ length: 49 }, () =>
    call(gateway.port, '/x', { headers: { host: 'a' }, agent }),
  );
  // They are there when the gateway has as many requests in flight.
  while ((await inFlight(gateway)) < 50) await new Promise(setImmediate);
  leader.socket.destroy();
  await until(() => held.length === 2, 'the call of another one');
  held[1]?.writeHead(200, fresh).end('content');
  const answers = await within(Promise.all(others), 'the answers');
  assert.ok(answers.every(({ status, text }) => status === 200 && text === 'content'));
  assert.equal(backend.seen.length, 2);
  agent.destroy();
});

test('a slow reader does not keep those who wait from what it has asked for', async () => {
  const content = 'x'.repeat(900_000);
  await using backend = await httpBackend(
    (_request, response) => void response.writeHead(200, fresh).end(content),
  );
  await using gateway = await start(backend.port);
  const slow = await openRaw(gateway.port);
  slow.socket.pause();
  slow.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => backend.seen.length === 1, 'the first call');
  const answer = await within(call(gateway.port, '/x', { headers: { host: 'a' } }), 'the second answer');
  assert.equal(answer.text.length, content.length);
  assert.equal(backend.seen.length, 1);
  slow.socket.destroy();
});

test('a stale answer at once, a newer one in the background, over sockets', async () => {
  let version = 0;
  await using backend = await httpBackend((_request, response) => {
    version += 1;
    response.writeHead(200, {
      'Cache-Control': 'max-age=0, stale-while-revalidate=100',
      ETag: `"${version}"`,
    });
    response.end(`version ${version}`);
  });
  await using gateway = await start(backend.port);
  assert.equal((await call(gateway.port, '/x')).text, 'version 1');
  const second = await call(gateway.port, '/x');
  assert.deepEqual([second.text, second.headers.etag], ['version 1', '"1"']);
  await until(() => backend.seen.length === 2, 'the refresh');
  assert.deepEqual(backend.seen[1]?.values('if-none-match'), ['"1"']);
  let latest = '';
  while (latest !== 'version 2' && latest !== 'version 3') latest = (await call(gateway.port, '/x')).text;
});

test('HEAD, parts and conditions from here leave as HTTP has it', async () => {
  await using backend = await httpBackend(
    (_request, response) =>
      void response.writeHead(200, { ...fresh, ETag: '"1"', 'Content-Type': 'text/plain' }).end('0123456789'),
  );
  await using gateway = await start(backend.port);
  await call(gateway.port, '/x');
  const head = await call(gateway.port, '/x', { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '10', '']);
  const part = await call(gateway.port, '/x', { headers: { range: 'bytes=2-4' } });
  assert.deepEqual(
    [part.status, part.headers['content-length'], part.headers['content-range'], part.text],
    [206, '3', 'bytes 2-4/10', '234'],
  );
  const known = await call(gateway.port, '/x', { headers: { 'if-none-match': '"1"' } });
  assert.deepEqual([known.status, known.headers['content-type'], known.text], [304, undefined, '']);
  assert.equal(backend.seen.length, 1);
});

test('what is stored is forgotten when an operator says so', async () => {
  await using backend = await httpBackend(
    (_request, response) => void response.writeHead(200, fresh).end('x'),
  );
  await using gateway = await start(backend.port, { root: { management: { port: 0 } } });
  await call(gateway.port, '/x');
  await call(gateway.port, '/x');
  assert.equal(backend.seen.length, 1);
  const management = gateway.gateway.management?.port ?? 0;
  const purge = request({
    host: '127.0.0.1',
    port: management,
    path: '/caching/purge',
    method: 'POST',
    headers: { host: 'localhost' },
  });
  purge.end(JSON.stringify({ url: `http://127.0.0.1:${gateway.port}/x` }));
  const [response] = (await once(purge, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  assert.deepEqual([response.statusCode, text], [200, '{"removed":1}\n']);
  await call(gateway.port, '/x');
  assert.equal(backend.seen.length, 2);
});

test('two gateways share what they store in a Redis, and what they forget', async () => {
  await using redis = await sharedRedis();
  await using backend = await httpBackend((incoming, response) => {
    response.writeHead(incoming.method === 'GET' ? 200 : 204, incoming.method === 'GET' ? fresh : {});
    response.end(incoming.method === 'GET' ? `content ${incoming.url}` : undefined);
  });
  const root = {
    state: { store: redis.url, prefix: ownPrefix(), timeoutMs: 5000, connectTimeoutMs: 5000 },
    management: { port: 0 },
  };
  const options = { config: { store: 'shared' }, root };
  await using one = await start(backend.port, options);
  // The port that callers come in at is told to backends, so that it tells answers apart.
  const listeners = [{ port: one.port, host: '127.0.0.2' }];
  await using other = await start(backend.port, { ...options, root: { ...root, listeners } });
  const headers = { host: 'shop.example' };
  const ask = async ({ port }: Running, host?: string): Promise<string> =>
    (await call(port, '/x', { headers, ...(host === undefined ? {} : { host }) })).text;
  assert.equal(await ask(one), 'content /x');
  // It is put there while the first caller has its answer already, so that a few may have to ask.
  let asked = 0;
  while (asked < backend.seen.length) {
    asked = backend.seen.length;
    await ask(one);
  }
  assert.equal(await ask(other, '127.0.0.2'), 'content /x');
  assert.equal(backend.seen.length, asked);
  await call(other.port, '/x', { method: 'PUT', headers, host: '127.0.0.2' });
  await ask(one);
  assert.equal(backend.seen.length, asked + 2);
});

const documents: readonly (readonly [type: string, config: Readonly<Record<string, unknown>>])[] = [
  [
    'alibaba/caching',
    {
      varyByApp: true,
      varyByParameters: ['page'],
      varyByHeaders: ['Accept'],
      clientCacheControl: { mode: 'app', apps: [110_001] },
      cacheableHeaders: ['X-Version'],
      duration: 300,
    },
  ],
  [
    'huawei/proxy_cache',
    {
      cache_key: { system_params: ['$context.appId'], parameters: ['page'], headers: ['Accept'] },
      cache_http_status_and_ttl: [{ http_status: [200], ttl: 300 }],
      client_cache_control: { mode: 'apps', datas: ['110001'] },
      cacheable_headers: ['X-Version'],
    },
  ],
];

for (const [type, config] of documents) {
  test(`${type}: a whole document, over sockets`, async () => {
    await using backend = await httpBackend(
      (_request, response) =>
        void response
          .writeHead(200, { 'X-Version': '7', 'X-Other': '1', 'Content-Type': 'text/plain' })
          .end('content'),
    );
    await using gateway = await start(backend.port, { type, config });
    const get = (path: string, headers: OutgoingHttpHeaders = {}) =>
      call(gateway.port, path, { headers: { accept: 'a/b', ...headers } });
    const first = await get('/x?page=1');
    assert.equal(first.headers['x-other'], '1');
    const second = await get('/x?page=1&more=1', { 'cache-control': 'no-cache' });
    assert.deepEqual(
      [second.text, second.headers['x-version'], second.headers['x-other']],
      ['content', '7', undefined],
    );
    assert.equal(second.headers['x-ca-caching'], type.startsWith('alibaba') ? 'true' : undefined);
    assert.equal(backend.seen.length, 1);
    await get('/x?page=2');
    await get('/x?page=1', { accept: 'a/c' });
    assert.equal(backend.seen.length, 3);
  });
}
