import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiOf, codeOf, echoed, gatewayOf, parrot, tokenOf } from './testing.ts';

const denied = [401, 'APIG.0305'];

test('a function says who may call, and what it says of the caller reaches the backend', async (t) => {
  const gateway = await gatewayOf(t);
  const answer = await gateway.ask('let-me-in');
  assert.equal(answer.status, 200);
  assert.equal(echoed(answer)['x-user'], 'alice');
  assert.deepEqual(gateway.completed[0]?.exchange?.identity, {
    type: 'authorizer',
    id: 'token/alice',
    claims: { user: 'alice', calls: '1', token: 'let-me-in' },
  });
  assert.deepEqual(codeOf(await gateway.ask('wrong')), denied);
  assert.equal(gateway.completed[1]?.refusal?.kind, 'authorizer-denied');
  assert.equal(gateway.completed[1].exchange?.identity, null);
  assert.equal(gateway.backendRequests.length, 1);
});

test('what a caller sends under the name of a mapped value is not taken for it', async (t) => {
  const source = `exports.handler = () => ({ statusCode: 200, body: '{"status":"allow"}' })`;
  const gateway = await gatewayOf(t, { source });
  const answer = await gateway.ask('any', { headers: { 'x-user': 'forged' } });
  assert.equal(answer.status, 200);
  assert.equal(echoed(answer)['x-user'], undefined);
  assert.equal(gateway.completed[0]?.exchange?.identity?.id, 'token');
  assert.equal(gateway.completed[0].exchange.identity.isShared, true);
});

test('without its identities a request is refused, and nobody is asked', async (t) => {
  const identities = [
    { in: 'header', name: 'x-token', validation: 'let-me-in[0-9]*' },
    { in: 'query', name: 'k', validation: '(a+)+b' },
  ];
  const gateway = await gatewayOf(t, { options: { identities } });
  const calls = async (path: string, headers: Record<string, string>) => {
    const answer = await gateway.request('GET', path, { headers });
    return [...codeOf(answer), gateway.completed.at(-1)?.refusal?.kind];
  };
  const missing = [...denied, 'authorizer-identity-missing'];
  const fine = { 'x-token': 'let-me-in1' };
  assert.deepEqual(await calls('/?k=ab', {}), missing);
  assert.deepEqual(await calls('/?k=ab', { 'x-token': '' }), missing);
  assert.deepEqual(await calls('/?k=ab', { 'x-token': 'let-me-in1x' }), missing);
  assert.deepEqual(await calls('/', fine), missing);
  assert.deepEqual(await calls('/?k=', fine), missing);
  assert.deepEqual(await calls('/?K=ab', fine), missing);
  assert.deepEqual(await calls('/?k=ab&k=x', fine), missing);
  // With the language's own engine this takes longer than anybody waits.
  assert.deepEqual(await calls(`/?k=${'a'.repeat(1000)}`, fine), missing);
  const answer = await gateway.request('GET', '/?k=aab', { headers: fine });
  assert.equal(echoed(answer)['x-calls'], '1');
});

test('the function sees the request, the user data, and the body where it is wanted', async (t) => {
  const source = `exports.handler = (event) => ({ statusCode: 200, body: JSON.stringify({ status: 'allow', context: { user: JSON.stringify(event) } }) })`;
  const seen = async (options: object) => {
    const gateway = await gatewayOf(t, { source, options: { userData: '{"a":1}', ...options } });
    const answer = await gateway.request('POST', '/?a=1&a=2&b=%C3%A4', {
      headers: { 'X-Token': 't', 'Content-Type': 'application/json', 'X-Forwarded-For': '198.51.100.1' },
      body: '{"ä":1}',
    });
    const text = Buffer.from(echoed(answer)['x-user'] ?? '', 'latin1').toString('utf8');
    assert.equal((answer.json() as { body: string }).body, '{"ä":1}');
    return JSON.parse(text) as Record<string, Record<string, unknown>>;
  };
  const { headers, requestContext, ...event } = await seen({});
  assert.deepEqual(event, {
    httpMethod: 'POST',
    path: '/',
    pathParameters: {},
    queryStringParameters: { a: ['1', '2'], b: 'ä' },
    user_data: '{"a":1}',
  });
  assert.equal(headers?.['x-token'], 't');
  assert.equal(headers['x-forwarded-for'], '198.51.100.1, 192.0.2.1');
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['x-real-ip'], '192.0.2.1');
  assert.deepEqual([requestContext?.['apiId'], requestContext?.['stage']], ['g/api', 'RELEASE']);
  const encoded = await seen({ needBody: true });
  assert.deepEqual([encoded['body'], encoded['isBase64Encoded']], [btoa('{"Ã¤":1}'), true]);
  const plain = await seen({ needBody: true, base64Body: false });
  assert.deepEqual([plain['body'], plain['isBase64Encoded']], ['{"ä":1}', false]);
});

