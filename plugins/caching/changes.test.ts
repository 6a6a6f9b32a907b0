import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, reply } from '#sdk';
import { testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { trial } from './testing.ts';

const fresh = { 'cache-control': 'max-age=1000' };

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH']) {
  test(`${method} that succeeds makes the path's answers be asked for again, one that fails does not`, async () => {
    let status = 500;
    const { get, calls, gateway } = await trial((request) =>
      reply(request.method === 'GET' ? 200 : status, fresh, 'x'),
    );
    await get('/x');
    await get('/x?page=2');
    await get('/y');
    await gateway.request(method, '/x', { body: 'b' });
    await get('/x');
    assert.equal(calls(), 4);
    status = 201;
    await gateway.request(method, '/x', { body: 'b' });
    for (const path of ['/x', '/x?page=2', '/y']) await get(path);
    assert.equal(calls(), 7);
  });
}

test('what cannot be reached has changed nothing; OPTIONS changes nothing', async () => {
  const { get, calls, gateway } = await trial(({ method }) =>
    method === 'POST' ? refuse('backend-timeout') : reply(200, fresh, 'x'),
  );
  await get();
  await gateway.request('POST', '/x');
  await gateway.request('OPTIONS', '/x');
  await get();
  assert.equal(calls(), 3);
});

test('addresses that the answer names are asked for again, at the same origin only', async () => {
  const { get, calls, gateway } = await trial(({ method, path }) => {
    if (method === 'GET') return reply(200, fresh, 'x');
    const location =
      path === '/1'
        ? { location: '/made', 'content-location': 'http://test/here' }
        : { location: 'http://other/made', 'content-location': '::' };
    return reply(201, location, '');
  });
  for (const path of ['/made', '/here']) await get(path);
  await gateway.request('POST', '/2');
  for (const path of ['/made', '/here']) await get(path);
  assert.equal(calls(), 3);
  await gateway.request('POST', '/1');
  for (const path of ['/made', '/here']) await get(path);
  assert.equal(calls(), 6);
});

test('a change through one API counts for the others at the same path', async () => {
  const backend = { type: 'http', address: 'http://b' };
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/read': { request: { method: 'GET', path: '/x' }, auth: 'none', backend },
        'g/write': { request: { method: 'PUT', path: '/x' }, auth: 'none', backend },
      },
      plugins: { cache: { type: 'caching', config: {} } },
      bindings: [{ plugin: 'cache', apis: ['g/*'] }],
    },
    plugins: [plugin],
    backends: { '*': () => reply(200, fresh, 'x') },
  });
  for (const method of ['GET', 'PUT', 'GET', 'GET']) await gateway.request(method, '/x');
  assert.equal(gateway.backendRequests.length, 3);
});

test('an answer that was asked for before a change is not stored after it', async () => {
  let release: () => void = () => assert.fail('not asked');
  const held = new Promise<void>((resolve) => (release = resolve));
  const { get, calls, gateway } = await trial(async ({ method }) => {
    if (method === 'GET' && calls() === 1) await held;
    return reply(200, fresh, 'x');
  });
  const slow = get();
  await gateway.request('PUT', '/x');
  release();
  await slow;
  await get();
  assert.equal(calls(), 3);
});

test('a POST whose answer says that it is what GET gets is stored', async () => {
  const { get, calls, gateway } = await trial(({ method, path }) =>
    reply(200, { ...fresh, 'content-location': path === '/x' ? 'http://test/x' : '/other' }, method),
  );
  await gateway.request('POST', '/x');
  assert.equal((await get('/x')).text, 'POST');
  await gateway.request('POST', '/y');
  assert.equal((await get('/y')).text, 'GET');
  assert.equal(calls(), 3);
});

test('other options, or another backend, begin with nothing stored; the same ones keep it', async () => {
  const config = (address: string, options: object, marker = 0) => ({
    groups: { g: { domains: ['*'] } },
    apis: {
      'g/a': { request: { method: 'GET', path: '/x' }, auth: 'none', backend: { type: 'http', address } },
      [`g/b${marker}`]: {
        request: { method: 'GET', path: '/y' },
        auth: 'none',
        backend: { type: 'mock', body: '' },
      },
    },
    plugins: { cache: { type: 'caching', config: options } },
    bindings: [{ plugin: 'cache', apis: ['g/a'] }],
  });
  const gateway = await testGateway({
    config: config('http://b', {}),
    plugins: [plugin],
    backends: { '*': () => reply(200, fresh, 'x') },
  });
  const calls = async (next: object): Promise<number> => {
    await gateway.reload(next as Readonly<Record<string, unknown>>);
    await gateway.request('GET', '/x');
    return gateway.backendRequests.length;
  };
  await gateway.request('GET', '/x');
  assert.equal(await calls(config('http://b', {}, 1)), 1);
  assert.equal(await calls(config('http://b', { callers: 'everybody' })), 2);
  assert.equal(await calls(config('http://c', {})), 3);
});
