import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type CacheStatus, type Reply, cacheStatus, definePlugin, refuse, reply } from '#sdk';
import { type TestGateway, testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

/** The vendor's fields, all of them. */
const alibaba = {
  addRequestParameterIfAbsent: [
    { name: 'X-Channel', value: 'web', location: 'HEADER' },
    { name: 'page', value: '1', location: 'query' },
  ],
  putRequestParameter: [
    { name: 'X-Source', value: 'gateway', location: 'header' },
    { name: 'tenant', value: 'a b&c', location: 'query' },
    { name: 'kind', value: 'größe', location: 'form' },
  ],
  removeRequestParameter: [
    { name: 'debug', location: 'query' },
    { name: 'X-Secret', location: 'header' },
    { name: 'token', location: 'form' },
  ],
  setResponseStatusCode: 201,
  addResponseHeaderIfAbsent: [{ name: 'Cache-Control', value: 'no-store' }],
  putResponseHeader: [{ name: 'X-Served-By', value: 'gw' }],
  removeResponseHeader: [{ name: 'Server' }],
};

const form = { 'content-type': 'application/x-www-form-urlencoded' };

function start(type: string, config: unknown, backend?: () => Reply): Promise<TestGateway> {
  return testPlugin(plugin, { type, config, ...(backend === undefined ? {} : { backend }) });
}

suite('alibaba/transformer', () => {
  test('what the backend gets', async () => {
    const gateway = await start('alibaba/transformer', alibaba);
    await gateway.request('POST', '/x?debug=1&a=%2f+b&tenant=x&debug&tenant=y', {
      headers: { ...form, 'x-secret': 's', 'x-channel': 'app', 'content-md5': 'x' },
      body: 'token=1&q=%zz+&kind=old',
    });
    const [seen] = gateway.backendRequests;
    assert.equal(seen?.rawQuery, 'a=%2f+b&tenant=a%20b%26c&page=1');
    assert.equal(seen?.body.toString(), 'q=%zz+&kind=gr%C3%B6%C3%9Fe');
    assert.equal(seen?.headers.get('x-source'), 'gateway');
    assert.equal(seen?.headers.get('x-channel'), 'app');
    assert.equal(seen?.headers.get('x-secret'), undefined);
    assert.equal(seen?.headers.get('content-md5'), undefined);
  });

  test('content that is no form is not touched; POST without content gets a form', async () => {
    const gateway = await start('alibaba/transformer', alibaba);
    const json = { 'content-type': 'application/json', 'content-md5': 'x' };
    await gateway.request('POST', '/', { headers: json, body: '{"token":1}' });
    await gateway.request('POST', '/', { headers: { ...form, 'content-encoding': 'gzip' }, body: 'token=1' });
    await gateway.request('POST', '/', {});
    await gateway.request('GET', '/', {});
    assert.deepEqual(
      gateway.backendRequests.map(({ body, headers }) => [body.toString(), headers.get('content-type')]),
      [
        ['{"token":1}', 'application/json'],
        ['token=1', form['content-type']],
        ['kind=gr%C3%B6%C3%9Fe', form['content-type']],
        ['', undefined],
      ],
    );
    assert.equal(gateway.backendRequests[0]?.headers.get('content-md5'), 'x');
  });

  test('what the caller gets', async () => {
    const gateway = await start('alibaba/transformer', alibaba, () =>
      reply(200, { server: 'nginx', 'x-served-by': ['a', 'b'], 'cache-control': 'private' }, 'x'),
    );
    const answer = await gateway.request('GET', '/');
    assert.equal(answer.status, 201);
    // Not the backend's: the gateway names itself where nobody else did.
    assert.equal(answer.headers.get('server'), 'api-gateway');
    assert.deepEqual(answer.headers.getAll('x-served-by'), ['gw']);
    assert.equal(answer.headers.get('cache-control'), 'private');
  });

  test('a refusal keeps its status, and has the fields', async () => {
    const gateway = await start('alibaba/transformer', alibaba, () => refuse('backend-timeout'));
    const answer = await gateway.request('GET', '/');
    assert.deepEqual([answer.status, answer.headers.get('x-served-by')], [504, 'gw']);
  });
});

suite('huawei/set_resp_headers', () => {
  const header = (action: string, value?: string, name = 'X-A') => ({
    name,
    action,
    ...(value === undefined ? {} : { value }),
    value_type: 'custom_value',
  });
  const rows: readonly (readonly [action: string, before: readonly string[], after: readonly string[]])[] = [
    ['override', ['1', '2'], ['v']],
    ['override', [], ['v']],
    ['append', ['1'], ['1,v']],
    ['append', ['1', '2'], ['1, 2,v']],
    ['append', [], ['v']],
    ['delete', ['1', '2'], []],
    ['skip', ['1'], ['1']],
    ['skip', [], ['v']],
    ['add', ['1'], ['1', 'v']],
    ['add', [], ['v']],
  ];
  for (const [action, before, after] of rows) {
    test(`${action} where there is ${before.join(' and ') || 'nothing'}`, async () => {
      const gateway = await start(
        'huawei/set_resp_headers',
        { response_headers: [header(action, 'v')] },
        () => reply(200, before.length === 0 ? {} : { 'x-a': before }),
      );
      assert.deepEqual((await gateway.request('GET', '/')).headers.getAll('x-a'), after);
    });
  }

  test('cookies are never joined', async () => {
    const config = { response_headers: [header('append', 'b=2', 'Set-Cookie')] };
    const gateway = await start('huawei/set_resp_headers', config, () =>
      reply(200, { 'set-cookie': 'a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT' }),
    );
    assert.equal((await gateway.request('GET', '/')).headers.getAll('set-cookie').length, 2);
  });

  test('what a cache did is told where there is one', async () => {
    const cache = definePlugin({
      name: 'test-cache',
      summary: 'Says what it is told to say.',
      bind: () => ({
        auth: {
          stage: 'serve',
          handle({ headers, notes }) {
            const status = headers.get('x-cache');
            if (status !== undefined) notes.set(cacheStatus, status as CacheStatus);
            return undefined;
          },
        },
      }),
    });
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: { 'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
        plugins: {
          cache: { type: 'test-cache' },
          headers: {
            type: 'huawei/set_resp_headers',
            config: {
              response_headers: [
                {
                  name: 'X-Cache',
                  value: '$context.cacheStatus',
                  value_type: 'system_parameter',
                  action: 'add',
                },
              ],
            },
          },
        },
        bindings: ['cache', 'headers'].map((name) => ({ plugin: name, apis: ['*'] })),
      },
      plugins: [plugin, cache],
    });
    const told = async (headers: Record<string, string>) =>
      (await gateway.request('GET', '/', { headers })).headers.get('x-cache');
    assert.deepEqual([await told({ 'x-cache': 'HIT' }), await told({})], ['HIT', undefined]);
  });
});

