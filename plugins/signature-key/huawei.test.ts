import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, type Outbound } from '#sdk';
import { VirtualClock, testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

const keys = {
  hmac: { method: 'hmac', key: 'gateway-key-01', secret: 'gateway-secret-0000001' },
  basic: { method: 'basic', key: 'gateway', secret: 'pass-word' },
  aes: { method: 'aes', key: '0123456789abcdef', secret: 'fedcba9876543210' },
} as const;
type MethodName = keyof typeof keys;

async function problemsOf(config: Readonly<Record<string, unknown>>): Promise<string> {
  try {
    await (await testPlugin(plugin, { config })).close();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}

test('hmac: time and layout', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 15, 3, 36, 55, 999));
  const gateway = await testPlugin(plugin, { config: keys.hmac, clock });
  const dates = ['20260115T033655Z', '20260115T033656Z'];
  for (const date of dates) {
    await gateway.request('POST', '/', { headers: { 'content-type': 'a/b' }, body: '{}' });
    const headers = gateway.backendRequests.at(-1)?.headers;
    assert.deepEqual(headers?.getAll('x-sdk-date'), [date]);
    assert.match(
      headers.get('authorization') ?? '',
      /^SDK-HMAC-SHA256 Access=gateway-key-01, SignedHeaders=content-type;host;x-sdk-date, Signature=[0-9a-f]{64}$/,
    );
    assert.equal(headers.has('x-sdk-content-sha256'), false);
    clock.advance(1);
  }
});

const long = (count: number) => 'a'.repeat(count);
const accepted: readonly (readonly [method: MethodName, fields: Record<string, unknown>])[] = [
  ['hmac', { key: long(8), secret: long(16) }],
  ['hmac', { key: `1_-${long(29)}`, secret: `!@#$%_-${long(57)}` }],
  ['hmac', { key: 12_345_678 }],
  ['basic', { key: long(4), secret: long(8) }],
  ['basic', { key: `Z_-9${long(28)}`, secret: `!@#$%_-${long(57)}` }],
  ['aes', { key: long(16) }],
  ['aes', { key: long(32), algorithm: 'aes-256-cfb' }],
  ['aes', { key: long(16), algorithm: 'aes-128-cfb' }],
];
for (const [method, fields] of accepted) {
  test(`${method} ${JSON.stringify(fields)} is taken`, async () => {
    assert.equal(await problemsOf({ ...keys[method], ...fields }), '');
  });
}

const refused: readonly (readonly [method: MethodName, fields: Record<string, string>, problem: RegExp])[] = [
  ['hmac', { key: long(7) }, /config\.key: the key of hmac is 8 to 32/],
  ['hmac', { key: long(33) }, /config\.key: the key of hmac/],
  ['hmac', { key: '-starts-wrong' }, /config\.key: the key of hmac/],
  ['hmac', { key: 'blank in it' }, /config\.key: /],
  ['hmac', { secret: long(15) }, /config\.secret: found 15 characters; the secret of hmac is 16 to 64/],
  ['hmac', { secret: long(65) }, /config\.secret: found 65 characters/],
  ['hmac', { secret: `${long(16)}:` }, /config\.secret: found 17 characters; .*letters, digits and _ - !/],
  ['hmac', { algorithm: 'HmacSHA256' }, /config\.algorithm: hmac has no choice of algorithms/],
  ['hmac', { algorithm: 'aes-128-cfb' }, /config\.algorithm: hmac has no choice/],
  ['basic', { key: 'abc' }, /config\.key: the key of basic is 4 to 32/],
  ['basic', { key: '1abc' }, /config\.key: the key of basic .*a letter first/],
  ['basic', { key: 'ab:cd' }, /config\.key: the key of basic/],
  ['basic', { secret: 'short' }, /config\.secret: found 5 characters; the secret of basic is 8 to 64/],
  ['basic', { algorithm: 'aes-128-cfb' }, /config\.algorithm: basic has no choice/],
  ['aes', { key: 'KEYTHATISSECRET' }, /config\.key: the key of aes is 16 .* or 32/],
  ['aes', { key: 'KEY THAT IS SECRET' }, /config\.key: /],
  ['aes', { secret: 'tooshort' }, /config\.secret: found 8 characters; the secret of aes is 16/],
  ['aes', { algorithm: 'aes-256-cfb' }, /config\.algorithm: found aes-256-cfb; .*is one of aes-128-cfb/],
  ['aes', { algorithm: 'HmacSHA256' }, /config\.algorithm: found HmacSHA256/],
];
for (const [method, fields, problem] of refused) {
  test(`${method} ${JSON.stringify(fields)} is refused, and not shown`, async () => {
    const text = await problemsOf({ ...keys[method], ...fields });
    assert.match(text, problem);
    if (fields['secret'] !== undefined) assert.ok(!text.includes(fields['secret']));
    if (fields['key'] !== undefined) assert.ok(!text.includes(fields['key']));
  });
}

for (const [method, algorithm] of [
  ['alibaba-client', 'aes-128-cfb'],
  ['alibaba-backend', 'aes-256-cfb'],
] as const) {
  test(`${method} takes no cipher`, async () => {
    const text = await problemsOf({ method, key: 'key', secret: 'secret', algorithm });
    assert.match(text, /config\.algorithm: .*alibaba.* HmacSHA256/);
  });
}

