import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Fields, reply } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import { allowedOrigins, compileOrigins, readOrigin } from './origins.ts';

/** APIs for GET and PUT with the policy, one of each kind without, and backends that say things of their own. */
async function start(config: unknown, type = 'cors', own: Readonly<Record<string, string>> = {}) {
  const backend = { type: 'http', address: 'http://backend' };
  const api = (method: string, path: string, more: object = {}) => ({
    request: { method, path },
    auth: 'none',
    backend,
    ...more,
  });
  return testGateway({
    backends: { '*': () => reply(200, own, 'served') },
    config: {
      groups: { shop: { domains: ['test'] } },
      apis: {
        'shop/get': api('GET', '/orders'),
        'shop/put': api('PUT', '/orders/{id}', { cors: true }),
        'shop/closed': api('GET', '/closed', { auth: 'app' }),
        'shop/any': api('ANY', '/any'),
        'shop/bare': api('DELETE', '/orders'),
        'shop/flag': api('ANY', '/flag', { cors: true }),
        'shop/flag-put': api('PUT', '/flag'),
      },
      plugins: { policy: { type, config } },
      bindings: [
        {
          plugin: 'policy',
          apis: ['shop/get', 'shop/put', 'shop/closed', 'shop/any', 'shop/flag-put'],
        },
      ],
    },
  });
}

const base = {
  allowOrigins: ['https://app.example.com', '*.example.org'],
  allowMethods: ['GET', 'PUT'],
  allowHeaders: ['Content-Type', 'X-Sdk-Date'],
  exposeHeaders: ['X-Request-Id'],
  allowCredentials: true,
  maxAgeSeconds: 600,
};
const app = 'https://app.example.com';

/** The fields of the protocol, and Vary. */
function fieldsOf(headers: Fields): Record<string, string> {
  const found = [...headers].filter(([name]) => /^(access-control-.*|vary)$/i.test(name));
  return Object.fromEntries(found.map(([name]) => [name.toLowerCase(), headers.combined(name) ?? '']));
}

function preflight(
  gateway: TestGateway,
  path: string,
  { origin = app, method = 'PUT', names }: { origin?: string; method?: string; names?: string } = {},
) {
  return gateway.request('OPTIONS', path, {
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-private-network': 'true',
      ...(names === undefined ? {} : { 'access-control-request-headers': names }),
    },
  });
}

const permission = {
  'access-control-allow-origin': app,
  'access-control-allow-credentials': 'true',
  'access-control-allow-methods': 'GET,PUT',
  'access-control-allow-headers': 'Content-Type,X-Sdk-Date',
  'access-control-max-age': '600',
  vary: 'Origin',
};