test('own options: every action, in their order; explain tells them', async () => {
  const gateway = await testPlugin(plugin, {
    config: {
      request: [
        { action: 'add', in: 'header', name: 'X-A', value: 'ü' },
        { action: 'add', in: 'header', name: 'X-A', value: '2' },
        { action: 'add', in: 'query', name: 'a', value: '' },
        { action: 'default', in: 'query', name: 'a', value: 'never' },
      ],
      response: [
        { action: 'remove', name: 'X-B' },
        { action: 'join', name: 'X-B', value: '1' },
        { action: 'join', name: 'X-B', value: '2' },
      ],
      status: 202,
    },
    backend: () => reply(200, { 'x-b': 'old' }),
  });
  const answer = await gateway.request('GET', '/?a=1');
  assert.deepEqual([answer.status, answer.headers.getAll('x-b')], [202, ['1,2']]);
  const [seen] = gateway.backendRequests;
  assert.equal(seen?.rawQuery, 'a=1&a=');
  assert.deepEqual(seen?.headers.getAll('x-a'), [Buffer.from('ü').toString('latin1'), '2']);
  assert.deepEqual(
    gateway
      .describe('GET', '/')
      .filter((line) => line.startsWith('under-test'))
      .slice(3),
    [
      'under-test: request: default query a',
      'under-test: answer: status 202',
      'under-test: answer: remove header X-B',
      'under-test: answer: join header X-B',
      'under-test: answer: join header X-B',
    ],
  );
});

test('a body that nothing in the configuration concerns is not read', async () => {
  const config = { putRequestParameter: [{ name: 'X-A', value: '1', location: 'header' }] };
  const gateway = await testPlugin(plugin, {
    type: 'alibaba/transformer',
    config,
    api: { request: { method: 'ANY', path: '/', match: 'prefix', maxBodyBytes: 4 } },
  });
  assert.equal((await gateway.request('POST', '/', { headers: form, body: 'a=1' })).status, 200);
  // A form that is too large to be read is refused, not passed on unchanged.
  assert.equal((await gateway.request('POST', '/', { headers: form, body: 'a=12345' })).status, 413);
});
