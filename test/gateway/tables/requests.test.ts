import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type RequestOptions, type TestGateway, testGateway } from '#sdk/testing';

/*
 * The tables of the guide that say how an API is requested and what its backend gets, row by row: 3-5, 3-6, 3-12, 3-13.
 * Others stand with the plugin they belong to: 3-2 and 3-3 with gateway-responses, 3-10 and 3-11 with backend-routing, 3-18
 * and 3-19 with throttling, 3-20 with access-control; 4-2 in error-codes.test.ts; the fields of 4.3.2 with apig-headers and
 * throttling. What all the characters become that 3.2.1 has encoded: sdk/mapping/bytes.test.ts.
 */

interface Shape {
  readonly request?: Readonly<Record<string, unknown>>;
  readonly backend?: Readonly<Record<string, unknown>>;
  readonly api?: Readonly<Record<string, unknown>>;
}

function start({ request, backend, api }: Shape): Promise<TestGateway> {
  return testGateway({
    config: {
      environments: { TEST: {} },
      groups: { g: { domains: ['own.example'], subdomain: 'abc.debug.example' } },
      apis: {
        'g/api': {
          request: { method: 'ANY', path: '/', ...request },
          environments: ['RELEASE', 'TEST'],
          auth: 'none',
          backend: { type: 'http', address: 'http://backend', ...backend },
          ...api,
        },
      },
    },
  });
}

type Call = readonly [line: string, options: RequestOptions, expected: number | string];

/** A row's name, what is configured, and calls with the status, or with what the backend gets: `method target`. */
type Row = readonly [row: string, shape: Shape, calls: readonly Call[]];

async function outcome(
  gateway: TestGateway,
  line: string,
  options: RequestOptions,
): Promise<number | string> {
  const [method = '', target = ''] = line.split(' ');
  const before = gateway.backendRequests.length;
  const { status } = await gateway.request(
    method,
    /^https?:/.test(target) ? target : `http://own.example${target}`,
    options,
  );
  const got = gateway.backendRequests[before];
  if (got === undefined) return status;
  return `${got.method} ${got.path}${got.rawQuery === '' ? '' : `?${got.rawQuery}`}`;
}

function check(rows: readonly Row[]): void {
  for (const [row, shape, calls] of rows) {
    test(row, async () => {
      const gateway = await start(shape);
      for (const [line, options, expected] of calls)
        assert.equal(await outcome(gateway, line, options), expected, `${line} ${JSON.stringify(options)}`);
    });
  }
}

/** Problems of a configuration that is refused, as `path: message`. */
async function problems(shape: Shape): Promise<string> {
  try {
    await start(shape);
  } catch (error) {
    const found = (error as { problems: readonly { path: string; message: string }[] }).problems;
    return found.map(({ path, message }) => `${path}: ${message}`).join('\n');
  }
  return assert.fail('the configuration was taken');
}

const methods = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS'];

