import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Exchange, OneOf, definePlugin, refuse, reply } from '#sdk';
import { testGateway } from '#sdk/testing';

type Field = NonNullable<Parameters<typeof definePlugin>[0]['backendField']>;

/** A plugin that owns the field `gate` of backends. */
const owner = (answer: (exchange: Exchange) => unknown, field: Partial<Field> = {}, name = 'gates') =>
  definePlugin({
    name,
    summary: 'Owns a field of backends.',
    setup: () => ({}),
    backendField: {
      name: 'gate',
      schema: OneOf(['open', 'shut']),
      bind: (() => answer) as Field['bind'],
      ...field,
    },
  });

const configOf = (backend: object): Readonly<Record<string, unknown>> => ({
  groups: { g: { domains: ['*'] } },
  apis: { 'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend } },
});
const backend = { type: 'http', address: 'http://backend' };

const answers: readonly (readonly [title: string, answer: () => unknown, status: number])[] = [
  ['nothing', () => undefined, 200],
  ['nothing later', () => Promise.resolve(undefined), 200],
  ['a refusal', () => refuse('access-denied'), 403],
  ['an answer later', () => Promise.resolve(reply(202)), 202],
  ['a thrown refusal', () => Promise.reject(refuse('body-too-large')), 413],
  [
    'an error',
    () => {
      throw new Error('no');
    },
    500,
  ],
  ['an error later', () => Promise.reject(new Error('no')), 500],
  ['null', () => null, 500],
  ['null later', () => Promise.resolve(null), 500],
  ['true', () => true, 500],
  ['a thenable', () => ({ then: (go: (value: unknown) => void) => go(false) }), 500],
];
for (const [title, answer, status] of answers) {
  test(`a field of a backend is asked first, and answers ${title}: ${status}`, async () => {
    const gateway = await testGateway({
      config: configOf({ ...backend, gate: 'shut' }),
      plugins: [owner(answer)],
    });
    assert.equal((await gateway.request('GET', '/')).status, status);
    assert.equal(gateway.backendRequests.length, status === 200 ? 1 : 0);
  });
}

test('a backend without the field is not asked for', async () => {
  const shut = owner(() => refuse('access-denied'));
  const gateway = await testGateway({ config: configOf(backend), plugins: [shut] });
  assert.equal((await gateway.request('GET', '/')).status, 200);
});

test('the field holds what its schema allows, and a plugin that binds nothing is refused', async () => {
  const plugin = owner(() => undefined);
  await assert.rejects(
    testGateway({ config: configOf({ ...backend, gate: 'ajar' }), plugins: [plugin] }),
    /gateway\.yaml:\d+:\d+ apis\.g\/a\.backend\.gate: found "ajar"/,
  );
  const nothing = owner(() => undefined, { bind: (() => undefined) as unknown as Field['bind'] });
  await assert.rejects(
    testGateway({ config: configOf({ ...backend, gate: 'open' }), plugins: [nothing] }),
    /backend\.gate: plugin gates: `backendField\.bind` returned no function/,
  );
});

test('a field belongs to one plugin, and `type` to the kernel', async () => {
  const first = owner(() => undefined);
  const second = owner(() => undefined, {}, 'gates-too');
  await assert.rejects(
    testGateway({ config: configOf(backend), plugins: [first, second] }),
    /the backend field "gate" belongs to the plugin "gates" already/,
  );
  const greedy = owner(() => undefined, { name: 'type' });
  await assert.rejects(
    testGateway({ config: configOf(backend), plugins: [greedy] }),
    /the backend field "type" belongs to the kernel already/,
  );
});
