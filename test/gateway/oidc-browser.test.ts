import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { startChromium } from '../support/chromium.ts';
import { accessTokenSeconds, startIdentityProvider } from './support/identity-provider.ts';

const clientSecret = 'secret of the shop: 100% + more';

/** Tells what it got as JSON, in a page that a script may run in. */
async function startBackend() {
  const server = createServer(({ url, headers }, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(JSON.stringify({ url, headers }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const configOf = (discovery: string, address: string) => ({
  listeners: [{ port: 0, host: '127.0.0.1', tls: 'selfsigned' }],
  throttling: { defaultPerSecond: 0 },
  groups: { shop: { domains: ['shop.localhost'] } },
  apis: {
    'shop/orders': {
      request: { method: 'ANY', path: '/orders', match: 'prefix' },
      auth: 'none',
      backend: { type: 'http', address },
    },
    'shop/bye': {
      request: { method: 'GET', path: '/bye' },
      auth: 'none',
      backend: { type: 'mock', status: 200, body: 'See you.' },
    },
  },
  plugins: {
    people: {
      type: 'oidc',
      config: {
        clientId: 'shop',
        clientSecret,
        discovery,
        callbackPath: '/oidc/back',
        logoutPath: '/oidc/out',
        afterLogout: '/bye',
        accessToken: 'send',
        claims: [
          { claim: 'sub', header: 'X-User' },
          { claim: 'email', header: 'X-Email' },
        ],
      },
    },
  },
  bindings: [{ plugin: 'people', apis: ['shop/orders'] }],
});

interface Got {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

test('a browser signs in at a real provider, is refreshed, and signs out', async () => {
  await using provider = await startIdentityProvider();
  await using backend = await startBackend();
  const clock = new VirtualClock(Date.now());
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = new Gateway({ log: silent, clock });
  await using _closing = { [Symbol.asyncDispose]: () => gateway.close() };
  const yaml = JSON.stringify(
    configOf(`${provider.origin}/.well-known/openid-configuration`, backend.address),
  );
  await gateway.apply(readConfigText({ 'gateway.yaml': yaml }, {}), { listen: true });
  const shop = `https://shop.localhost:${gateway.listeners[0]?.port}`;
  provider.register({
    id: 'shop',
    secret: clientSecret,
    callback: `${shop}/oidc/back`,
    afterLogout: `${shop}/bye`,
  });
  await using browser = await startChromium();
  const { context } = browser;
  const page = await context.newPage();
  const shown = async (): Promise<Got> => JSON.parse(await page.innerText('body')) as Got;
  const asked = (): Promise<Got> =>
    page.evaluate(async () => (await (await fetch('/orders/api')).json()) as Got);

  // Signs in.
  await page.goto(`${shop}/orders?page=2`);
  assert.equal(new URL(page.url()).origin, provider.origin);
  await page.fill('input[name=login]', 'alice');
  await page.click('button');
  await page.waitForURL(`${shop}/orders?page=2`);
  const first = await shown();
  assert.deepEqual(
    [first.url, first.headers['x-user'], first.headers['x-email'], first.headers['cookie']],
    ['/orders?page=2', 'alice', 'alice@id.test', undefined],
  );
  const cookies = (await context.cookies(shop)).filter(({ name }) => name.includes('tapgate'));
  assert.deepEqual(
    cookies.map(({ name, httpOnly, secure, sameSite }) => [name.slice(0, 7), httpOnly, secure, sameSite]),
    [['__Host-', true, true, 'Lax']],
  );
  assert.equal(await page.evaluate('document.cookie'), '');

  // A script asks, before and after the access token was refreshed.
  assert.equal((await asked()).headers['authorization'], first.headers['authorization']);
  clock.advance((accessTokenSeconds - 50) * 1000);
  const refreshed = await asked();
  assert.match(refreshed.headers['authorization'] ?? '', /^Bearer ./);
  assert.notEqual(refreshed.headers['authorization'], first.headers['authorization']);
  assert.deepEqual(provider.granted, ['authorization_code', 'refresh_token']);

  // A page of another site has a link that would sign out.
  await page.goto(`${provider.origin}/evil?to=${encodeURIComponent(`${shop}/oidc/out`)}`);
  const [answer] = await Promise.all([page.waitForResponse(`${shop}/oidc/out`), page.click('a')]);
  assert.equal(answer.status(), 403);
  await page.goto(`${shop}/orders`);
  assert.equal((await shown()).headers['x-user'], 'alice');

  // Signs out, here and at the provider.
  await page.evaluate("location.href = '/oidc/out'");
  await page.waitForURL(`${provider.origin}/**`);
  await page.click('button');
  await page.waitForURL(`${shop}/bye`);
  assert.equal(await page.innerText('body'), 'See you.');
  assert.deepEqual(
    (await context.cookies(shop)).filter(({ name }) => name.includes('tapgate')),
    [],
  );
  await page.goto(`${shop}/orders`);
  assert.equal(await page.title(), 'provider');
  assert.equal(await page.locator('input[name=login]').count(), 1, 'it asks who it is');
});
