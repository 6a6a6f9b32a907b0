import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type RequestOptions, type TestGateway, testGateway } from '#sdk/testing';

function gatewayOf(parameters: unknown, path = '/orders/{orderId}', more: object = {}): Promise<TestGateway> {
  return testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/api': {
          request: { method: 'ANY', path, parameters },
          auth: 'none',
          backend: { type: 'http', address: 'http://backend' },
          ...more,
        },
      },
    },
  });
}

async function problems(parameters: unknown): Promise<string[]> {
  try {
    await gatewayOf(parameters);
  } catch (error) {
    return (error as { problems: { path: string; message: string }[] }).problems.map(
      (each) => `${each.path}: ${each.message}`,
    );
  }
  return assert.fail('the configuration was taken');
}

const parameters = [
  { name: 'orderId', in: 'path', type: 'string', required: true, maxLength: 12 },
  { name: 'x-tenant', in: 'header', type: 'string', required: true },
  { name: 'page', in: 'query', type: 'number', minimum: 1, maximum: 100, default: 1 },
];

async function call(url: string, options: RequestOptions = { headers: { 'x-tenant': 'acme' } }) {
  const gateway = await gatewayOf(parameters);
  const answer = await gateway.request('GET', url, options);
  return { answer, gateway };
}

const allowed = [
  '/orders/42',
  '/orders/123456789012',
  '/orders/42?page=1',
  '/orders/42?PAGE=100',
  '/orders/42?page=5&page=6',
  '/orders/%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9',
];
for (const url of allowed) {
  test(`allowed: ${url}`, async () => {
    const { answer, gateway } = await call(url);
    assert.equal(answer.status, 200);
    assert.equal(gateway.backendRequests.length, 1);
  });
}

const tenant = { 'x-tenant': 'acme' };
const refused: readonly (readonly [url: string, headers: RequestOptions['headers'] & {}, message: string])[] =
  [
    ['/orders/1234567890123', tenant, 'the parameter orderId in path must have at most 12 characters'],
    ['/orders/42', {}, 'the parameter x-tenant in header is required'],
    ['/orders/42?x-tenant=acme', {}, 'the parameter x-tenant in header is required'],
    ['/orders/42?page=0', tenant, 'the parameter page in query must be at least 1'],
    ['/orders/42?page=101', tenant, 'the parameter page in query must be at most 100'],
    ['/orders/42?page=', tenant, 'the parameter page in query must be a number'],
    ['/orders/42?page', tenant, 'the parameter page in query must be a number'],
    ['/orders/42?page=+1', tenant, 'the parameter page in query must be a number'],
    ['/orders/42?page=0x1', tenant, 'the parameter page in query must be a number'],
    ['/orders/42?page=1e999', tenant, 'the parameter page in query must be a number'],
    ['/orders/42?page=1&page=x', tenant, 'the parameter page in query must be a number'],
    ['/orders/42?page=1&P%41GE=x', tenant, 'the parameter page in query must be a number'],
  ];
for (const [url, headers, message] of refused) {
  test(`refused: ${url}: ${message}`, async () => {
    const { answer, gateway } = await call(url, { headers });
    assert.equal(answer.status, 400);
    assert.equal(gateway.backendRequests.length, 0);
    const body = answer.json() as Record<string, string>;
    assert.equal(body['error_code'], 'APIG.0201');
    assert.equal(body['error_msg'], `API request error: ${message}.`);
  });
}

test('every line of a repeated header must hold', async () => {
  const gateway = await gatewayOf([{ name: 'x-n', in: 'header', type: 'number' }], '/');
  const good = await gateway.request('GET', '/', { headers: { 'X-N': ['1', '2'] } });
  const bad = await gateway.request('GET', '/', { headers: { 'X-N': ['1', 'two'] } });
  assert.deepEqual([good.status, bad.status], [200, 400]);
});

test('a value is not repeated in the answer or in the log', async () => {
  const secret = 'swordfish'.repeat(50);
  const { answer, gateway } = await call(`/orders/42?page=${secret}`);
  assert.equal(answer.status, 400);
  assert.doesNotMatch(
    answer.text + JSON.stringify(gateway.log) + (gateway.completed[0]?.refusal?.cause ?? ''),
    /swordfish/,
  );
});

test('a default is sent to the backend when the caller sends none', async () => {
  const { gateway } = await call('/orders/42?a=b');
  assert.equal(gateway.backendRequests[0]?.rawQuery, 'a=b&page=1');
  const given = await call('/orders/42?page=7');
  assert.equal(given.gateway.backendRequests[0]?.rawQuery, 'page=7');
});

test('a required parameter with a default is still required', async () => {
  const gateway = await gatewayOf([{ name: 'q', in: 'query', required: true, default: 'x' }], '/');
  assert.equal((await gateway.request('GET', '/')).status, 400);
});

test('path names may differ in letter case, and the rest of a path is one value', async () => {
  const gateway = await gatewayOf([{ name: 'PATH', in: 'path', pattern: '[a-z/]+' }], '/files/{path+}');
  assert.equal((await gateway.request('GET', '/files/a/b/c')).status, 200);
  assert.equal((await gateway.request('GET', '/files/a/B')).status, 400);
});

test('authentication comes first: a caller that is nobody learns nothing of the parameters', async () => {
  const order: string[] = [];
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/api': {
          request: { method: 'GET', path: '/', parameters: [{ name: 'q', in: 'query', required: true }] },
          auth: 'nobody',
          backend: { type: 'mock' },
        },
      },
    },
    plugins: [
      {
        name: 'auth-nobody',
        summary: 'Knows nobody.',
        bind: () => ({
          auth: {
            stage: 'authenticate',
            handle() {
              order.push('authenticate');
              return undefined;
            },
          },
        }),
      },
    ],
  });
  assert.equal((await gateway.request('GET', '/')).status, 401);
  assert.deepEqual(order, ['authenticate']);
});

