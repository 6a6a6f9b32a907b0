import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Setting, locationOf, outcome, passing, setting } from './testing.ts';

const minute = 60_000;

test('a browser is sent to the provider, comes back, and is let in', async (t) => {
  const { provider, browser, served } = await setting(t);
  const alice = browser();
  const sent = await alice.open('/orders?page=2');
  const query = new URL(locationOf(sent)).searchParams;
  assert.deepEqual(
    [sent.status, sent.headers.get('cache-control'), query.get('redirect_uri'), query.get('scope')],
    [302, 'no-store', 'https://shop.test/oidc/back', 'openid email profile'],
  );
  const back = await alice.open(`/oidc/back${provider.signIn(locationOf(sent))}`);
  assert.deepEqual(
    [back.status, locationOf(back), back.headers.get('cache-control')],
    [302, 'https://shop.test/orders?page=2', 'no-store'],
  );
  assert.deepEqual([...alice.cookies.keys()], [alice.session?.[0]], 'only the session is left');
  assert.equal((await alice.open('/orders')).status, 200);
  assert.equal(served.length, 1);
  assert.equal((await browser().open('/orders')).status, 302, 'nobody else is');
});

test('what is no page of a browser gets 401 and no redirect', async (t) => {
  const { browser, served } = await setting(t);
  for (const [method, headers] of [
    ['GET', { accept: 'application/json' }],
    ['GET', { accept: 'text/html', 'sec-fetch-mode': 'cors' }],
    ['GET', { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' }],
    ['POST', { accept: 'text/html', 'sec-fetch-mode': 'navigate' }],
    ['GET', {}],
  ] as const) {
    const answer = await browser().fetch(method, '/', headers);
    assert.equal(outcome(answer), '401 APIG.0305');
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    assert.deepEqual(answer.headers.getAll('set-cookie'), []);
  }
  assert.equal((await browser().fetch('GET', '/', { accept: 'text/html' })).status, 302);
  assert.equal(served.length, 0);
});

test('the backend gets claims and tokens where the operator says so, and never cookies or what callers made up', async (t) => {
  const claims = [
    { claim: 'sub', header: 'X-User' },
    { claim: 'name', header: 'X-Name' },
    { claim: 'groups', header: 'X-Groups' },
    { claim: 'absent', header: 'X-Absent' },
  ];
  const { provider, browser, served } = await setting(t, {
    config: { claims, accessToken: 'send', idTokenHeader: 'X-Id-Token' },
  });
  provider.claims = { name: 'Ålice\r\nX-Evil: 1', groups: ['a', 'b'] };
  const alice = browser();
  await alice.signIn();
  alice.cookies.set('theme', 'dark');
  await alice.open('/', { 'x-user': 'root', 'x-absent': 'here', 'x-id-token': 'mine' });
  const headers = served.at(-1)?.headers;
  assert.deepEqual(headers?.getAll('cookie'), ['theme=dark']);
  assert.deepEqual(headers.getAll('authorization'), ['Bearer access-1']);
  assert.deepEqual([headers.getAll('x-user'), headers.getAll('x-groups')], [['alice'], ['a,b']]);
  assert.deepEqual([headers.has('x-absent'), headers.has('x-evil')], [false, false]);
  assert.equal(Buffer.from(headers.get('x-name') ?? '', 'latin1').toString(), 'Ålice X-Evil: 1');
  assert.match(headers.get('x-id-token') ?? '', /^ey.*\..*\./);
});

test('who calls is known to what comes after: claims in conditions', async (t) => {
  const { browser } = await setting(t, {
    root: {
      plugins: {
        people: {
          type: 'oidc',
          config: {
            clientId: 'shop',
            clientSecret: 'a secret: of %& the shop',
            discovery: 'https://id.test',
            callbackPath: '/oidc/back',
          },
        },
        routes: {
          type: 'alibaba/routing',
          config: {
            parameters: { mail: 'Token:email' },
            routes: [
              {
                name: 'alice',
                condition: "$mail = 'alice@test'",
                backend: { type: 'MOCK', statusCode: 218, mockBody: 'hi' },
              },
            ],
          },
        },
      },
      bindings: [
        { plugin: 'people', apis: ['shop/all'] },
        { plugin: 'routes', apis: ['shop/all'] },
      ],
    },
  });
  const alice = browser();
  await alice.signIn();
  assert.equal((await alice.open('/')).status, 218);
});

test('an access token is refreshed before it expires, once for all who ask', async (t) => {
  const { provider, browser, served, clock } = await setting(t, { config: { accessToken: 'send' } });
  const alice = browser();
  await alice.signIn();
  clock.advance(4 * minute + 1000);
  const answers = await Promise.all(Array.from({ length: 8 }, () => alice.open('/')));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(provider.refreshes, 2, 'the code, and one refresh');
  await alice.open('/');
  assert.equal(served.at(-1)?.headers.get('authorization'), 'Bearer access-2');
  clock.advance(5 * minute);
  await alice.open('/');
  assert.equal(served.at(-1)?.headers.get('authorization'), 'Bearer access-3', 'the rotated token is good');
});

test('short-lived access tokens are refreshed after half of their time, not with each request', async (t) => {
  const { provider, browser, clock } = await setting(t);
  provider.expiresIn = 30;
  const alice = browser();
  await alice.signIn();
  for (const [seconds, requests] of [
    [14, 1],
    [1, 2],
    [14, 2],
    [1, 3],
  ] as const) {
    clock.advance(seconds * 1000);
    assert.equal((await alice.open('/')).status, 200);
    assert.equal(provider.refreshes, requests);
  }
});

test('a refresh is not lost over a userinfo that cannot be had', async (t) => {
  const claims = [{ claim: 'phone', header: 'X-Phone' }];
  const { provider, browser, served, clock } = await setting(t, { config: { userInfo: true, claims } });
  const alice = browser();
  await alice.signIn();
  provider.hasUserInfo = false;
  for (const count of [2, 3]) {
    clock.advance(4 * minute + 1000);
    assert.equal((await alice.open('/')).status, 200);
    assert.equal(provider.refreshes, count);
    assert.equal(served.at(-1)?.headers.get('x-phone'), '123');
  }
});

test('a refresh that the provider refuses means signing in again', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const alice = browser();
  await alice.signIn();
  provider.onRefresh = () => Response.json({ error: 'invalid_grant' }, { status: 400 });
  clock.advance(4 * minute + 1000);
  assert.equal(outcome(await alice.fetch('GET', '/')), '401 APIG.0305');
  provider.onRefresh = undefined;
  assert.equal((await alice.open('/')).status, 302);
  assert.equal((await alice.signIn()).status, 302);
  assert.equal((await alice.open('/')).status, 200);
});

test('a refreshed id token must be about the same person', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const alice = browser();
  await alice.signIn();
  provider.claims = { sub: 'mallory' };
  clock.advance(4 * minute + 1000);
  assert.equal((await alice.open('/')).status, 302);
});

