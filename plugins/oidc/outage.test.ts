import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeProvider, locationOf, outcome, setting } from './testing.ts';

const away = '500 APIG.0616';
const unsure = '503 APIG.0601';

test('without its provider nobody signs in, and who is signed in stays so', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const [alice, bob] = [browser(), browser()];
  provider.isDown = true;
  assert.equal(outcome(await bob.open('/')), away);
  const token = await provider.sign(provider.usual);
  assert.equal(outcome(await bob.fetch('GET', '/', { authorization: `Bearer ${token}` })), away);
  const asked = provider.asked.length;
  assert.equal(outcome(await bob.open('/')), away);
  assert.equal(provider.asked.length, asked, 'it is left alone for a moment');
  clock.advance(2000);
  provider.isDown = false;
  const sent = await bob.open('/');
  await alice.signIn();
  provider.isDown = true;
  assert.equal((await alice.open('/')).status, 200);
  // The code cannot be traded.
  assert.equal(outcome(await bob.open(`/oidc/back${provider.signIn(locationOf(sent))}`)), away);
  clock.advance(250_000);
  assert.equal((await alice.open('/')).status, 200, 'until the access token expires');
});

test('an access token that has expired waits for the provider, and the session with it', async (t) => {
  const { provider, browser, clock } = await setting(t, { config: { timeoutMs: 100 } });
  const alice = browser();
  await alice.signIn();
  clock.advance(301_000);
  provider.isDown = true;
  assert.equal(outcome(await alice.open('/')), away);
  assert.equal(outcome(await alice.open('/')), away);
  provider.isDown = false;
  clock.advance(2000);
  assert.equal((await alice.open('/')).status, 200);
});

test('signing out works without the provider', async (t) => {
  const { provider, browser } = await setting(t, {
    config: { afterLogout: 'https://www.shop.test/bye' },
  });
  const alice = browser();
  await alice.signIn();
  provider.isDown = true;
  assert.equal((await alice.open('/oidc/out')).status, 302);
  assert.equal(alice.cookies.size, 0);
  assert.equal(outcome(await alice.fetch('GET', '/')), '401 APIG.0305');
});

test('a discovery document that must not be believed is none', async (t) => {
  for (const metadata of [
    { issuer: 'https://evil.test' },
    { token_endpoint: 'http://id.test/token' },
    { authorization_endpoint: 'javascript:alert(1)' },
    { end_session_endpoint: 'http://id.test/end' },
    { jwks_uri: 'file:///etc/passwd' },
    { authorization_endpoint: undefined },
    { token_endpoint: undefined },
  ]) {
    const { provider, browser } = await setting(t);
    provider.metadata = metadata;
    assert.equal(outcome(await browser().open('/')), away, JSON.stringify(metadata));
  }
});

test('a discovery document is fetched again after an hour, and the last one serves for a day', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const count = (): number => provider.asked.filter((each) => each.includes('well-known')).length;
  await browser().open('/');
  await browser().open('/');
  assert.equal(count(), 1);
  clock.advance(3_600_000);
  await browser().open('/');
  await browser().open('/');
  assert.equal(count(), 2);
  provider.isDown = true;
  clock.advance(80_000_000);
  assert.equal((await browser().open('/')).status, 302);
  clock.advance(10_000_000);
  assert.equal(outcome(await browser().open('/')), away);
});

test('errors of the provider are trouble of its, not of those who sign in', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const alice = browser();
  await alice.signIn();
  for (const answer of [
    () => new Response('boo', { status: 503 }),
    () => Response.json({}, { status: 429 }),
  ]) {
    provider.onRefresh = answer;
    clock.advance(245_000);
    assert.equal((await alice.open('/')).status, 200);
    provider.onRefresh = undefined;
    clock.advance(40_000);
    assert.equal((await alice.open('/')).status, 200);
  }
});

test('while the store is out of reach nobody is let in', async (t) => {
  let isOut = false;
  const kept = new Map<string, Uint8Array>();
  const checked = <T>(value: T): Promise<T> =>
    isOut ? Promise.reject(new Error('away')) : Promise.resolve(value);
  const claimed = new Set<string>();
  const { browser, provider, served } = await setting(t, {
    values: {
      claim: (key) => checked(!claimed.has(key) && claimed.add(key).size > 0),
      has: (key) => checked(claimed.has(key)),
      get: (key) => checked(kept.get(key)),
      set: (key, value) => checked(void kept.set(key, value)),
      delete: (key) => checked(void kept.delete(key)),
    },
  });
  const alice = browser();
  await alice.signIn();
  const sent = await browser().open('/');
  isOut = true;
  assert.equal(outcome(await alice.open('/')), unsure);
  assert.equal(outcome(await alice.open('/oidc/out')), unsure);
  const bob = browser();
  const own = await bob.open('/');
  assert.equal(own.status, 302, 'nothing is needed of it for that');
  assert.equal(outcome(await bob.open(`/oidc/back${provider.signIn(locationOf(own))}`)), unsure);
  assert.deepEqual([served.length, sent.status], [0, 302]);
  isOut = false;
  assert.equal((await alice.open('/')).status, 200);
});

test('two gateways refresh a session once between them', async (t) => {
  const kept = new Map<string, Uint8Array>();
  const claimed = new Set<string>();
  const values = {
    claim: (key: string) => !claimed.has(key) && claimed.add(key).size > 0,
    has: (key: string) => claimed.has(key),
    get: (key: string) => kept.get(key),
    set: (key: string, value: Uint8Array) => void kept.set(key, value),
    delete: (key: string) => void kept.delete(key),
  };
  const first = await setting(t, { values, config: { accessToken: 'send' } });
  const second = await setting(t, { values, config: { accessToken: 'send' }, clock: first.clock });
  assert.ok(second.provider instanceof FakeProvider);
  const alice = first.browser();
  await alice.signIn();
  const elsewhere = second.browser();
  for (const [name, value] of alice.cookies) elsewhere.cookies.set(name, value);
  first.clock.advance(310_000);
  const { promise, resolve } = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  first.provider.onRefresh = () => {
    asked.resolve();
    return promise;
  };
  const here = alice.open('/');
  await asked.promise;
  const there = elsewhere.open('/');
  resolve(Response.json({ access_token: 'next', token_type: 'Bearer', expires_in: 300, refresh_token: 'r' }));
  assert.deepEqual([(await here).status, (await there).status], [200, 200]);
  assert.equal(second.provider.refreshes, 0);
  assert.equal(second.served.at(-1)?.headers.get('authorization'), 'Bearer next');
});
