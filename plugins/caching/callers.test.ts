import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Identity, Type, definePlugin, refuse, reply } from '#sdk';
import { testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { trial } from './testing.ts';

/** Takes everybody's word for who they are. */
const credulous = definePlugin({
  name: 'auth-credulous',
  summary: 'Believes callers.',
  bind: () => ({
    auth: {
      stage: 'authenticate',
      handle(exchange) {
        const [app, user] = [exchange.headers.get('x-app'), exchange.headers.get('x-user')];
        if (app !== undefined) exchange.identity = appOf(app);
        else if (user !== undefined) exchange.identity = { type: 'user', id: user };
        else if (exchange.headers.has('x-somebody'))
          exchange.identity = { type: 'remote', id: 'remote', isShared: true };
        else exchange.identity = { type: 'anonymous', id: 'anonymous' };
        return undefined;
      },
    },
  }),
});

function appOf(id: string): Identity {
  return { type: 'app', id, app: { id, name: `name-${id}`, key: `key-${id}` } };
}

async function start(callers: string, cacheControl: string) {
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/x' },
          auth: 'credulous',
          backend: { type: 'http', address: 'http://backend' },
        },
      },
      plugins: { cache: { type: 'caching', config: { callers } } },
      bindings: [{ plugin: 'cache', apis: ['g/a'] }],
    },
    plugins: [plugin, credulous],
    backends: { '*': () => reply(200, { 'cache-control': cacheControl }, 'x') },
  });
  return async (headers: Readonly<Record<string, string>>): Promise<boolean> => {
    const before = gateway.backendRequests.length;
    assert.equal((await gateway.request('GET', '/x', { headers })).status, 200);
    return gateway.backendRequests.length === before;
  };
}

const [app1, app2, user1, user2] = [{ 'x-app': '1' }, { 'x-app': '2' }, { 'x-user': '1' }, { 'x-user': '2' }];

// In this order; whether each is answered from here.
const askers = [app1, app1, app2, user1, user1, user2];

const cases: readonly (readonly [callers: string, cacheControl: string, hits: readonly number[]])[] = [
  ['rules', 'max-age=60', [0, 0, 0, 0, 0, 0]],
  ['rules', 'max-age=60, public', [0, 1, 1, 1, 1, 1]],
  ['rules', 'max-age=60, must-revalidate', [0, 1, 1, 1, 1, 1]],
  ['rules', 's-maxage=60', [0, 1, 1, 1, 1, 1]],
  ['rules', 'max-age=60, s-maxage=x', [0, 0, 0, 0, 0, 0]],
  ['rules', 'max-age=60, public="x"', [0, 0, 0, 0, 0, 0]],
  ['apps', 'max-age=60', [0, 1, 1, 1, 1, 1]],
  ['perApp', 'max-age=60', [0, 1, 0, 0, 0, 0]],
  ['perCaller', 'max-age=60', [0, 1, 0, 0, 1, 0]],
  ['everybody', 'max-age=60', [0, 1, 1, 1, 1, 1]],
  ['everybody', 'max-age=60, private', [0, 0, 0, 0, 0, 0]],
  ['perCaller', 'max-age=60, private', [0, 0, 0, 0, 0, 0]],
];

for (const [callers, cacheControl, hits] of cases) {
  test(`callers: ${callers}, an answer with ${cacheControl}`, async () => {
    const ask = await start(callers, cacheControl);
    const found: number[] = [];
    for (const headers of askers) found.push(Number(await ask(headers)));
    assert.deepEqual(found, hits);
  });
}

test('what users got is not given to apps that share among themselves', async () => {
  const ask = await start('apps', 'max-age=60');
  assert.deepEqual([await ask(user1), await ask(app1), await ask(app2)], [false, false, true]);
});

test('without authentication, Authorization is the sign of somebody who says who they are', async () => {
  for (const [cacheControl, isShared] of [
    ['max-age=60', false],
    ['max-age=60, public', true],
  ] as const) {
    const { get, calls } = await trial(() => reply(200, { 'cache-control': cacheControl }, 'x'));
    await get('/x', { authorization: 'Bearer 1' });
    await get();
    assert.equal(calls(), isShared ? 1 : 2);
    // What was asked for by nobody in particular is for everybody.
    await get('/x', { authorization: 'Bearer 2' });
    assert.equal(calls(), isShared ? 1 : 2);
  }
});

