import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { accounts, alice, ask, configWith, gatewayWith, login, now, tokenFor, withToken } from './testing.ts';

const bad = '401 APIG.0301 Incorrect IAM authentication information: decrypt token fail';
const expired = '401 APIG.0307 The token must be updated.';
const day = 86_400_000;

type Json = Readonly<Record<string, never>>;

test('a token is issued in the form of Keystone, and stands for its user', async () => {
  const gateway = await gatewayWith();
  const answer = await ask(gateway, login(alice, { project: { name: 'region-1' } }));
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const { token } = answer.json() as { token: Json };
  const domain = { id: 'domain-acme', name: 'acme' };
  assert.deepEqual(token['methods'], ['password']);
  assert.deepEqual(token['user'], { domain, id: 'user-alice', name: 'alice', password_expires_at: null });
  assert.equal(token['issued_at'], '2023-11-14T22:13:20.000000Z');
  assert.equal(token['expires_at'], '2023-11-15T22:13:20.000000Z');
  assert.deepEqual(token['project'], { id: 'region-1', name: 'region-1', domain });
  const text = answer.headers.get('x-subject-token') ?? '';
  assert.equal(await withToken(gateway, text), '200');
  assert.equal(gateway.backendRequests[0]?.headers.get('x-auth-token'), undefined);
  assert.deepEqual(gateway.completed.at(-1)?.exchange?.identity, {
    type: 'user',
    id: 'user-alice',
    user: { id: 'user-alice', name: 'alice', account: 'acme' },
  });
});

test('a backend gets an Authorization that is no signature, beside a token', async () => {
  const gateway = await gatewayWith();
  const token = await tokenFor(gateway);
  const headers = { 'x-auth-token': token, authorization: 'Basic YTpi' };
  assert.equal((await gateway.request('GET', '/api', { headers })).status, 200);
  assert.equal(gateway.backendRequests[0]?.headers.get('authorization'), 'Basic YTpi');
});

test('users are named by id, or by name and domain', async () => {
  const gateway = await gatewayWith();
  const { password } = alice;
  for (const user of [
    { id: 'user-alice', password },
    { name: 'alice', domain: { id: 'domain-acme' }, password },
    { name: 'alice', domain: { name: 'acme' }, password },
  ]) {
    assert.equal((await ask(gateway, login(user))).status, 201, JSON.stringify(user));
  }
  for (const user of [
    { id: 'alice', password },
    { name: 'alice', domain: { name: 'globex' }, password },
    { name: 'alice', domain: { name: 'domain-acme' }, password },
    { name: 'bob', domain: { name: 'globex' }, password: 'bob-secret-key-000001' },
    { name: 'nobody', domain: { name: 'acme' }, password },
    { ...alice, password: 'wrong' },
  ]) {
    const answer = await ask(gateway, login(user));
    assert.equal(answer.status, 401, JSON.stringify(user));
    assert.equal(answer.headers.get('x-subject-token'), undefined);
    assert.deepEqual(answer.json(), {
      error: {
        code: 401,
        message: 'The request you have made requires authentication.',
        title: 'Unauthorized',
      },
    });
    assert.equal(answer.headers.get('www-authenticate'), 'Keystone uri="http://test/v3"');
  }
});

test('a token is for a project or the account of its user', async () => {
  const gateway = await gatewayWith();
  for (const [scope, status] of [
    ['unscoped', 201],
    [{ project: { id: 'p1' } }, 201],
    [{ project: { name: 'p', domain: { name: 'acme' } } }, 201],
    [{ domain: { id: 'domain-acme' } }, 201],
    [{ domain: { name: 'globex' } }, 401],
    [{ project: { name: 'p', domain: { name: 'globex' } } }, 401],
    [{}, 400],
    [{ domain: {} }, 400],
    [{ domain: { name: 'acme' }, project: { id: 'p' } }, 400],
    ['system', 400],
  ] as const) {
    assert.equal((await ask(gateway, login(alice, scope))).status, status, JSON.stringify(scope));
  }
});

