import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply } from '#sdk';
import { VirtualClock, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { callOf, trial } from './testing.ts';

const fresh = { 'cache-control': 'max-age=1000' };

async function statusOf(gateway: Awaited<ReturnType<typeof testGateway>>) {
  const { body } = await gateway.manage('/status');
  const { plugins } = JSON.parse(body) as { plugins: Record<string, unknown> };
  return plugins['caching'] as {
    memory: Record<string, number>;
    apis: Record<string, Record<string, number>>;
  };
}

test('memory is bounded; what was asked for last stays', async () => {
  const { get, gateway, calls } = await trial(
    ({ path }) => reply(200, fresh, path === '/x' ? 'x' : 'x'.repeat(3000)),
    {},
    { root: { caching: { maxBytes: 20_000 }, management: { port: 0 } } },
  );
  await get('/x');
  for (let index = 0; index < 20; index += 1) {
    await get(`/${index}`);
    await get('/x');
  }
  assert.equal(calls(), 21);
  const { memory } = await statusOf(gateway);
  assert.ok((memory['bytes'] ?? Infinity) <= 20_000, String(memory['bytes']));
  assert.ok((memory['answers'] ?? 0) >= 3);
  assert.equal((memory['answers'] ?? 0) + (memory['evictions'] ?? 0), 21);
  await get('/0');
  assert.equal(calls(), 22);
});

test('no memory, no answers; an answer that is larger than all of it drives nothing out', async () => {
  const none = await trial(fresh, {}, { root: { caching: { maxBytes: 0 } } });
  await none.get();
  assert.equal(callOf(await none.get()), 2);
  const little = await trial(
    ({ path }) => reply(200, fresh, path === '/large' ? 'x'.repeat(6000) : 'x'),
    {},
    { root: { caching: { maxBytes: 5000 } } },
  );
  for (const path of ['/x', '/large', '/x']) await little.get(path);
  assert.equal(little.calls(), 2);
});

test('what the cache did stands in /status', async () => {
  const { get, gateway } = await trial({ ...fresh, etag: '"1"' }, {}, { root: { management: { port: 0 } } });
  await get();
  await get();
  await get('/x', { 'cache-control': 'no-store' });
  await gateway.request('PUT', '/x');
  const { apis } = await statusOf(gateway);
  assert.deepEqual(apis['test/api RELEASE'], {
    hits: 1,
    misses: 1,
    revalidated: 0,
    stale: 0,
    bypassed: 1,
    collapsed: 0,
    stored: 1,
    invalidations: 1,
    hitRatio: 0.333,
  });
});

const purges: readonly (readonly [what: object, removed: number, left: readonly string[]])[] = [
  [{ all: true }, 5, []],
  [{ api: 'g/a' }, 4, ['/b/1']],
  [{ api: 'g/a', environment: 'TEST' }, 1, ['/a/1', '/a/1?q', '/a/2', '/b/1']],
  [{ url: 'http://test/a/1' }, 2, ['/a/2', '/b/1', 'TEST /a/2']],
  [{ url: 'https://TEST:8443/a/1?whatever' }, 2, ['/a/2', '/b/1', 'TEST /a/2']],
  [{ url: 'http://other/a/1' }, 0, ['/a/1', '/a/1?q', '/a/2', '/b/1', 'TEST /a/2']],
  [{ prefix: 'http://test/a/' }, 4, ['/b/1']],
  [{ prefix: 'http://test/a/', environment: 'RELEASE' }, 3, ['/b/1', 'TEST /a/2']],
];

function purging(store: string) {
  const api = (path: string) => ({
    request: { method: 'GET', path, match: 'prefix' },
    auth: 'none',
    environments: ['RELEASE', 'TEST'],
    backend: { type: 'http', address: 'http://b' },
  });
  return testGateway({
    config: {
      management: { port: 0 },
      environments: { TEST: {} },
      groups: { g: { domains: ['*'] } },
      apis: { 'g/a': api('/a'), 'g/b': api('/b') },
      plugins: { cache: { type: 'caching', config: { store } } },
      bindings: [{ plugin: 'cache', apis: ['g/*'], environments: ['RELEASE', 'TEST'] }],
    },
    plugins: [plugin],
    backends: { '*': () => reply(200, fresh, 'x') },
  });
}

const addresses = ['/a/1', '/a/1?q', '/a/2', '/b/1', 'TEST /a/2'];

for (const [what, removed, left] of purges) {
  test(`purge ${JSON.stringify(what)}: ${removed} answers are forgotten`, async () => {
    const gateway = await purging('memory');
    const get = async (address: string): Promise<boolean> => {
      const before = gateway.backendRequests.length;
      const [path = '', stage = 'RELEASE'] = address.split(' ').toReversed();
      await gateway.request('GET', path, { headers: { 'x-stage': stage } });
      return gateway.backendRequests.length === before;
    };
    for (const each of addresses) await get(each);
    const answer = await gateway.manage('/caching/purge', { method: 'POST', body: JSON.stringify(what) });
    assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { removed }]);
    const kept: string[] = [];
    for (const each of addresses) if (await get(each)) kept.push(each);
    assert.deepEqual(kept, left);
  });
}

