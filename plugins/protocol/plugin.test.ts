import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TestGateway, testGateway } from '#sdk/testing';

function gatewayOf(protocol: unknown, group: Readonly<Record<string, unknown>> = {}): Promise<TestGateway> {
  return testGateway({
    config: {
      groups: { g: { domains: ['*'], ...group } },
      apis: {
        'g/api': {
          request: {
            method: 'ANY',
            path: '/',
            match: 'prefix',
            ...(protocol === undefined ? {} : { protocol }),
          },
          auth: 'none',
          backend: { type: 'mock' },
        },
      },
    },
  });
}

// Table 3-5: HTTP, HTTPS, HTTP&HTTPS.
const cases = [
  { protocol: 'http', http: 200, https: 400 },
  { protocol: 'https', http: 400, https: 200 },
  { protocol: 'both', http: 200, https: 200 },
  { protocol: undefined, http: 200, https: 200 },
];
for (const { protocol, http, https } of cases) {
  test(`protocol ${String(protocol)}`, async () => {
    const gateway = await gatewayOf(protocol);
    for (const [scheme, status] of [
      ['http', http],
      ['https', https],
    ] as const) {
      const answer = await gateway.request('GET', `${scheme}://test/`);
      assert.equal(answer.status, status, scheme);
      if (status === 200) continue;
      const body = answer.json() as Record<string, string>;
      assert.equal(body['error_code'], 'APIG.0607');
      assert.equal(body['error_msg'], `The following protocol is supported: ${protocol}`);
    }
  });
}

test('nothing else is a protocol', async () => {
  for (const protocol of ['HTTPS', 'grpc', true, ['http']]) {
    await assert.rejects(
      gatewayOf(protocol),
      /apis\.g\/api\.request\.protocol: found .*allowed: http, https, both/,
    );
  }
});

for (const [redirectToHttps, port] of [
  [true, ''],
  [{ port: 443 }, ''],
  [{ port: 8443 }, ':8443'],
] as const) {
  test(`redirectToHttps ${JSON.stringify(redirectToHttps)}`, async () => {
    for (const protocol of ['https', 'both', undefined]) {
      const gateway = await gatewayOf(protocol, { redirectToHttps });
      for (const [method, status] of [
        ['GET', 301],
        ['HEAD', 301],
        ['POST', 308],
        ['OPTIONS', 308],
      ] as const) {
        const answer = await gateway.request(method, 'http://api.test/a%2Fb?x=1&y=%20');
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get('location'), `https://api.test${port}/a%2Fb?x=1&y=%20`);
      }
      assert.equal((await gateway.request('GET', 'https://api.test/')).status, 200);
    }
  });
}

test('APIs for HTTP alone, and groups that say no, do not redirect', async () => {
  const http = await gatewayOf('http', { redirectToHttps: true });
  assert.equal((await http.request('GET', 'http://test/')).status, 200);
  const off = await gatewayOf('both', { redirectToHttps: false });
  assert.equal((await off.request('GET', 'http://test/')).status, 200);
});

test('a redirect to no port is refused with its place', async () => {
  await assert.rejects(
    gatewayOf('both', { redirectToHttps: { port: 0 } }),
    /groups\.g\.redirectToHttps: found a mapping; allowed/,
  );
});
