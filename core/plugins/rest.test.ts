import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Options, type PluginDefinition, Type, definePlugin } from '#sdk';
import { testGateway } from '#sdk/testing';

/** @param extra further fields of the API `g/a`, of its request, of the group, and of the configuration */
function start(
  plugin: PluginDefinition,
  extra: Readonly<Partial<Record<'api' | 'request' | 'group' | 'root', Record<string, unknown>>>> = {},
) {
  const api = (path: string, fields = {}, request = {}) => ({
    request: { method: 'GET', path, ...request },
    auth: 'none',
    backend: { type: 'mock' },
    ...fields,
  });
  return testGateway({
    config: {
      groups: { g: { domains: ['test'], ...extra.group } },
      apis: { 'g/a': api('/a', extra.api, extra.request), 'g/b': api('/b') },
      ...extra.root,
    },
    plugins: [plugin],
  });
}

/** Writes a header field where it is bound, and another one where nothing binds it. */
const marker = definePlugin({
  name: 'marker',
  summary: 'Marks answers.',
  config: Options({ word: Type.String() }),
  apiField: 'request.mark',
  groupField: { name: 'marks', schema: Options({ word: Type.String() }) },
  section: { name: 'marking', schema: Options({ word: Type.String({ default: 'rest' }) }) },
  kind: ({ word }) => `a mark ${word}`,
  bind: ({ word }) => ({ finish: ({ headers }) => headers.append('x-mark', word) }),
  bindRest(section, { api }) {
    if (section === undefined) return undefined;
    const { word } = (api.group.definition['marks'] ?? section) as { word: string };
    return { finish: ({ headers }) => headers.append('x-mark', word) };
  },
}) as unknown as PluginDefinition;

test('a field of the request binds; what nothing binds gets bindRest, with section and group field', async () => {
  const bound = { request: { mark: { word: 'own' } }, root: { marking: {} } };
  for (const [group, rest] of [[{}, 'rest'] as const, [{ marks: { word: 'group' } }, 'group'] as const]) {
    const gateway = await start(marker, { ...bound, group });
    assert.deepEqual((await gateway.request('GET', '/a')).headers.getAll('x-mark'), ['own']);
    assert.deepEqual((await gateway.request('GET', '/b')).headers.getAll('x-mark'), [rest]);
  }
  const without = await start(marker);
  assert.deepEqual((await without.request('GET', '/a')).headers.getAll('x-mark'), []);
});

test('bindRest comes after every bind, whatever the order of the APIs', async () => {
  const calls: string[] = [];
  const noting = definePlugin({
    name: 'noting',
    summary: 'Notes when it is bound.',
    apiField: 'request.note',
    config: Options({}),
    bind(_config, { api }) {
      calls.push(`bind ${api.name}`);
      return {};
    },
    bindRest(_section, { api }) {
      calls.push(`rest ${api.name}`);
      return undefined;
    },
  });
  const api = (path: string, more: object = {}) => ({
    request: { method: 'GET', path, ...more },
    auth: 'none',
    backend: { type: 'mock' },
  });
  const gateway = await testGateway({
    plugins: [noting],
    config: {
      groups: { g: { domains: ['*'] } },
      apis: { 'g/a': api('/a'), 'g/b': api('/b', { note: {} }), 'g/c': api('/c') },
    },
  });
  assert.deepEqual(calls, ['bind g/b', 'rest g/a', 'rest g/c']);
  await gateway.close();
});

test('options in the request are refused where they stand', async () => {
  await assert.rejects(
    start(marker, { request: { mark: { wort: 'own' } } }),
    /apis\.g\/a\.request\.mark\.wort: unknown field; .*did you mean "word"/,
  );
  await assert.rejects(
    start(marker, { group: { marks: { word: 1 } } }),
    /groups\.g\.marks\.word: found 1; allowed: text/,
  );
});

test('bindings of two kinds are allowed, and two of one kind refused', async () => {
  const bind = (...words: string[]) => ({
    root: {
      plugins: Object.fromEntries(words.map((word, at) => [`p${at}`, { type: 'marker', config: { word } }])),
      bindings: words.map((_, at) => ({ plugin: `p${at}`, apis: ['g/a'] })),
    },
  });
  const gateway = await start(marker, bind('one', 'two'));
  assert.deepEqual((await gateway.request('GET', '/a')).headers.getAll('x-mark'), ['two', 'one']);
  await assert.rejects(
    start(marker, bind('one', 'one')),
    /g\/a in RELEASE already has a mark one, bound by "p0"/,
  );
});

test('unrouted completes answers that found no API; its defects are logged', async () => {
  for (const isBroken of [false, true]) {
    const gateway = await start({
      name: 'lost',
      summary: 'Marks what found no API.',
      setup: () => ({
        unrouted({ headers, exchange, refusal }) {
          if (isBroken) throw new Error('a defect');
          headers.set('x-lost', `${exchange.path} ${refusal?.kind}`);
        },
      }),
    });
    const answer = await gateway.request('GET', '/nowhere');
    assert.equal(answer.status, 404);
    assert.equal(answer.headers.get('x-lost'), isBroken ? undefined : '/nowhere not-found');
    const hooks = gateway.log
      .filter(({ message }) => message === 'a plugin failed')
      .map(({ fields }) => fields['hook']);
    assert.deepEqual(hooks, isBroken ? ['unrouted'] : []);
    assert.equal((await gateway.request('GET', '/a')).headers.has('x-lost'), false);
  }
});

test('withheld fields of all plugins do not reach a backend; handlers see them', async () => {
  const seen: (string | undefined)[] = [];
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['test'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/' },
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      },
    },
    plugins: [
      { name: 'one', summary: 'Withholds.', setup: () => ({ withheld: ['x-one-', 'own_'] }) },
      {
        name: 'two',
        summary: 'Withholds, too.',
        setup: () => ({ withheld: ['two-'] }),
        bindRest: () => ({
          preAuth({ headers }) {
            seen.push(headers.get('two-a'));
            return undefined;
          },
        }),
      },
    ],
  });
  const headers = {
    'X-One-A': '1',
    'x-oNe-': '1',
    OWN_A: '1',
    'Two-A': 'seen',
    'x-one': 'stays',
    'xtone-a': 'stays',
    own: 'stays',
    two: 'stays',
    'a-two-': 'stays',
    y: 'stays',
  };
  assert.equal((await gateway.request('GET', '/', { headers })).status, 200);
  assert.deepEqual(seen, ['seen']);
  const names = [...(gateway.backendRequests[0]?.headers ?? [])]
    .filter(([, value]) => ['1', 'seen', 'stays'].includes(value))
    .map(([name]) => name);
  assert.deepEqual(names, ['x-one', 'xtone-a', 'own', 'two', 'a-two-', 'y']);
});
