import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startIdentityProvider } from '../gateway/support/identity-provider.ts';
import { Jar } from '../gateway/support/jar.ts';
import { Fleet } from './support.ts';

test('who signed in with one worker is signed in with all of them', async () => {
  await using provider = await startIdentityProvider();
  const config = {
    clientId: 'shop',
    clientSecret: 'secret',
    discovery: provider.origin,
    callbackPath: '/oidc/back',
    logoutPath: '/oidc/out',
    session: { idleSeconds: 600 },
  };
  const api = (path: string, body: string) => ({
    request: { method: 'GET', path },
    auth: 'none',
    backend: { type: 'mock', status: 200, body },
  });
  const fleet = await Fleet.start({
    workers: 2,
    groups: { g: { domains: ['*'] } },
    apis: { 'g/who': api('/who', 'in') },
    extensions: { probe: { source: './probe' } },
    plugins: { people: { type: 'oidc', config }, probe: { type: 'probe' } },
    bindings: [{ plugin: 'people', apis: ['g/who'] }],
  });
  after(() => fleet.served.end('SIGTERM'));
  await fleet.settled(2);
  const shop = `http://127.0.0.1:${fleet.port}`;
  provider.register({ id: 'shop', secret: 'secret', callback: `${shop}/oidc/back`, afterLogout: shop });
  const jar = new Jar();
  const form = await jar.follow(`${shop}/who`);
  const signedIn = await jar.ask(form.address, { method: 'POST', body: 'login=alice' });
  assert.equal((await jar.follow(signedIn.location)).text, 'in');
  const all = await Promise.all(Array.from({ length: 20 }, () => jar.ask(`${shop}/who`)));
  assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([200]));
  assert.equal((await jar.ask(`${shop}/oidc/out`)).status, 302);
  const late = await Promise.all(Array.from({ length: 8 }, () => jar.ask(`${shop}/who`)));
  assert.deepEqual(new Set(late.map(({ status }) => status)), new Set([302]));
});
