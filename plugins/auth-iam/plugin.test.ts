import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Accounts, definePlugin } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { accounts, configWith, gatewayWith, outcome, signed, tokenFor } from './testing.ts';

/** What a configuration is refused for. */
async function refused(root: Readonly<Record<string, unknown>>): Promise<string> {
  try {
    await (await gatewayWith(root)).close();
  } catch (error) {
    return String(error);
  }
  return 'not refused';
}

const policies = (config: object, type = 'access-control') => ({
  plugins: { policy: { type, config } },
  bindings: [{ plugin: 'policy', apis: ['shop/all'] }],
});

async function called(gateway: TestGateway, [accessKey, secret]: readonly [string, string]): Promise<string> {
  const { method, url, options } = signed({ accessKey, secret });
  return outcome(await gateway.request(method, url, options));
}

test('every user may call, unless a policy for accounts says otherwise', async () => {
  const bob = ['AKBOB000000000000001', 'bob-secret-key-000001'] as const;
  const alice = ['AKALICE0000000000001', 'alice-secret-that-nobody-may-see'] as const;
  const open = await gatewayWith();
  for (const keys of [bob, alice]) assert.equal(await called(open, keys), '200');
  const closed = await gatewayWith(policies({ subject: 'account', effect: 'allow', values: ['acme'] }));
  assert.equal(await called(closed, alice), '200');
  assert.match(await called(closed, bob), /^403 APIG\.0302 /);
});

test('who shows a token is judged by it alone', async () => {
  const gateway = await gatewayWith();
  const { method, url, options } = signed();
  const headers = { ...options.headers, 'x-auth-token': 'x' };
  assert.match(outcome(await gateway.request(method, url, { headers })), /decrypt token fail/);
  const good = { authorization: 'SDK-HMAC-SHA256 Access=x', 'x-auth-token': await tokenFor(gateway) };
  const answer = await gateway.request('GET', '/api', { headers: good });
  assert.equal(answer.status, 200);
  assert.equal(gateway.backendRequests[0]?.headers.get('authorization'), undefined);
});

test('without a section nobody can call', async () => {
  const gateway = await gatewayWith({ accounts: undefined });
  assert.equal((await gateway.request('GET', '/api')).status, 401);
  const { method, url, options } = signed();
  assert.match(outcome(await gateway.request(method, url, options)), /ak not exist/);
});

test('other plugins get the accounts, without their secrets', async () => {
  const found: Accounts[] = [];
  const user = definePlugin({
    name: 'accounts-user',
    summary: 'Keeps what it gets.',
    setup(_section, kit) {
      found.push(kit.use(Accounts));
      return {};
    },
  });
  await testGateway({ plugins: [plugin, user], config: configWith() });
  const [service] = found;
  assert.deepEqual(service?.names, ['acme', 'globex']);
  assert.equal(service.areAll, true);
  assert.deepEqual(service.user('acme/alice'), { id: 'user-alice', name: 'alice', account: 'acme' });
  assert.deepEqual(service.user('globex/bob'), { id: 'bob', name: 'bob', account: 'globex' });
  for (const name of ['', 'alice', 'acme', 'acme/', '/alice', 'globex/alice'])
    assert.equal(service.user(name), undefined, name);
  await testGateway({ plugins: [plugin, user], config: configWith({ accounts: undefined }) });
  await testGateway({
    plugins: [plugin, user],
    config: configWith({ iam: { keystone: 'http://127.0.0.1:9' } }),
  });
  assert.deepEqual(
    found.map(({ areAll }) => areAll),
    [true, false, false],
  );
});

