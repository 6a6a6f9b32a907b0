import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type App, Apps, type DataSetType, DataSets, definePlugin, offer } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

const app = (id: string): App => ({ id, name: `name-${id}`, key: `key-${id}`, mayCall: () => true });
const apps = new Map(['110001', '110002'].map((id) => [id, app(id)]));

/** The caller is the app that `x-app` names, or nobody. */
const auth = definePlugin({
  name: 'auth-app',
  summary: 'Believes the caller.',
  offers: [Apps],
  setup: () => ({
    services: [
      offer(Apps, {
        byKey: () => undefined,
        byName: (name) => [...apps.values()].find((each) => each.name === name),
        byId: (id) => apps.get(id),
      }),
    ],
  }),
  bind: () => ({
    auth: {
      stage: 'authenticate',
      handle(exchange) {
        const found = apps.get(exchange.headers.get('x-app') ?? '');
        exchange.identity = { type: 'app', id: 'a', ...(found === undefined ? {} : { app: found }) };
        return undefined;
      },
    },
  }),
});

/** Sets of single addresses, which the test changes while the gateway runs. */
const contents = new Map<string, Set<string>>([
  ['office', new Set()],
  ['tokens', new Set()],
]);
const sets = definePlugin({
  name: 'data-sets',
  summary: 'Sets of addresses.',
  offers: [DataSets],
  setup: () => ({
    services: [
      offer(DataSets, {
        names: [...contents.keys()],
        byName(name) {
          const items = contents.get(name);
          const type: DataSetType = name === 'tokens' ? 'JWT_BLOCKING' : 'IP_WHITELIST_CIDR';
          if (items === undefined) return undefined;
          return { name, type, has: (item) => items.has(item), items: () => [...items] };
        },
      }),
    ],
  }),
});

function start(config: unknown, type = 'alibaba/ipControl'): Promise<TestGateway> {
  return testGateway({
    plugins: [auth, sets, plugin],
    config: {
      groups: { shop: { domains: ['test'], responses: { default: { dialect: 'alibaba' } } } },
      apis: { 'shop/a': { request: { method: 'GET', path: '/' }, auth: 'app', backend: { type: 'mock' } } },
      plugins: { control: { type, config } },
      bindings: [{ plugin: 'control', apis: ['*'] }],
    },
  });
}

interface Caller {
  readonly ip?: string;
  readonly xff?: string;
  readonly app?: string;
}

async function outcome(gateway: TestGateway, { ip = '192.0.2.99', xff, app: id }: Caller): Promise<string> {
  const answer = await gateway.request('GET', '/', {
    clientAddress: ip,
    headers: {
      ...(xff === undefined ? {} : { 'x-forwarded-for': xff }),
      ...(id === undefined ? {} : { 'x-app': id }),
    },
  });
  return `${answer.status} ${answer.headers.get('x-ca-error-code') ?? ''}`.trim();
}

const no = '403 A403IP';

test('the documented example', async () => {
  const gateway = await start({
    type: 'ALLOW',
    resource: 'XFF:-1',
    items: [{ blocks: ['192.0.2.7', '198.51.100.0/24'] }, { blocks: ['203.0.113.0/28'], appId: 110001 }],
  });
  const rows: readonly (readonly [Caller, string])[] = [
    [{ xff: '192.0.2.7' }, '200'],
    [{ xff: '203.0.113.1, 198.51.100.200' }, '200'],
    [{ xff: '192.0.2.7, 192.0.2.8' }, no],
    [{ xff: '203.0.113.15' }, no],
    [{ xff: '203.0.113.15', app: '110002' }, no],
    [{ xff: '203.0.113.15', app: '110001' }, '200'],
    [{ xff: '203.0.113.16', app: '110001' }, no],
    [{ xff: '192.0.2.7', app: '110001' }, '200'],
    [{ ip: '192.0.2.7' }, no],
    [{ ip: '192.0.2.7', app: '110001' }, no],
    [{ xff: 'unknown' }, no],
  ];
  for (const [caller, expected] of rows)
    assert.equal(await outcome(gateway, caller), expected, JSON.stringify(caller));
  assert.deepEqual(
    gateway.describe('GET', '/').filter((line) => line.startsWith('control')),
    [
      'control: only these addresses may call: 192.0.2.7, 198.51.100.0/24 (read from X-Forwarded-For)',
      'control: the app 110001 may call from these besides: 203.0.113.0/28 (read from X-Forwarded-For)',
    ],
  );
});

test('where all items are for apps, apps that are not named may call from everywhere', async () => {
  const gateway = await start({
    type: 'ALLOW',
    items: [
      { blocks: ['192.0.2.1'], appId: 'name-110001' },
      { blocks: ['192.0.2.2'], appId: 'name-110001' },
    ],
  });
  assert.equal(await outcome(gateway, { app: '110001', ip: '192.0.2.1' }), '200');
  assert.equal(await outcome(gateway, { app: '110001', ip: '192.0.2.2' }), '200');
  assert.equal(await outcome(gateway, { app: '110001', ip: '192.0.2.3' }), no);
  assert.equal(await outcome(gateway, { app: '110002', ip: '192.0.2.3' }), '200');
  assert.equal(await outcome(gateway, { ip: '192.0.2.3' }), '200');
});

