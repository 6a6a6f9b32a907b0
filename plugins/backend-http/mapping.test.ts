import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGateway } from '#sdk/testing';
import { type Shape, sent, url } from './testing.ts';

// Guide 3.2.1, figure 3-1 and the two curl lines below it.
const figure: Shape = {
  request: {
    method: 'GET',
    path: '/v1.0/{test01}',
    match: 'exact',
    parameters: [
      { name: 'test01', in: 'path' },
      { name: 'test02', in: 'header' },
      { name: 'test03', in: 'query' },
    ],
  },
  backend: {
    path: '/v1.0/{test05}',
    parameters: [
      { name: 'test01', in: 'header', from: 'request.test01' },
      { name: 'test05', in: 'path', from: 'request.test02' },
      { name: 'test03', in: 'header', from: 'request.test03' },
    ],
  },
};

test("the guide's example: parameters are moved, not copied", async () => {
  const request = await sent(figure, 'GET', '/v1.0/abc?test03=xyz', { headers: { test02: 'def' } });
  assert.equal(url(request), '/v1.0/def');
  assert.equal(request.headers.get('test01'), 'abc');
  assert.equal(request.headers.get('test03'), 'xyz');
  assert.equal(request.headers.has('test02'), false);
});

test('names of parameters are case-insensitive, percent-encoded ones included', async () => {
  const request = await sent(figure, 'GET', '/v1.0/abc?T%65ST03=xyz&other=1', { headers: { TeSt02: 'def' } });
  assert.equal(url(request), '/v1.0/def?other=1');
  assert.equal(request.headers.get('test03'), 'xyz');
});

// Every pair of places a parameter can be moved between (table 3-10 to 3-13: the location may differ).
const value = 'a/b c&d=é';
const inPath = '/in/a%2Fb%20c&d=%C3%A9';
for (const from of ['path', 'query', 'header'] as const) {
  for (const to of ['path', 'query', 'header'] as const) {
    test(`a value goes from ${from} to ${to} byte for byte`, async () => {
      const shape: Shape = {
        request: {
          path: from === 'path' ? '/in/{p}' : '/in',
          match: 'exact',
          parameters: [{ name: 'p', in: from }],
        },
        backend: {
          path: to === 'path' ? '/out/{q}' : '/out',
          parameters: [{ name: 'q', in: to, from: 'request.p' }],
        },
      };
      const target = from === 'path' ? inPath : from === 'query' ? '/in?p=a%2fb+c%26d%3d%c3%A9' : '/in';
      const headers: Record<string, string> =
        from === 'header' ? { p: Buffer.from(value).toString('latin1') } : {};
      const request = await sent(shape, 'GET', target, { headers });
      // What comes in a path goes into a path as it was sent; all else is encoded anew.
      const encodedPath = '/out/a%2Fb%20c&d=%C3%A9';
      if (to === 'path') assert.equal(url(request), encodedPath);
      if (to === 'query') assert.equal(url(request), '/out?q=a/b%20c%26d%3D%C3%A9');
      if (to === 'header') {
        assert.equal(url(request), '/out');
        assert.equal(Buffer.from(request.headers.get('q') ?? '', 'latin1').toString('utf8'), value);
      }
    });
  }
}

test('constants go where they are put, encoded in path and query (table 3-12)', async () => {
  const request = await sent(
    {
      backend: {
        path: '/c/{p}/end',
        parameters: [
          { name: 'p', in: 'path', value: 'a/[b]' },
          { name: 'source', in: 'query', value: '[apig]' },
          { name: 'n', in: 'query', value: 5 },
          { name: 'x-c', in: 'header', value: '[apig] as it is' },
        ],
      },
    },
    'GET',
    '/',
  );
  assert.equal(url(request), '/c/a%2F%5Bb%5D/end?source=%5Bapig%5D&n=5');
  assert.equal(request.headers.get('x-c'), '[apig] as it is');
});

// Table 3-13, and the further names of reference 7.2.
const system: readonly (readonly [name: string, expected: string | RegExp | undefined])[] = [
  ['sourceIp', '192.0.2.9'],
  ['stage', 'RELEASE'],
  ['apiId', 'g/api'],
  ['APIID', 'g/api'],
  ['apiName', 'api'],
  ['appId', undefined],
  ['appName', undefined],
  ['requestId', /^[0-9a-f-]{36}$/],
  ['serverAddr', /^[0-9a-f.:]+$/],
  ['serverName', /./],
  ['handleTime', /^2023-11-14T22:13:20\.000Z$/],
  ['providerAppId', undefined],
  ['reqPath', '/a%20b'],
  ['reqUri', '/a%20b?x=1'],
  ['reqMethod', 'PUT'],
];
for (const [name, expected] of system) {
  test(`system.${name} reaches the backend`, async () => {
    const shape: Shape = { backend: { parameters: [{ name: 'x-v', in: 'header', from: `system.${name}` }] } };
    const request = await sent(shape, 'PUT', '/a%20b?x=1', {
      clientAddress: '192.0.2.9',
      headers: { 'x-v': 'forged' },
    });
    const found = request.headers.get('x-v');
    if (expected instanceof RegExp) assert.match(found ?? '', expected);
    else assert.equal(found, expected);
    assert.equal(request.headers.getAll('x-v').length, expected === undefined ? 0 : 1);
  });
}