test('whose wishes are heard may be a matter of apps', async () => {
  const config = {
    callers: 'everybody',
    callerCacheControl: { mode: 'apps', apps: ['1', 'name-2', 'key-3'] },
  };
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/x' },
          auth: 'credulous',
          backend: { type: 'http', address: 'http://b' },
        },
      },
      plugins: { cache: { type: 'caching', config } },
      bindings: [{ plugin: 'cache', apis: ['g/a'] }],
    },
    plugins: [plugin, credulous],
    backends: { '*': () => reply(200, { 'cache-control': 'max-age=60' }, 'x') },
  });
  const asked = async (app: string): Promise<number> => {
    await gateway.request('GET', '/x', { headers: { 'x-app': app, 'cache-control': 'no-cache' } });
    return gateway.backendRequests.length;
  };
  assert.deepEqual(
    [await asked('4'), await asked('4'), await asked('1'), await asked('2'), await asked('3')],
    [1, 1, 2, 3, 4],
  );
});

test('environments and APIs never share', async () => {
  const api = (path: string) => ({
    request: { method: 'GET', path },
    auth: 'none',
    environments: ['RELEASE', 'TEST'],
    backend: { type: 'http', address: 'http://b' },
  });
  const gateway = await testGateway({
    config: {
      environments: { TEST: {} },
      groups: { g: { domains: ['*'] } },
      apis: { 'g/a': api('/x') },
      plugins: { cache: { type: 'caching', config: {} } },
      bindings: [{ plugin: 'cache', apis: ['g/a'] }],
    },
    plugins: [plugin],
    backends: { '*': () => reply(200, { 'cache-control': 'max-age=60' }, 'x') },
  });
  for (const stage of ['RELEASE', 'TEST', 'TEST', 'RELEASE'])
    await gateway.request('GET', '/x', { headers: { 'x-stage': stage } });
  assert.equal(gateway.backendRequests.length, 2);
});

test('perCaller: callers whom nobody tells apart share nothing that is not for all', async () => {
  const known = { 'x-somebody': '1' };
  const ask = await start('perCaller', 'max-age=60');
  assert.deepEqual([await ask(known), await ask(known)], [false, false]);
  const forAll = await start('perCaller', 'max-age=60, public');
  assert.deepEqual([await forAll(known), await forAll(known)], [false, true]);
});

test('perCaller: who is anonymous here and says to the backend who it is has an answer of its own', async () => {
  const ask = await start('perCaller', 'max-age=60');
  assert.deepEqual([await ask({}), await ask({})], [false, true]);
  const other = await start('perCaller', 'max-age=60');
  const hits = [await other({ authorization: 'Basic YTpi' }), await other({ authorization: 'Basic Yzpk' })];
  assert.deepEqual(hits, [false, false]);
});

/** Asks for each call of a backend who may have it. */
const guarded = definePlugin({
  name: 'guarded',
  summary: 'Stands before a backend.',
  backendField: {
    name: 'guarded',
    schema: Type.Boolean(),
    bind: () => (exchange) =>
      exchange.headers.get('x-token') === 'alice' ? undefined : refuse('authorizer-denied'),
  },
  bind: () => ({}),
});

for (const [callers, cacheControl, expected] of [
  ['rules', 'max-age=60', 401],
  ['rules', 'max-age=60, public', 200],
  ['perCaller', 'max-age=60', 401],
  ['everybody', 'max-age=60', 200],
] as const) {
  test(`what a backend answers behind its own authorizer, callers: ${callers}, ${cacheControl}`, async () => {
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: {
          'g/a': {
            request: { method: 'GET', path: '/x' },
            auth: 'none',
            backend: { type: 'http', address: 'http://backend', guarded: true },
          },
        },
        plugins: { cache: { type: 'caching', config: { callers } } },
        bindings: [{ plugin: 'cache', apis: ['g/a'] }],
      },
      plugins: [plugin, guarded],
      backends: { '*': () => reply(200, { 'cache-control': cacheControl }, 'for alice') },
    });
    assert.equal((await gateway.request('GET', '/x', { headers: { 'x-token': 'alice' } })).status, 200);
    assert.equal((await gateway.request('GET', '/x')).status, expected);
  });
}