suite('table 3-5', () => {
  check([
    [
      'Domain Name',
      {},
      [
        ['GET http://own.example/', {}, 'GET /'],
        ['GET http://abc.debug.example/', {}, 'GET /'],
        ['GET http://other.example/', {}, 404],
      ],
    ],
    [
      'Protocol: HTTP',
      { request: { protocol: 'http' } },
      [
        ['GET http://own.example/', {}, 'GET /'],
        ['GET https://own.example/', {}, 400],
      ],
    ],
    [
      'Protocol: HTTPS',
      { request: { protocol: 'https' } },
      [
        ['GET http://own.example/', {}, 400],
        ['GET https://own.example/', {}, 'GET /'],
      ],
    ],
    [
      'Protocol: HTTP&HTTPS',
      { request: { protocol: 'both' } },
      [
        ['GET http://own.example/', {}, 'GET /'],
        ['GET https://own.example/', {}, 'GET /'],
      ],
    ],
    [
      'Path: a variable is a segment, letter case counts',
      { request: { path: '/users/{userId}/projects' } },
      [
        ['GET /users/7/projects', {}, 'GET /users/7/projects'],
        ['GET /users/7/8/projects', {}, 404],
        ['GET /users//projects', {}, 404],
        ['GET /Users/7/projects', {}, 404],
        ['GET /users/7/Projects', {}, 404],
      ],
    ],
    [
      'Path: {p+} stands for one or more segments',
      { request: { path: '/users/{p+}' } },
      [
        ['GET /users/a', {}, 'GET /users/a'],
        ['GET /users/a/b/c', {}, 'GET /users/a/b/c'],
        ['GET /users', {}, 404],
        ['GET /users/', {}, 404],
      ],
    ],
    [
      'Matching: Exact match',
      { request: { path: '/test/AA' } },
      [
        ['GET /test/AA', {}, 'GET /test/AA'],
        ['GET /test/AA/CC', {}, 404],
        ['GET /test/AACC', {}, 404],
        ['GET /test/AA/', {}, 404],
      ],
    ],
    [
      'Matching: Prefix match',
      { request: { path: '/test/AA', match: 'prefix' } },
      [
        ['GET /test/AA', {}, 'GET /test/AA'],
        ['GET /test/AA/CC', {}, 'GET /test/AA/CC'],
        ['GET /test/AACC', {}, 404],
      ],
    ],
    [
      'Matching: what follows the prefix goes on to the backend',
      { request: { path: '/test/', match: 'prefix' }, backend: { path: '/test2/' } },
      [
        ['GET /test/AA/CC', {}, 'GET /test2/AA/CC'],
        ['GET /test/AA/CC/', {}, 'GET /test2/AA/CC/'],
        ['GET /test', {}, 404],
      ],
    ],
    ...methods.map((method): Row => [
      `Method: ${method}`,
      { request: { method } },
      methods.map((each) => [`${each} /`, {}, each === method ? `${each} /` : 404]),
    ]),
    ['Method: ANY', {}, methods.map((each) => [`${each} /`, {}, `${each} /`])],
    ['Method: ANY, with a body', {}, [['POST /', { body: 'content' }, 'POST /']]],
  ]);

  test('Path: a segment that is a variable in part is refused, and so is {p+} with Prefix match', async () => {
    assert.match(
      await problems({ request: { path: '/abc{userId}' } }),
      /request\.path: .*must be a whole segment/,
    );
    assert.match(
      await problems({ request: { path: '/users/{p+}', match: 'prefix' } }),
      /leave out `match: prefix`/,
    );
  });

  test('CORS: off unless it is on', async () => {
    const headers = { Origin: 'http://www.cors.com' };
    for (const [cors, expected] of [
      [undefined, undefined],
      [false, undefined],
      [true, '*'],
    ] as const) {
      const gateway = await start({ api: cors === undefined ? {} : { cors } });
      const answer = await gateway.request('GET', 'http://own.example/', { headers });
      assert.equal(answer.headers.get('access-control-allow-origin'), expected);
    }
  });
});

const declaring = (parameter: Readonly<Record<string, unknown>>, path = '/'): Shape => ({
  request: { path, parameters: [{ name: 'p', in: 'query', ...parameter }] },
});

suite('table 3-6', () => {
  check([
    [
      'Name: letter case means nothing',
      declaring({ name: 'Page', required: true, maxLength: 1 }),
      [
        ['GET /?page=1', {}, 'GET /?page=1'],
        ['GET /?PAGE=12', {}, 400],
        ['GET /', {}, 400],
      ],
    ],
    [
      'Location: PATH',
      declaring({ name: 'id', in: 'path', maxLength: 2 }, '/{id}'),
      [
        ['GET /ab', {}, 'GET /ab'],
        ['GET /abc', {}, 400],
      ],
    ],
    [
      'Location: HEADER',
      declaring({ name: 'x-p', in: 'header', required: true }),
      [
        ['GET /', { headers: { 'X-P': '1' } }, 'GET /'],
        ['GET /?x-p=1', {}, 400],
      ],
    ],
    [
      'Location: QUERY',
      declaring({ required: true }),
      [
        ['GET /?p=1', {}, 'GET /?p=1'],
        ['GET /', { headers: { p: '1' } }, 400],
      ],
    ],
    [
      'Type: STRING',
      declaring({ type: 'string' }),
      [
        ['GET /?p=one', {}, 'GET /?p=one'],
        ['GET /?p=true', {}, 'GET /?p=true'],
      ],
    ],
    [
      'Type: NUMBER',
      declaring({ type: 'number' }),
      [
        ['GET /?p=-1.5', {}, 'GET /?p=-1.5'],
        ['GET /?p=one', {}, 400],
      ],
    ],
    [
      'Mandatory: yes',
      declaring({ required: true }),
      [
        ['GET /', {}, 400],
        ['GET /?p=', {}, 'GET /?p='],
      ],
    ],
    ['Mandatory: no', declaring({ required: false }), [['GET /', {}, 'GET /']]],
    [
      'Default Value',
      declaring({ default: 'a b' }),
      [
        ['GET /', {}, 'GET /?p=a%20b'],
        ['GET /?p=c', {}, 'GET /?p=c'],
      ],
    ],
    [
      'Minimum Length',
      declaring({ minLength: 3 }),
      [
        ['GET /?p=abc', {}, 'GET /?p=abc'],
        ['GET /?p=ab', {}, 400],
      ],
    ],
    [
      'Maximum Length',
      declaring({ maxLength: 3 }),
      [
        ['GET /?p=abc', {}, 'GET /?p=abc'],
        ['GET /?p=abcd', {}, 400],
      ],
    ],
    [
      'Example and Description say something to people alone',
      declaring({ example: 'x', description: 'y' }),
      [['GET /', {}, 'GET /']],
    ],
  ]);
});

