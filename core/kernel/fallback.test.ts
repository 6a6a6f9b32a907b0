import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type GatewayHooks,
  Options,
  type PluginDefinition,
  type ServiceToken,
  Type,
  definePlugin,
  defineService,
  reply,
} from '#sdk';
import { testGateway } from '#sdk/testing';

const config = {
  groups: { g: { domains: ['test'] } },
  apis: {
    'g/a': { request: { method: 'GET', path: '/a' }, auth: 'none', backend: { type: 'mock', body: 'api' } },
  },
};

function serving(fallback: GatewayHooks['fallback'], name = 'serving'): PluginDefinition {
  return definePlugin({
    name,
    summary: 'Serves what no API does.',
    setup: () => (fallback === undefined ? {} : { fallback }),
  });
}

test('what no API serves a plugin may, and reads the content for it', async () => {
  const gateway = await testGateway({
    config,
    plugins: [
      serving(async (request) =>
        request.path === '/a' || request.path === '/own'
          ? reply(201, {}, `own ${(await request.readBody()).toString()}`)
          : undefined,
      ),
    ],
  });
  assert.equal((await gateway.request('GET', '/a')).text, 'api', 'an API comes first');
  const answer = await gateway.request('POST', 'http://elsewhere/own', { body: 'hello' });
  assert.equal(answer.status, 201);
  assert.equal(answer.text, 'own hello');
  assert.ok(answer.headers.has('x-request-id'));
  assert.equal((await gateway.request('GET', '/other')).status, 404);
  const notices = gateway.completed.map(({ status, exchange }) => [status, exchange === undefined]);
  assert.deepEqual(notices, [
    [200, false],
    [201, true],
    [404, true],
  ]);
});

test('the first plugin that answers ends it; a fault is a 500 that says nothing', async () => {
  const gateway = await testGateway({
    config,
    plugins: [
      serving(({ path }) => (path === '/none' ? undefined : reply(200, {}, 'first')), 'first'),
      serving(() => Promise.reject(new Error('hunter2')), 'second'),
    ],
  });
  assert.equal((await gateway.request('GET', '/x')).text, 'first');
  const answer = await gateway.request('GET', '/none');
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /hunter2/);
  assert.deepEqual(
    gateway.log.map(({ fields }) => [fields['plugin'], fields['hook']]),
    [['second', 'fallback']],
  );
});

test('a plugin may own several sections, each checked, and do without a service', async () => {
  const Nothing: ServiceToken<object> = defineService<object>('nothing');
  const found: unknown[] = [];
  const plugin = definePlugin({
    name: 'several',
    summary: 'Has several sections.',
    section: { name: 'one', schema: Options({ a: Type.Integer() }) },
    moreSections: [{ name: 'two', schema: Options({ b: Type.Integer({ default: 2 }) }) }],
    setup(section, kit) {
      found.push(section, kit.section('two'), kit.find(Nothing));
      return {};
    },
  });
  await testGateway({ config: { ...config, one: { a: 1 }, two: {} }, plugins: [plugin] });
  assert.equal(JSON.stringify(found), '[{"a":1},{"b":2},null]');
  found.length = 0;
  await testGateway({ config, plugins: [plugin] });
  assert.deepEqual(found, [undefined, undefined, undefined]);
  const looked: unknown[] = [];
  const nosy = definePlugin({
    name: 'nosy',
    summary: 'Looks at what is not its own.',
    setup(_section, kit) {
      looked.push(kit.section('one'));
      return {};
    },
  });
  await testGateway({ config: { ...config, one: { a: 1 } }, plugins: [plugin, nosy] });
  assert.deepEqual(looked, [undefined]);
  await assert.rejects(
    testGateway({ config: { ...config, two: { b: 'x' } }, plugins: [plugin] }),
    /two\.b: found "x"/,
  );
});
