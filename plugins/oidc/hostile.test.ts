import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { type Browser, clientId, issuer, locationOf, makeKey, outcome, setting } from './testing.ts';

const failed = '401 APIG.0305';

/** A browser that is on its way to the provider, and where it is sent. */
async function onTheWay(browser: Browser): Promise<string> {
  return locationOf(await browser.open('/orders'));
}

test('a state that this browser did not begin, or that was changed, signs nobody in', async (t) => {
  const { provider, browser } = await setting(t);
  const [alice, mallory] = [browser(), browser()];
  const query = provider.signIn(await onTheWay(mallory));
  // Mallory's code in the browser of Alice, who has begun a sign-in of her own or none.
  assert.equal(outcome(await alice.open(`/oidc/back${query}`)), failed);
  await onTheWay(alice);
  assert.equal(outcome(await alice.open(`/oidc/back${query}`)), failed);
  const state = new URLSearchParams(query).get('state') ?? '';
  for (const wrong of ['', `${state}x`, state.slice(0, -1), `${state.slice(0, 12)}${'A'.repeat(31)}`])
    assert.equal(
      outcome(await mallory.open(`/oidc/back?code=c&iss=${issuer}&state=${wrong}`)),
      failed,
      wrong,
    );
  assert.equal(outcome(await mallory.open(`/oidc/back${query}&state=${state}`)), failed, 'twice');
  assert.equal(outcome(await mallory.open('/oidc/back')), failed);
  assert.equal(provider.asked.includes('POST /token'), false, 'the provider was not even asked');
  assert.equal([alice.session, mallory.session].some(Boolean), false);
});

test('what came back once does not sign in again, also with the cookies of then', async (t) => {
  const { provider, browser } = await setting(t);
  const alice = browser();
  const query = provider.signIn(await onTheWay(alice));
  const cookies = new Map(alice.cookies);
  assert.equal((await alice.open(`/oidc/back${query}`)).status, 302);
  const replayed = browser();
  for (const [name, value] of cookies) replayed.cookies.set(name, value);
  const tokens = provider.refreshes;
  assert.equal(outcome(await replayed.open(`/oidc/back${query}`)), failed);
  assert.equal(provider.refreshes, tokens);
});

test('a sign-in is good for ten minutes', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const alice = browser();
  const query = provider.signIn(await onTheWay(alice));
  clock.advance(601_000);
  assert.equal(outcome(await alice.open(`/oidc/back${query}`)), failed);
});

test('a code that was issued to another client, or for another browser, is refused', async (t) => {
  const { provider, browser } = await setting(t);
  const alice = browser();
  assert.equal(
    outcome(await alice.open(`/oidc/back${provider.signIn(await onTheWay(alice), 'other')}`)),
    failed,
  );
  // Mallory's code with Alice's own state: PKCE ties a code to the browser that asked for it.
  const code = new URLSearchParams(provider.signIn(await onTheWay(browser()))).get('code') ?? '';
  const own = new URLSearchParams(provider.signIn(await onTheWay(alice)));
  own.set('code', code);
  assert.equal(outcome(await alice.open(`/oidc/back?${own.toString()}`)), failed);
  assert.equal(alice.session, undefined);
});

test('an answer of another provider, or of nobody, is refused before the code goes anywhere (mix-up)', async (t) => {
  const { provider, browser } = await setting(t);
  for (const iss of ['https://evil.test', undefined]) {
    const alice = browser();
    const query = new URLSearchParams(provider.signIn(await onTheWay(alice)));
    query.delete('iss');
    if (iss !== undefined) query.set('iss', iss);
    assert.equal(outcome(await alice.open(`/oidc/back?${query.toString()}`)), failed);
  }
  assert.equal(provider.asked.includes('POST /token'), false);
});

test("a provider's error ends the sign-in, and its words do not reach the caller", async (t) => {
  const { browser } = await setting(t);
  const alice = browser();
  const state = new URL(await onTheWay(alice)).searchParams.get('state');
  const answer = await alice.open(
    `/oidc/back?error=access_denied&error_description=boo&iss=${issuer}&state=${state}`,
  );
  assert.equal(outcome(answer), failed);
  assert.doesNotMatch(answer.text, /boo|access_denied/);
  assert.equal(alice.cookies.size, 0);
});