test('what is mapped replaces all that the caller sent under that name, in any letter case', async () => {
  const shape: Shape = {
    request: { parameters: [{ name: 'tenant', in: 'query' }] },
    backend: {
      parameters: [
        { name: 'source', in: 'query', value: 'gateway' },
        { name: 'x-tenant', in: 'header', from: 'request.tenant' },
        { name: 'x-who', in: 'header', from: 'system.appId' },
      ],
    },
  };
  const headers = { 'X-TENANT': ['forged', 'twice'], 'x-who': 'forged' };
  const request = await sent(shape, 'GET', '/?Source=forged&tenant=t1&source=forged&%73ource=x&a=1', {
    headers,
  });
  assert.equal(request.rawQuery, 'a=1&source=gateway');
  assert.deepEqual(request.headers.getAll('x-tenant'), ['t1']);
  assert.equal(request.headers.has('x-who'), false);
  const absent = await sent(shape, 'GET', '/?a=1', { headers });
  assert.equal(absent.headers.has('x-tenant'), false);
});

test('a repeated parameter keeps all its values where several can stand', async () => {
  const shape: Shape = {
    request: { parameters: [{ name: 'id', in: 'query' }] },
    backend: {
      path: '/x/{first}',
      parameters: [
        { name: 'ids', in: 'query', from: 'request.id' },
        { name: 'x-id', in: 'header', from: 'request.id' },
        { name: 'first', in: 'path', from: 'request.id' },
      ],
    },
  };
  const request = await sent(shape, 'GET', '/?id=1&id=2');
  assert.equal(url(request), '/x/1?ids=1&ids=2');
  assert.deepEqual(request.headers.getAll('x-id'), ['1', '2']);
});

test('what is not declared goes on as it was sent, byte for byte', async () => {
  const shape: Shape = { backend: { parameters: [{ name: 'x-c', in: 'header', value: '1' }] } };
  const query = 'b=%7e&a=1+2&&a=%2B&flag&=x&%zz';
  assert.equal((await sent(shape, 'GET', `/?${query}`)).rawQuery, query);
  assert.equal((await sent({}, 'GET', `/?${query}`)).rawQuery, query);
});

// name: page; what `passThrough` and mapping make of it.
const passing = [
  { passThrough: undefined, mapped: false, query: 'page=2', mappedTo: undefined },
  { passThrough: true, mapped: false, query: 'page=2', mappedTo: undefined },
  { passThrough: false, mapped: false, query: '', mappedTo: undefined },
  { passThrough: undefined, mapped: true, query: '', mappedTo: '2' },
  { passThrough: true, mapped: true, query: 'page=2', mappedTo: '2' },
  { passThrough: false, mapped: true, query: '', mappedTo: '2' },
];
for (const { passThrough, mapped, query, mappedTo } of passing) {
  test(`passThrough ${String(passThrough)}, ${mapped ? '' : 'not '}mapped`, async () => {
    const parameter = {
      name: 'page',
      in: 'query',
      type: 'number',
      default: 7,
      ...(passThrough === undefined ? {} : { passThrough }),
    };
    const shape: Shape = {
      request: { parameters: [parameter] },
      backend: mapped ? { parameters: [{ name: 'x-page', in: 'header', from: 'request.page' }] } : {},
    };
    const given = await sent(shape, 'GET', '/?page=2');
    assert.equal(given.rawQuery, query);
    assert.equal(given.headers.get('x-page'), mappedTo);
    const absent = await sent(shape, 'GET', '/');
    assert.equal(absent.rawQuery, query.replace('2', '7'));
    assert.equal(absent.headers.get('x-page'), mappedTo?.replace('2', '7'));
  });
}

test('the default of a header is sent when the caller sends none', async () => {
  const shape: Shape = { request: { parameters: [{ name: 'x-mode', in: 'header', default: 'fast é' }] } };
  const bytes = (await sent(shape, 'GET', '/')).headers.get('x-mode') ?? '';
  assert.equal(Buffer.from(bytes, 'latin1').toString('utf8'), 'fast é');
  assert.deepEqual(
    (await sent(shape, 'GET', '/', { headers: { 'X-Mode': 'slow' } })).headers.getAll('x-mode'),
    ['slow'],
  );
});

test('a prefix match carries the rest of the path behind mapped values', async () => {
  const shape: Shape = {
    request: { path: '/test/', parameters: [{ name: 't', in: 'query' }] },
    backend: { path: '/test2/{t}/', parameters: [{ name: 't', in: 'path', from: 'request.t' }] },
  };
  assert.equal(url(await sent(shape, 'GET', '/test/AA/CC?t=x')), '/test2/x/AA/CC');
});

test('claims reach the backend as authorizer.frontend.KEY, nothing else of them', async () => {
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/api': {
          request: { method: 'GET', path: '/' },
          auth: 'claims',
          backend: {
            type: 'http',
            address: 'http://backend',
            parameters: [
              { name: 'x-user', in: 'header', from: 'authorizer.frontend.user' },
              { name: 'x-level', in: 'header', from: 'authorizer.frontend.level' },
              { name: 'x-object', in: 'header', from: 'authorizer.frontend.object' },
              { name: 'x-proto', in: 'header', from: 'authorizer.frontend.constructor' },
              { name: 'x-back', in: 'header', from: 'authorizer.backend.user' },
            ],
          },
        },
      },
    },
    plugins: [
      {
        name: 'auth-claims',
        summary: 'Sets claims.',
        bind: () => ({
          auth: {
            stage: 'authenticate',
            handle(exchange) {
              exchange.identity = { type: 'user', id: 'u', claims: { user: 'ann', level: 3, object: {} } };
              return undefined;
            },
          },
        }),
      },
    ],
  });
  await gateway.request('GET', '/', { headers: { 'x-back': 'forged', 'x-object': 'forged' } });
  const fields = gateway.backendRequests[0]?.headers;
  assert.equal(fields?.get('x-user'), 'ann');
  assert.equal(fields?.get('x-level'), '3');
  for (const name of ['x-object', 'x-proto', 'x-back']) assert.equal(fields?.has(name), false, name);
});