test('limits come first: a caller that guesses is counted', async () => {
  let count = 0;
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/api': {
          request: { method: 'GET', path: '/', parameters: [{ name: 'q', in: 'query', required: true }] },
          auth: 'none',
          backend: { type: 'mock' },
        },
      },
      plugins: { count: { type: 'counting' } },
      bindings: [{ plugin: 'count', apis: ['*'] }],
    },
    plugins: [
      {
        name: 'counting',
        summary: 'Counts.',
        bind: () => ({
          auth: {
            stage: 'admit',
            handle() {
              count += 1;
              return undefined;
            },
          },
        }),
      },
    ],
  });
  assert.equal((await gateway.request('GET', '/')).status, 400);
  assert.equal(count, 1);
});

const wrong: readonly (readonly [title: string, parameters: unknown, expected: RegExp])[] = [
  [
    'x-apig-*',
    [{ name: 'X-Apig-Mode', in: 'header' }],
    /parameters\[0\]\.name: found "X-Apig-Mode"; .*x-apig-/,
  ],
  ['x-sdk-*', [{ name: 'x-sdk-date', in: 'query' }], /x-sdk-/],
  ['x-stage', [{ name: 'X-Stage', in: 'query' }], /x-stage/],
  ['Authorization', [{ name: 'Authorization', in: 'header' }], /authentication/],
  ['underscore', [{ name: 'a_b', in: 'header' }], /underscores/],
  [
    'not in the path',
    [{ name: 'orderld', in: 'path' }],
    /has no \{orderld\}; allowed: orderId; did you mean "orderId"/,
  ],
  [
    'optional in the path',
    [{ name: 'orderId', in: 'path', required: false }],
    /parameters\[0\]\.required: a path parameter is always required/,
  ],
  ['default in the path', [{ name: 'orderId', in: 'path', default: 'x' }], /takes no default/],
  [
    'twice',
    [
      { name: 'a', in: 'query' },
      { name: 'A', in: 'header' },
    ],
    /parameters\[1\]\.name: a parameter "A" is declared already, in query/,
  ],
  ['minimum of text', [{ name: 'a', in: 'query', minimum: 1 }], /minLength/],
  ['maximum of text', [{ name: 'a', in: 'query', maximum: 1 }], /maxLength/],
  [
    'enum of a number',
    [{ name: 'a', in: 'query', type: 'number', enum: '1,two' }],
    /found "two"; allowed: numbers/,
  ],
  ['lengths crossed', [{ name: 'a', in: 'query', minLength: 3, maxLength: 2 }], /2 is below minLength, 3/],
  [
    'range crossed',
    [{ name: 'a', in: 'query', type: 'number', minimum: 3, maximum: 2 }],
    /2 is below minimum, 3/,
  ],
  [
    'pattern',
    [{ name: 'a', in: 'query', pattern: '[' }],
    /parameters\[0\]\.pattern: this is no regular expression/,
  ],
  [
    'default breaks the rule',
    [{ name: 'a', in: 'query', type: 'number', maximum: 5, default: 6 }],
    /the default must be at most 5/,
  ],
  [
    'default is no number',
    [{ name: 'a', in: 'query', type: 'number', default: 'x' }],
    /the default must be a number/,
  ],
  ['control in a default', [{ name: 'x-a', in: 'header', default: 'a\r\nb' }], /control characters/],
  ['unknown place', [{ name: 'a', in: 'cookie' }], /found "cookie"; allowed: path, query, header/],
  ['unknown type', [{ name: 'a', in: 'query', type: 'integer' }], /found "integer"; allowed: string, number/],
  ['unknown field', [{ name: 'a', in: 'query', requird: true }], /unknown field; .*did you mean "required"/],
  ['no list', { name: 'a' }, /a list/],
  ['true', true, /a list/],
  ['more than fifty', Array.from({ length: 51 }, (_, index) => ({ name: `p${index}`, in: 'query' })), /50/],
];
for (const [title, given, expected] of wrong) {
  test(`refused at load: ${title}`, async () => {
    const found = await problems(given);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', expected);
  });
}

test('many repeated parameters are checked in one pass', async () => {
  const many = Array.from({ length: 50 }, (_, index) => ({ name: `p${index}`, in: 'query', maxLength: 3 }));
  const gateway = await gatewayOf(many, '/');
  const query = Array.from({ length: 5000 }, (_, index) => `p${index % 50}=1`).join('&');
  assert.equal((await gateway.request('GET', `/?${query.slice(0, 30_000)}`)).status, 200);
  assert.equal((await gateway.request('GET', `/?${query.slice(0, 30_000)}&p49=1234`)).status, 400);
});

test('the example of the README works', async () => {
  const [, config = ''] =
    /```yaml\n(.*?)```/s.exec(readFileSync(new URL('README.md', import.meta.url), 'utf8')) ?? [];
  const gateway = await testGateway({ config });
  const headers = { 'x-tenant': 'acme' };
  assert.equal((await gateway.request('GET', 'http://api.shop.example/orders/42', { headers })).status, 200);
  assert.equal(gateway.backendRequests[0]?.rawQuery, 'page=1');
  assert.equal(
    (await gateway.request('GET', 'http://api.shop.example/orders/42?page=0', { headers })).status,
    400,
  );
});