test('without refreshing a session ends with its access token', async (t) => {
  for (const how of ['option', 'provider'] as const) {
    const { provider, browser, clock } = await setting(t, {
      config: { refresh: { enabled: how === 'provider' } },
    });
    provider.hasRefreshTokens = how === 'option';
    const alice = browser();
    await alice.signIn();
    clock.advance(5 * minute - 1000);
    assert.equal((await alice.open('/')).status, 200);
    clock.advance(1000);
    assert.equal((await alice.open('/')).status, 302);
  }
});

test('accessTokenSeconds stands in for what the provider does not say', async (t) => {
  const { provider, browser, clock } = await setting(t, {
    config: { accessTokenSeconds: 100, refresh: { enabled: false } },
  });
  provider.expiresIn = undefined;
  const alice = browser();
  await alice.signIn();
  clock.advance(99_000);
  assert.equal((await alice.open('/')).status, 200);
  clock.advance(1000);
  assert.equal((await alice.open('/')).status, 302);
});

test('a session ends after its lifetime, whatever is done with it', async (t) => {
  const { provider, browser, clock } = await setting(t, {
    config: { session: { idleSeconds: 600, lifetimeSeconds: 1800 } },
  });
  provider.expiresIn = 100_000;
  const busy = browser();
  await busy.signIn();
  for (const status of [200, 200, 200, 302]) {
    clock.advance(status === 200 ? 9 * minute : 3 * minute);
    assert.equal((await busy.open('/')).status, status);
  }
});