const allow = (context: unknown) => ({
  statusCode: 200,
  body: JSON.stringify({ status: 'allow', context }),
});

test('an answer that is not exactly a decision is none', async (t) => {
  const bad: readonly unknown[] = [
    null,
    [],
    'allow',
    { body: allow({}).body },
    { ...allow({}), statusCode: '200' },
    { ...allow({}), statusCode: 201 },
    { ...allow({}), statusCode: 500 },
    { statusCode: 200, body: { status: 'allow' } },
    { statusCode: 200, body: 'allow' },
    { statusCode: 200, body: '"allow"' },
    { statusCode: 200, body: '[]' },
    { statusCode: 200, body: '{}' },
    { statusCode: 200, body: '{"status":"Allow"}' },
    { statusCode: 200, body: '{"status":true}' },
    { statusCode: 200, body: '{"status":"allow","context":{"__proto__":"x"}}' },
    { statusCode: 200, body: '{"status":"allow","context":{"__proto__":{"user":"root"}}}' },
    allow('x'),
    allow(['x']),
    allow({ user: { name: 'x' } }),
    allow({ user: ['x'] }),
    allow({ user: null }),
    allow({ user: 1 }),
    allow({ user: true }),
    allow({ '1x': 'x' }),
    allow({ '': 'x' }),
    allow({ 'a b': 'x' }),
    allow({ ['a'.repeat(33)]: 'x' }),
    { huge: 2 * 1024 * 1024 },
  ];
  const options = { identities: [{ in: 'header', name: 'x-token' }], cacheSeconds: 60 };
  const gateway = await gatewayOf(t, { source: parrot, options });
  const told = (answer: unknown) =>
    gateway.ask(JSON.stringify(answer), { headers: { 'x-answer': JSON.stringify(answer) } });
  for (const each of bad) {
    assert.deepEqual(codeOf(await told(each)), [500, 'APIG.0601'], JSON.stringify(each));
    assert.equal(gateway.completed.at(-1)?.refusal?.kind, 'authorizer-unusable');
    assert.equal(gateway.log.at(-1)?.message, 'an authorizer gave no decision');
  }
  assert.equal(gateway.backendRequests.length, 0);
  assert.equal((await told(allow(null))).status, 200);
  assert.equal((await told({ statusCode: 200, body: '{"status":"allow"}', more: 1 })).status, 200);
  const longest = 'a'.repeat(32);
  assert.equal((await told(allow({ [longest]: '', 'a-_1': 'x', constructor: 'y' }))).status, 200);
  // What failed was not kept: the same request asks again.
  const again = { headers: { 'x-answer': JSON.stringify(allow({ calls: 'CALLS' })) } };
  assert.equal(echoed(await gateway.ask('null', again))['x-calls'], String(bad.length + 4));
});

test('numbers and booleans are taken as text where that is wanted', async (t) => {
  const gateway = await gatewayOf(t, { source: parrot, options: { allowNumbersAndBooleans: true } });
  const told = (context: object) =>
    gateway.ask('t', { headers: { 'x-answer': JSON.stringify(allow(context)) } });
  const headers = echoed(await told({ user: 1.5, calls: false }));
  assert.deepEqual([headers['x-user'], headers['x-calls']], ['1.5', 'false']);
  assert.equal((await told({ user: null })).status, 500);
});