suite('preflights', () => {
  test('are answered for paths without an API for OPTIONS', async () => {
    const gateway = await start(base);
    const answer = await preflight(gateway, '/orders/5', { names: 'x-sdk-date' });
    assert.equal(answer.status, 204);
    assert.deepEqual(fieldsOf(answer.headers), permission);
    assert.ok(answer.headers.has('x-request-id'));
    assert.equal(gateway.backendRequests.length, 0);
  });

  test('before authentication', async () => {
    const answer = await preflight(await start(base), '/closed', { method: 'GET' });
    assert.deepEqual(fieldsOf(answer.headers), permission);
  });

  test('at an API that takes every method', async () => {
    const gateway = await start(base);
    assert.deepEqual(fieldsOf((await preflight(gateway, '/any')).headers), permission);
    assert.equal(gateway.backendRequests.length, 0);
    const plain = await gateway.request('OPTIONS', '/any', { headers: { origin: app } });
    assert.equal(plain.text, 'served', 'OPTIONS that asks for no method is an ordinary request');
  });

  test('at an API of another policy: as the one says that the request will reach', async () => {
    const gateway = await start(base);
    assert.deepEqual(fieldsOf((await preflight(gateway, '/flag')).headers), permission);
    const refused = await preflight(gateway, '/flag', { origin: 'https://evil.example' });
    assert.deepEqual(fieldsOf(refused.headers), { vary: 'Origin' });
    const other = await preflight(gateway, '/flag', { method: 'POST' });
    assert.equal(other.text, 'served');
    assert.equal(other.headers.get('access-control-allow-origin'), '*', '`cors: true` as ever');
  });

  test('origins that are not allowed get nothing, and caches are told', async () => {
    const gateway = await start(base);
    for (const origin of [
      'https://evil.example',
      'null',
      'http://app.example.com',
      'https://example.org',
      '',
    ]) {
      const answer = await preflight(gateway, '/orders', { origin, method: 'GET' });
      assert.equal(answer.status, 204);
      assert.deepEqual(fieldsOf(answer.headers), { vary: 'Origin' }, origin);
    }
  });

  test('where the request would reach nothing, or no policy, nobody answers', async () => {
    const gateway = await start(base);
    assert.equal((await preflight(gateway, '/nowhere')).status, 404);
    assert.equal((await preflight(gateway, '/orders', { method: 'POST' })).status, 404);
    assert.equal((await preflight(gateway, '/orders', { method: 'DELETE' })).status, 404);
    assert.equal((await preflight(gateway, '/orders/5/..')).status, 404);
    const noOrigin = await gateway.request('OPTIONS', '/orders', {
      headers: { 'access-control-request-method': 'GET' },
    });
    assert.equal(noOrigin.status, 404);
    const noMethod = await gateway.request('OPTIONS', '/orders', { headers: { origin: app } });
    assert.equal(noMethod.status, 404);
  });

  test('everything with `*`', async () => {
    const all = { allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'] };
    const answer = await preflight(await start(all), '/orders', { method: 'GET', names: 'X-A,X-B' });
    assert.deepEqual(fieldsOf(answer.headers), {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': '*',
      'access-control-allow-headers': '*,Authorization',
    });
  });

  test('with credentials `*` is a name like any other: what is asked for is given back', async () => {
    const config = { ...base, allowMethods: ['*'], allowHeaders: ['*'], maxAgeSeconds: undefined };
    const gateway = await start(config);
    const vary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';
    const answer = await preflight(gateway, '/orders', { method: 'GET', names: 'x-a, x-b' });
    assert.deepEqual(fieldsOf(answer.headers), {
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'x-a, x-b',
      vary,
    });
    for (const names of ['x a', 'x-a,,', 'x(', 'x'.repeat(5000)]) {
      const bad = await preflight(gateway, '/orders', { method: 'GET', names });
      assert.equal(bad.headers.has('access-control-allow-headers'), false, names.slice(0, 10));
    }
  });
});

suite('answers', () => {
  const get = async (gateway: TestGateway, origin?: string, path = '/orders') =>
    fieldsOf(
      (await gateway.request('GET', path, { headers: origin === undefined ? {} : { origin } })).headers,
    );

  test('name the origin, and what may be read', async () => {
    const gateway = await start(base);
    const told = {
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-Request-Id',
      vary: 'Origin',
    };
    assert.deepEqual(await get(gateway, app), { 'access-control-allow-origin': app, ...told });
    const below = 'http://a.b.example.org';
    assert.deepEqual(await get(gateway, below), { 'access-control-allow-origin': below, ...told });
    assert.deepEqual(await get(gateway, 'https://evil.example'), { vary: 'Origin' });
    assert.deepEqual(await get(gateway), { vary: 'Origin' });
    assert.deepEqual(await get(gateway, `${app}, ${app}`), { vary: 'Origin' });
  });

  test('of the gateway itself too', async () => {
    const gateway = await start(base);
    const answer = await gateway.request('GET', '/closed', { headers: { origin: app } });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.get('access-control-allow-origin'), app);
  });

  test('are the policy’s, whatever the backend says; its Vary stays', async () => {
    const own = {
      'Access-Control-Allow-Origin': '*',
      'access-control-allow-credentials': 'true',
      'Access-Control-Max-Age': '5',
      Vary: 'Accept, origin',
    };
    const gateway = await start(base, 'cors', own);
    assert.deepEqual(await get(gateway, 'https://evil.example'), { vary: 'Accept, origin' });
    assert.equal((await get(gateway, app))['access-control-allow-origin'], app);
    const other = await start(base, 'cors', { Vary: 'Accept' });
    assert.deepEqual(await get(other), { vary: 'Accept, Origin' });
  });

  test('never credentials with `*`, which is told once', async () => {
    const gateway = await start({ allowOrigins: ['*'], allowCredentials: true, exposeHeaders: ['X-A'] });
    const expected = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'X-A' };
    assert.deepEqual(await get(gateway, app), expected);
    assert.deepEqual(await get(gateway), expected);
    assert.ok(
      gateway.log.some(({ level, message }) => level === 'warn' && /credentials are not/.test(message)),
    );
  });

  test('`null` only where it is named', async () => {
    const gateway = await start({ allowOrigins: ['null', app] });
    assert.equal((await get(gateway, 'null'))['access-control-allow-origin'], 'null');
    assert.equal((await get(await start(base), 'null'))['access-control-allow-origin'], undefined);
  });

  test('with credentials, all fields by their names', async () => {
    const gateway = await start({ ...base, exposeHeaders: ['*'] }, 'cors', { 'X-One': '1', ETag: '"a"' });
    const exposed = (await get(gateway, app))['access-control-expose-headers']?.split(',') ?? [];
    assert.ok(exposed.includes('x-one') && exposed.includes('etag'), exposed.join());
    assert.equal(exposed.includes('*'), false);
  });

  test('`cors: true` is not applied where a policy is bound', async () => {
    const gateway = await start(base);
    const answer = await gateway.request('PUT', '/orders/5', { headers: { origin: 'https://evil.example' } });
    assert.deepEqual(fieldsOf(answer.headers), { vary: 'Origin' });
    const told = gateway.describe('PUT', '/orders/5').filter((line) => /^(cors|policy):/.test(line));
    assert.deepEqual(told.toSorted(), [
      'cors: not applied: a CORS policy is bound as well',
      'policy: pages of https://app.example.com, *.example.org may read answers, with credentials',
      'policy: they may read the fields: X-Request-Id',
      'policy: they may send the fields: Content-Type, X-Sdk-Date',
      'policy: they may use the methods: GET, PUT',
    ]);
  });
});

