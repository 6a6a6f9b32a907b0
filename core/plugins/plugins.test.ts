import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Hooks,
  type PluginDefinition,
  type ServiceToken,
  Options,
  Type,
  defineDialect,
  definePlugin,
  defineService,
  offer,
  reply,
} from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import { ConfigError } from '../config/problems.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- definitions of any schema; each is checked at load
type AnyPlugin = PluginDefinition<any, any>;

const base = {
  groups: { shop: { domains: ['*'] } },
  apis: {
    'shop/orders': {
      request: { method: 'ANY', path: '/', match: 'prefix' },
      auth: 'none',
      backend: { type: 'mock', body: 'mock' },
    },
  },
};

/** The base configuration with fields for its API, top-level keys, and one plugin bound with options. */
function configOf(parts: { api?: object; root?: object; bind?: { type: string; config?: unknown } } = {}) {
  const { api, root, bind } = parts;
  return {
    ...base,
    apis: { 'shop/orders': { ...base.apis['shop/orders'], ...api } },
    ...(bind === undefined ? {} : { plugins: { mine: bind }, bindings: [{ plugin: 'mine', apis: ['*'] }] }),
    ...root,
  };
}

async function problemsOf(config: object, ...plugins: AnyPlugin[]): Promise<string[]> {
  try {
    await testGateway({ config: config as Record<string, unknown>, plugins });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

const start = (config: object, ...plugins: AnyPlugin[]): Promise<TestGateway> =>
  testGateway({ config: config as Record<string, unknown>, plugins });

const summary = 'Is under test.';

/** A plugin whose binding answers with this text. */
const answers = (name: string, text: string) =>
  definePlugin({ name, summary, bind: () => ({ preAuth: () => reply(200, {}, text) }) });

/** Lets a test decide when a request may go on. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

test('dispose runs once, after the last request of the retired configuration', async () => {
  const events: string[] = [];
  let generation = 0;
  const { open, passed } = gate();
  const entered = gate();
  const plugin = definePlugin({
    name: 'lives',
    summary,
    setup: () => {
      generation += 1;
      const own = generation;
      return { dispose: () => void events.push(`setup ${own} disposed`) };
    },
    bind: () => {
      const own = generation;
      return {
        async preAuth(exchange) {
          if (exchange.path !== '/slow') return undefined;
          entered.open();
          await passed;
          events.push(`slow request of ${own} ends`);
          return undefined;
        },
        dispose: () => void events.push(`binding ${own} disposed`),
      };
    },
  });
  const config = configOf({ bind: { type: 'lives' } });
  const gateway = await start(config, plugin);
  const slow = gateway.request('GET', '/slow');
  await entered.passed;
  await gateway.reload(config);
  assert.equal((await gateway.request('GET', '/')).status, 200);
  assert.deepEqual(events, [], 'nothing is disposed while a request uses it');
  open();
  assert.equal((await slow).status, 200);
  const first = ['slow request of 1 ends', 'binding 1 disposed', 'setup 1 disposed'];
  assert.deepEqual(events, first);
  await gateway.close();
  assert.deepEqual(events, [...first, 'binding 2 disposed', 'setup 2 disposed']);
});

test('a refused configuration is disposed at once, and the one in force goes on', async () => {
  const events: string[] = [];
  const plugin = definePlugin({
    name: 'lives',
    summary,
    config: Options({ text: Type.String() }),
    bind: ({ text }, kit) => {
      if (text === 'bad') kit.problem(['text'], 'it is bad');
      return { preAuth: () => reply(200, {}, text), dispose: () => void events.push(text) };
    },
  });
  const configFor = (text: string) => configOf({ bind: { type: 'lives', config: { text } } });
  const gateway = await start(configFor('good'), plugin);
  await assert.rejects(gateway.reload(configFor('bad')), ConfigError);
  assert.deepEqual(events, ['bad']);
  assert.equal((await gateway.request('GET', '/')).text, 'good');
});

test('what was bound before another plugin failed is disposed', async () => {
  const events: string[] = [];
  const fine = definePlugin({
    name: 'fine',
    summary,
    apiField: 'fine',
    bind: () => ({ dispose: () => void events.push('fine') }),
  });
  const misspelt = definePlugin({
    name: 'misspelt',
    summary,
    bind: () => ({ dispose: () => void events.push('misspelt'), preauth: () => undefined }) as Hooks,
  });
  await problemsOf(configOf({ api: { fine: true }, bind: { type: 'misspelt' } }), fine, misspelt);
  assert.deepEqual(events.toSorted(), ['fine', 'misspelt']);
});

test('a dispose that throws, at once or later, is logged and stops no other', async () => {
  const events: string[] = [];
  const throws = definePlugin({
    name: 'throws',
    summary,
    apiField: 'throws',
    bind: () => ({
      dispose: () => {
        throw new Error('boom');
      },
    }),
  });
  const rejects = definePlugin({
    name: 'rejects',
    summary,
    apiField: 'rejects',
    bind: () => ({
      // What a plugin without types may do.
      dispose: () => Promise.reject(new Error('boom')),
    }),
  });
  const fine = definePlugin({
    name: 'fine',
    summary,
    apiField: 'fine',
    bind: () => ({ dispose: () => void events.push('fine') }),
  });
  const gateway = await start(
    configOf({ api: { throws: true, rejects: true, fine: true } }),
    throws,
    rejects,
    fine,
  );
  await gateway.close();
  // The rejection is logged a microtask later.
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(events, ['fine']);
  assert.equal(gateway.log.filter(({ level }) => level === 'error').length, 2);
});

interface Greeter {
  greet(): string;
}
const Greeter: ServiceToken<Greeter> = defineService<Greeter>('greeter');
const Loud: ServiceToken<Greeter> = defineService<Greeter>('loud');

const offers = definePlugin({
  name: 'offers',
  summary,
  offers: [Greeter],
  section: { name: 'greeting', schema: Options({ word: Type.String({ default: 'hello' }) }) },
  setup: (section) => ({ services: [offer(Greeter, { greet: () => section?.word ?? 'no section' })] }),
});
const repeats = definePlugin({
  name: 'repeats',
  summary,
  offers: [Loud],
  setup(_section, kit) {
    const greeter = kit.use(Greeter);
    return { services: [offer(Loud, { greet: () => greeter.greet().toUpperCase() })] };
  },
});
const uses = definePlugin({
  name: 'uses',
  summary,
  bind(_config, kit) {
    const loud = kit.use(Loud);
    return { preAuth: () => reply(200, {}, loud.greet()) };
  },
});

/** Notes when it is activated, stopped and disposed, with the value of its section. */
function witness(seen: string[], disposed?: Promise<void>) {
  return definePlugin({
    name: 'witness',
    summary,
    section: { name: 'witness', schema: Type.String() },
    setup: (section) => ({
      activate() {
        seen.push(`activate ${section}`);
        if (section === 'unable') throw new Error('it cannot be had');
      },
      async stop(withinMs) {
        await Promise.resolve();
        seen.push(`stop ${section} ${withinMs}`);
      },
      async dispose() {
        await disposed;
        seen.push(`dispose ${section}`);
      },
    }),
  });
}

test('a plugin is activated when its configuration comes into force, and stopped with the gateway', async () => {
  const seen: string[] = [];
  const disposed = Promise.withResolvers<void>();
  const gateway = await start(configOf({ root: { witness: 'one' } }), witness(seen, disposed.promise));
  const apply = (value: string, root: object = {}) =>
    gateway.reload(configOf({ root: { witness: value, limits: { drainTimeoutMs: 50 }, ...root } }));
  await assert.rejects(apply('wrong', { nonsense: 1 }), ConfigError);
  assert.deepEqual(seen, ['activate one']);
  await apply('two');
  disposed.resolve();
  await assert.rejects(apply('unable'), /^ConfigError: gateway\.yaml:\d+:13 witness: it cannot be had$/);
  assert.equal((await gateway.request('GET', '/')).text, 'mock');
  await gateway.close();
  const order = ['activate one', 'activate two', 'activate unable', 'stop two 50', 'dispose two'];
  assert.deepEqual(
    seen.filter((each) => order.includes(each)),
    order,
  );
  assert.equal(seen.at(-1), 'dispose two', 'closing waits for it');
});

test('a plugin that fails to stop, or does not, holds up no gateway', async () => {
  const failing = definePlugin({
    name: 'failing',
    summary,
    setup: () => ({ stop: () => Promise.reject(new Error('on purpose')) }),
  });
  const hanging = definePlugin({
    name: 'hanging',
    summary,
    setup: () => ({ stop: () => new Promise(() => {}) }),
  });
  const gateway = await start(configOf({ root: { limits: { drainTimeoutMs: 50 } } }), failing, hanging);
  await gateway.close();
  assert.deepEqual(
    gateway.log.map(({ message, fields }) => [message, fields['plugin']]),
    [['a plugin failed to stop', 'failing']],
  );
});

test('services are set up before those who use them, whatever the order of the plugins', async () => {
  const orders = [
    [offers, repeats, uses],
    [uses, repeats, offers],
    [repeats, uses, offers],
  ];
  for (const plugins of orders) {
    const gateway = await start(configOf({ bind: { type: 'uses' }, root: { greeting: {} } }), ...plugins);
    assert.equal((await gateway.request('GET', '/')).text, 'HELLO');
  }
  const without = await start(configOf({ bind: { type: 'uses' } }), offers, repeats, uses);
  assert.equal((await without.request('GET', '/')).text, 'NO SECTION');
});

test('a service that nobody offers is a problem of whoever uses it, once', async () => {
  const config = configOf({
    bind: { type: 'uses' },
    api: { environments: ['RELEASE', 'TEST'] },
    root: { environments: { TEST: {} } },
  });
  assert.deepEqual(await problemsOf(config, uses), [
    'plugins.mine.config: plugin uses could not be bound: no plugin offers the service "loud"',
  ]);
  // `repeats` has no service to build on; `uses` suffers from the same and is not named.
  assert.deepEqual(await problemsOf(config, uses, repeats), [
    'repeats: plugin repeats could not be set up: no plugin offers the service "greeter"',
  ]);
});

test('services that need each other are one problem that names them', async () => {
  const one = definePlugin({
    name: 'one',
    summary,
    offers: [Greeter],
    setup: (_section, kit) => ({ services: [offer(Greeter, kit.use(Loud))] }),
  });
  const two = definePlugin({
    name: 'two',
    summary,
    offers: [Loud],
    setup: (_section, kit) => ({ services: [offer(Loud, kit.use(Greeter))] }),
  });
  assert.deepEqual(await problemsOf(configOf(), one, two), [
    'two: plugin two could not be set up: services need each other in a circle: one, two, one',
  ]);
});

test('a plugin that does not set up what it offers is a problem', async () => {
  const lazy = definePlugin({ name: 'lazy', summary, offers: [Greeter], setup: () => ({}) });
  assert.deepEqual(await problemsOf(configOf(), lazy), ['lazy: plugin lazy did not set up "greeter"']);
});

test('sections are checked, filled with defaults, and handed to setup once', async () => {
  const seen: unknown[] = [];
  const plugin = definePlugin({
    name: 'owns',
    summary,
    section: { name: 'things', schema: Options({ size: Type.Integer({ default: 3 }) }) },
    setup: (section, kit) => {
      seen.push(section, kit.published.length, kit.environments);
      return {};
    },
  });
  const config = configOf({
    root: { things: {}, environments: { TEST: {} } },
    api: { environments: ['TEST', 'RELEASE'] },
  });
  await start(config, plugin);
  assert.deepEqual(JSON.parse(JSON.stringify(seen)), [{ size: 3 }, 2, ['RELEASE', 'TEST']]);
  assert.deepEqual(await problemsOf(configOf({ root: { things: { sise: 3 } } }), plugin), [
    'things.sise: unknown field; allowed: size; did you mean "size"?',
  ]);
  assert.deepEqual(
    await problemsOf(configOf({ root: { thing: {} } }), plugin).then(([first]) => first?.split(';').at(-1)),
    ' did you mean "things"?',
  );
});

test('a section reports problems from the top of the configuration', async () => {
  const plugin = definePlugin({
    name: 'owns',
    summary,
    section: { name: 'things', schema: Type.Record(Type.String(), Type.Integer()) },
    setup: (_section, kit) => {
      kit.problem(['things', 'a'], 'is odd');
      return {};
    },
  });
  assert.deepEqual(await problemsOf(configOf({ root: { things: { a: 1 } } }), plugin), ['things.a: is odd']);
});

const field = definePlugin({
  name: 'greeting',
  summary,
  apiField: 'greet',
  config: Options({ word: Type.String({ default: 'hello' }) }),
  bind: ({ word }, kit) => ({ preAuth: () => reply(200, {}, `${word} from ${kit.binding}`) }),
});

test('an API field binds its plugin: true for the defaults, false for not at all, else options', async () => {
  const cases: [unknown, string][] = [
    [true, 'hello from greet'],
    [{ word: 'hi' }, 'hi from greet'],
    [{}, 'hello from greet'],
    [false, 'mock'],
  ];
  for (const [value, expected] of cases) {
    const gateway = await start(configOf({ api: { greet: value } }), field);
    assert.equal((await gateway.request('GET', '/')).text, expected);
  }
  assert.deepEqual(await problemsOf(configOf({ api: { greet: { wrod: 'hi' } } }), field), [
    'apis.shop/orders.greet.wrod: unknown field; allowed: word; did you mean "word"?',
  ]);
  assert.deepEqual(await problemsOf(configOf({ api: { greet: 'yes' } }), field), [
    'apis.shop/orders.greet: found "yes"; allowed: a mapping',
  ]);
});

test('a field and a binding of the same plugin are two of a kind', async () => {
  const config = configOf({ api: { greet: true }, bind: { type: 'greeting' } });
  assert.deepEqual(await problemsOf(config, field), [
    'bindings[0]: shop/orders in RELEASE already has greeting, bound by "greet"; one of a kind is allowed for each API and environment',
  ]);
});

const own = Options({ limit: Type.Integer({ minimum: 1 }) });
const speaks = definePlugin({
  name: 'limits',
  summary,
  config: own,
  dialects: {
    'vendor/limit': defineDialect(Options({ maximum: Type.Integer() }), ({ maximum }, problem) => {
      if (maximum > 100) problem(['maximum'], `found ${maximum}; allowed: at most 100`);
      if (maximum === 13) throw new Error('thirteen');
      return { limit: maximum };
    }),
  },
  bind: ({ limit }) => ({ preAuth: () => reply(200, {}, String(limit)) }),
});

test('a dialect is checked by its own schema and translated', async () => {
  const bind = (type: string, config: unknown) => configOf({ bind: { type, config } });
  const gateway = await start(bind('vendor/limit', { maximum: 7 }), speaks);
  assert.equal((await gateway.request('GET', '/')).text, '7');
  assert.deepEqual(await problemsOf(bind('vendor/limit', { limit: 7 }), speaks), [
    'plugins.mine.config: "maximum" is missing',
    'plugins.mine.config.limit: unknown field; allowed: maximum',
  ]);
  assert.deepEqual(await problemsOf(bind('vendor/limit', { maximum: 101 }), speaks), [
    'plugins.mine.config.maximum: found 101; allowed: at most 100',
  ]);
  assert.deepEqual(await problemsOf(bind('vendor/limit', { maximum: 13 }), speaks), [
    'plugins.mine.config: plugin limits could not translate this: thirteen',
  ]);
  assert.match((await problemsOf(bind('vendor/limt', {}), speaks)).join(), /did you mean "vendor\/limit"\?/);
});

const wrongBinds: [string, () => unknown, RegExp][] = [
  [
    'a misspelt hook',
    () => ({ preauth: () => undefined }),
    /bind returned "preauth", which is no hook; allowed: .*; did you mean "preAuth"\?/,
  ],
  ['a promise', async () => ({}), /bind returned a promise/],
  ['nothing', () => undefined, /bind must return an object of hooks/],
  ['null', () => null, /bind must return an object of hooks/],
  [
    'a stage that there is not',
    () => ({ response: { stage: 'sign', handle: () => undefined } }),
    /"response" must be a function, or \{stage, handle\}; stage is one of read, map, change/,
  ],
  [
    'a bare function where a stage is needed',
    () => ({ auth: () => undefined }),
    /"auth" must be \{stage, handle\}; stage is one of authenticate, authorize, admit, serve/,
  ],
  ['a hook that is no function', () => ({ preAuth: true }), /"preAuth" must be a function/],
  ['auth without a stage', () => ({ auth: { handle: () => undefined } }), /"auth" must be \{stage, handle\}/],
  [
    'auth with a misspelt stage',
    () => ({ auth: { stage: 'admitt', handle: () => undefined } }),
    /stage is one of/,
  ],
  ['auth as a function', () => ({ auth: () => undefined }), /"auth" must be \{stage, handle\}/],
  [
    'a backend',
    () => ({ backend: { invoke: () => reply(200) } }),
    /only a plugin named backend-\* has a backend/,
  ],
  ['a rejecting promise', () => Promise.reject(new Error('lost')), /bind returned a promise/],
];

for (const [what, bind, expected] of wrongBinds) {
  test(`bind that returns ${what} refuses the configuration`, async () => {
    const plugin = definePlugin({ name: 'wrong', summary, bind: bind as () => Hooks });
    const problems = await problemsOf(configOf({ bind: { type: 'wrong' } }), plugin);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^plugins\.mine\.config: plugin wrong: /);
    assert.match(problems[0] ?? '', expected);
  });
}

const wrongSetups: [string, () => unknown, RegExp][] = [
  [
    'a misspelt hook',
    () => ({ routign: () => undefined }),
    /"routign", which is no hook; .*did you mean "routing"\?/,
  ],
  ['a promise', async () => ({}), /setup returned a promise/],
  ['nothing', () => undefined, /setup must return an object/],
  ['a hook that is no function', () => ({ completed: 1 }), /"completed" must be a function/],
  ['withheld fields that are no list', () => ({ withheld: 'x-' }), /"withheld" must be a list of beginnings/],
  ['a beginning of every name', () => ({ withheld: ['x-', ''] }), /"withheld" must be a list of beginnings/],
  ['a beginning of no name', () => ({ withheld: ['X-'] }), /"withheld" must be a list of beginnings/],
];

for (const [what, setup, expected] of wrongSetups) {
  test(`setup that returns ${what} refuses the configuration`, async () => {
    const problems = await problemsOf(
      configOf(),
      definePlugin({ name: 'wrong', summary, setup: setup as () => object }),
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', expected);
  });
}

test('a plugin that is none is refused by what is wrong with it', async () => {
  const wrong: [object, RegExp][] = [
    [
      { name: 'wrong', summary, bnid: () => ({}), bind: () => ({}) },
      /does not know "bnid"; .*did you mean "bind"\?/,
    ],
    [{ name: 'wrong', summary }, /neither `bind` nor `bindRest` nor `setup`/],
    [{ name: 'wrong', bind: () => ({}) }, /no summary/],
    [{ name: 'Wrong', summary, bind: () => ({}) }, /lower case/],
    [
      { name: 'wrong', summary, config: { type: 'objekt' }, bind: () => ({}) },
      /a schema of it cannot be used/,
    ],
  ];
  for (const [definition, expected] of wrong) {
    await assert.rejects(start(configOf(), definition as AnyPlugin), expected);
  }
});

test('two plugins that answer to one word are refused', async () => {
  const clash = { name: 'clash', summary, bind: () => ({}) };
  const cases: [AnyPlugin[], string][] = [
    [
      [field, { ...clash, apiField: 'greet' }],
      'the API field "greet" belongs to the plugin "greeting" already',
    ],
    [[{ ...clash, apiField: 'request' }], 'the API field "request" belongs to the kernel already'],
    [
      [{ ...clash, section: { name: 'apis', schema: Type.Object({}) } }],
      'the section "apis" belongs to the kernel already',
    ],
    [
      [{ ...clash, section: { name: 'accessLog', schema: Type.Object({}) } }],
      'the section "accessLog" belongs to the plugin "access-log" already',
    ],
    [
      [speaks, { ...clash, dialects: { 'vendor/limit': defineDialect(own, (value) => value) } }],
      'the type "vendor/limit" belongs to the plugin "limits" already',
    ],
    [
      [offers, { ...offers, name: 'clash', section: { name: 'other', schema: Type.Object({}) } }],
      'the service "greeter" belongs to the plugin "offers" already',
    ],
  ];
  for (const [plugins, expected] of cases) {
    const problems = await problemsOf(configOf(), ...plugins);
    assert.ok(problems.includes(`extensions.clash: ${expected}`), problems.join('\n'));
  }
});

test('bindings: order in the YAML, all of a group, all, and only in some environments', async () => {
  const ordered = (name: string) =>
    definePlugin({
      name,
      summary,
      bind: () => ({
        preAuth: (exchange) => {
          exchange.headers.append('x-order', name);
          return undefined;
        },
      }),
    });
  const config = {
    groups: { shop: { domains: ['shop'] }, bank: { domains: ['bank'] } },
    environments: { TEST: {} },
    apis: Object.fromEntries(
      ['shop/a', 'bank/a'].map((name) => [
        name,
        {
          request: { method: 'GET', path: '/' },
          environments: ['RELEASE', 'TEST'],
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      ]),
    ),
    plugins: { one: { type: 'one' }, two: { type: 'two' }, three: { type: 'three' } },
    bindings: [
      { plugin: 'two', apis: ['*'] },
      { plugin: 'one', apis: ['shop/*', 'shop/a'] },
      { plugin: 'three', apis: ['bank/a'], environments: ['TEST'] },
    ],
  };
  const gateway = await start(config, ordered('one'), ordered('two'), ordered('three'));
  const orderAt = async (host: string, stage: string): Promise<string[]> => {
    await gateway.request('GET', `http://${host}/`, { headers: { 'x-stage': stage } });
    return gateway.backendRequests.at(-1)?.headers.getAll('x-order') ?? [];
  };
  assert.deepEqual(await orderAt('shop', 'RELEASE'), ['two', 'one']);
  assert.deepEqual(await orderAt('shop', 'TEST'), ['two', 'one']);
  assert.deepEqual(await orderAt('bank', 'RELEASE'), ['two']);
  assert.deepEqual(await orderAt('bank', 'TEST'), ['two', 'three']);
});

test('a binding of one kind twice is told once, however many APIs it names', async () => {
  const apis = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [
      `shop/a${index}`,
      { request: { method: 'GET', path: `/${index}` }, auth: 'none', backend: { type: 'mock' } },
    ]),
  );
  const config = {
    groups: base.groups,
    apis,
    plugins: { first: { type: 'same' }, second: { type: 'same' } },
    bindings: [
      { plugin: 'first', apis: ['*'] },
      { plugin: 'second', apis: ['shop/*'] },
    ],
  };
  assert.deepEqual(await problemsOf(config, answers('same', 'x')), [
    'bindings[1]: shop/a0 in RELEASE already has same, bound by "first" (so do 49 more); one of a kind is allowed for each API and environment',
  ]);
});

test('publish is told of each published API, after all setups and before anything is bound', async () => {
  const events: string[] = [];
  const first = definePlugin({
    name: 'first',
    summary,
    setup: () => ({ publish: ({ api, environment }) => void events.push(`${api.name} in ${environment}`) }),
    bindRest: () => void events.push('bound'),
  });
  const second = definePlugin({ name: 'second', summary, setup: () => (events.push('set up'), {}) });
  await start(
    configOf({ api: { environments: ['RELEASE', 'TEST'] }, root: { environments: { TEST: {} } } }),
    first,
    second,
  );
  assert.deepEqual(events, ['set up', 'shop/orders in RELEASE', 'shop/orders in TEST', 'bound', 'bound']);
});

test('an error that publish throws is a problem of the configuration', async () => {
  const broken = definePlugin({
    name: 'broken',
    summary,
    setup: () => ({
      publish({ api }) {
        throw new Error(`${api.name} is too much`);
      },
    }),
  });
  assert.deepEqual(await problemsOf(configOf(), broken), [
    'broken: plugin broken could not be set up: shop/orders is too much',
  ]);
});

test('what was read is gone when a configuration is in force', async () => {
  let read = (): unknown => undefined;
  const late = definePlugin({
    name: 'late',
    summary,
    setup(_section, kit) {
      read = () => kit.readText([], 'file');
      return {};
    },
  });
  await start(configOf(), late);
  assert.throws(read, /while a configuration is built/);
});
