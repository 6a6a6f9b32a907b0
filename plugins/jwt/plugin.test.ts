import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { echoed, gatewayOf, lone, makeKey, none, notValid, now, outcome, sign, usual } from './testing.ts';

test('a token is required though the API says `auth: none`, and who calls is its subject', async (t) => {
  const gateway = await gatewayOf(t);
  const missing = await gateway.ask(undefined);
  assert.equal(outcome(missing), none);
  assert.equal(missing.headers.get('www-authenticate'), 'Bearer');
  assert.equal((missing.json() as { error_code: string }).error_code, 'APIG.0305');
  assert.equal(outcome(await gateway.ask(await sign())), '200');
  const { identity } = gateway.completed.at(-1)?.exchange ?? {};
  assert.deepEqual([identity?.type, identity?.id, identity?.user?.id], ['user', 'alice', 'alice']);
  assert.deepEqual(identity?.claims, usual);
  const wrong = await gateway.ask(await sign(usual, makeKey('ES256')));
  assert.equal(outcome(wrong), notValid);
  assert.equal(wrong.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  assert.equal(gateway.backendRequests.length, 1);
});

test('a token without a subject stands for itself', async (t) => {
  const gateway = await gatewayOf(t);
  const ids: (string | undefined)[] = [];
  const tokens = [await sign({ a: 1 }), await sign({ a: 2 })];
  for (const token of [...tokens, tokens[0]]) {
    assert.equal(outcome(await gateway.ask(token)), '200');
    ids.push(gateway.completed.at(-1)?.exchange?.identity?.id);
  }
  assert.match(ids[0] ?? '', /^token:.{22}$/);
  assert.notEqual(ids[0], ids[1]);
  assert.equal(ids[0], ids[2]);
});

for (const algorithm of [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'HS256',
  'HS384',
  'HS512',
]) {
  test(`${algorithm}: verifies, and refuses another key and a changed payload`, async (t) => {
    const key = makeKey(algorithm);
    const gateway = await gatewayOf(t, { config: { keys: [{ jwk: key.jwk }] } });
    const token = await sign(usual, key, { alg: algorithm });
    assert.equal(outcome(await gateway.ask(token)), '200');
    assert.equal(outcome(await gateway.ask(token)), '200', 'what is kept too');
    assert.equal(
      outcome(await gateway.ask(await sign(usual, makeKey(algorithm), { alg: algorithm }))),
      notValid,
    );
    const [head, , signature] = token.split('.');
    const payload = Buffer.from(JSON.stringify({ ...usual, sub: 'bob' })).toString('base64url');
    assert.equal(outcome(await gateway.ask(`${head}.${payload}.${signature}`)), notValid);
  });
}

test('keys in PEM, and as a JSON text', async (t) => {
  for (const algorithm of ['RS256', 'ES384', 'EdDSA']) {
    const key = makeKey(algorithm);
    const configs = [
      { keys: [{ pem: key.pem }] },
      { keys: [{ pem: key.pem, alg: algorithm, kid: 'k' }] },
      { jwks: JSON.stringify([key.jwk]) },
      {
        jwks: JSON.stringify({
          keys: [
            { ...key.jwk, use: 'sig' },
            { kty: 'RSA', use: 'enc' },
          ],
        }),
      },
    ];
    for (const config of configs) {
      const gateway = await gatewayOf(t, { config });
      assert.equal(outcome(await gateway.ask(await sign(usual, key, { alg: algorithm }))), '200');
    }
  }
});

test('`kid` chooses the key; it may be missing only where there is one', async (t) => {
  const [a, b] = [makeKey('ES256', 'a'), makeKey('ES256', 'b')];
  const two = await gatewayOf(t, { config: { keys: [{ jwk: a.jwk }, { jwk: b.jwk }] } });
  const one = await gatewayOf(t, { config: { keys: [{ jwk: a.jwk }] } });
  const nameless = await gatewayOf(t);
  const named = (key: typeof a, kid: unknown) => sign(usual, key, { kid });
  assert.equal(outcome(await two.ask(await named(a, 'a'))), '200');
  assert.equal(outcome(await two.ask(await named(b, 'b'))), '200');
  for (const token of [await named(a, 'b'), await named(a, 'c'), await sign(usual, a), await named(a, '')])
    assert.equal(outcome(await two.ask(token)), notValid);
  assert.equal(outcome(await one.ask(await sign(usual, a))), '200');
  assert.equal(outcome(await one.ask(await named(a, 'b'))), notValid);
  assert.equal(outcome(await nameless.ask(await named(lone, 'whatever'))), '200');
});

test('times are compared with the tolerance, for what is kept too', async (t) => {
  const clock = new VirtualClock(now * 1000);
  const strict = await gatewayOf(t, { clock });
  const lenient = await gatewayOf(t, { config: { toleranceSeconds: 10 }, clock });
  const lax = await gatewayOf(t, { config: { ignoreExpiration: true }, clock });
  const token = await sign({ sub: 'a', nbf: now + 5, exp: now + 60.5 });
  const all = async () => [
    outcome(await strict.ask(token)),
    outcome(await lenient.ask(token)),
    outcome(await lax.ask(token)),
  ];
  const early = '401 the token is not valid yet.';
  const expired = '401 the token has expired.';
  assert.deepEqual(await all(), [early, '200', early]);
  clock.advance(5_000);
  assert.deepEqual(await all(), ['200', '200', '200']);
  clock.advance(55_499);
  assert.deepEqual(await all(), ['200', '200', '200']);
  clock.advance(1);
  assert.deepEqual(await all(), [expired, '200', '200']);
  clock.advance(10_000);
  assert.deepEqual(await all(), [expired, expired, '200']);
});

test('a token from the future, or too old a one, is refused', async (t) => {
  const gateway = await gatewayOf(t, { config: { maxAgeSeconds: 100 } });
  const issued = (iat: number) => sign({ ...usual, iat: now + iat });
  assert.equal(outcome(await gateway.ask(await issued(60))), '200');
  assert.equal(outcome(await gateway.ask(await issued(61))), '401 the token is not valid yet.');
  assert.equal(outcome(await gateway.ask(await issued(-100))), '200');
  assert.equal(outcome(await gateway.ask(await issued(-101))), '401 the token is too old.');
  assert.equal(outcome(await gateway.ask(await sign())), '401 the token lacks the claim "iat".');
});

test('issuer, audience, required and listed claims', async (t) => {
  const config = {
    issuers: ['https://issuer', 'https://other'],
    audiences: ['shop'],
    requiredClaims: ['exp'],
    allow: [{ claim: 'role', values: ['admin', '7', 'true'] }],
    deny: [{ claim: 'sub', values: ['mallory', ''] }],
  };
  const gateway = await gatewayOf(t, { config });
  const claims = { ...usual, role: 'admin' };
  const foreign = '401 the token is not for this API.';
  const refused = '401 the token is not accepted.';
  const cases: [object, string][] = [
    [claims, '200'],
    [{ ...claims, iss: 'https://other', aud: ['x', 'shop'], role: ['guest', 'admin'] }, '200'],
    [{ ...claims, role: 7 }, '200'],
    [{ ...claims, role: true }, '200'],
    [{ ...claims, iss: 'https://issuer/' }, foreign],
    [{ ...claims, iss: undefined }, foreign],
    [{ ...claims, aud: 'Shop' }, foreign],
    [{ ...claims, aud: [] }, foreign],
    [{ ...claims, aud: { shop: 1 } }, foreign],
    [{ ...claims, exp: undefined }, '401 the token lacks the claim "exp".'],
    [{ ...claims, role: 'guest' }, refused],
    [{ ...claims, role: undefined }, refused],
    [{ ...claims, role: { admin: true } }, refused],
    [{ ...claims, sub: 'mallory' }, refused],
    [{ ...claims, sub: '' }, refused],
  ];
  for (const [each, expected] of cases)
    assert.equal(outcome(await gateway.ask(await sign(each))), expected, JSON.stringify(each));
});

test('a data set blocks tokens, also those that are kept, until an item expires', async (t) => {
  const clock = new VirtualClock(now * 1000);
  const until = new Date((now + 30) * 1000).toISOString();
  const root = (items: unknown[]) => ({ dataSets: { gone: { type: 'JWT_BLOCKING', items } } });
  const setting = { config: { block: { dataSet: 'gone', claim: 'jti' } }, clock };
  const gateway = await gatewayOf(t, { ...setting, root: root([{ value: 'j1', expires: until }]) });
  const [one, two] = [await sign({ ...usual, jti: 'j1' }), await sign({ ...usual, jti: 'j2' })];
  assert.equal(outcome(await gateway.ask(one)), '401 the token is not accepted.');
  assert.equal(outcome(await gateway.ask(two)), '200');
  assert.equal(outcome(await gateway.ask(await sign())), '401 the token lacks the claim "jti".');
  clock.advance(30_000);
  assert.equal(outcome(await gateway.ask(one)), '200');
});

test('where the token may be', async (t) => {
  const token = await sign();
  const cases: [object, string, object, string][] = [
    [{}, '/', { authorization: `bEaReR   ${token}` }, '200'],
    [{}, '/', { authorization: token }, notValid],
    [{}, '/', { authorization: `Bearer${token}` }, notValid],
    [{}, '/', { authorization: 'Bearer ' }, none],
    [{}, '/', { authorization: '' }, none],
    [{}, '/', { authorization: [`Bearer ${token}`, `Bearer ${token}`] }, notValid],
    [{}, '/', { authorization: `Basic ${token}` }, notValid],
    [{ prefixRequired: false }, '/', { authorization: token }, '200'],
    [{ name: 'x-token', prefix: '' }, '/', { 'X-Token': token }, '200'],
    [{ name: 'x-token', prefix: 'key=' }, '/', { 'X-Token': `KEY=${token}` }, '200'],
    [{ in: 'query' }, `/?access_token=${token}`, {}, '200'],
    [{ in: 'query' }, `/?access_token=${token}&access_token=${token}`, {}, notValid],
    [{ in: 'query' }, '/?access_token=', {}, none],
    [{ in: 'query', name: 't' }, `/?T=${token}`, {}, none],
    [{ in: 'cookie', name: 'Session' }, '/', { cookie: `a=b; session=${token}` }, '200'],
    [{ in: 'cookie', name: 'session' }, '/', { cookie: `session=${token}; SESSION=x` }, notValid],
    [{ in: 'cookie', name: 'session' }, '/', { cookie: 'a=b' }, none],
  ];
  for (const [place, url, headers, expected] of cases) {
    const gateway = await gatewayOf(t, { config: { token: place } });
    const answer = await gateway.request('GET', url, { headers: headers as Record<string, string> });
    assert.equal(
      outcome(answer),
      expected,
      `${JSON.stringify(place)} ${url.slice(0, 20)} ${Object.keys(headers).join()}`,
    );
    // The backend never learns it.
    if (expected === '200') assert.doesNotMatch(answer.text, new RegExp(token));
  }
});

test('in a form, of which the rest goes on as it was', async (t) => {
  const gateway = await gatewayOf(t, { config: { token: { in: 'form', name: 'token' } } });
  const post = (body: string, type = 'application/x-www-form-urlencoded') =>
    gateway.request('POST', '/', { headers: { 'content-type': type }, body });
  const answer = await post(`a=1%2F&token=${await sign()}&b=+x`);
  assert.equal(echoed(answer).body, 'a=1%2F&b=+x');
  assert.equal(outcome(await post('a=1')), none);
  assert.equal(outcome(await post(`token=${await sign()}`, 'text/plain')), none);
});

test('the API says where its parameter is, if the configuration does not', async (t) => {
  const request = { method: 'ANY', path: '/', match: 'prefix', parameters: [{ name: 'Token', in: 'query' }] };
  const config = { keys: [{ jwk: lone.jwk }], token: { name: 'token' } };
  const gateway = await gatewayOf(t, { config, api: { request } });
  assert.equal(outcome(await gateway.request('GET', `/?token=${await sign()}`)), '200');
  assert.equal(outcome(await gateway.request('GET', '/', { headers: { token: await sign() } })), none);
});

test('without a token a request may pass as nobody; with a bad one it may not', async (t) => {
  const config = { allowMissingToken: true, claims: [{ claim: 'sub', name: 'X-User' }] };
  const gateway = await gatewayOf(t, { config });
  const answer = await gateway.ask(undefined, { headers: { 'x-user': 'forged' } });
  assert.equal(echoed(answer).headers['x-user'], undefined);
  assert.equal(gateway.completed.at(-1)?.exchange?.identity?.type, 'anonymous');
  assert.equal(outcome(await gateway.ask('x')), notValid);
  assert.equal(outcome(await gateway.ask(await sign())), '200');
});

test('beside another authenticator both must pass: who calls is what that says, claims are those of the token', async (t) => {
  const code = `aA9+${'x'.repeat(80)}`;
  const apps = {
    caller: { key: 'app-key-0001', secret: 'app-secret-0001', appCodes: [code], apis: ['test/api'] },
  };
  const gateway = await gatewayOf(t, { api: { auth: { type: 'app', appCode: true } }, root: { apps } });
  const ask = async (headers: Record<string, string>) =>
    (await gateway.request('GET', 'https://test/', { headers })).status;
  const authorization = `Bearer ${await sign()}`;
  assert.equal(await ask({ authorization }), 401);
  assert.equal(await ask({ 'x-apig-appcode': code }), 401);
  assert.equal(await ask({ 'x-apig-appcode': code, authorization: 'Bearer x' }), 401);
  assert.equal(await ask({ 'x-apig-appcode': code, authorization }), 200);
  const { identity } = gateway.completed.at(-1)?.exchange ?? {};
  assert.deepEqual(
    [identity?.type, identity?.app?.name, identity?.claims?.['sub']],
    ['app', 'caller', 'alice'],
  );
});

test('users are limited one by one', async (t) => {
  const root = {
    plugins: {
      'under-test': { type: 'jwt', config: { keys: [{ jwk: lone.jwk }] } },
      few: {
        type: 'throttling',
        config: { period: { value: 1, unit: 'minute' }, limits: { api: 9, user: 1 } },
      },
    },
    bindings: [
      { plugin: 'few', apis: ['*'] },
      { plugin: 'under-test', apis: ['*'] },
    ],
  };
  const gateway = await gatewayOf(t, { root });
  const statuses: number[] = [];
  for (const sub of ['a', 'a', 'b']) statuses.push((await gateway.ask(await sign({ ...usual, sub }))).status);
  assert.deepEqual(statuses, [200, 429, 200]);
});