test('a function that throws or takes too long lets nobody in', async (t) => {
  for (const source of [
    'exports.handler = () => { throw new Error("no") }',
    'exports.handler = () => new Promise(() => {})',
  ]) {
    const gateway = await gatewayOf(t, {
      source,
      options: { timeoutMs: 50, relaxed: true, cacheSeconds: 60 },
    });
    assert.deepEqual(codeOf(await gateway.ask('let-me-in')), [500, 'APIG.0601']);
    assert.equal(gateway.backendRequests.length, 0);
  }
});

test('values of a context write no header field of their own', async (t) => {
  const responses = {
    default: {
      AUTHORIZER_FAILURE: {
        headers: { 'x-why': '$context.authorizer.frontend.user' },
        body: '{"why":"$context.authorizer.frontend.user"}',
      },
    },
  };
  const root = { groups: { g: { domains: ['*'], responses } } };
  const gateway = await gatewayOf(t, { source: parrot, root });
  const told = (status: string) =>
    gateway.ask('t', {
      headers: {
        'x-answer': JSON.stringify({
          statusCode: 200,
          body: JSON.stringify({ status, context: { user: 'a\r\nx-evil: "1' } }),
        }),
      },
    });
  assert.deepEqual(codeOf(await told('allow')), [400, 'APIG.0201']);
  assert.equal(gateway.backendRequests.length, 0);
  const answer = await told('deny');
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.has('x-evil'), false);
  assert.doesNotMatch(answer.headers.get('x-why') ?? '', /[\r\n]/);
  assert.deepEqual(answer.json(), { why: 'a\r\nx-evil: "1' });
});

test('an outage lets requests through in relaxed mode only, and calls are repeated as often as configured', async (t) => {
  const outage = (statusCode: number) => ({ headers: { 'x-answer': JSON.stringify({ statusCode }) } });
  const relaxed = await gatewayOf(t, {
    source: parrot,
    options: { relaxed: true, retries: 2, cacheSeconds: 60 },
  });
  for (const status of [500, 503]) {
    const answer = await relaxed.ask('t', outage(status));
    assert.equal(answer.status, 200);
    assert.equal(echoed(answer)['x-user'], undefined);
  }
  assert.equal(relaxed.completed[0]?.exchange?.identity?.id, 'token');
  assert.equal(relaxed.log.at(-1)?.level, 'warn');
  assert.equal((await relaxed.ask('t', outage(502))).status, 500);
  const count = { headers: { 'x-answer': JSON.stringify(allow({ calls: 'CALLS' })) } };
  // Three each for the outages, and one for an answer that another call would not mend.
  assert.equal(echoed(await relaxed.ask('t', count))['x-calls'], '8');
  const strict = await gatewayOf(t, { source: parrot });
  assert.equal((await strict.ask('t', outage(503))).status, 500);
  assert.equal(echoed(await strict.ask('t', count))['x-calls'], '2');
});

test('a call that went wrong is repeated until it goes well', async (t) => {
  const source = `let calls = 0;
  exports.handler = () => (calls += 1) < 3 ? { statusCode: 503 } : { statusCode: 200, body: '{"status":"allow","context":{"calls":"' + calls + '"}}' }`;
  const gateway = await gatewayOf(t, { source, options: { retries: 10 } });
  assert.equal(echoed(await gateway.ask('t'))['x-calls'], '3');
});

test('policies may look at what the function says', async (t) => {
  const policy = {
    name: 'own',
    match: 'all',
    conditions: [{ source: 'system', parameter: 'authorizer.frontend.user', type: 'equal', value: 'alice' }],
    backend: { type: 'mock', body: 'of alice' },
  };
  const gateway = await gatewayOf(t, { api: { policies: [policy] } });
  assert.equal((await gateway.ask('let-me-in')).text, 'of alice');
});

test('explain tells which authorizer is asked, and no user data', async (t) => {
  const gateway = await gatewayOf(t, { options: { cacheSeconds: 60, userData: 'the-secret' } });
  const told = gateway.describe('GET', '/').filter((line) => line.startsWith('auth: '));
  assert.deepEqual(told, ['auth: authorizer token: function check, by header X-Token, kept for 60 s']);
});

