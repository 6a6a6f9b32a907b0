import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Hooks, type Inbound, type Outbound, definePlugin } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';

type Order = string[];

/** Plugins bound in this order. */
function gatewayOf(...all: readonly Hooks[]): Promise<TestGateway> {
  const names = all.map((_hooks, index) => `plugin-${index}`);
  return testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/' },
          auth: 'none',
          backend: { type: 'http', address: 'http://backend' },
        },
      },
      plugins: Object.fromEntries(names.map((name) => [name, { type: name }])),
      bindings: names.map((plugin) => ({ plugin, apis: ['*'] })),
    },
    plugins: all.map((hooks, index) =>
      definePlugin({ name: `plugin-${index}`, summary: 'Bound.', bind: () => hooks }),
    ),
  });
}

test('what signs comes after what changes, however they are bound', async () => {
  const order: Order = [];
  const note = (word: string) => (_outbound: Outbound) => void order.push(word);
  const gateway = await gatewayOf(
    { backendSigning: { stage: 'sign', handle: note('sign 1') } },
    { backendSigning: { stage: 'copy', handle: note('copy') } },
    { backendSigning: note('bare 1') },
    { backendSigning: { stage: 'sign', handle: note('sign 2') } },
    { backendSigning: { stage: 'change', handle: note('change') } },
    { backendSigning: note('bare 2') },
  );
  await gateway.request('GET', '/');
  assert.deepEqual(order, ['bare 1', 'change', 'bare 2', 'copy', 'sign 1', 'sign 2']);
});

test('an answer is read, then mapped, then changed; within a stage in the reverse order of the bindings', async () => {
  const order: Order = [];
  const note = (word: string) => (_inbound: Inbound) => void order.push(word);
  const gateway = await gatewayOf(
    { response: note('bare') },
    { response: { stage: 'change', handle: note('change') } },
    { response: { stage: 'read', handle: note('read 1') } },
    { response: { stage: 'map', handle: note('map') } },
    { response: { stage: 'read', handle: note('read 2') } },
  );
  await gateway.request('GET', '/');
  assert.deepEqual(order, ['read 2', 'read 1', 'map', 'change', 'bare']);
});

test('a guard of the backend is asked before those who choose one', async () => {
  const order: Order = [];
  const gateway = await gatewayOf(
    { backendRouting: () => void order.push('choose') },
    { backendRouting: { stage: 'guard', handle: () => void order.push('guard') } },
  );
  await gateway.request('GET', '/');
  assert.deepEqual(order, ['guard', 'choose']);
});

test('a handler with a stage keeps what it belongs to', async () => {
  const response = {
    stage: 'map' as const,
    status: 299,
    handle(inbound: Inbound) {
      inbound.status = this.status;
      return undefined;
    },
  };
  const gateway = await gatewayOf({ response });
  assert.equal((await gateway.request('GET', '/')).status, 299);
});
