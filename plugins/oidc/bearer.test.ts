import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type Setting, clientId, issuer, makeKey, outcome, setting } from './testing.ts';

const failed = '401 APIG.0305';

/** Calls with a token, as a program does. */
function call({ gateway }: Setting, token: string, more: Readonly<Record<string, string>> = {}) {
  return gateway.request('GET', 'https://shop.test/', {
    headers: { authorization: `Bearer ${token}`, ...more },
  });
}

test('a token of the provider stands for a session', async (t) => {
  const found = await setting(t, { config: { claims: [{ claim: 'sub', header: 'X-User' }] } });
  const { provider, served } = found;
  const token = await provider.sign(provider.usual);
  assert.equal((await call(found, token)).status, 200);
  assert.deepEqual(
    [served[0]?.headers.get('x-user'), served[0]?.headers.has('authorization')],
    ['alice', false],
  );
  const lower = await found.gateway.request('GET', 'https://shop.test/', {
    headers: { authorization: `bearer ${token}` },
  });
  assert.equal(lower.status, 200);
});

test('keep and send hand the token on', async (t) => {
  for (const accessToken of ['keep', 'send']) {
    const found = await setting(t, { config: { accessToken } });
    const token = await found.provider.sign(found.provider.usual);
    await call(found, token);
    assert.deepEqual(found.served[0]?.headers.getAll('authorization'), [`Bearer ${token}`]);
  }
});

test('whom a token is for', async (t) => {
  const found = await setting(t);
  const { usual } = found.provider;
  const named = await setting(t, { config: { bearer: { audiences: ['api'] } } });
  const cases: readonly (readonly [Setting, object, boolean])[] = [
    [found, { aud: clientId }, true],
    [found, { aud: ['api', clientId] }, true],
    [found, { aud: 'account', azp: clientId }, true],
    [found, { aud: 'account', client_id: clientId }, true],
    [found, { aud: 'account', azp: 'other' }, false],
    [found, { aud: undefined }, false],
    [named, { aud: 'api', azp: 'other' }, true],
    [named, { aud: clientId, azp: clientId }, false],
  ];
  for (const [where, claims, isRight] of cases) {
    const token = await where.provider.sign({ ...usual, ...claims });
    assert.equal(outcome(await call(where, token)), isRight ? '200' : failed, JSON.stringify(claims));
  }
});

test('tokens that are wrong are refused, whatever session there is', async (t) => {
  const found = await setting(t);
  const { provider, browser, clock } = found;
  const alice = browser();
  await alice.signIn();
  const [name, id] = alice.session ?? [];
  const { usual, sign } = { usual: provider.usual, sign: provider.sign.bind(provider) };
  const now = Math.floor(clock.now() / 1000);
  const good = await sign(usual);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const wrong: Record<string, string> = {
    'no token': '',
    opaque: 'abc',
    changed: `${good.slice(0, -4)}AAAA`,
    none: `${part({ alg: 'none' })}.${part(usual)}.`,
    expired: await sign({ ...usual, exp: now - 60 }),
    'for ever': await sign({ ...usual, exp: undefined }),
    early: await sign({ ...usual, nbf: now + 600 }),
    nobody: await sign({ ...usual, sub: undefined }),
    'of another issuer': await sign({ ...usual, iss: 'https://evil.test' }),
    'bound to a key': await sign({ ...usual, cnf: { jkt: 'x' } }),
    'a logout token': await sign(usual, { typ: 'logout+jwt' }),
    two: `${good}, Bearer ${good}`,
    long: `${good.split('.', 1)[0]}.${'A'.repeat(20_000)}.AAAA`,
  };
  for (const [how, token] of Object.entries(wrong)) {
    const answer = await call(found, token, { cookie: `${name}=${id}`, accept: 'text/html' });
    assert.equal(outcome(answer), failed, how);
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  }
  assert.equal((await call(found, await sign(usual, { typ: 'at+jwt' }))).status, 200);
});

test('with accept off, only sessions count', async (t) => {
  const found = await setting(t, { config: { bearer: { accept: false } } });
  assert.equal(outcome(await call(found, await found.provider.sign(found.provider.usual))), failed);
});

test('a token that was verified is kept until it expires', async (t) => {
  const found = await setting(t, { config: { bearer: { cacheSeconds: 300 } } });
  const { provider, clock } = found;
  const token = await provider.sign({ ...provider.usual, exp: Math.floor(clock.now() / 1000) + 100 });
  assert.equal((await call(found, token)).status, 200);
  const asked = provider.asked.length;
  assert.equal((await call(found, token)).status, 200);
  assert.equal(provider.asked.length, asked);
  clock.advance(131_000);
  assert.equal(outcome(await call(found, token)), failed);
});

test('keys that change are found; made-up names do not have the provider asked each time', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() });
  t.after(() => mock.timers.reset());
  const found = await setting(t);
  const { provider } = found;
  const fetches = (): number => provider.asked.filter((each) => each === 'GET /jwks').length;
  assert.equal((await call(found, await provider.sign(provider.usual))).status, 200);
  provider.key = makeKey('second');
  const token = await provider.sign(provider.usual);
  mock.timers.tick(11_000);
  assert.equal((await call(found, token)).status, 200);
  assert.equal(fetches(), 2);
  provider.key = makeKey('third');
  for (let each = 0; each < 5; each += 1)
    assert.equal(outcome(await call(found, await provider.sign({ ...provider.usual, each }))), failed);
  assert.equal(fetches(), 2);
});

test('a public key in the configuration needs no provider', async (t) => {
  const key = makeKey('own');
  const found = await setting(t, { config: { publicKey: key.pem } });
  found.provider.isDown = true;
  const other = await found.provider.sign(found.provider.usual);
  found.provider.key = key;
  assert.equal((await call(found, await found.provider.sign(found.provider.usual))).status, 200);
  assert.equal(outcome(await call(found, other)), failed);
  assert.deepEqual(found.provider.asked, []);
  assert.equal(issuer, 'https://id.test');
});
