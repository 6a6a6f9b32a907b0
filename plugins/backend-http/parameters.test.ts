import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { testGateway } from '#sdk/testing';

const [, example = ''] =
  /```yaml\n(.*?)```/s.exec(readFileSync(new URL('PARAMETERS.md', import.meta.url), 'utf8')) ?? [];

const url = (request: { origin: string; path: string; rawQuery: string } | undefined): string =>
  `${request?.origin}${request?.path}?${request?.rawQuery}`;

test('the example of PARAMETERS.md: variables, request, constant and system parameters', async () => {
  const gateway = await testGateway({ config: example });
  const options = { headers: { 'X-Tenant': 'acme' }, clientAddress: '192.0.2.44' };
  await gateway.request('GET', 'http://api.shop.example/orders/a-17', options);
  const [release] = gateway.backendRequests;
  assert.equal(url(release), 'http://127.0.0.1:9201/v1/acme/orders?page=1&source=%5Bapig%5D');
  assert.equal(release?.headers.get('order-id'), 'a-17');
  assert.equal(release?.headers.get('x-caller-ip'), '192.0.2.44');
  assert.equal(release?.headers.get('x-stage-name'), 'RELEASE');
  assert.equal(release?.headers.has('x-tenant'), false);
  await gateway.request('GET', 'http://api.shop.example/orders/a-17?page=3&q=%20', {
    ...options,
    headers: { 'X-Tenant': 'a/b', 'X-Stage': 'TEST', 'x-caller-ip': '10.0.0.1' },
  });
  const [, staging] = gateway.backendRequests;
  assert.equal(url(staging), 'http://127.0.0.1:9202/v2/a%2Fb/orders?q=%20&page=3&source=%5Bapig%5D');
  assert.deepEqual(staging?.headers.getAll('x-caller-ip'), ['192.0.2.44']);
  assert.equal(staging?.headers.get('x-stage-name'), 'TEST');
});

test('what breaks a rule of the example is refused and reaches no backend', async () => {
  const gateway = await testGateway({ config: example });
  for (const [path, headers] of [
    ['/orders/1234567890123', { 'x-tenant': 'acme' }],
    ['/orders/1', {}],
    ['/orders/1?page=101', { 'x-tenant': 'acme' }],
    ['/orders/1', { 'x-tenant': '..' }],
  ] as const) {
    const answer = await gateway.request('GET', `http://api.shop.example${path}`, { headers });
    assert.equal(answer.status, 400, path);
    const body = answer.json() as { errorcode: string; apiId: string };
    assert.equal(body.errorcode, 'APIG.0201');
    assert.equal(body.apiId, 'shop/get-order');
  }
  assert.equal(gateway.backendRequests.length, 0);
});

test('without options the request goes on as it came', async () => {
  const gateway = await testGateway({
    config: `
groups: { g: { domains: ['*'] } }
apis:
  g/a: { request: { method: ANY, path: /, match: prefix }, auth: none, backend: { type: http, address: "b:81" } }
`,
  });
  await gateway.request('PATCH', '/x/%2f//y?b=1&&a', { headers: { 'x-a': '1' }, body: 'text' });
  const [request] = gateway.backendRequests;
  assert.equal(url(request), 'http://b:81/x/%2f//y?b=1&&a');
  assert.equal(request?.method, 'PATCH');
  assert.equal(request?.headers.get('x-a'), '1');
  assert.equal(request?.body.toString(), 'text');
  assert.equal(request?.host, 'b:81');
});

test('method, path, host; prefix and {p+} (table 3-5, table 3-7)', async () => {
  const gateway = await testGateway({
    config: `
groups: { g: { domains: ['*'] } }
apis:
  g/prefix:
    request: { method: ANY, path: /test/, match: prefix }
    auth: none
    backend: { type: http, address: https://b, path: /test2/, method: POST, hostHeader: front.example }
  g/rest:
    request: { method: ANY, path: "/catalog/{path+}" }
    auth: none
    backend: { type: http, address: b, path: "/items/{path}/é" , method: ANY }
`,
  });
  await gateway.request('GET', '/test/AA/CC');
  await gateway.request('PUT', '/catalog/a/b%2Fc');
  const [prefix, rest] = gateway.backendRequests;
  assert.deepEqual(
    [prefix?.method, prefix?.origin, prefix?.path, prefix?.host],
    ['POST', 'https://b', '/test2/AA/CC', 'front.example'],
  );
  assert.deepEqual([rest?.method, rest?.path], ['PUT', '/items/a/b%2Fc/%C3%A9']);
});

test('an address that is none is refused, once for all environments', async () => {
  const config = (address: string): string => `
environments: { TEST: {} }
groups: { g: { domains: ['*'] } }
apis:
  g/a: { request: { method: GET, path: / }, environments: [RELEASE, TEST], auth: none, backend: { type: http, address: "${address}" } }
`;
  for (const address of ['ftp://b', 'http://b/path', 'http://', 'b:99999', 'http://u:p@b']) {
    await assert.rejects(
      testGateway({ config: config(address) }),
      (error: { problems: { message: string }[] }) => {
        assert.equal(error.problems.length, 1);
        assert.match(error.problems[0]?.message ?? '', /^found ".*"; allowed: /);
        return true;
      },
    );
  }
});
