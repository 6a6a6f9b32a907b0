import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type RequestOptions, type TestGateway, testGateway } from '#sdk/testing';
import { refusals } from './testing.ts';

type Json = Readonly<Record<string, unknown>>;

const parameters: readonly Json[] = [
  { name: 'orderId', in: 'path', required: true },
  { name: 'x-tenant', in: 'header' },
  { name: 'page', in: 'query', type: 'number', default: 1 },
  { name: 'lang', in: 'query' },
];

function configOf(policies: unknown, api: Json = {}, request: Json = {}): Json {
  return {
    environments: { TEST: {} },
    groups: { shop: { domains: ['test'] } },
    apis: {
      'shop/get-order': {
        request: { method: 'ANY', path: '/orders/{orderId}/{item}', parameters, ...request },
        environments: ['RELEASE', 'TEST'],
        auth: 'none',
        backend: { type: 'http', address: 'http://own', path: '/own', method: 'GET' },
        policies,
        ...api,
      },
    },
  };
}

const start = (policies: unknown, api?: Json, request?: Json) =>
  testGateway({ config: configOf(policies, api, request) });

const to = (name: string, conditions: readonly Json[], fields: Json = {}): Json => ({
  name,
  match: 'all',
  conditions,
  backend: { type: 'http', address: `http://${name}` },
  ...fields,
});
const parameter = (name: string, type: string, value: string): Json => ({
  source: 'parameter',
  parameter: name,
  type,
  value,
});
const system = (name: string, type: string, value: string): Json => ({
  ...parameter(name, type, value),
  source: 'system',
});
const ip = (value: string): Json => ({ source: 'ip', value });

/** The origin that a request went to, or the status of an answer that no backend gave. */
async function origin(
  gateway: TestGateway,
  url = '/orders/7/x',
  options: RequestOptions = {},
): Promise<string> {
  const before = gateway.backendRequests.length;
  const { status } = await gateway.request('GET', url, options);
  return gateway.backendRequests[before]?.origin ?? String(status);
}

/** Guide, table 3-11: what a condition looks at and how it compares; each with requests and where they go. */
const conditions: readonly (readonly [
  condition: Json,
  ...requests: (readonly [url: string, options: RequestOptions, matches: boolean])[],
])[] = [
  [
    parameter('lang', 'equal', 'größe 1'),
    ['/orders/7/x?lang=gr%C3%B6%C3%9Fe+1', {}, true],
    ['/orders/7/x?LANG=gr%c3%b6%c3%9fe%201', {}, true],
    ['/orders/7/x?lang=Gr%C3%B6%C3%9Fe+1', {}, false],
    ['/orders/7/x?lang=', {}, false],
    ['/orders/7/x', {}, false],
    // All values of a parameter that is sent twice must hold.
    ['/orders/7/x?lang=gr%C3%B6%C3%9Fe+1&lang=de', {}, false],
    ['/orders/7/x?lang=de&lang=gr%C3%B6%C3%9Fe+1', {}, false],
  ],
  [
    parameter('X-Tenant', 'enum', 'gold, platinum'),
    ['/orders/7/x', { headers: { 'x-tenant': 'gold' } }, true],
    ['/orders/7/x', { headers: { 'X-TENANT': 'platinum' } }, true],
    ['/orders/7/x', { headers: { 'x-tenant': ' platinum' } }, false],
    ['/orders/7/x', { headers: { 'x-tenant': 'gold, platinum' } }, false],
    ['/orders/7/x', { headers: { 'x-tenant': ['gold', 'platinum'] } }, true],
    ['/orders/7/x', { headers: { 'x-tenant': ['gold', 'basic'] } }, false],
    ['/orders/7/x?x-tenant=gold', {}, false],
    ['/orders/7/x', {}, false],
  ],
  [
    parameter('page', 'pattern', '[0-5]'),
    ['/orders/7/x', {}, true],
    ['/orders/7/x?page=5', {}, true],
    ['/orders/7/x?page=6', {}, false],
    ['/orders/7/x?page=15', {}, false],
  ],
  [parameter('orderid', 'equal', 'a/b'), ['/orders/a%2Fb/x', {}, true], ['/orders/a/x', {}, false]],
  [parameter('item', 'equal', 'ü'), ['/orders/7/%C3%BC', {}, true], ['/orders/7/u', {}, false]],
  [
    ip('192.0.2.7, 198.51.100.0/24 ,2001:db8::/32'),
    ['/orders/7/x', { clientAddress: '192.0.2.7' }, true],
    ['/orders/7/x', { clientAddress: '192.0.2.8' }, false],
    ['/orders/7/x', { clientAddress: '198.51.100.255' }, true],
    ['/orders/7/x', { clientAddress: '2001:db8:1::1' }, true],
    ['/orders/7/x', { clientAddress: '2001:db9::1' }, false],
    ['/orders/7/x', { clientAddress: '::ffff:192.0.2.7' }, true],
    ['/orders/7/x', { clientAddress: '' }, false],
    ['/orders/7/x', { clientAddress: '192.0.2.8', headers: { 'x-forwarded-for': '192.0.2.7' } }, false],
  ],
  [
    system('stage', 'equal', 'TEST'),
    ['/orders/7/x', { headers: { 'x-stage': 'TEST' } }, true],
    ['/orders/7/x', {}, false],
  ],
  [system('reqPath', 'pattern', '/orders/[a-z]/.*'), ['/orders/%61/x', {}, true], ['/orders/7/x', {}, false]],
  [system('REQMETHOD', 'enum', 'GET,HEAD'), ['/orders/7/x', {}, true]],
  [system('appId', 'pattern', '.*'), ['/orders/7/x', {}, false]],
  [system('authorizer.frontend.tier', 'equal', 'gold'), ['/orders/7/x', {}, false]],
  [
    system('sourceIp', 'equal', '192.0.2.7'),
    ['/orders/7/x', { clientAddress: '192.0.2.7' }, true],
    ['/orders/7/x', {}, false],
  ],
];