suite('origins', () => {
  const rows: readonly (readonly [pattern: string, allowed: readonly string[], not: readonly string[]])[] = [
    [
      'app.example.com',
      ['https://app.example.com', 'http://app.example.com'],
      [
        'https://app.example.com:8443',
        'https://app.example.com.evil',
        'https://xapp.example.com',
        'ftp://app.example.com',
      ],
    ],
    ['https://app.example.com:443', ['https://app.example.com'], ['http://app.example.com']],
    ['localhost:3000', ['http://localhost:3000', 'https://localhost:3000'], ['http://localhost']],
    ['http://[::1]:8080', ['http://[::1]:8080'], ['http://[::1]']],
    ['capacitor://localhost', ['capacitor://localhost'], ['http://localhost']],
    ['HTTPS://App.Example.com', ['https://app.example.com'], []],
    [
      '*.example.org',
      ['https://a.example.org', 'http://a.b.example.org'],
      [
        'https://example.org',
        'https://.example.org',
        'https://a.example.org:8443',
        'https://aexample.org',
        'https://evil.com/.example.org',
        'https://evil.com/a.example.org',
        'https://evil@a.example.org',
        'a.example.org',
      ],
    ],
    [
      'https://*.example.org:8443',
      ['https://a.example.org:8443'],
      ['https://a.example.org', 'http://a.example.org:8443'],
    ],
  ];
  for (const [text, allowed, not] of rows) {
    test(text, () => {
      const pattern = readOrigin(text);
      assert.ok(pattern !== undefined);
      const origins = compileOrigins([pattern], false);
      assert.deepEqual(
        allowed.filter((origin) => !origins(origin)),
        [],
      );
      assert.deepEqual(
        not.filter((origin) => origins(origin)),
        [],
      );
      assert.equal(origins('null'), false);
    });
  }
  for (const text of [
    '',
    'a b',
    '*',
    '*.',
    'a.*.b',
    '*a.b',
    'http://',
    'https://a/b',
    'a:99999999',
    '*.[::1]',
    'user@a',
  ]) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(readOrigin(text), undefined));
  }
  test('the message has examples that work', () => {
    const examples = allowedOrigins.replace('allowed: ', '').split(', ').slice(0, 3);
    for (const example of examples) assert.ok(readOrigin(example) !== undefined, example);
  });
});

