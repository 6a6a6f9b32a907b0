import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Apps, type App, definePlugin } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { secret, signed } from './testing.ts';

const api = (path: string, environments: readonly string[]) => ({
  request: { method: 'GET', path },
  environments,
  auth: 'app',
  backend: { type: 'http', address: 'http://backend' },
});

function gatewayWith(
  apps: unknown,
  extra: Parameters<typeof testGateway>[0]['plugins'] = [],
): Promise<TestGateway> {
  return testGateway({
    plugins: [plugin, ...extra],
    config: {
      environments: { TEST: {} },
      groups: { shop: { domains: ['shop.test'] }, bank: { domains: ['bank.test'] } },
      apis: {
        'shop/orders': api('/orders', ['RELEASE', 'TEST']),
        'shop/stock': api('/stock', ['RELEASE']),
        'bank/pay': api('/pay', ['RELEASE', 'TEST']),
      },
      apps,
    },
  });
}

/** What is wrong with the `apps` of a configuration, a line each. */
async function problemsOf(apps: unknown): Promise<string> {
  try {
    await (await gatewayWith(apps)).close();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}

const targets = [
  ['shop.test', '/orders', 'RELEASE'],
  ['shop.test', '/orders', 'TEST'],
  ['shop.test', '/stock', 'RELEASE'],
  ['bank.test', '/pay', 'RELEASE'],
  ['bank.test', '/pay', 'TEST'],
] as const;

for (const [name, apis, allowed] of [
  ['nothing', undefined, [false, false, false, false, false]],
  ['an API', ['shop/orders'], [true, true, false, false, false]],
  ['a group', ['shop/*'], [true, true, true, false, false]],
  ['all', ['*'], [true, true, true, true, true]],
  [
    'an API in one environment',
    [{ api: 'shop/orders', environments: ['TEST'] }],
    [false, true, false, false, false],
  ],
  ['all in one environment', [{ api: '*', environments: ['TEST'] }], [false, true, false, false, true]],
  [
    'an API environment by environment, and a group',
    [
      { api: 'shop/orders', environments: ['TEST'] },
      { api: 'shop/orders', environments: ['RELEASE'] },
      { api: 'bank/*', environments: ['TEST'] },
    ],
    [true, true, false, false, true],
  ],
  [
    'the wider of two entries',
    ['shop/orders', { api: 'shop/orders', environments: ['TEST'] }],
    [true, true, false, false, false],
  ],
] as const) {
  test(`an app that may call ${name}`, async () => {
    const gateway = await gatewayWith({
      caller: { key: 'app-key-0001', secret, ...(apis === undefined ? {} : { apis }) },
    });
    for (const [index, [host, path, environment]] of targets.entries()) {
      const { options } = signed({ target: path, headers: { 'x-ca-stage': environment } });
      const answer = await gateway.request('GET', `http://${host}${path}`, options);
      assert.equal(answer.status, allowed[index] === true ? 200 : 403, `${host}${path} ${environment}`);
      if (answer.status === 200) continue;
      assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0304');
      assert.equal(answer.headers.get('x-ca-error-code'), 'I403AA');
    }
  });
}

test('unknown APIs, environments and fields, keys and ids used twice: all at once, with position', async () => {
  const text = await problemsOf({
    first: {
      key: 'twice',
      secret,
      id: 7,
      apis: ['shop/order', 'shp/*', { api: 'shop/stock', environments: ['TEST', 'TSET'] }],
    },
    second: { key: 'twice', secret, id: '7' },
  });
  for (const line of [
    /gateway\.yaml:\d+:\d+ apps\.first\.apis\[0\]: there is no API "shop\/order"; .*did you mean "shop\/orders"\?/,
    /apps\.first\.apis\[1\]: there is no API "shp\/\*"; .*did you mean "shop\/\*"\?/,
    /apps\.first\.apis\[2\]\.environments\[0\]: shop\/stock is not published in TEST; allowed: RELEASE/,
    /apps\.first\.apis\[2\]\.environments\[1\]: there is no environment "TSET"; .*did you mean "TEST"\?/,
    /gateway\.yaml:\d+:\d+ apps\.second\.key: this is the key of the app "first" already/,
    /apps\.second\.id: this is the id of the app "first" already/,
  ]) {
    assert.match(text, line);
  }
});

test('a secret of the wrong shape is refused and not shown', async () => {
  for (const wrong of [1234567, '', 'x'.repeat(201)]) {
    const text = await problemsOf({ a: { key: 'k', secret: wrong } });
    assert.match(text, /apps\.a\.secret: found a secret;/);
    assert.ok(wrong === '' || !text.includes(String(wrong)));
  }
  assert.match(await problemsOf({ a: { key: 'with blank', secret } }), /apps\.a\.key: found "with blank"/);
  assert.match(await problemsOf({ a: { key: 'k' } }), /"secret" is missing/);
  assert.match(await problemsOf({ a: { key: 'k', secret, keys: [] } }), /unknown field.*did you mean "key"/);
});

test('a key and an id may be written as numbers', async () => {
  const gateway = await gatewayWith({ caller: { key: 200000001, id: 110001, secret, apis: ['*'] } });
  const { options } = signed({ headers: { 'x-ca-key': '200000001' } });
  assert.equal((await gateway.request('GET', 'http://shop.test/orders', options)).status, 200);
  const app = { id: '110001', name: 'caller', key: '200000001' };
  assert.deepEqual(gateway.completed[0]?.exchange?.identity, { type: 'app', id: '110001', app });
});

test('without the section everybody is refused', async () => {
  const gateway = await gatewayWith(undefined);
  const answer = await gateway.request('GET', 'http://shop.test/orders', signed().options);
  assert.equal(answer.headers.get('x-ca-error-code'), 'A400IK');
});

test('names such as __proto__ are no app', async () => {
  const gateway = await gatewayWith({});
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const { options } = signed({ headers: { 'x-ca-key': name } });
    const answer = await gateway.request('GET', 'http://shop.test/orders', options);
    assert.equal(answer.headers.get('x-ca-error-code'), 'A400IK');
  }
});

test('the service lends apps without their secrets', async () => {
  const seen: (App | undefined)[] = [];
  const user = definePlugin({
    name: 'apps-user',
    summary: 'Looks at the apps.',
    setup(_section, kit) {
      const apps = kit.use(Apps);
      seen.push(apps.byName('caller'), apps.byKey('the-key'), apps.byKey('caller'));
      return {};
    },
  });
  const apps = { caller: { key: 'the-key', secret, apis: ['shop/stock'] } };
  await (await gatewayWith(apps, [user])).close();
  const [app, same, none] = seen;
  assert.ok(app !== undefined && app === same && none === undefined);
  assert.deepEqual([app.id, app.name, app.key], ['caller', 'caller', 'the-key']);
  assert.deepEqual(
    [app.mayCall('shop/stock', 'RELEASE'), app.mayCall('shop/orders', 'RELEASE')],
    [true, false],
  );
  assert.ok(!JSON.stringify(app).includes(secret));
});