suite('one condition', () => {
  for (const [condition, ...requests] of conditions) {
    test(JSON.stringify(condition), async () => {
      const gateway = await start([to('special', [condition])]);
      for (const [url, options, matches] of requests) {
        const expected = matches ? 'http://special:80' : 'http://own:80';
        const found = await origin(gateway, url, options);
        assert.equal(found.replace(/(?<!:80)$/, ':80'), expected, `${url} ${JSON.stringify(options)}`);
      }
    });
  }
});

/** Guide, table 3-10: both effective modes. */
test('all and any of several conditions', async () => {
  const both = [parameter('lang', 'equal', 'de'), parameter('page', 'equal', '2')];
  const urls = ['?lang=de&page=2', '?lang=de', '?page=2', ''].map((query) => `/orders/7/x${query}`);
  const expected = {
    all: ['http://special', 'http://own', 'http://own', 'http://own'],
    any: ['http://special', 'http://special', 'http://special', 'http://own'],
  };
  for (const match of ['all', 'any'] as const) {
    const gateway = await start([to('special', both, { match })]);
    const found: string[] = [];
    for (const url of urls) found.push(await origin(gateway, url));
    assert.deepEqual(found, expected[match], match);
  }
});

test('the first policy that matches decides, of five', async () => {
  const five = ['1', '[12]', '[1-3]', '[1-4]', '[1-5]'].map((pattern, index) =>
    to(`p${index}`, [parameter('page', 'pattern', pattern)]),
  );
  const gateway = await start(five);
  const found: string[] = [];
  for (const page of [1, 2, 3, 4, 5, 6]) found.push(await origin(gateway, `/orders/7/x?page=${page}`));
  assert.deepEqual(found, [...five.map((_, index) => `http://p${index}`), 'http://own']);
});

test("a policy's backend is whole, with parameters of its own; nothing is taken from the API's own", async () => {
  const mapped = {
    type: 'http',
    address: 'http://special',
    path: '/{tenant}/orders',
    method: 'POST',
    parameters: [
      { name: 'tenant', in: 'path', from: 'request.x-tenant' },
      { name: 'order', in: 'query', from: 'request.orderId' },
      { name: 'source', in: 'query', value: 'policy' },
    ],
  };
  const bare = { type: 'http', address: 'http://bare' };
  const mock = { type: 'mock', status: 203, body: 'mocked', headers: { 'x-mock': '1' } };
  const gateway = await start([
    to('mapped', [parameter('x-tenant', 'equal', 'gold')], { backend: mapped }),
    to('bare', [parameter('lang', 'equal', 'de')], { backend: bare }),
    to('mock', [parameter('lang', 'equal', 'fr')], { backend: mock }),
  ]);
  const headers = { 'x-tenant': 'gold', 'x-ca-routing-name': 'of the caller' };
  await gateway.request('GET', '/orders/7/x?a=1', { headers });
  await gateway.request('GET', '/orders/7/x?lang=de', {});
  const [first, second] = gateway.backendRequests;
  assert.deepEqual(
    [first?.method, first?.origin, first?.path, first?.rawQuery],
    ['POST', 'http://special', '/gold/orders', 'a=1&page=1&order=7&source=policy'],
  );
  assert.equal(first?.headers.get('x-ca-routing-name'), 'of the caller', "another vendor's word");
  assert.deepEqual(
    [second?.method, second?.origin, second?.path, second?.rawQuery],
    ['GET', 'http://bare', '/orders/7/x', 'lang=de&page=1'],
  );
  const answer = await gateway.request('GET', '/orders/7/x?lang=fr');
  assert.deepEqual([answer.status, answer.text, answer.headers.get('x-mock')], [203, 'mocked', '1']);
  assert.equal(gateway.completed.at(-1)?.backendMs, undefined, 'a mock takes no time');
});

