import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Accounts, definePlugin, Type, offer } from '#sdk';
import type { TestGateway } from '#sdk/testing';
import { gatewayWith, key, now, secret, send, signed } from './testing.ts';

const code = `aA9+${'_!@#$%-/='.repeat(7)}`;
const other = 'b'.repeat(180);
const auth = { type: 'app', appCode: true };
const apps = { caller: { key, secret, appCodes: [code, other], apis: ['shop/all'] } };

const call = (gateway: TestGateway, appCode: string | readonly string[], scheme = 'https') =>
  gateway.request('GET', `${scheme}://test/orders`, { headers: { 'X-Apig-AppCode': appCode } });

async function problemsOf(caller: object, more: object = {}): Promise<string> {
  try {
    const section = { caller: { key, secret, ...caller }, ...more };
    await (await gatewayWith({ auth, apps: section })).close();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}

test('each AppCode of an app stands for it, over HTTPS, and reaches neither backend nor log', async () => {
  const gateway = await gatewayWith({ auth, apps });
  for (const each of [code, other]) assert.equal((await call(gateway, each)).status, 200);
  const app = { id: 'caller', name: 'caller', key };
  assert.deepEqual(gateway.completed[1]?.exchange?.identity, { type: 'app', id: 'caller', app });
  assert.equal(gateway.backendRequests.length, 2);
  for (const { headers } of gateway.backendRequests) assert.equal(headers.has('x-apig-appcode'), false);
  assert.ok(!JSON.stringify([gateway.log, gateway.backendRequests]).includes(code));
});

for (const [what, given, scheme, options, words] of [
  ['over HTTP', code, 'http', { auth, apps }, 'an AppCode is accepted over HTTPS only'],
  ['unknown', `${code}x`, 'https', { auth, apps }, 'app not found, the AppCode is unknown'],
  ['empty', '', 'https', { auth, apps }, 'app not found, the AppCode is unknown'],
  ['in two lines', [code, code], 'https', { auth, apps }, 'app not found, the AppCode is unknown'],
  ['the key', key, 'https', { auth, apps }, 'app not found, the AppCode is unknown'],
  ['where there are none', code, 'https', { auth }, 'app not found, the AppCode is unknown'],
  ['not enabled', code, 'https', { apps }, 'this API accepts no AppCode'],
] as const) {
  test(`an AppCode that is refused: ${what}`, async () => {
    const gateway = await gatewayWith(options);
    const answer = await call(gateway, given, scheme);
    assert.equal(answer.status, 401);
    const { error_code, error_msg } = answer.json() as Record<string, string>;
    assert.equal(error_code, 'APIG.0303');
    assert.equal(error_msg, `Incorrect app authentication information: ${words}`);
    assert.equal(gateway.backendRequests.length, 0);
    assert.ok(!JSON.stringify([gateway.log, gateway.completed[0]?.refusal]).includes(code));
  });
}

test('an app with an AppCode that may not call the API', async () => {
  const gateway = await gatewayWith({ auth, apps: { caller: { ...apps.caller, apis: [] } } });
  const answer = await call(gateway, code);
  assert.equal(answer.status, 403);
  assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0304');
});

test('a signature is as good as before, and beside an AppCode refused', async () => {
  const gateway = await gatewayWith({ auth, apps });
  assert.equal((await send(gateway, signed())).status, 200);
  const headers = { 'x-ca-timestamp': String(now), 'x-apig-appcode': code };
  const both = await send(gateway, signed({ target: 'https://test/orders', signedUrl: '/orders', headers }));
  assert.equal(both.status, 401);
  assert.match(both.text, /only one is allowed/);
});

test('the form of AppCodes, how many there are, and that none is shown', async () => {
  const fine = 'a'.repeat(64);
  for (const wrong of ['a'.repeat(63), 'a'.repeat(181), `_${fine}`, `${fine} a`, `${fine}.`, `${fine}é`]) {
    const text = await problemsOf({ appCodes: [fine, wrong] });
    assert.match(
      text,
      /gateway\.yaml:\d+:\d+ apps\.caller\.appCodes\[1\]: found a secret; allowed: 64 to 180 letters/,
      wrong,
    );
    assert.ok(!text.includes(wrong));
  }
  const six = 'abcdef'.split('').map((letter) => letter.repeat(64));
  assert.match(await problemsOf({ appCodes: six }), /apps\.caller\.appCodes: /);
  assert.equal(await problemsOf({ appCodes: six.slice(1) }), '');
  const twins = await problemsOf({ appCodes: [fine, fine] }, { b: { key: 'b', secret, appCodes: [fine] } });
  assert.match(
    twins,
    /gateway\.yaml:\d+:\d+ apps\.caller\.appCodes\[1\]: this is an AppCode of the app "caller" already/,
  );
  assert.match(
    twins,
    /gateway\.yaml:\d+:\d+ apps\.b\.appCodes\[0\]: this is an AppCode of the app "caller" already/,
  );
  assert.ok(!twins.includes(fine));
});

test('a nonce is asked for, and an AppCode has none: one of them', async () => {
  await assert.rejects(
    gatewayWith({ auth: { type: 'app', appCode: true, forceNonce: true } }),
    /apis\.shop\/all\.auth\.appCode: a call with an AppCode has no nonce; allowed with forceNonce: false/,
  );
});

const alice = { id: 'u-1', name: 'alice', account: 'acme' };

const accounts = definePlugin({
  name: 'auth-iam',
  summary: 'Stands for the plugin that offers the accounts.',
  section: { name: 'accounts', schema: Type.Unknown() },
  offers: [Accounts],
  setup: () => ({
    services: [
      offer(Accounts, {
        names: ['acme', 'globex'],
        user: (user) => (user === 'acme/alice' ? { ...alice, secretKey: 'hidden' } : undefined),
      }),
    ],
  }),
});

test('the owner of an app is the user of its calls', async () => {
  const owned = { caller: { ...apps.caller, owner: 'acme/alice' } };
  const gateway = await gatewayWith({ apps: owned, plugins: [accounts] });
  assert.equal((await send(gateway, signed())).status, 200);
  const { identity } = gateway.completed[0]?.exchange ?? {};
  assert.deepEqual(identity?.user, alice);
  assert.equal(identity?.type, 'app');
});

test('an owner that there is not is a problem with its place', async () => {
  const owned = (owner: string) => ({ plugins: [accounts], apps: { caller: { key, secret, owner } } });
  for (const [owner, words] of [
    ['acme/alicia', /gateway\.yaml:\d+:\d+ apps\.caller\.owner: there is no user "acme\/alicia"/],
    [
      'acne/alice',
      /apps\.caller\.owner: there is no account "acne"; allowed: acme, globex; did you mean "acme"\?/,
    ],
    ['alice', /apps\.caller\.owner: found "alice"; allowed: account\/user/],
    ['acme/', /apps\.caller\.owner: found "acme\/"; allowed: account\/user/],
  ] as const) {
    await assert.rejects(gatewayWith(owned(owner)), words);
  }
});