test('REFUSE: whoever is listed; an appId means nothing', async () => {
  const gateway = await start({
    type: 'REFUSE',
    items: [{ blocks: ['192.0.2.0/30', '2001:db8::/32'] }, { blocks: ['198.51.100.1'], appId: 'nobody' }],
  });
  assert.equal(await outcome(gateway, { ip: '192.0.2.3' }), no);
  assert.equal(await outcome(gateway, { ip: '2001:db8::1' }), no);
  assert.equal(await outcome(gateway, { ip: '192.0.2.4' }), '200');
  assert.equal(await outcome(gateway, { ip: '198.51.100.1', app: '110002' }), no);
});

test('a data set: what comes and goes while the gateway runs', async () => {
  const office = contents.get('office');
  const allow = await start({
    type: 'ALLOW',
    items: [{ blocksDatasetId: 'office' }, { blocks: ['192.0.2.1'] }],
  });
  const refuse = await start({ type: 'REFUSE', items: [{ blocksDatasetId: 'office' }] });
  const ofApp = await start({ type: 'ALLOW', items: [{ blocksDatasetId: 'office', appId: 110001 }] });
  const all = async (ip: string) => [
    await outcome(allow, { ip }),
    await outcome(refuse, { ip }),
    await outcome(ofApp, { ip, app: '110001' }),
  ];
  assert.deepEqual(await all('192.0.2.5'), [no, '200', no]);
  office?.add('192.0.2.5');
  assert.deepEqual(await all('192.0.2.5'), ['200', no, '200']);
  assert.equal(await outcome(allow, { ip: '192.0.2.1' }), '200');
  office?.delete('192.0.2.5');
  assert.deepEqual(await all('192.0.2.5'), [no, '200', no]);
});

test('the same in the plugin’s own options', async () => {
  contents.get('office')?.add('192.0.2.6');
  const gateway = await start(
    { subject: 'ip', effect: 'allow', dataSets: ['office'], apps: { '110001': { values: ['192.0.2.8'] } } },
    'access-control',
  );
  assert.equal(await outcome(gateway, { ip: '192.0.2.6' }), '200');
  assert.equal(await outcome(gateway, { ip: '192.0.2.8' }), no);
  assert.equal(await outcome(gateway, { ip: '192.0.2.8', app: '110001' }), '200');
});

suite('refused', () => {
  const alibaba = 'alibaba/ipControl';
  const ours = 'access-control';
  const allow = { type: 'ALLOW' };
  const rows: readonly (readonly [type: string, config: unknown, path: string, message: RegExp])[] = [
    [alibaba, { ...allow, items: [] }, '.items', /found a list of 0/],
    [alibaba, { type: 'DENY', items: [{ blocks: ['::1'] }] }, '.type', /ALLOW, REFUSE/],
    [alibaba, { ...allow, items: [{}] }, '.items[0]', /either `blocks` or `blocksDatasetId`/],
    [alibaba, { ...allow, items: [{ blocks: ['::1'], blocksDatasetId: 'office' }] }, '.items[0]', /either/],
    [alibaba, { ...allow, items: [{ blocks: ['::1', '192.0.2.256'] }] }, '.items[0].blocks[1]', /found "192/],
    [
      alibaba,
      { ...allow, items: [{ blocks: ['192.0.2.1-192.0.2.2'] }] },
      '.items[0].blocks[0]',
      /or a block/,
    ],
    [
      alibaba,
      { ...allow, items: [{ blocks: ['::1'], appid: 1 }] },
      '.items[0].appid',
      /did you mean "appId"/,
    ],
    [
      alibaba,
      { ...allow, resource: 'XFF:32', items: [{ blocks: ['::1'] }] },
      '.resource',
      /n from -32 to 31/,
    ],
    [alibaba, { ...allow, resource: 'Header:x', items: [{ blocks: ['::1'] }] }, '.resource', /`XFF:n`/],
    [alibaba, { ...allow, items: [{ blocks: ['::1'], appId: 5 }] }, '.apps.5', /there is no app "5"/],
    [alibaba, { ...allow, items: [{ blocksDatasetId: 'ofice' }] }, '.dataSets[0]', /did you mean "office"/],
    [
      alibaba,
      { ...allow, items: [{ blocksDatasetId: 'tokens' }] },
      '.dataSets[0]',
      /is of type JWT_BLOCKING/,
    ],
    [
      alibaba,
      { ...allow, items: [{ blocks: Array.from({ length: 4000 }, () => '192.0.2.100/31') }] },
      '',
      /at most 51200 \(50 KB\)/,
    ],
    [ours, { subject: 'ip', effect: 'allow' }, '', /nobody is listed/],
    [ours, { subject: 'account', effect: 'allow' }, '', /nobody is listed; allowed: `values`/],
    [
      ours,
      { subject: 'ip', effect: 'deny', apps: { '110001': { values: ['::1'] } } },
      '.apps',
      /with `effect: allow` only/,
    ],
    [
      ours,
      { subject: 'account', effect: 'deny', values: ['a'], dataSets: ['office'] },
      '.dataSets',
      /addresses/,
    ],
  ];
  for (const [type, config, path, message] of rows) {
    test(`${type} ${JSON.stringify(config).slice(0, 80)}`, async () => {
      await assert.rejects(start(config, type), (error: unknown) => {
        const { problems } = error as { problems: { path: string; message: string }[] };
        assert.deepEqual(
          problems.map((problem) => problem.path),
          [`plugins.control.config${path}`],
        );
        assert.match(problems[0]?.message ?? '', message);
        return true;
      });
    });
  }
});