suite('dialects', () => {
  const alibaba = {
    allowOrigins: 'app.example.com,*.example.org',
    allowMethods: 'GET,POST,OPTIONS',
    allowHeaders: 'Authorization,Content-Type,X-Ca-Key,X-Ca-Signature',
    exposeHeaders: 'X-Ca-Request-Id,X-Ca-Error-Code',
    allowCredentials: true,
    maxAge: 172800,
  };
  const huawei = {
    allow_origin: 'https://app.example.com',
    allow_methods: 'GET,PUT,DELETE,HEAD,PATCH',
    allow_headers: 'Content-Type,Accept,Cache-Control',
    expose_headers: 'X-Request-Id,X-Apig-Latency',
    max_age: 172800,
    allow_credentials: true,
  };

  test('alibaba/cors: the documented example', async () => {
    const gateway = await start(alibaba, 'alibaba/cors');
    const answer = await preflight(gateway, '/orders', { method: 'GET', names: 'authorization' });
    assert.deepEqual(fieldsOf(answer.headers), {
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET,POST,OPTIONS',
      'access-control-allow-headers': 'Authorization,Content-Type,X-Ca-Key,X-Ca-Signature',
      'access-control-max-age': '172800',
      vary: 'Origin',
    });
  });

  test('alibaba/cors: what is left out is as without a plug-in', async () => {
    const answer = await preflight(await start({}, 'alibaba/cors'), '/orders', { method: 'GET' });
    const found = fieldsOf(answer.headers);
    assert.equal(found['access-control-allow-origin'], '*');
    assert.equal(found['access-control-allow-methods'], 'GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH');
    assert.match(found['access-control-allow-headers'] ?? '', /Authorization,.*X-Ca-Stage/);
    assert.equal(found['access-control-max-age'], '172800');
  });

  test('huawei/cors: the documented example', async () => {
    const gateway = await start(huawei, 'huawei/cors');
    assert.deepEqual(fieldsOf((await preflight(gateway, '/orders/1')).headers), {
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET,PUT,DELETE,HEAD,PATCH',
      'access-control-allow-headers': 'Content-Type,Accept,Cache-Control',
      'access-control-max-age': '172800',
      vary: 'Origin',
    });
  });

  const rows: readonly (readonly [type: string, config: unknown, path: string, message: RegExp])[] = [
    [
      'huawei/cors',
      { ...huawei, allow_origin: 'app.example.com, a b' },
      '.allow_origin',
      /"a b" is no origin; allowed: /,
    ],
    ['huawei/cors', { ...huawei, allow_origin: ' ,' }, '.allow_origin', /no origin is named/],
    ['huawei/cors', { ...huawei, max_age: 172801 }, '.max_age', /found 172801/],
    ['huawei/cors', { ...huawei, allow_headers: 'X A' }, '.allow_headers', /"X A" is no name/],
    ['huawei/cors', { ...huawei, allow_method: 'GET' }, '.allow_method', /did you mean "allow_methods"/],
    ['huawei/cors', { allow_methods: 'GET' }, '', /"allow_origin" is missing/],
    [
      'alibaba/cors',
      { ...alibaba, allowOrigins: 'https://a/b' },
      '.allowOrigins',
      /"https:\/\/a\/b" is no origin/,
    ],
    ['alibaba/cors', { ...alibaba, allowOrigin: '*' }, '.allowOrigin', /did you mean "allowOrigins"/],
    ['cors', { ...base, allowOrigins: ['a b'] }, '.allowOrigins[0]', /found "a b"; allowed: /],
    ['cors', { ...base, allowMethods: ['GET '] }, '.allowMethods[0]', /the name of a method/],
  ];
  for (const [type, config, path, message] of rows) {
    test(`${type} ${JSON.stringify(config).slice(0, 80)}`, async () => {
      await assert.rejects(start(config, type), (error: unknown) => {
        const { problems } = error as { problems: { path: string; message: string }[] };
        const paths = new Set(problems.map((problem) => problem.path));
        assert.deepEqual([...paths], [`plugins.policy.config${path}`]);
        assert.match(problems[0]?.message ?? '', message);
        return true;
      });
    });
  }

  test('huawei/cors: the method of the API must be allowed', async () => {
    const config = { ...huawei, allow_methods: 'GET,POST' };
    await assert.rejects(start(config, 'huawei/cors'), /method of shop\/put is PUT.*allowed: GET, POST/);
  });
});

test('an API for OPTIONS on the path is refused: preflights would go there', async () => {
  const api = (method: string) => ({
    request: { method, path: '/orders' },
    auth: 'none',
    backend: { type: 'mock' },
  });
  const config = {
    groups: { shop: { domains: ['test'] } },
    apis: { 'shop/get': api('GET'), 'shop/options': api('OPTIONS') },
    plugins: { policy: { type: 'cors', config: base } },
    bindings: [{ plugin: 'policy', apis: ['shop/get'] }],
  };
  await assert.rejects(testGateway({ config }), /shop\/options takes OPTIONS on the path of shop\/get/);
});

test('methods alone are no policy', async () => {
  const api = { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } };
  const config = {
    groups: { shop: { domains: ['test'] } },
    apis: { 'shop/get': { ...api, cors: { allowMethods: ['GET'] } } },
  };
  await assert.rejects(testGateway({ config }), /cors\.allowMethods: .*together with `allowOrigins`/);
  const policy = { ...api, cors: { allowOrigins: ['https://app.example.com'], allowMethods: ['GET'] } };
  const gateway = await testGateway({ config: { ...config, apis: { 'shop/get': policy } } });
  const answer = await preflight(gateway, '/', { method: 'GET' });
  assert.equal(answer.headers.get('access-control-allow-methods'), 'GET');
});