/** A gateway whose API `g/a` has these keys in these environments. */
function withKeys(...bindings: readonly (readonly [config: object, environments: readonly string[]])[]) {
  return testGateway({
    plugins: [plugin],
    config: {
      environments: { TEST: {} },
      groups: { g: { domains: ['test'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/' },
          environments: ['RELEASE', 'TEST'],
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      },
      plugins: Object.fromEntries(
        bindings.map(([config], index) => [`key-${index}`, { type: 'signature-key', config }]),
      ),
      bindings: bindings.map(([, environments], index) => ({
        plugin: `key-${index}`,
        apis: ['g/a'],
        environments,
      })),
    },
  });
}

test('two keys for one API and environment are refused, whatever their methods', async () => {
  const alibaba = { method: 'alibaba-client', key: 'k', secret: 's' };
  for (const other of [keys.hmac, keys.basic, keys.aes, alibaba]) {
    await assert.rejects(
      withKeys([keys.hmac, ['RELEASE']], [other, ['TEST', 'RELEASE']]),
      /gateway\.yaml:\d+:\d+ .*already has signature-key, bound by "key-0"/,
    );
  }
});

test('each environment has its own key', async () => {
  const gateway = await withKeys([keys.hmac, ['RELEASE']], [keys.basic, ['TEST']]);
  for (const [stage, scheme] of [
    ['RELEASE', 'SDK-HMAC-SHA256'],
    ['TEST', 'Basic'],
  ] as const) {
    assert.equal((await gateway.request('GET', '/', { headers: { 'x-stage': stage } })).status, 200);
    assert.equal(gateway.backendRequests.at(-1)?.headers.get('authorization')?.split(' ', 1)[0], scheme);
  }
});

for (const method of ['hmac', 'aes'] as const) {
  test(`${method}: what cannot be signed is not sent`, async () => {
    const gateway = await testPlugin(plugin, { config: keys[method] });
    const answer = await gateway.request('GET', `/?${'a&'.repeat(10_001)}`);
    assert.equal(answer.status, 500);
    const { error_code: code, error_msg: message } = answer.json() as Record<string, string>;
    assert.deepEqual([code, message], ['APIG.0705', 'Backend signature calculation failed.']);
    assert.equal(gateway.backendRequests.length, 0);
  });

  test(`${method}: a time that cannot be written is a failure to sign`, async () => {
    const gateway = await testPlugin(plugin, { config: keys[method], clock: new VirtualClock(-1e14) });
    const answer = await gateway.request('GET', '/');
    assert.equal((answer.json() as Record<string, string>)['error_code'], 'APIG.0705');
    assert.equal(gateway.backendRequests.length, 0);
  });

  test(`${method}: a body that is too large keeps its own refusal`, async () => {
    const api = { request: { method: 'ANY', path: '/', match: 'prefix', maxBodyBytes: 10 } };
    const gateway = await testPlugin(plugin, { config: keys[method], api });
    const answer = await gateway.request('POST', '/', { body: 'x'.repeat(11) });
    assert.equal(answer.status, 413);
    assert.equal(gateway.backendRequests.length, 0);
  });
}

test('what other plugins changed before is what is signed, and the Host that is signed is sent', async () => {
  const changer = definePlugin({
    name: 'changer',
    summary: 'Changes the request.',
    bind: () => ({
      backendSigning(outbound: Outbound) {
        outbound.path = '/other';
        outbound.host = 'named.example';
        outbound.setBody(Buffer.from('{}'));
        return undefined;
      },
    }),
  });
  const signatures = new Set<string | undefined>();
  for (const path of ['/a', '/b']) {
    const gateway = await testGateway({
      plugins: [plugin, changer],
      config: {
        groups: { g: { domains: ['test'] } },
        apis: {
          'g/a': {
            request: { method: 'ANY', path: '/', match: 'prefix' },
            auth: 'none',
            backend: { type: 'http', address: 'http://b' },
          },
        },
        plugins: { change: { type: 'changer' }, sign: { type: 'signature-key', config: keys.hmac } },
        bindings: [
          { plugin: 'change', apis: ['*'] },
          { plugin: 'sign', apis: ['*'] },
        ],
      },
    });
    assert.equal((await gateway.request('POST', path, { body: path })).status, 200);
    signatures.add(gateway.backendRequests[0]?.headers.get('authorization'));
  }
  assert.equal(signatures.size, 1);
});

test('neither half of a key is logged or answered', async () => {
  for (const { method, key, secret } of Object.values(keys)) {
    const gateway = await testPlugin(plugin, {
      config: { method, key, secret },
      backend: () => Promise.reject(new Error('down')),
    });
    const answer = await gateway.request('GET', '/');
    const everything = [...answer.headers].flat().join() + answer.text + JSON.stringify(gateway.log);
    assert.ok(!everything.includes(secret));
    assert.ok(!everything.includes(gateway.backendRequests[0]?.headers.get('authorization') ?? '?'));
  }
});