/** Names that no parameter may have, of requests and of backends. */
const names: readonly (readonly [
  name: string,
  place: string,
  on: 'both' | 'request',
  refused: RegExp | undefined,
])[] = [
  ['x-apig-a', 'query', 'both', /x-apig- or x-sdk-/],
  ['X-Sdk-A', 'header', 'both', /x-apig- or x-sdk-/],
  ['X-Stage', 'query', 'both', /x-stage/],
  ['x-stage', 'header', 'both', /x-stage/],
  ['a_b', 'header', 'both', /underscores/],
  ['a_b', 'query', 'both', undefined],
  ['Authorization', 'header', 'request', /authentication/],
  ['x-auth-token', 'header', 'request', /authentication/],
  ['Authorization', 'query', 'request', undefined],
];

suite('names in tables 3-6, 3-12 and 3-13', () => {
  const kinds: Readonly<Record<string, (name: string, place: string) => Shape>> = {
    'an input parameter': (name, place) => declaring({ name, in: place }),
    'a constant': (name, place) => ({ backend: { parameters: [{ name, in: place, value: '1' }] } }),
    'a system parameter': (name, place) => ({
      backend: { parameters: [{ name, in: place, from: 'system.stage' }] },
    }),
  };
  for (const [kind, shapeOf] of Object.entries(kinds)) {
    for (const [name, place, on, refused] of names) {
      if (on === 'request' && kind !== 'an input parameter') continue;
      test(`${kind} ${name} in ${place} is ${refused === undefined ? 'allowed' : 'refused'}`, async () => {
        if (refused === undefined) await start(shapeOf(name, place));
        else assert.match(await problems(shapeOf(name, place)), refused);
      });
    }
  }
});

const mapping = (path: string, ...parameters: readonly object[]): Shape => ({
  request: { path: '/in/{id}' },
  backend: { path, parameters },
});

suite('table 3-12: constants', () => {
  check([
    [
      'Location: PATH',
      mapping('/a/{c}', { name: 'c', in: 'path', value: '[apig]' }),
      [['GET /in/1', {}, 'GET /a/%5Bapig%5D']],
    ],
    [
      'Location: QUERY',
      mapping('/a', { name: 'c', in: 'query', value: '[apig]' }),
      [['GET /in/1?c=forged', {}, 'GET /a?c=%5Bapig%5D']],
    ],
  ]);

  test('Location: HEADER', async () => {
    const gateway = await start(mapping('/a', { name: 'x-c', in: 'header', value: '[apig]' }));
    await gateway.request('GET', 'http://own.example/in/1', { headers: { 'x-c': 'forged' } });
    assert.deepEqual(gateway.backendRequests[0]?.headers.getAll('x-c'), ['[apig]']);
  });

  test('Name: a constant in the path has a place there', async () => {
    assert.match(
      await problems(mapping('/a', { name: 'c', in: 'path', value: '1' })),
      /does not stand in the path/,
    );
  });
});

/** System parameters that the guide names, and what they are for the call below. */
const system: Readonly<Record<string, string | RegExp | undefined>> = {
  sourceIp: '192.0.2.9',
  stage: 'TEST',
  apiId: 'g/api',
  appId: undefined,
  requestId: /^[0-9a-f-]{36}$/,
};

suite('table 3-13: system parameters', () => {
  for (const [name, expected] of Object.entries(system)) {
    for (const place of ['header', 'query'] as const) {
      test(`${name} in ${place}`, async () => {
        const gateway = await start(mapping('/a', { name: 'x-s', in: place, from: `system.${name}` }));
        const headers = { 'x-stage': 'TEST', 'x-s': 'forged' };
        const answer = await gateway.request('GET', 'http://own.example/in/1?x-s=forged', {
          headers,
          clientAddress: '192.0.2.9',
        });
        const [got] = gateway.backendRequests;
        const query = new URLSearchParams(got?.rawQuery).getAll('x-s');
        const values = place === 'query' ? query : (got?.headers.getAll('x-s') ?? []);
        if (expected === undefined) assert.deepEqual(values, []);
        else if (typeof expected === 'string') assert.deepEqual(values, [expected]);
        else assert.match(values.join(), expected);
        if (name === 'requestId') assert.deepEqual(values, answer.headers.getAll('x-request-id'));
      });
    }
  }

  test('in the path', async () => {
    const gateway = await start(mapping('/a/{s}/b', { name: 's', in: 'path', from: 'system.stage' }));
    assert.equal(await outcome(gateway, 'GET /in/1', {}), 'GET /a/RELEASE/b');
  });
});