test('what is no request for a token is told so, without what was sent', async () => {
  const gateway = await gatewayWith();
  const secret = 'sent-by-mistake';
  for (const body of [
    secret,
    '',
    `{"auth": ${secret}}`,
    '[]',
    'null',
    {},
    { auth: { identity: {} } },
    { auth: { identity: { methods: [] } } },
    { auth: { identity: { methods: ['password'] } } },
    login({ name: 'alice', password: secret }),
    login({ name: 'alice', domain: { name: 'acme' } }),
    login({ ...alice, password: { secret } }),
    login({ ...alice, password: secret.repeat(200) }),
    login({ ...alice, domain: secret }),
    login({ password: secret, domain: { name: 'acme' } }),
    new Uint8Array([0x7b, 0xff, 0x7d]),
  ]) {
    const options = { body: body instanceof Uint8Array ? body : undefined };
    const answer =
      options.body === undefined
        ? await ask(gateway, body)
        : await gateway.request('POST', '/v3/auth/tokens', {
            body: options.body,
            clientAddress: '127.0.0.1',
          });
    assert.equal(answer.status, 400, answer.text);
    assert.equal((answer.json() as { error: { title: string } }).error.title, 'Bad Request');
    assert.doesNotMatch(answer.text, /sent-by-mistake/);
  }
  const token = { auth: { identity: { methods: ['token'], token: { id: 'x' } } } };
  assert.equal((await ask(gateway, token)).status, 401);
  const both = { auth: { identity: { methods: ['password', 'totp'], password: { user: alice } } } };
  assert.equal((await ask(gateway, both)).status, 401);
});

test('a token expires after a day, or when the section says', async () => {
  for (const [iam, life] of [
    [undefined, day],
    [{ tokenSeconds: 60 }, 60_000],
  ] as const) {
    const clock = new VirtualClock(now);
    const gateway = await gatewayWith(iam === undefined ? {} : { iam }, { clock });
    const token = await tokenFor(gateway);
    clock.advance(life - 1);
    assert.equal(await withToken(gateway, token), '200');
    clock.advance(1);
    assert.equal(await withToken(gateway, token), expired);
  }
});

test('what is no token of ours, or one that was changed, is refused', async () => {
  const gateway = await gatewayWith();
  const token = await tokenFor(gateway);
  const [prefix = '', content = '', signature = ''] = token.split('.');
  const read = JSON.parse(Buffer.from(content, 'base64url').toString()) as Record<string, unknown>;
  const made = (change: object): string =>
    Buffer.from(JSON.stringify({ ...read, ...change })).toString('base64url');
  const other = await tokenFor(gateway, { ...alice, name: 'carol', password: 'carol-password' });
  for (const changed of [
    '',
    'x',
    'tg1..',
    `${token}0`,
    token.slice(0, -1),
    token.toUpperCase(),
    `${prefix}.${made({ expiresAt: 9e15 })}.${signature}`,
    `${prefix}.${made({ user: 'carol' })}.${signature}`,
    `${prefix}.${made({ account: 'nobody' })}.${signature}`,
    `${prefix}.${made({ user: 'bob', account: 'globex' })}.${signature}`,
    `${prefix}.${Buffer.from('[]').toString('base64url')}.${signature}`,
    `${prefix}.${content}.${other.split('.')[2]}`,
    `${token}, ${token}`,
  ]) {
    assert.equal(await withToken(gateway, changed), bad, changed);
  }
  const elsewhere = await gatewayWith();
  assert.equal(await withToken(elsewhere, token), bad, 'another process has another key');
  const { headers } = { headers: { 'x-auth-token': [token, token] } };
  assert.equal((await gateway.request('GET', '/api', { headers })).status, 401, 'two tokens');
});

test('a token survives a reload, and ends with its user, password or id', async () => {
  const { alice: user, carol } = accounts.acme.users;
  const acme = (users: object) =>
    configWith({ accounts: { ...accounts, acme: { ...accounts.acme, users } } });
  const gateway = await gatewayWith();
  const token = await tokenFor(gateway);
  await gateway.reload(configWith({ iam: { tokenSeconds: 60 } }));
  assert.equal(await withToken(gateway, token), '200');
  for (const users of [
    { carol },
    { carol, alice: { ...user, password: 'another' } },
    { carol, alice: { ...user, id: 'another' } },
    { carol, alice: { id: user.id, accessKey: user.accessKey, secretKey: user.secretKey } },
  ]) {
    await gateway.reload(acme(users));
    assert.equal(await withToken(gateway, token), bad, JSON.stringify(users));
  }
  await gateway.reload(configWith());
  assert.equal(await withToken(gateway, token), '200');
});