test('a session that nobody uses ends', async (t) => {
  const { provider, browser, clock } = await setting(t, { config: { session: { idleSeconds: 600 } } });
  provider.expiresIn = 100_000;
  const alice = browser();
  await alice.signIn();
  clock.advance(10 * minute);
  assert.equal((await alice.open('/')).status, 302);
});

test('signing out ends the session here and at the provider', async (t) => {
  const { provider, browser } = await setting(t, { config: { afterLogout: '/bye' } });
  const alice = browser();
  await alice.signIn();
  const stolen = browser();
  for (const [name, value] of alice.cookies) stolen.cookies.set(name, value);
  const out = await alice.open('/oidc/out', { 'sec-fetch-site': 'same-origin' });
  const there = new URL(locationOf(out));
  assert.equal(out.status, 302);
  assert.equal(there.origin + there.pathname, 'https://id.test/end');
  assert.equal(there.searchParams.get('post_logout_redirect_uri'), 'https://shop.test/bye');
  assert.match(there.searchParams.get('id_token_hint') ?? '', /^ey/);
  assert.equal(alice.cookies.size, 0);
  assert.deepEqual(provider.revoked, ['refresh-1']);
  assert.equal((await stolen.open('/')).status, 302, 'the id is worth nothing any more');
});

test('without a session, or a page to go to, signing out says so', async (t) => {
  const { provider, browser } = await setting(t);
  const alice = browser();
  const none = await alice.open('/oidc/out');
  assert.deepEqual([none.status, none.text, none.headers.has('set-cookie')], [200, 'Signed out.\n', false]);
  provider.metadata = { end_session_endpoint: undefined };
  await alice.signIn();
  const out = await alice.fetch('POST', '/oidc/out', { 'sec-fetch-site': 'same-origin' });
  assert.deepEqual([out.status, alice.cookies.size], [200, 0]);
  assert.equal((await alice.fetch('PUT', '/oidc/out')).status, 405);
});

test('a session that is refreshed while somebody signs out stays ended', async (t) => {
  const { provider, browser, clock } = await setting(t);
  const alice = browser();
  await alice.signIn();
  const cookies = new Map(alice.cookies);
  clock.advance(4 * minute + 1000);
  const { promise, resolve } = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  provider.onRefresh = () => {
    asked.resolve();
    return promise;
  };
  const refreshing = alice.open('/');
  await asked.promise;
  await alice.open('/oidc/out');
  resolve(
    Response.json({ access_token: 'late', token_type: 'Bearer', expires_in: 300, refresh_token: 'late' }),
  );
  assert.equal((await refreshing).status, 302);
  for (const [name, value] of cookies) alice.cookies.set(name, value);
  assert.equal((await alice.open('/')).status, 302);
});

test('APIs of one binding share sessions; APIs of the operator serve signing in and out', async (t) => {
  const { browser, served } = await setting(t, {
    root: {
      apis: {
        'shop/a': passing('/a'),
        'shop/b': passing('/b'),
        'shop/open': passing('/open'),
        'shop/back': {
          request: { method: 'GET', path: '/oidc/back' },
          auth: 'none',
          backend: { type: 'mock' },
        },
        'shop/out': { request: { method: 'GET', path: '/out' }, auth: 'none', backend: { type: 'mock' } },
      },
      plugins: {
        people: {
          type: 'oidc',
          config: {
            clientId: 'shop',
            clientSecret: 'a secret: of %& the shop',
            discovery: 'https://id.test/.well-known/openid-configuration',
            callbackApi: 'shop/back',
            logoutApi: 'shop/out',
          },
        },
      },
      bindings: [{ plugin: 'people', apis: ['shop/a', 'shop/b'] }],
    },
  });
  const alice = browser();
  assert.equal((await alice.signIn('/a')).status, 302);
  for (const path of ['/a', '/b', '/open']) {
    assert.equal((await alice.open(path)).status, 200);
    assert.equal(served.at(-1)?.headers.has('cookie'), false, path);
  }
  assert.equal((await alice.open('/out')).status, 302);
  assert.equal((await alice.open('/b')).status, 302);
});