test('what breaks the rules of a parameter is refused before any policy', async () => {
  const gateway = await start([to('special', [parameter('page', 'pattern', '.*')])]);
  assert.equal(await origin(gateway, '/orders/7/x?page=none'), '400');
});

test('the same policies bound to several APIs', async () => {
  const config = configOf(false);
  const gateway = await testGateway({
    config: {
      ...config,
      plugins: { shared: { type: 'policies', config: [to('special', [ip('192.0.2.0/24')])] } },
      bindings: [{ plugin: 'shared', apis: ['shop/*'], environments: ['TEST'] }],
    },
  });
  assert.equal(await origin(gateway), 'http://own');
  assert.equal(await origin(gateway, '/orders/7/x', { headers: { 'x-stage': 'TEST' } }), 'http://special');
});

const isOwn = (line: string): boolean => line.startsWith('policies:');

test('no policies, or none at all', async () => {
  for (const none of [[], false]) {
    const gateway = await start(none);
    assert.equal(await origin(gateway), 'http://own');
    assert.deepEqual(gateway.describe('GET', '/orders/7/x').filter(isOwn), []);
  }
});

test('explain tells what would match, and what only a real caller decides', async () => {
  const gateway = await start([
    to('vip', [parameter('x-tenant', 'enum', 'gold,platinum'), ip('127.0.0.0/8')]),
    to('app', [system('appId', 'equal', 'mobile'), parameter('page', 'equal', '1')]),
    to('pages', [system('appId', 'equal', 'mobile'), parameter('page', 'pattern', '[0-5]')], {
      match: 'any',
    }),
  ]);
  const explain = (url: string, tenant: string) =>
    gateway
      .describe('GET', url, { headers: { 'x-tenant': tenant }, clientAddress: '127.0.0.1' })
      .filter(isOwn);
  assert.deepEqual(explain('/orders/7/x?page=2', 'gold'), [
    'policies: policy vip (all of 2, backend http): yes',
    'policies:   parameter x-tenant is one of gold,platinum: yes',
    'policies:   the source address is in 127.0.0.0/8: yes',
    'policies: policy app (all of 2, backend http): no',
    'policies:   system value appId is mobile: depends on who calls',
    'policies:   parameter page is 1: no',
    'policies: policy pages (any of 2, backend http): yes',
    'policies:   system value appId is mobile: depends on who calls',
    'policies:   parameter page matches [0-5]: yes',
    'policies: this request: the backend of vip',
  ]);
  const last = (url: string, tenant: string) => explain(url, tenant).at(-1);
  assert.equal(last('/orders/7/x?page=2', 'basic'), 'policies: this request: the backend of pages');
  assert.equal(last('/orders/7/x', 'basic'), 'policies: this request: depends on who calls');
  const own = await start([to('vip', [ip('192.0.2.1')])]);
  assert.equal(
    own.describe('GET', '/orders/7/x', { clientAddress: '127.0.0.1' }).at(-1),
    "policies: this request: the API's own backend",
  );
});

