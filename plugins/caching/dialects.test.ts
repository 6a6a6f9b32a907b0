import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply } from '#sdk';
import { testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';
import { callOf, trial } from './testing.ts';

type Document = Readonly<Record<string, unknown>>;

const alibaba = (document: Document, made: Parameters<typeof trial>[0], api: Document = {}) =>
  trial(made, { ...document, cacheStatus: undefined }, { type: 'alibaba/caching', api });

test('alibaba: the documented example', async () => {
  const document = {
    varyByApp: true,
    varyByParameters: ['page'],
    varyByHeaders: ['Accept'],
    cacheableHeaders: ['X-Version'],
    clientCacheControl: { mode: 'app', apps: [110_001] },
    duration: 300,
  };
  const { get, calls, gateway } = await alibaba(document, {
    'x-version': '1',
    'x-other': '1',
    'content-type': 'text/plain',
  });
  const first = await get('/x?page=1', { accept: 'a/b' });
  assert.deepEqual([first.headers.get('x-other'), first.headers.has('x-ca-caching')], ['1', false]);
  const second = await get('/x?page=1&other=2', { accept: 'a/b', 'cache-control': 'no-cache' });
  assert.deepEqual(
    ['x-ca-caching', 'x-version', 'x-other', 'content-type'].map((name) => second.headers.get(name)),
    ['true', '1', undefined, 'text/plain'],
  );
  await get('/x?page=2', { accept: 'a/b' });
  await get('/x?page=1', { accept: 'a/c' });
  assert.equal(calls(), 3);
  gateway.clock.advance(300_000);
  await get('/x?page=1', { accept: 'a/b' });
  assert.equal(calls(), 4);
});

test("alibaba: the backend's Cache-Control comes before the duration; failures are not kept for it", async () => {
  const one = await alibaba({ duration: 300 }, { 'cache-control': 'max-age=10' });
  await one.get();
  one.gateway.clock.advance(10_000);
  assert.equal(callOf(await one.get()), 2);
  const two = await alibaba({ duration: 300 }, () => reply(503, {}, 'x'));
  await two.get();
  await two.get();
  assert.equal(two.calls(), 2);
});

test('alibaba: GET only, and without a duration or Cache-Control nothing', async () => {
  const one = await alibaba({ duration: 300 }, {});
  await one.get();
  await one.gateway.request('HEAD', '/x');
  assert.equal(one.calls(), 2);
  const two = await alibaba({}, {});
  await two.get();
  await two.get();
  assert.equal(two.calls(), 2);
});

test('alibaba: parameters go by the names that the backend knows', async () => {
  const api = {
    request: {
      method: 'ANY',
      path: '/x',
      parameters: [
        { name: 'seite', in: 'query' },
        { name: 'x-tenant', in: 'header' },
      ],
    },
    backend: {
      type: 'http',
      address: 'http://backend',
      parameters: [
        { name: 'page', in: 'query', from: 'request.seite' },
        { name: 'x-tenant', in: 'header', from: 'request.x-tenant' },
      ],
    },
  };
  const { get } = await alibaba({ varyByParameters: ['page', 'x-tenant'], duration: 300 }, {}, api);
  const first = callOf(await get('/x?seite=1', { 'x-tenant': 'a' }));
  assert.equal(callOf(await get('/x?seite=1&more=1', { 'x-tenant': 'a' })), first);
  assert.notEqual(callOf(await get('/x?seite=2', { 'x-tenant': 'a' })), first);
  assert.notEqual(callOf(await get('/x?seite=1', { 'x-tenant': 'b' })), first);
});

test("alibaba: calls to the group's own subdomain pass by", async () => {
  const { gateway, calls } = await trial(
    {},
    { duration: 300, cacheStatus: undefined },
    {
      type: 'alibaba/caching',
      root: { groups: { test: { domains: ['shop.example'], subdomain: 'own.example' } } },
    },
  );
  for (const host of ['own.example', 'own.example', 'shop.example', 'shop.example'])
    await gateway.request('GET', `http://${host}/x`);
  assert.equal(calls(), 3);
});

const huawei = (document: Document, made: Parameters<typeof trial>[0]) =>
  trial(
    made,
    { cache_key: { parameters: ['page'] }, ...document, cacheStatus: undefined },
    { type: 'huawei/proxy_cache' },
  );

test('huawei: statuses that are listed are kept, for their time without Cache-Control', async () => {
  const cache_http_status_and_ttl = [
    { http_status: [200, 301], ttl: 60 },
    { http_status: [404], ttl: 5 },
  ];
  const statuses: Readonly<Record<string, number>> = { '/200': 200, '/404': 404, '/500': 500 };
  const { get, calls, gateway } = await huawei({ cache_http_status_and_ttl }, ({ path }) =>
    reply(statuses[path] ?? 200, path === '/500' ? { 'cache-control': 'max-age=60' } : {}, 'x'),
  );
  const all = async (): Promise<number> => {
    const before = calls();
    for (const path of ['/200', '/404', '/500']) await get(path);
    return calls() - before;
  };
  assert.deepEqual([await all(), await all()], [3, 1]);
  gateway.clock.advance(5000);
  assert.equal(await all(), 2);
  gateway.clock.advance(55_000);
  assert.equal(await all(), 3);
});

test('huawei: only what the key names tells answers apart; HEAD is served too', async () => {
  const document = {
    cache_key: { system_params: ['$context.sourceIp'], parameters: ['page'], headers: ['X-Tenant'] },
    cache_http_status_and_ttl: [{ http_status: [200], ttl: 60 }],
    client_cache_control: { mode: 'all' },
    cacheable_headers: ['X-Version'],
  };
  const { get, calls, gateway } = await huawei(document, { 'x-version': '1', 'x-other': '1' });
  await get('/x?page=1&a=1');
  const second = await get('/x?a=2&page=1');
  assert.deepEqual(
    [second.headers.get('x-version'), second.headers.has('x-other'), second.headers.has('x-ca-caching')],
    ['1', false, false],
  );
  await gateway.request('HEAD', '/x?page=1');
  assert.equal(calls(), 1);
  await gateway.request('GET', '/x?page=1', { clientAddress: '192.0.2.77' });
  await get('/x?page=1', { 'x-tenant': 't' });
  await get('/x?page=1', { 'cache-control': 'no-cache' });
  assert.equal(calls(), 4);
});

test('huawei: stale-while-revalidate and stale-if-error are not heard, guesses are not made', async () => {
  const { get, calls, gateway } = await huawei({}, ({ path }) =>
    path === '/guess'
      ? reply(200, { 'last-modified': 'Mon, 13 Nov 2023 00:00:00 GMT' }, 'x')
      : reply(200, { 'cache-control': 'max-age=10, stale-while-revalidate=100, stale-if-error=100' }, 'x'),
  );
  await get();
  gateway.clock.advance(20_000);
  await get();
  assert.equal(calls(), 2);
  await get('/guess');
  await get('/guess');
  assert.equal(calls(), 4);
});

const wrong: readonly (readonly [type: string, document: Document, problem: RegExp])[] = [
  ['alibaba/caching', { duration: 172_801 }, /config\.duration: found 172801; allowed/],
  ['alibaba/caching', { varyByApps: true }, /config\.varyByApps: unknown field; .*did you mean "varyByApp"/],
  [
    'alibaba/caching',
    { clientCacheControl: { mode: 'apps' } },
    /config\.clientCacheControl\.mode: found "apps"; allowed: off, all, app/,
  ],
  [
    'alibaba/caching',
    { clientCacheControl: { mode: 'app' } },
    /config\.clientCacheControl: `mode: app` needs "apps"/,
  ],
  [
    'alibaba/caching',
    { clientCacheControl: { mode: 'all', apps: [1] } },
    /config\.clientCacheControl\.apps: allowed with `mode: app` only/,
  ],
  [
    'alibaba/caching',
    { cacheableHeaders: ['a b'] },
    /config\.cacheableHeaders\[0\]: found "a b"; allowed: the name of a header field/,
  ],
  ['huawei/proxy_cache', {}, /config\.cache_key: needs at least one entry|config: "cache_key" is missing/],
  ['huawei/proxy_cache', { cache_key: {} }, /config\.cache_key: needs at least one entry/],
  [
    'huawei/proxy_cache',
    { cache_key: { system_params: ['$context.sourceIpp'] } },
    /config\.cache_key\.system_params\[0\]: found "\$context\.sourceIpp"; .*did you mean "sourceIp"/,
  ],
  [
    'huawei/proxy_cache',
    { cache_key: { parameters: ['a'] }, cacheable_headers: ['X-Apig-Mode'] },
    /config\.cacheable_headers\[0\]: found "X-Apig-Mode"; the gateway sets it/,
  ],
  [
    'huawei/proxy_cache',
    { cache_key: { parameters: ['a'] }, client_cache_control: { mode: 'apps' } },
    /config\.client_cache_control: `mode: apps` needs "datas"/,
  ],
  [
    'huawei/proxy_cache',
    { cache_key: { parameters: ['a'] }, cache_http_status_and_ttl: [{ http_status: [99], ttl: 0 }] },
    /http_status\[0\]: found 99[\s\S]*ttl: found 0/,
  ],
  [
    'caching',
    { callers: 'all' },
    /config\.callers: found "all"; allowed: rules, apps, perApp, perCaller, everybody/,
  ],
];

for (const [type, config, problem] of wrong) {
  test(`${type} ${JSON.stringify(config)} is refused`, async () => {
    await assert.rejects(testPlugin(plugin, { type, config }), problem);
  });
}

test('explain tells what is done', async () => {
  const { gateway } = await huawei(
    {
      cache_key: { parameters: ['page'], headers: ['a'], system_params: ['$context.appId'] },
      cache_http_status_and_ttl: [{ http_status: [200], ttl: 60 }],
    },
    {},
  );
  assert.deepEqual(
    gateway.describe('GET', '/x').filter((line) => line.startsWith('under-test')),
    [
      'under-test: GET and HEAD are answered from memory, by path, the query parameters page, the fields a, appId',
      'under-test: answers to apps: kept for each app',
      'under-test: answers 200 without Cache-Control are fresh for 60 s',
    ],
  );
});
