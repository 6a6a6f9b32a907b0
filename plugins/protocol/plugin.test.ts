import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TestGateway, testGateway } from '#sdk/testing';

function gatewayOf(protocol: unknown): Promise<TestGateway> {
  return testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/api': {
          request: { method: 'GET', path: '/', ...(protocol === undefined ? {} : { protocol }) },
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