test('a purge that cannot be read is refused with what is allowed, and GET purges nothing', async () => {
  const gateway = await purging('memory');
  for (const [body, problem] of [
    ['', /no JSON/],
    ['[]', /no object/],
    ['{}', /found 0 of them/],
    ['{"all":true,"api":"g/a"}', /found 2 of them/],
    ['{"all":false}', /must be true/],
    ['{"all":true,"environment":"TEST"}', /goes with/],
    ['{"apis":"g/a"}', /found "apis"/],
    ['{"api":7}', /must be a text/],
    ['{"api":"g/a","environment":"PRE"}', /allowed: RELEASE, TEST/],
    ['{"url":"/a/1"}', /allowed: http:\/\/host\/path/],
  ] as const) {
    const answer = await gateway.manage('/caching/purge', { method: 'POST', body });
    assert.equal(answer.status, 400, body);
    assert.match((JSON.parse(answer.body) as { problem: string }).problem, problem);
  }
  assert.equal((await gateway.manage('/caching/purge')).status, 405);
});

test('a shared store: found again, by variant, for as long as fresh; forgotten when told', async () => {
  const clock = new VirtualClock();
  const { get, calls, gateway } = await trial(
    ({ path }) =>
      reply(
        200,
        { ...fresh, 'x-a': 'ä', ...(path === '/v' ? { vary: 'foo' } : {}) },
        Buffer.from([0, 255, 10]),
      ),
    { store: 'shared' },
    { clock, root: { management: { port: 0 } } },
  );
  await get();
  clock.advance(5000);
  const answer = await get();
  assert.deepEqual([...answer.body], [0, 255, 10]);
  assert.deepEqual([answer.headers.get('age'), answer.headers.get('x-a'), calls()], ['5', 'ä', 1]);
  await get('/v', { foo: '1' });
  await get('/v', { foo: '2' });
  await get('/v', { foo: '1' });
  await get('/v', { foo: '2' });
  assert.equal(calls(), 3);
  await gateway.request('DELETE', '/x');
  await get();
  await get('/v', { foo: '1' });
  assert.equal(calls(), 5);
  const purge = await gateway.manage('/caching/purge', { method: 'POST', body: '{"all":true}' });
  assert.deepEqual(JSON.parse(purge.body), { removed: 0, shared: 'forgotten' });
  await get('/v', { foo: '1' });
  assert.equal(calls(), 6);
  clock.advance(2_000_000);
  await get('/v', { foo: '1' });
  assert.equal(calls(), 7);
});

test('a shared store that is out of reach: backends are asked, and a purge says so', async () => {
  const unreachable = () => Promise.reject(new Error('out of reach'));
  const gateway = await testGateway({
    config: {
      management: { port: 0 },
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'ANY', path: '/x' },
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      },
      plugins: { cache: { type: 'caching', config: { store: 'shared' } } },
      bindings: [{ plugin: 'cache', apis: ['g/a'] }],
    },
    plugins: [plugin],
    backends: { '*': () => reply(200, fresh, 'x') },
    values: { claim: unreachable, has: unreachable, get: unreachable, set: unreachable, delete: unreachable },
  });
  for (const method of ['GET', 'GET', 'PUT']) assert.equal((await gateway.request(method, '/x')).status, 200);
  assert.equal(gateway.backendRequests.length, 3);
  const purge = await gateway.manage('/caching/purge', { method: 'POST', body: '{"all":true}' });
  assert.equal(purge.status, 503);
});

test('bytes of a store that are nothing of ours are nothing', async () => {
  for (const junk of [
    Buffer.alloc(0),
    Buffer.from('abc'),
    Buffer.from([0, 0, 0, 2, 123, 125]),
    Buffer.from([255, 255, 255, 255, 1]),
  ]) {
    const values = {
      claim: () => true,
      has: () => false,
      get: (key: string) => (key.includes('e:') ? junk : undefined),
      set: () => undefined,
      delete: () => undefined,
    };
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: {
          'g/a': {
            request: { method: 'GET', path: '/x' },
            auth: 'none',
            backend: { type: 'http', address: 'http://b' },
          },
        },
        plugins: { cache: { type: 'caching', config: { store: 'shared' } } },
        bindings: [{ plugin: 'cache', apis: ['g/a'] }],
      },
      plugins: [plugin],
      backends: { '*': () => reply(200, fresh, 'x') },
      values,
    });
    assert.equal((await gateway.request('GET', '/x')).text, 'x');
    assert.equal(gateway.backendRequests.length, 1);
  }
});