test('id tokens that are not for this sign-in are refused', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const now = Math.floor(clock.now() / 1000);
  const attempt = async (): Promise<string> => {
    const alice = browser();
    const answer = await alice.signIn();
    assert.equal(alice.session !== undefined, answer.status === 302);
    return outcome(answer);
  };
  assert.equal(await attempt(), '302');
  for (const claims of [
    { nonce: 'another' },
    { nonce: undefined },
    { aud: 'other' },
    { aud: ['other', 'more'] },
    { aud: [clientId, 'other'] },
    { aud: [clientId, 'other'], azp: 'other' },
    { azp: 'other' },
    { iss: 'https://evil.test' },
    { exp: now - 60 },
    { exp: undefined },
    { sub: undefined },
    { sub: '' },
    { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' },
  ]) {
    provider.claims = claims;
    assert.equal(await attempt(), failed, JSON.stringify(claims));
  }
});

test('id tokens that nobody signed, or somebody else did, are refused', async (t) => {
  const { provider, browser } = await setting(t);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const secret = createSecretKey(Buffer.from('a secret: of %& the shop'));
  const other = makeKey('first');
  const forged: Record<string, (claims: Readonly<Record<string, unknown>>) => string | Promise<string>> = {
    none: (claims) => `${part({ alg: 'none' })}.${part(claims)}.`,
    'none, with a signature': (claims) => `${part({ alg: 'none' })}.${part(claims)}.AAAA`,
    'HS256 with the secret': (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret),
    'HS256 with the public key': (claims) => {
      const text = `${part({ alg: 'HS256', kid: 'first' })}.${part(claims)}`;
      return `${text}.${createHmac('sha256', provider.key.pem).update(text).digest('base64url')}`;
    },
    'another key of that name': (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'first' }).sign(other.privateKey),
    'its own key in the head': (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', jwk: other.jwk }).sign(other.privateKey),
  };
  for (const [how, idToken] of Object.entries(forged)) {
    provider.idToken = idToken;
    const alice = browser();
    assert.equal(outcome(await alice.signIn()), failed, how);
    assert.equal(alice.session, undefined);
  }
});

