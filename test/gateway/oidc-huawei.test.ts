import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startIdentityProvider } from './support/identity-provider.ts';
import { startGateway } from './support/gateway.ts';
import { Jar } from './support/jar.ts';

const mock = (path: string) => ({
  request: { method: 'GET', path },
  auth: 'none',
  backend: { type: 'mock', status: 200, body: 'mock' },
});

test('huawei/oidc_auth: a whole document signs in and out at a real provider', async () => {
  await using provider = await startIdentityProvider();
  const document = {
    client_id: 'shop',
    client_secret: 'secret of the shop',
    discovery: `${provider.origin}/.well-known/openid-configuration`,
    redirect_api_id: 'main/back',
    logout_api_id: 'main/out',
    scope: 'openid email profile',
    access_token_expires_in: 3600,
    jwt_cache_enabled: true,
    jwks_enabled: true,
    public_key: '',
    redirect_after_logout_uri: '/bye',
    slient_renew_access_token_enabled: true,
  };
  await using running = await startGateway(
    {
      'main/orders': mock('/orders'),
      'main/back': mock('/back'),
      'main/out': mock('/out'),
      'main/bye': mock('/bye'),
    },
    {
      root: {
        plugins: { people: { type: 'huawei/oidc_auth', config: document } },
        bindings: [{ plugin: 'people', apis: ['main/orders'] }],
      },
    },
  );
  const shop = `http://127.0.0.1:${running.port}`;
  provider.register({
    id: 'shop',
    secret: document.client_secret,
    callback: `${shop}/back`,
    afterLogout: `${shop}/bye`,
  });
  const jar = new Jar();

  const refused = await jar.ask(`${shop}/orders`, { headers: { accept: 'application/json' } });
  assert.equal(refused.status, 401);
  const form = await jar.follow(`${shop}/orders`);
  assert.match(form.text, /name="login"/);
  const signedIn = await jar.ask(form.address, { method: 'POST', body: 'login=alice' });
  const page = await jar.follow(signedIn.location);
  assert.deepEqual([page.status, page.text, page.address], [200, 'mock', `${shop}/orders`]);
  assert.deepEqual(provider.granted, ['authorization_code']);
  assert.equal(running.completed.at(-1)?.exchange?.identity?.id, 'alice');

  const forged = await jar.ask(`${shop}/orders`, { headers: { authorization: 'Bearer e30.e30.e30' } });
  assert.match(`${forged.status} ${forged.text}`, /^401 .*APIG\.0305/);
  assert.match((await jar.ask(`${shop}/back?code=x&state=y`)).text, /APIG\.0305/);

  const out = await jar.follow(`${shop}/out`);
  assert.match(out.text, /name="logout"/);
  const [, xsrf = ''] = /name="xsrf" value="([^"]*)"/.exec(out.text) ?? [];
  const done = await jar.ask(`${provider.origin}/session/end/confirm`, {
    method: 'POST',
    body: `xsrf=${xsrf}&logout=yes`,
  });
  assert.equal(done.location, `${shop}/bye`);
  assert.match((await jar.follow(`${shop}/orders`)).text, /name="login"/);
});
