import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, reply } from '#sdk';
import { type Answer, type MemoryBackend, testGateway } from '#sdk/testing';

const config = {
  groups: { g: { domains: ['test'] } },
  apis: {
    'g/http': {
      request: { method: 'GET', path: '/http' },
      auth: 'none',
      backend: { type: 'http', address: 'http://b' },
    },
    'g/self': {
      request: { method: 'GET', path: '/self' },
      auth: 'none',
      backend: { type: 'http', address: 'http://test', path: '/http' },
    },
    'g/mock': { request: { method: 'GET', path: '/mock' }, auth: 'none', backend: { type: 'mock' } },
    'g/refused': {
      request: { method: 'GET', path: '/refused', protocol: 'https' },
      auth: 'none',
      backend: { type: 'mock' },
    },
  },
};

const slowMs = 15;

/** Takes its time without giving it away. */
const slow: MemoryBackend = () => {
  const end = performance.now() + slowMs;
  while (performance.now() < end);
  return reply(200, { Server: 'nginx/1.2', 'x-apig-latency': 'mine' }, 'ok');
};

async function call(
  path: string,
  mode?: string,
  backend: MemoryBackend = slow,
  section: object = {},
): Promise<Answer> {
  const gateway = await testGateway({ config: { ...config, ...section }, backends: { '*': backend } });
  return gateway.request('GET', path, { headers: mode === undefined ? {} : { 'X-Apig-Mode': mode } });
}

// Guide 4.3.2: which field is on which answer.
const table = [
  { path: '/http', mode: undefined, latency: false, upstream: false },
  { path: '/http', mode: 'debug', latency: true, upstream: true },
  { path: '/http', mode: 'DEBUG', latency: true, upstream: true },
  { path: '/http', mode: 'off', latency: false, upstream: false },
  { path: '/mock', mode: 'debug', latency: true, upstream: false },
  { path: '/mock', mode: undefined, latency: false, upstream: false },
  { path: '/refused', mode: 'debug', latency: true, upstream: false },
  { path: '/nowhere', mode: 'debug', latency: true, upstream: false },
  { path: '/nowhere', mode: undefined, latency: false, upstream: false },
];
for (const { path, mode, latency, upstream } of table) {
  test(`${path} with X-Apig-Mode ${String(mode)}`, async () => {
    const { headers } = await call(path, mode, () => reply(200));
    assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(headers.getAll('server'), ['api-gateway']);
    for (const [name, isThere] of [
      ['x-apig-latency', latency],
      ['x-apig-upstream-latency', upstream],
    ] as const) {
      assert.equal(headers.has(name), isThere, name);
      if (isThere) assert.match(headers.get(name) ?? '', /^\d+$/);
    }
  });
}

test('latencies are whole milliseconds: the upstream one is in the other', async () => {
  const { headers } = await call('/http', 'debug');
  const latency = Number(headers.get('x-apig-latency'));
  const upstream = Number(headers.get('x-apig-upstream-latency'));
  assert.deepEqual(headers.getAll('x-apig-latency').length, 1);
  assert.ok(upstream >= slowMs, `upstream ${upstream}`);
  assert.ok(latency >= upstream, `${latency} and ${upstream}`);
});

test("the gateway's name replaces the backend's", async () => {
  const { headers } = await call('/http');
  assert.deepEqual(headers.getAll('server'), ['api-gateway']);
});

test('another name, or none of our own', async () => {
  const name = async (server: unknown, path: string): Promise<string[]> =>
    (await call(path, undefined, slow, { apigHeaders: { server } })).headers.getAll('server');
  for (const path of ['/http', '/mock', '/refused', '/nowhere'])
    assert.deepEqual(await name('edge 7', path), ['edge 7']);
  assert.deepEqual(await name(false, '/http'), ['nginx/1.2']);
  for (const path of ['/mock', '/refused', '/nowhere']) assert.deepEqual(await name(false, path), []);
  assert.deepEqual((await call('/http', undefined, slow, { apigHeaders: {} })).headers.getAll('server'), [
    'api-gateway',
  ]);
  for (const server of [true, '', ' x', 'a\r\nb', 7])
    await assert.rejects(
      name(server, '/http'),
      /apigHeaders\.server: found .*; allowed: 1 to 100 visible ASCII characters, or false$/m,
    );
});

test('a backend that fails was waited for, too', async () => {
  const { status, headers } = await call('/http', 'debug', () => refuse('backend-unavailable'));
  assert.equal(status, 502);
  assert.match(headers.get('x-apig-upstream-latency') ?? '', /^\d+$/);
});

test('what a response handler answers instead has the fields as well', async () => {
  const gateway = await testGateway({
    config: {
      ...config,
      plugins: { r: { type: 'replacing' } },
      bindings: [{ plugin: 'r', apis: ['*'] }],
    },
    plugins: [
      {
        name: 'replacing',
        summary: 'Replaces.',
        bind: () => ({ response: () => reply(299, { Server: 'x' }) }),
      },
    ],
  });
  const answer = await gateway.request('GET', '/mock', { headers: { 'X-Apig-Mode': 'debug' } });
  assert.equal(answer.status, 299);
  assert.deepEqual(answer.headers.getAll('server'), ['api-gateway']);
  assert.ok(answer.headers.has('x-apig-latency'));
});

test('fields addressed to the gateway do not reach the backend', async () => {
  const gateway = await testGateway({ config });
  await gateway.request('GET', '/http', {
    headers: {
      'X-Apig-Mode': 'debug',
      'x-apig-AppCode': 'secret',
      'X-APIG-': 'x',
      'x-apigee': 'stays',
      'X-Other-Header': 'stays',
      'x-abcd-e': 'stays',
    },
  });
  await gateway.request('GET', '/self', { headers: { 'X-APIG-Mode': 'debug', 'x-apig': 'stays' } });
  const [outer, inner] = gateway.completed.slice(1).reverse();
  assert.ok(outer?.exchange?.headers.has('x-apig-mode'));
  assert.equal(inner?.exchange?.headers.has('x-apig-mode'), false);
  assert.ok(inner?.exchange?.headers.has('x-apig'));
  const names = [...(gateway.backendRequests[0]?.headers ?? [])].map(([name]) => name.toLowerCase());
  assert.deepEqual(
    names.filter((name) => /^x-(apig|other|abcd)/.test(name)),
    ['x-apigee', 'x-other-header', 'x-abcd-e'],
  );
});