test('with a key of its own a token is good after a restart, and at other processes', async () => {
  const iam = { tokenKey: 'a-key-of-at-least-32-characters-0' };
  const token = await tokenFor(await gatewayWith({ iam }));
  assert.equal(await withToken(await gatewayWith({ iam }), token), '200');
  const other = { tokenKey: 'a-key-of-at-least-32-characters-1' };
  assert.equal(await withToken(await gatewayWith({ iam: other }), token), bad);
});

test('wrong passwords lock the user for the address for five minutes, and nobody is told', async () => {
  const clock = new VirtualClock(now);
  const gateway = await gatewayWith({}, { clock });
  const wrong = login({ ...alice, password: 'wrong' });
  const bodies = new Set<string>();
  for (let round = 0; round < 6; round += 1) bodies.add((await ask(gateway, wrong)).text);
  const locked = await ask(gateway, login(alice));
  assert.equal(locked.status, 401);
  assert.deepEqual([...bodies], [locked.text]);
  assert.equal((await ask(gateway, login(alice), { from: '127.0.0.2' })).status, 201);
  assert.deepEqual(
    gateway.log.map(({ fields }) => [fields['user'], fields['clientAddress']]),
    [['acme/alice', '127.0.0.1']],
  );
  clock.advance(5 * 60_000);
  assert.equal((await ask(gateway, login(alice))).status, 201);
});

test('many guesses at once are not judged apart', async () => {
  const gateway = await gatewayWith();
  const guesses = Array.from({ length: 32 }, () => login({ ...alice, password: 'wrong' }));
  await Promise.all(guesses.map((each) => ask(gateway, each)));
  assert.equal((await ask(gateway, login(alice))).status, 401);
});

test('one address alone does not lock a user for all', async () => {
  const gateway = await gatewayWith();
  const wrong = login({ ...alice, password: 'wrong' });
  for (let round = 0; round < 150; round += 1) await ask(gateway, wrong);
  assert.equal((await ask(gateway, login(alice), { from: '127.0.0.2' })).status, 201);
});

test('a hundred wrong passwords from everywhere lock the user for all', async () => {
  const clock = new VirtualClock(now - (now % 300_000));
  const gateway = await gatewayWith({}, { clock });
  const wrong = login({ ...alice, password: 'wrong' });
  for (let round = 0; round < 100; round += 1) await ask(gateway, wrong, { from: `127.0.1.${round}` });
  assert.equal((await ask(gateway, login(alice))).status, 401);
  assert.equal(
    (await ask(gateway, login({ ...alice, name: 'carol', password: 'carol-password' }))).status,
    201,
  );
  clock.advance(300_000);
  assert.equal((await ask(gateway, login(alice))).status, 201);
});

test('over plain HTTP tokens are for this machine alone, unless the section says otherwise', async () => {
  const gateway = await gatewayWith();
  const far = { from: '192.0.2.1' };
  const refused = await ask(gateway, login(alice), far);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /HTTPS only/);
  const url = 'https://test/v3/auth/tokens';
  assert.equal((await ask(gateway, login(alice), { ...far, url })).status, 201);
  for (const from of ['::1', '::ffff:127.0.0.1'])
    assert.equal((await ask(gateway, login(alice), { from })).status, 201);
  const open = await gatewayWith({ iam: { allowHttp: true } });
  assert.equal((await ask(open, login(alice), far)).status, 201);
});

test('tokens are issued at every host where no API is called, or at the hosts of the section', async () => {
  const anywhere = { url: 'http://whatever.example/v3/auth/tokens' };
  assert.equal((await ask(await gatewayWith(), login(alice), anywhere)).status, 201);
  const gateway = await gatewayWith({ iam: { hosts: ['iam.example'] } });
  assert.equal((await ask(gateway, login(alice), anywhere)).status, 404);
  assert.equal((await ask(gateway, login(alice))).status, 404);
  const url = 'http://iam.example/v3/auth/tokens';
  assert.equal((await ask(gateway, login(alice), { url })).status, 201);
  const api = {
    'shop/v3': {
      request: { method: 'ANY', path: '/v3', match: 'prefix' },
      auth: 'none',
      backend: { type: 'mock', status: 204 },
    },
  };
  assert.equal((await ask(await gatewayWith({ apis: api }), login(alice))).status, 204, 'an API comes first');
});