suite('refused', () => {
  const good = ip('192.0.2.1');
  const cases: readonly (readonly [name: string, policies: unknown, ...expected: RegExp[]])[] = [
    [
      'six',
      Array.from({ length: 6 }, (_, index) => to(`p${index}`, [good])),
      / apis\.shop\/get-order\.policies: found a list of 6; allowed: a list of at most 5$/,
    ],
    ['a mapping', {}, /policies: found a mapping; allowed: a list$/],
    ['true', true, /policies: found a mapping; allowed: a list$/],
    [
      'a name twice',
      [to('a', [good]), to('b', [good]), to('a', [good])],
      /policies\[2\]\.name: found "a", as in \[0\]; allowed: a name that no other one has$/,
    ],
    ['a bad name', [to('a b', [good])], /policies\[0\]\.name: found "a b"; allowed: letters, digits/],
    [
      'no conditions',
      [to('a', [])],
      /policies\[0\]\.conditions: found a list of 0; allowed: a list of at least 1$/,
    ],
    [
      'a misspelt field',
      [{ ...to('a', [good]), condition: [] }],
      /policies\[0\]\.condition: unknown field; .*did you mean "conditions"\?$/,
    ],
    [
      'an unknown mode',
      [to('a', [good], { match: 'one' })],
      /policies\[0\]\.match: found "one"; allowed: all, any$/,
    ],
    [
      'an unknown source',
      [to('a', [{ source: 'cookie', value: 'x' }])],
      /conditions\[0\]\.source: found "cookie"; allowed: parameter, ip, system$/,
    ],
    [
      'an unknown type',
      [to('a', [parameter('page', 'exact', '1')])],
      /conditions\[0\]\.type: found "exact"; allowed: equal, enum, pattern$/,
    ],
    [
      'a value that is a number',
      [to('a', [{ ...parameter('page', 'equal', ''), value: 1 }])],
      /conditions\[0\]\.value: found 1; allowed: text; quote it$/,
    ],
    [
      'an empty value',
      [to('a', [parameter('page', 'equal', '')])],
      /conditions\[0\]\.value: found ""; allowed: text of at least 1 character$/,
    ],
    [
      'no type and no parameter',
      [to('a', [{ source: 'parameter', value: 'x' }])],
      /conditions\[0\]: "parameter" is missing: which parameter$/,
      /conditions\[0\]: "type" is missing; allowed: equal, enum, pattern$/,
    ],
    [
      'no system value',
      [to('a', [{ source: 'system', type: 'equal', value: 'x' }])],
      /conditions\[0\]: "parameter" is missing: which system value$/,
    ],
    [
      'an undeclared parameter',
      [to('a', [parameter('x-tennant', 'equal', 'x')])],
      /conditions\[0\]\.parameter: request\.parameters declares no "x-tennant"; allowed: orderId, x-tenant, page, lang, item; did you mean "x-tenant"\?$/,
    ],
    [
      'an unknown system value',
      [to('a', [system('stge', 'equal', 'x')])],
      /conditions\[0\]\.parameter: there is no system value "stge"; allowed: .*; did you mean "stage"\?$/,
    ],
    [
      'a parameter and a type with an address',
      [to('a', [{ ...parameter('page', 'enum', '192.0.2.1'), source: 'ip' }])],
      /conditions\[0\]\.parameter: parameter means nothing with `source: ip`; leave it out$/,
      /conditions\[0\]\.type: type means nothing/,
    ],
    [
      'an address that is none',
      [to('a', [ip('192.0.2.1, 192.0.2.256')])],
      /conditions\[0\]\.value: found "192\.0\.2\.256"; allowed: addresses and CIDR blocks/,
    ],
    [
      'no address between commas',
      [to('a', [ip('192.0.2.1,')])],
      /conditions\[0\]\.value: found ""; allowed: addresses/,
    ],
    [
      'nothing between commas',
      [to('a', [parameter('page', 'enum', '1,,2')])],
      /conditions\[0\]\.value: there is nothing between two commas/,
    ],
    [
      'a pattern that is none',
      [to('a', [parameter('page', 'pattern', '[0-5')])],
      /conditions\[0\]\.value: this is no regular expression: Unterminated character class$/,
    ],
    [
      'a pattern that looks back',
      [to('a', [parameter('page', 'pattern', '(.)\\1')])],
      /conditions\[0\]\.value: references to groups are not allowed$/,
    ],
    [
      'a backend without a type',
      [to('a', [good], { backend: { address: 'http://x' } })],
      /policies\[0\]\.backend: "type" is missing$/,
    ],
    [
      'an unknown backend',
      [to('a', [good], { backend: { type: 'htp' } })],
      /policies\[0\]\.backend\.type: no plugin is called "htp"; .*did you mean "http"\?$/,
    ],
    [
      'a misspelt option of a backend',
      [to('a', [good], { backend: { type: 'http', adress: 'http://x' } })],
      /policies\[0\]\.backend\.adress: unknown field; .*did you mean "address"\?$/,
    ],
    [
      'a mapping from nowhere',
      [
        to('a', [good], {
          backend: {
            type: 'http',
            address: 'http://x',
            parameters: [{ name: 'y', in: 'query', from: 'request.lng' }],
          },
        }),
      ],
      /policies\[0\]\.backend\.parameters\[0\]\.from: request\.parameters declares no "lng"; .*did you mean "lang"\?$/,
    ],
  ];
  for (const [name, policies, ...expected] of cases) {
    test(name, async () => {
      const lines = await refusals(JSON.stringify(configOf(policies), null, 1));
      assert.equal(lines.length, expected.length, lines.join('\n'));
      for (const [index, pattern] of expected.entries()) {
        assert.match(lines[index] ?? '', pattern);
        assert.match(lines[index] ?? '', /^gateway\.yaml:\d+:\d+ apis\.shop\/get-order\.policies/);
      }
    });
  }

  test('together with a routing document', async () => {
    const config = {
      ...configOf([to('a', [good])]),
      plugins: { other: { type: 'alibaba/routing', config: { routes: [] } } },
      bindings: [{ plugin: 'other', apis: ['shop/*'] }],
    };
    const [line = ''] = await refusals(JSON.stringify(config));
    assert.match(
      line,
      /bindings\[0\]: shop\/get-order in RELEASE already has backend-routing, bound by "policies"/,
    );
  });
});
