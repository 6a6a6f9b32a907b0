import assert from 'node:assert/strict';
import { get } from 'node:http';
import { type TestContext, test } from 'node:test';
import { DataSets, definePlugin, offer } from '#sdk';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';

/** One data set, which the test changes while the gateway runs. */
const office = new Set<string>();
const sets = definePlugin({
  name: 'data-sets',
  summary: 'One set of addresses.',
  offers: [DataSets],
  setup: () => ({
    services: [
      offer(DataSets, {
        names: ['office'],
        byName: (name) =>
          name === 'office'
            ? {
                name,
                type: 'IP_WHITELIST_CIDR',
                has: (item) => office.has(item),
                items: () => [...office],
              }
            : undefined,
      }),
    ],
  }),
});

/** A gateway with one API, and the document as an operator pastes it. */
async function start(t: TestContext, document: string) {
  const indented = document.replaceAll('\n', '\n      ');
  const yaml = `listeners: [{ port: 0, host: 127.0.0.1 }]
groups: { shop: { domains: ['*'], responses: { default: { dialect: alibaba } } } }
apis:
  shop/orders: { request: { method: GET, path: /orders }, auth: none, backend: { type: mock, body: served } }
plugins:
  addresses:
    type: alibaba/ipControl
    config:
      ${indented}
bindings: [{ plugin: addresses, apis: [shop/orders] }]
`;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = new Gateway({ log, plugins: [sets] });
  t.after(() => gateway.close());
  await gateway.apply(readConfigText({ 'gateway.yaml': yaml }, {}), { listen: true });
  const port = gateway.listeners[0]?.port ?? 0;
  return (forwardedFor?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
      get({ port, host: '127.0.0.1', path: '/orders', headers }, (response) => {
        response.resume();
        response.on('end', () =>
          resolve(`${response.statusCode} ${String(response.headers['x-ca-error-code'] ?? '')}`.trim()),
        );
      }).on('error', reject);
    });
}

test('the documented example', async (t) => {
  const call = await start(
    t,
    `type: ALLOW
resource: "XFF:-1"
items:
  - blocks: ["192.0.2.7", "198.51.100.0/24"]`,
  );
  assert.equal(await call('203.0.113.1, 198.51.100.9'), '200');
  assert.equal(await call('198.51.100.9, 203.0.113.1'), '403 A403IP');
  assert.equal(await call(), '403 A403IP');
});

test('REFUSE, by the address of the connection', async (t) => {
  const call = await start(t, 'type: REFUSE\nitems: [{ blocks: [127.0.0.0/8] }]');
  assert.equal(await call('198.51.100.9'), '403 A403IP');
});

test('a data set that changes while calls come in', async (t) => {
  const call = await start(t, 'type: ALLOW\nitems: [{ blocksDatasetId: office }]');
  assert.equal(await call(), '403 A403IP');
  office.add('127.0.0.1');
  assert.equal(await call(), '200');
  office.delete('127.0.0.1');
  assert.equal(await call(), '403 A403IP');
});

test('a document that is wrong is refused with its line', async (t) => {
  await assert.rejects(
    start(t, 'type: ALLOW\nitems:\n  - blocks: ["192.0.2.7"]\n  - blocks: ["198.51.100.0/33"]'),
    /gateway\.yaml:12:\d+ plugins\.addresses\.config\.items\[1\]\.blocks\[0\]: found "198\.51\.100\.0\/33"; allowed: an address/,
  );
});