test('changed cookies are no session and no sign-in', async (t) => {
  const { provider, browser } = await setting(t);
  const alice = browser();
  const query = provider.signIn(await onTheWay(alice));
  const [[flow = '', sealed = ''] = []] = alice.cookies;
  const bytes = Buffer.from(sealed, 'base64url');
  for (const at of [0, 12, 30, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const mallory = browser();
    mallory.cookies.set(flow, changed.toString('base64url'));
    assert.equal(outcome(await mallory.open(`/oidc/back${query}`)), failed, `byte ${at}`);
  }
  for (const text of ['', 'A', '%', 'A'.repeat(28 * 4)]) {
    const mallory = browser();
    mallory.cookies.set(flow, text);
    assert.equal(outcome(await mallory.open(`/oidc/back${query}`)), failed);
  }
  assert.equal((await alice.open(`/oidc/back${query}`)).status, 302);
  const [name = '', id = ''] = alice.session ?? [];
  for (const wrong of [`${id}A`, id.slice(1), `B${id.slice(1)}`, '../x', 'A'.repeat(43), '']) {
    const mallory = browser();
    mallory.cookies.set(name, wrong);
    assert.equal((await mallory.open('/')).status, 302, wrong);
  }
});

test('a cookie of a sign-in opens for its own state alone', async (t) => {
  const { provider, browser } = await setting(t);
  const alice = browser();
  const first = await onTheWay(alice);
  const [[, sealed = ''] = []] = alice.cookies;
  const second = await onTheWay(alice);
  const state = new URL(second).searchParams.get('state') ?? '';
  const [name = ''] = [...alice.cookies.keys()].filter((each) => each.includes(state.slice(0, 12)));
  alice.cookies.set(name, sealed);
  assert.equal(outcome(await alice.open(`/oidc/back${provider.signIn(second)}`)), failed);
  assert.equal((await alice.open(`/oidc/back${provider.signIn(first)}`)).status, 302);
});

test('two cookies of one name are none: one was put there by somebody else', async (t) => {
  const { browser, gateway } = await setting(t);
  const alice = browser();
  await alice.signIn();
  const [name, id] = alice.session ?? [];
  const ask = (cookie: string) => gateway.request('GET', 'https://shop.test/', { headers: { cookie } });
  assert.equal((await ask(`${name}=${id}`)).status, 200);
  assert.equal((await ask(`${name}=${id}; ${name}=${id}`)).status, 401);
  assert.equal(
    (await ask(`${name?.replace('__Host-', '')}=${id}`)).status,
    401,
    'one that a subdomain can set',
  );
});

test('nobody is sent to another site after signing in', async (t) => {
  const { browser } = await setting(t);
  for (const path of [
    '//evil.test',
    '/\\evil.test',
    '/%5cevil.test',
    '/x?next=https://evil.test',
    '/@evil.test',
  ]) {
    const back = await browser().signIn(path);
    assert.equal(back.status, 302);
    assert.equal(new URL(locationOf(back)).host, 'shop.test', path);
  }
});

test('signing in makes a new session: an id that was there before is worth nothing', async (t) => {
  const { browser } = await setting(t);
  const [probe, mallory, alice] = [browser(), browser(), browser()];
  await probe.signIn();
  const [name = ''] = probe.session ?? [];
  const planted = 'A'.repeat(43);
  mallory.cookies.set(name, planted);
  alice.cookies.set(name, planted);
  await alice.signIn();
  assert.notEqual(alice.session?.[1], planted);
  assert.equal((await alice.open('/')).status, 200);
  assert.equal((await mallory.open('/')).status, 302);
});

test('signing in again ends the session that was there', async (t) => {
  const { provider, browser } = await setting(t);
  const alice = browser();
  const query = provider.signIn(await onTheWay(alice));
  await alice.signIn();
  const before = browser();
  for (const [name, value] of alice.cookies) before.cookies.set(name, value);
  assert.equal((await before.open('/')).status, 200);
  assert.equal((await alice.open(`/oidc/back${query}`)).status, 302);
  assert.equal((await before.open('/')).status, 302);
  assert.equal((await alice.open('/')).status, 200);
});

test('many tabs, long addresses and huge cookies do no harm', async (t) => {
  const { provider, browser } = await setting(t);
  const alice = browser();
  const sent: string[] = [];
  for (let tab = 0; tab < 20; tab += 1) sent.push(await onTheWay(alice));
  assert.equal(alice.cookies.size, 5);
  assert.equal(outcome(await alice.open(`/oidc/back${provider.signIn(sent[0] ?? '')}`)), failed);
  assert.equal((await alice.open(`/oidc/back${provider.signIn(sent[19] ?? '')}`)).status, 302);
  const far = await browser().open(`/x?${'a'.repeat(8000)}`);
  assert.ok((far.headers.get('set-cookie') ?? '').length < 4096);
  const heavy = browser();
  heavy.cookies.set(alice.session?.[0] ?? '', 'A'.repeat(20_000));
  heavy.cookies.set('__Host-tapgate-oidc-x-f', 'B'.repeat(8000));
  assert.equal((await heavy.open('/')).status, 302);
});

test('other sites cannot sign anybody out', async (t) => {
  const { browser, provider } = await setting(t);
  const alice = browser();
  await alice.signIn();
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { referer: 'https://evil.test/' },
    { referer: 'https://shop.test.evil.test/' },
    { origin: 'https://evil.test' },
    { origin: 'null' },
  ]) {
    for (const method of ['GET', 'POST']) {
      const answer = await alice.fetch(method, '/oidc/out', headers);
      assert.equal(outcome(answer), '403 APIG.0306', JSON.stringify(headers));
      assert.equal(answer.headers.has('set-cookie'), false);
    }
  }
  assert.equal((await alice.open('/')).status, 200);
  assert.deepEqual(provider.revoked, []);
  assert.equal((await alice.open('/oidc/out', { referer: 'https://shop.test/x' })).status, 302);
});

test('whoever reads or writes the store learns nothing and is nobody else', async (t) => {
  const store = new Map<string, Uint8Array>();
  const values = {
    claim: () => true,
    has: () => false,
    get: (key: string) => store.get(key),
    set: (key: string, value: Uint8Array) => void store.set(key, value),
    delete: (key: string) => void store.delete(key),
  };
  const { browser, gateway } = await setting(t, { values });
  const [alice, mallory] = [browser(), browser()];
  const keyOf = (isNew: (key: string) => boolean): string =>
    [...store.keys()].find((key) => !key.endsWith('seen') && isNew(key)) ?? assert.fail('nothing was kept');
  await alice.signIn();
  const hers = keyOf(() => true);
  await mallory.signIn();
  const own = keyOf((key) => key !== hers);
  const text = Array.from(store, ([key, value]) => key + Buffer.from(value).toString('latin1')).join();
  assert.doesNotMatch(text, /access-|refresh-|alice/);
  assert.equal(
    text.includes(alice.session?.[1] ?? ''),
    false,
    'an id in the store would sign in whoever reads it',
  );
  assert.equal((await mallory.open('/')).status, 200);
  store.set(own, store.get(hers) ?? new Uint8Array());
  assert.equal((await mallory.open('/')).status, 302, 'a session opens where it was put alone');
  assert.doesNotMatch(JSON.stringify(gateway.log), /access-|refresh-|secret/);
});
