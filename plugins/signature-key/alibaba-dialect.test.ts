import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

const type = 'alibaba/backendSignature';
const frontend = { type: 'APIGW_FRONTEND', key: 'TESTKEY', secret: 'TESTSECRET' };
const backend = { type: 'APIGW_BACKEND', key: 'gw_orders', secret: 'change-me-123' };

async function problemsOf(config: unknown, dialect: string = type): Promise<string> {
  try {
    await (await testPlugin(plugin, { type: dialect, config })).close();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}

for (const [config, name, key] of [
  [frontend, 'x-ca-key', 'TESTKEY'],
  [{ ...frontend, key: 200000001, signatureMethod: 'HmacSHA1' }, 'x-ca-key', '200000001'],
  [backend, 'x-ca-proxy-signature-secret-key', 'gw_orders'],
  [
    { ...backend, signatureMethod: 'HmacSHA256', key: 'a23456', secret: '123456' },
    'x-ca-proxy-signature-secret-key',
    'a23456',
  ],
] as const) {
  test(`${JSON.stringify(config)} signs`, async () => {
    const gateway = await testPlugin(plugin, { type, config });
    assert.equal((await gateway.request('GET', '/')).status, 200);
    assert.equal(gateway.backendRequests[0]?.headers.get(name), key);
  });
}

for (const [config, problem] of [
  [
    { ...frontend, type: 'APIGW_FRONT' },
    /config\.type: found "APIGW_FRONT"; .*did you mean "APIGW_FRONTEND"\?/,
  ],
  [
    { ...frontend, signatureMethod: 'HmacMD5' },
    /config\.signatureMethod: found "HmacMD5"; allowed: HmacSHA256, HmacSHA1/,
  ],
  [{ ...frontend, key: '' }, /config\.key: found ""/],
  [{ ...frontend, secrets: 1 }, /config\.secrets: unknown field; .*did you mean "secret"\?/],
  [{ ...backend, key: 'short' }, /gateway\.yaml:\d+:\d+ .*config\.key: the key of APIGW_BACKEND is 6 to 20/],
  [{ ...backend, key: '1starts_with_digit' }, /config\.key: the key/],
  [{ ...backend, key: 'a'.repeat(21) }, /config\.key: the key/],
  [{ ...backend, secret: '12345' }, /config\.secret: found 5 characters/],
  [{ ...backend, secret: 'x'.repeat(31) }, /config\.secret: found 31 characters/],
  [
    { ...backend, signatureMethod: 'HmacSHA1' },
    /config\.signatureMethod: APIGW_BACKEND signs with HmacSHA256 only/,
  ],
] as const) {
  test(`${JSON.stringify(config)} is refused`, async () => {
    const text = await problemsOf(config);
    assert.match(text, problem);
    assert.ok(!text.includes(config.secret));
  });
}

test("the plugin's own options: algorithm and method must fit", async () => {
  const config = { method: 'alibaba-backend', key: 'k', secret: 'secret', algorithm: 'HmacSHA1' };
  assert.match(
    await problemsOf(config, 'signature-key'),
    /config\.algorithm: alibaba-backend signs with HmacSHA256 only/,
  );
  assert.match(
    await problemsOf({ ...config, method: 'alibaba' }, 'signature-key'),
    /config\.method: found "alibaba"/,
  );
});