test('what is wrong with accounts is told, and no secret with it', async () => {
  const secretKey = 'a-secret-that-nobody-may-see';
  const { users } = accounts.acme;
  const cases: readonly [unknown, RegExp][] = [
    [{ a: { users: { u: { accessKey: 'AK' } } } }, /accounts\.a\.users\.u: .*go together/],
    [{ a: { users: { u: { secretKey } } } }, /accounts\.a\.users\.u: .*go together/],
    [{ a: { users: { u: { accessKey: 'A K', secretKey } } } }, /accessKey: .*no comma/],
    [{ a: { users: { u: { password: '' } } } }, /accounts\.a\.users\.u\.password/],
    [{ a: { users: { u: { passwort: secretKey } } } }, /did you mean "password"/],
    [
      {
        a: { users: { u: { accessKey: 'AK', secretKey } } },
        b: { users: { v: { accessKey: 'AK', secretKey } } },
      },
      /accounts\.b\.users\.v\.accessKey: this is the access key of the user "a\/u" already/,
    ],
    [
      { a: { users: { u: {} } }, b: { users: { u: {} } } },
      /the user "a\/u" has the same id; give one of them/,
    ],
    [{ a: { id: 'b', users: {} }, b: { users: {} } }, /"a" has the same id/],
    [{ 'a/b': { users } }, /accounts\.a\/b: .*without comma/],
    [{ 'a,b': { users } }, /"a,b".*without comma/],
    [{ a: { users: { 'u/v': {} } } }, /u\/v: .*without \//],
    [5, /^ConfigError: \S+ accounts: [^\n]*$/],
    [{ a: {} }, /not refused/],
  ];
  for (const [section, expected] of cases) {
    const said = await refused({ accounts: section });
    assert.match(said, expected);
    assert.doesNotMatch(said, /nobody-may-see/);
  }
});

test('what is wrong with the section iam is told', async () => {
  const keystone = 'http://keystone:5000';
  const cases: readonly [unknown, RegExp][] = [
    [{ tokenKey: 'too-short-to-be-a-secret' }, /iam\.tokenKey/],
    [{ tokenSeconds: 1 }, /iam\.tokenSeconds/],
    [{ hosts: [] }, /iam\.hosts/],
    [{ hosts: ['test'] }, /iam\.hosts\[0\]: found "test", which leads to the group "shop"/],
    [{ cacheSeconds: 5 }, /iam\.cacheSeconds: allowed with `keystone`/],
    [{ keystone, tokenSeconds: 60 }, /iam\.tokenSeconds: Keystone issues the tokens/],
    [{ keystone, hosts: ['a.example'] }, /iam\.hosts: Keystone issues/],
    [{ keystone: 'keystone:5000' }, /iam\.keystone: this is no address/],
    [{ keystone: 'http://user:hunter2@keystone' }, /iam\.keystone: this is no address/],
    [{ keystone: 'http://keystone/?x' }, /iam\.keystone: this is no address/],
    [{ keystone, serviceUser: { name: 'tapgate' } }, /iam\.serviceUser: .*"password" is missing/],
    [5, /^ConfigError: \S+ iam: [^\n]*$/],
    [{ keystone }, /not refused/],
  ];
  for (const [iam, expected] of cases) {
    const said = await refused({ iam });
    assert.match(said, expected);
    assert.doesNotMatch(said, /hunter2|too-short-to-be/);
  }
  const wide = { groups: { shop: { domains: ['test', '*.example'] } } };
  assert.match(await refused({ ...wide, iam: { hosts: ['iam.example'] } }), /leads to the group "shop"/);
});

test('policies that name an account there is not are refused, unless accounts live elsewhere', async () => {
  const access = policies({ subject: 'account', effect: 'deny', values: ['acme', 'globes'] });
  assert.match(
    await refused(access),
    /values\[1\]: there is no account "globes"; allowed: acme, globex; did you mean "globex"/,
  );
  const limits = { period: { value: 1, unit: 'minute' }, limits: { api: 9, user: 3 } };
  const throttling = policies({ ...limits, exceptions: { tenants: { acmee: 2 } } }, 'throttling');
  assert.match(await refused(throttling), /exceptions\.tenants\.acmee: there is no account "acmee"/);
  const elsewhere = { iam: { keystone: 'http://keystone:5000' } };
  for (const policy of [access, throttling]) {
    assert.equal(await refused({ ...policy, ...elsewhere }), 'not refused');
    assert.equal(await refused({ ...policy, accounts: undefined }), 'not refused');
  }
});