const wrong: readonly (readonly [title: string, setting: object, expected: RegExp])[] = [
  [
    'an unknown authorizer',
    { api: { auth: { type: 'custom', authorizer: 'tokn' } } },
    /gateway\.yaml:\d+:\d+ apis\.g\/api\.auth\.authorizer: there is no authorizer "tokn"; allowed: token; did you mean "token"/,
  ],
  ['no authorizer', { api: { auth: 'custom' } }, /apis\.g\/api\.auth: "authorizer" is missing/],
  [
    'a backend authorizer for callers',
    { options: { type: 'backend' } },
    /auth\.authorizer: the authorizer "token" is of type backend; one of type frontend is needed here; the section "authorizers" has none/,
  ],
  [
    'a frontend authorizer for a backend',
    { api: { backend: { type: 'mock', authorizer: 'token' } } },
    /apis\.g\/api\.backend\.authorizer: the authorizer "token" is of type frontend; one of type backend/,
  ],
  [
    'an unknown authorizer of a backend',
    { api: { backend: { type: 'mock', authorizer: 'x' } } },
    /apis\.g\/api\.backend\.authorizer: there is no authorizer "x"/,
  ],
  [
    'a backend authorizer that is no name',
    { api: { backend: { type: 'mock', authorizer: { name: 'token' } } } },
    /apis\.g\/api\.backend\.authorizer: /,
  ],
  [
    'an unknown function',
    { options: { function: 'chek' } },
    /authorizers\.token\.function: there is no function "chek"; allowed: check; did you mean "check"/,
  ],
  [
    'decisions kept by nothing',
    { options: { identities: [], cacheSeconds: 1 } },
    /authorizers\.token\.cacheSeconds: decisions about callers are kept by identities/,
  ],
  [
    'an identity that comes twice',
    {
      options: {
        identities: [
          { in: 'header', name: 'a' },
          { in: 'header', name: 'A' },
        ],
      },
    },
    /authorizers\.token\.identities\[1\]: the header "A" is an identity source already/,
  ],
  [
    'a pattern that is none',
    { options: { identities: [{ in: 'header', name: 'a', validation: '[' }] } },
    /identities\[0\]\.validation: this is no regular expression/,
  ],
  [
    'a pattern that could run for ever',
    { options: { identities: [{ in: 'header', name: 'a', validation: '(?=a)a' }] } },
    /identities\[0\]\.validation: groups such as/,
  ],
  [
    'a header name that is none',
    { options: { identities: [{ in: 'header', name: 'a b' }] } },
    /identities\[0\]\.name: found "a b"/,
  ],
  ['a cache that lasts too long', { options: { cacheSeconds: 3601 } }, /token\.cacheSeconds/],
  ['too many retries', { options: { retries: 11 } }, /token\.retries/],
  ['a name that is too short', { authorizers: { ab: tokenOf() } }, /authorizers\.ab: /],
  ['an unknown option', { options: { ttl: 1 } }, /token\.ttl: unknown field/],
  [
    'a second factor that stands alone',
    { api: { auth: 'none', authorizer: 'token' } },
    /apis\.g\/api\.authorizer: an authorizer beside `auth: none` is no second factor; write/,
  ],
  [
    'two authorizers',
    { api: { authorizer: 'token' } },
    /apis\.g\/api\.authorizer: an authorizer beside `auth: custom` is no second factor/,
  ],
  [
    'an unknown second factor',
    { api: { auth: 'app', authorizer: 'x' } },
    /apis\.g\/api\.authorizer: there is no authorizer "x"/,
  ],
];

for (const [title, setting, expected] of wrong) {
  test(`refused at load: ${title}`, async (t) => {
    await assert.rejects(gatewayOf(t, setting), expected);
  });
}

test('user data is not shown when something is wrong with it', async (t) => {
  await assert.rejects(gatewayOf(t, { options: { userData: ['the-secret'] } }), (error: Error) => {
    assert.match(error.message, /token\.userData/);
    assert.doesNotMatch(error.message, /the-secret/);
    return true;
  });
});

test('an API that asks nobody is not held up by authorizers', async (t) => {
  const root = { apis: { 'g/open': apiOf('/', { auth: 'none' }) } };
  const gateway = await gatewayOf(t, { root });
  assert.equal((await gateway.request('GET', '/')).status, 200);
});