test('without passwords there is nothing to issue, and other paths are not found', async () => {
  const bob = { globex: accounts.globex };
  assert.equal((await ask(await gatewayWith({ accounts: bob }), login(alice))).status, 404);
  const gateway = await gatewayWith();
  for (const path of ['/v3x', '/v3/users', '/v3/auth', '/v3/auth/tokens/x', '/']) {
    const answer = await gateway.request('GET', path);
    assert.equal(answer.status, 404, path);
    assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0101');
  }
});

test('the version is told', async () => {
  const gateway = await gatewayWith();
  for (const path of ['/v3', '/v3/']) {
    const answer = await gateway.request('GET', `http://iam.example:8080${path}`);
    assert.equal(answer.status, 200);
    const { version } = answer.json() as { version: { id: string; links: unknown } };
    assert.match(version.id, /^v3\./);
    assert.deepEqual(version.links, [{ rel: 'self', href: 'http://iam.example:8080/v3/' }]);
  }
  assert.equal((await gateway.request('POST', '/v3')).status, 405);
  assert.equal((await gateway.request('PUT', 'https://test/v3/auth/tokens')).status, 405);
});

test('users see and revoke their own tokens', async () => {
  const gateway = await gatewayWith();
  const carol = { ...alice, name: 'carol', password: 'carol-password' };
  const [mine, other, hers] = [
    await tokenFor(gateway),
    await tokenFor(gateway),
    await tokenFor(gateway, carol),
  ];
  const call = async (method: string, caller?: string, subject?: string) =>
    gateway.request(method, '/v3/auth/tokens', {
      clientAddress: '127.0.0.1',
      headers: {
        ...(caller === undefined ? {} : { 'x-auth-token': caller }),
        ...(subject === undefined ? {} : { 'x-subject-token': subject }),
      },
    });
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    assert.equal((await call(method)).status, 401);
    assert.equal((await call(method, 'x', mine)).status, 401);
    assert.equal((await call(method, mine)).status, 400);
    assert.equal((await call(method, mine, 'x')).status, 404);
    assert.equal((await call(method, mine, hers)).status, 403);
  }
  const shown = await call('GET', mine, other);
  assert.equal(shown.status, 200);
  assert.equal(shown.headers.get('x-subject-token'), other);
  assert.equal((shown.json() as { token: { user: { id: string } } }).token.user.id, 'user-alice');
  assert.equal((await call('HEAD', mine, other)).status, 200);
  assert.equal((await call('DELETE', mine, other)).status, 204);
  assert.equal(await withToken(gateway, other), bad);
  assert.equal((await call('GET', mine, other)).status, 404);
  assert.equal((await call('GET', other, mine)).status, 401);
  assert.equal(await withToken(gateway, mine), '200');
  assert.equal((await call('DELETE', mine, mine)).status, 204);
  assert.equal(await withToken(gateway, mine), bad);
  await gateway.reload(configWith());
  assert.equal(await withToken(gateway, mine), bad, 'a reload forgets no revocation');
});

test('where the shared store is out of reach, tokens are refused', async () => {
  const away = () => Promise.reject(new Error('no route'));
  for (const values of [{ claim: away, has: away }, { claim: away }]) {
    const gateway = await gatewayWith({}, { values });
    const token = await tokenFor(gateway);
    assert.match(await withToken(gateway, token), /^503 APIG\.0601/);
    const headers = { 'x-auth-token': token, 'x-subject-token': token };
    const answer = await gateway.request('DELETE', '/v3/auth/tokens', {
      headers,
      clientAddress: '127.0.0.1',
    });
    assert.equal(answer.status, 503);
  }
});

test('a user revokes a thousand tokens a day at most: each is remembered', async () => {
  const gateway = await gatewayWith({}, { clock: new VirtualClock(now) });
  const asking = await tokenFor(gateway);
  const revoke = async () => {
    const headers = { 'x-auth-token': asking, 'x-subject-token': await tokenFor(gateway) };
    return gateway.request('DELETE', '/v3/auth/tokens', { headers, clientAddress: '127.0.0.1' });
  };
  for (let round = 0; round < 1000; round += 1) assert.equal((await revoke()).status, 204);
  assert.equal((await revoke()).status, 429);
});