test('bound to all APIs of a group, the plugin still serves those for signing in and out', async (t) => {
  const { browser } = await setting(t, {
    root: {
      apis: {
        'shop/a': passing('/a'),
        'shop/back': {
          request: { method: 'GET', path: '/oidc/back' },
          auth: 'none',
          backend: { type: 'mock' },
        },
      },
      plugins: {
        people: {
          type: 'oidc',
          config: {
            clientId: 'shop',
            clientSecret: 'a secret: of %& the shop',
            discovery: 'https://id.test',
            callbackApi: 'shop/back',
          },
        },
      },
      bindings: [{ plugin: 'people', apis: ['shop/*'] }],
    },
  });
  const alice = browser();
  assert.equal(locationOf(await alice.signIn('/a')), 'https://shop.test/a');
  assert.equal((await alice.open('/a')).status, 200);
});

test('paths that need no API are served in the domains of the group alone', async (t) => {
  const { browser, gateway } = await setting(t, {
    root: {
      groups: { shop: { domains: ['shop.test'] }, other: { domains: ['other.test'] } },
      apis: { 'shop/a': passing('/a'), 'other/a': passing('/a') },
      bindings: [{ plugin: 'people', apis: ['shop/a'] }],
    },
  });
  const alice = browser();
  assert.equal((await alice.signIn('/a')).status, 302);
  assert.equal((await alice.open('/a')).status, 200);
  assert.equal((await gateway.request('GET', 'https://other.test/oidc/out')).status, 404);
  assert.equal((await gateway.request('GET', 'https://shop.test/oidc/out')).status, 200);
});

test('an origin of the operator stands for TLS that ends elsewhere; ports of the caller are kept', async (t) => {
  const away = await setting(t, { config: { origin: 'https://www.shop.test' } });
  const sent = await away.gateway.request('GET', 'http://shop.test/x', { headers: { accept: 'text/html' } });
  const uri = (answer: typeof sent) => new URL(locationOf(answer)).searchParams.get('redirect_uri');
  assert.equal(uri(sent), 'https://www.shop.test/oidc/back');
  assert.match(sent.headers.get('set-cookie') ?? '', /^__Host-.*; Secure/);
  const odd = await setting(t, { config: { origin: 'https://WWW.shop.test:443' } });
  const other = await odd.gateway.request('GET', 'http://shop.test/x', { headers: { accept: 'text/html' } });
  assert.equal(uri(other), 'https://www.shop.test/oidc/back', 'as it is written when the code is traded');
  const plain = await setting(t);
  const alice = plain.browser({ origin: 'http://shop.test:8080' });
  assert.equal(uri(await alice.open('/')), 'http://shop.test:8080/oidc/back');
  assert.equal(locationOf(await alice.signIn('/')), 'http://shop.test:8080/');
  assert.equal((await alice.open('/')).status, 200);
});

test('claims of the userinfo endpoint are added, and do not replace those of the id token', async (t) => {
  const claims = [
    { claim: 'phone', header: 'X-Phone' },
    { claim: 'email', header: 'X-Email' },
  ];
  const { browser, served } = await setting(t, { config: { userInfo: true, claims } });
  const alice = browser();
  await alice.signIn();
  await alice.open('/');
  assert.deepEqual(
    ['x-phone', 'x-email'].map((name) => served.at(-1)?.headers.get(name)),
    ['123', 'alice@test'],
  );
});

test('a reload keeps sessions', async (t) => {
  const { browser, gateway } = await setting(t);
  const alice = browser();
  await alice.signIn();
  await gateway.reload({
    groups: { shop: { domains: ['shop.test'] } },
    apis: { 'shop/all': passing('/', 'prefix'), 'shop/new': passing('/new') },
    plugins: {
      people: {
        type: 'oidc',
        config: {
          clientId: 'shop',
          clientSecret: 'a secret: of %& the shop',
          discovery: 'https://id.test/.well-known/openid-configuration',
          callbackPath: '/elsewhere',
          scope: 'openid',
        },
      },
    },
    bindings: [{ plugin: 'people', apis: ['shop/*'] }],
  });
  assert.equal((await alice.open('/new')).status, 200);
});

test('explain tells what it does', async (t) => {
  const { gateway }: Setting = await setting(t);
  const lines = gateway.describe('GET', 'https://shop.test/').filter((line) => line.startsWith('people'));
  assert.deepEqual(lines, [
    'people: signs in at https://id.test/.well-known/openid-configuration as shop, for openid email profile',
    'people: a bearer token stands for a session; access tokens are refreshed',
  ]);
});
