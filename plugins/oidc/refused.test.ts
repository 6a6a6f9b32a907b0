import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { passing, setting } from './testing.ts';

const mock = (path: string, more: object = {}) => ({
  request: { method: 'GET', path },
  auth: 'none',
  backend: { type: 'mock' },
  ...more,
});

const apis = {
  'shop/a': passing('/a'),
  'shop/back': mock('/back'),
  'shop/out': mock('/out'),
  'shop/prefix': mock('/p', { request: { method: 'GET', path: '/p', match: 'prefix' } }),
  'shop/post': mock('/post', { request: { method: 'POST', path: '/post' } }),
  'shop/app': mock('/app', { auth: 'app' }),
  'other/back': mock('/back'),
};

const document = {
  client_id: 'shop',
  client_secret: 'a secret: of %& the shop',
  discovery: 'https://id.test/.well-known/openid-configuration',
  redirect_api_id: 'shop/back',
  logout_api_id: 'shop/out',
  scope: 'openid email profile',
  access_token_expires_in: 3600,
  jwt_cache_enabled: true,
  jwks_enabled: true,
  public_key: '',
  redirect_after_logout_uri: 'https://www.shop.test/bye',
  slient_renew_access_token_enabled: true,
};

const context = { after: () => undefined };

/** The problems of a binding with these options. */
async function problems(type: string, config: object, more: object = {}): Promise<string> {
  try {
    const root = {
      apis,
      groups: { shop: { domains: ['shop.test'] }, other: { domains: ['other.test'] } },
      bindings: [{ plugin: 'people', apis: ['shop/a'] }],
      ...more,
    };
    const { gateway } = await setting(context, { type, config: config as never, root });
    await gateway.close();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('wrong options are refused, with the line', async () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [
      { discovery: 'http://id.test' },
      /config\.discovery: found "http:\/\/id\.test"; allowed: an https:\/\/ address/,
    ],
    [{ discovery: 'https://id.test/.well-known/other' }, /discovery: "issuer" is missing/],
    [{ discovery: 'id.test' }, /discovery: found "id\.test"/],
    [{ scope: 'email' }, /scope: found "email"; "openid" must be part of it/],
    [{ callbackPath: undefined }, /one of "callbackApi" and "callbackPath" must be there/],
    [{ callbackApi: 'shop/back' }, /one of "callbackApi" and "callbackPath" must be there/],
    [{ logoutApi: 'shop/out' }, /only one of "logoutApi" and "logoutPath"/],
    [{ logoutPath: '/oidc/back' }, /the same path, \/oidc\/back/],
    [{ publicKey: 'PUBLIC KEY' }, /publicKey: it must be a public key/],
    [{ claims: [{ claim: 'sub', header: 'Cookie' }] }, /claims\[0\]\.header: found "Cookie"/],
    [{ idTokenHeader: 'authorization' }, /idTokenHeader: found "authorization"/],
    [{ afterLogout: '//evil.test' }, /afterLogout: found/],
    [{ origin: 'https://shop.test/' }, /origin: found/],
    [{ clientSecrt: 'x' }, /clientSecrt: unknown field; .*did you mean "clientSecret"/],
    [{ session: { idleSeconds: 1 } }, /session\.idleSeconds: found 1/],
  ];
  for (const [config, expected] of wrong) {
    const text = await problems('oidc', config);
    assert.match(text, expected, JSON.stringify(config));
    assert.match(text, /^gateway\.yaml:\d+:\d+ plugins\.people\.config/m);
    assert.doesNotMatch(text, /a secret/);
  }
  assert.equal(await problems('oidc', { discovery: 'http://localhost:9000' }), '');
  assert.equal(await problems('oidc', { discovery: 'http://id.test', allowInsecure: true }), '');
});

test('the APIs that sign in and out have to be fit for it', async () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['shop/bakc', /there is no API "shop\/bakc"; .*did you mean "shop\/back"/],
    ['other/back', /the API "other\/back" is not of the group "shop"/],
    ['shop/prefix', /must have one path, matched exactly/],
    ['shop/post', /takes POST; allowed: GET, ANY/],
    ['shop/app', /must have auth: none/],
    ['shop/out', /the same path, \/out/],
  ];
  for (const [redirect_api_id, expected] of wrong) {
    const text = await problems('huawei/oidc_auth', { ...document, redirect_api_id });
    assert.match(text, expected);
    assert.match(text, /^gateway\.yaml:\d+:\d+ plugins\.people\.config/m);
  }
});

test('two bindings have no path in common', async () => {
  const plugins = {
    people: { type: 'huawei/oidc_auth', config: document },
    more: { type: 'huawei/oidc_auth', config: { ...document, client_id: 'other', logout_api_id: null } },
  };
  const bindings = [
    { plugin: 'people', apis: ['shop/a'] },
    { plugin: 'more', apis: ['shop/prefix'] },
  ];
  assert.match(
    await problems('huawei/oidc_auth', document, { plugins, bindings }),
    /found shop\/back, which "people" has too/,
  );
});

test('huawei/oidc_auth: wrong documents are refused, with the line', async () => {
  const { publicKey } = generateKeyPairSync('x25519');
  const { client_secret: _secret, ...withoutSecret } = document;
  const wrong: readonly (readonly [object, RegExp])[] = [
    [withoutSecret, /config: .*client_secret/],
    [{ ...document, discovery: 'http://id.test' }, /config\.discovery: found/],
    [
      { ...document, jwks_enabled: false },
      /config\.jwks_enabled: found false; then "public_key" must be there/,
    ],
    [
      { ...document, public_key: publicKey.export({ format: 'pem', type: 'spki' }) },
      /config\.public_key: it must be a public key/,
    ],
    [{ ...document, redirect_after_logout_uri: 'javascript:x' }, /config\.redirect_after_logout_uri: found/],
    [{ ...document, scope: 'email' }, /config\.scope: found "email"/],
    [{ ...document, access_token_expires_in: 0 }, /config\.access_token_expires_in: found 0/],
    [
      { ...document, silent_renew_access_token_enabled: true },
      /did you mean "slient_renew_access_token_enabled"/,
    ],
  ];
  for (const [config, expected] of wrong) {
    const text = await problems('huawei/oidc_auth', config);
    assert.match(text, expected);
    assert.match(text, /^gateway\.yaml:\d+:\d+ plugins\.people\.config/m);
  }
  assert.equal(await problems('huawei/oidc_auth', document), '');
});
