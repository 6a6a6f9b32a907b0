import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type RefusalKind, refusalKinds } from '#sdk';
import { type Answer, testGateway } from '#sdk/testing';
import { responseTypes } from './options.ts';
import { gatewayOf, problemsOf } from './testing.ts';

const body = '{"type":"$context.error.type","code":"$context.error.code"}';
const kinds = Object.keys(refusalKinds) as RefusalKind[];

async function refusal(
  kind: RefusalKind,
  shape: Parameters<typeof gatewayOf>[0],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const gateway = await gatewayOf(shape);
  return gateway.request('GET', '/a/1', { headers: { 'x-kind': kind, ...headers } });
}

// Reference 7.7 (table 3-2 with the types that came later): type and default status.
const defaults: Readonly<Record<string, number>> = {
  AUTH_FAILURE: 401,
  AUTH_HEADER_MISSING: 401,
  AUTHORIZER_CONF_FAILURE: 500,
  AUTHORIZER_FAILURE: 500,
  AUTHORIZER_IDENTITIES_FAILURE: 401,
  THIRD_AUTH_CONF_FAILURE: 500,
  THIRD_AUTH_FAILURE: 401,
  THIRD_AUTH_IDENTITIES_FAILURE: 401,
  UNAUTHORIZED: 401,
  ACCESS_DENIED: 403,
  NOT_FOUND: 404,
  REQUEST_PARAMETERS_FAILURE: 400,
  THROTTLED: 429,
  BACKEND_UNAVAILABLE: 502,
  BACKEND_TIMEOUT: 504,
};
const customised = { status: 299, body, headers: { 'x-a': 'b' } };
const byType = Object.fromEntries(
  responseTypes.filter((type) => !type.startsWith('DEFAULT')).map((type) => [type, customised]),
);
const fallbacks = { DEFAULT_4XX: { body: '{"class":"4"}' }, DEFAULT_5XX: { body: '{"class":"5"}' } };
const [plainGateway, customGateway, fallbackGateway] = await Promise.all([
  gatewayOf({}),
  gatewayOf({
    response: 'r',
    responses: { r: { ...byType, DEFAULT_4XX: customised, DEFAULT_5XX: customised } },
  }),
  gatewayOf({ response: 'r', responses: { r: fallbacks } }),
]);
const byCode: ReadonlySet<RefusalKind> = new Set([
  'app-not-authorized',
  'authorizer-denied',
  'circuit-open',
  'third-auth-blocked',
]);
for (const kind of kinds) {
  const { type, status, code, message } = refusalKinds[kind];
  const ask = { headers: { 'x-kind': kind } };

  test(`${kind}: the default form, and its own type ${type} customised`, async () => {
    // "Unauthorized App" (table 3-2) has 401, APIG.0304 (table 4-2) 403; "Authorizer Failed" has 500, APIG.0305 has 401.
    // The code is what callers know.
    if (defaults[type] !== undefined && !byCode.has(kind)) assert.equal(status, defaults[type]);
    const plain = await plainGateway.request('GET', '/a/1', ask);
    assert.equal(plain.status, status);
    assert.deepEqual(plain.json(), {
      error_code: code,
      error_msg: message,
      request_id: plain.headers.get('x-request-id'),
    });
    const custom = await customGateway.request('GET', '/a/1', ask);
    assert.equal(custom.status, 299);
    assert.deepEqual(custom.json(), { type, code });
    assert.equal(custom.headers.get('x-a'), 'b');
    assert.equal(custom.headers.get('content-type'), 'application/json');
    assert.equal(custom.headers.get('retry-after'), '7');
    assert.equal(custom.headers.get('x-request-id')?.length, 36);
  });

  test(`${kind}: DEFAULT_4XX and DEFAULT_5XX stand in for ${type}`, async () => {
    const answer = await fallbackGateway.request('GET', '/a/1', ask);
    assert.equal(answer.status, status);
    assert.deepEqual(answer.json(), { class: String(status)[0] });
  });
}

test('all 23 types can be customised', async () => {
  assert.equal(responseTypes.length, 23);
  const all = Object.fromEntries(responseTypes.map((type) => [type, { status: 418, body }]));
  await gatewayOf({ response: 'r', responses: { r: all } });
});

test('a type that is customised is so alone', async () => {
  const responses = {
    r: { THROTTLED: { status: 290 }, BACKEND_TIMEOUT: { status: 291 }, DEFAULT_5XX: { status: 292 } },
  };
  const gateway = await gatewayOf({ response: 'r', responses });
  const statuses = [];
  for (const kind of ['access-denied', 'backend-timeout', 'backend-unavailable']) {
    statuses.push((await gateway.request('GET', '/a/1', { headers: { 'x-kind': kind } })).status);
  }
  assert.deepEqual(statuses, [403, 291, 292]);
});

test('the class of a refusal whose status a plugin chose is that of the status', async () => {
  const answer = await refusal(
    'not-authenticated',
    { response: 'r', responses: { r: fallbacks } },
    { 'x-status': '503' },
  );
  assert.equal(answer.status, 503);
  assert.deepEqual(answer.json(), { class: '5' });
});

test('what is not customised keeps its part: status alone, headers alone', async () => {
  const responses = {
    r: { THROTTLED: { status: 430 }, ACCESS_DENIED: { headers: { 'Content-Type': 'application/x+json' } } },
  };
  const throttled = await refusal('bad-request', { response: 'r', responses });
  assert.equal(throttled.status, 400);
  const denied = await refusal('access-denied', { response: 'r', responses });
  assert.equal(denied.status, 403);
  assert.equal((denied.json() as Record<string, string>)['error_code'], 'APIG.0306');
});

test('an API without a name gets the group\'s "default", one with a name gets that alone', async () => {
  const responses = { default: { ACCESS_DENIED: { status: 290 } }, other: { THROTTLED: { status: 291 } } };
  assert.equal((await refusal('access-denied', { responses })).status, 290);
  assert.equal((await refusal('access-denied', { responses, response: 'other' })).status, 403);
  assert.equal(
    (await refusal('access-denied', { responses: { other: { ACCESS_DENIED: { status: 292 } } } })).status,
    403,
  );
});

test('an API with `false` gets none, its group\'s "default" included', async () => {
  const responses = {
    default: { dialect: 'alibaba', ACCESS_DENIED: { status: 290 }, DEFAULT_4XX: { status: 291 } },
  };
  const gateway = await gatewayOf({ responses, response: false });
  for (const kind of ['access-denied', 'bad-request'] as const) {
    const answer = await gateway.request('GET', '/a/1', { headers: { 'x-kind': kind } });
    assert.equal(answer.status, refusalKinds[kind].status);
    assert.equal((answer.json() as Record<string, string>)['error_code'], refusalKinds[kind].code);
    assert.equal(answer.headers.has('x-ca-request-id'), false);
  }
  assert.equal((await gateway.request('GET', '/a/1')).headers.has('x-ca-request-id'), false);
  assert.equal((await gateway.request('GET', '/nowhere')).headers.get('x-ca-error-code'), 'I404NF');
});

test('a request that reaches the group but no API gets "default"', async () => {
  const text =
    '{"path":"$context.reqPath","uri":"$context.reqUri","api":"$context.apiId","stage":"$context.stage","c":"$context.error.code"}';
  const gateway = await gatewayOf({ responses: { default: { NOT_FOUND: { status: 410, body: text } } } });
  for (const host of ['test', 'x.y.below.test']) {
    const answer = await gateway.request('GET', `http://${host}/nowhere?a=1`);
    assert.equal(answer.status, 410);
    assert.deepEqual(answer.json(), {
      path: '/nowhere',
      uri: '/nowhere?a=1',
      api: '',
      stage: '',
      c: 'APIG.0101',
    });
  }
  const elsewhere = await gateway.request('GET', 'http://other/nowhere');
  assert.equal(elsewhere.status, 404);
  assert.equal((elsewhere.json() as Record<string, string>)['error_code'], 'APIG.0101');
});

test('answers of a backend are left alone, whatever their status', async () => {
  const gateway = await gatewayOf({ response: 'r', responses: { r: { DEFAULT_4XX: { status: 299 } } } });
  const answer = await gateway.request('GET', '/a/1');
  assert.equal(answer.status, 200);
  assert.equal((answer.json() as { method: string }).method, 'GET');
});

// The body must be in place whatever other response handlers do, before and after in the order of the bindings.
const meddling = [
  { how: 'refuse', status: 290, code: 'APIG.0306' },
  { how: 'throw', status: 291, code: 'APIG.0601' },
  { how: 'header', status: 292, code: 'APIG.0602' },
];
for (const { how, status, code } of meddling) {
  test(`a response handler that does this gets the group's form: ${how}`, async () => {
    const responses = {
      r: {
        ACCESS_DENIED: { status: 290, body },
        DEFAULT_5XX: { status: 291, body },
        DEFAULT_4XX: { status: 292, body },
      },
    };
    const answer = await refusal('bad-request', { response: 'r', responses }, { 'x-meddle': how });
    assert.equal(answer.status, status);
    assert.equal((answer.json() as { code: string }).code, code);
    assert.equal(answer.headers.get('content-type'), 'application/json');
  });
}

test('a response handler that gives a refusal its own body, or answers something else, meant that', async () => {
  const shape = { response: 'r', responses: { r: { DEFAULT_4XX: { status: 299, body } } } };
  const own = await refusal('bad-request', shape, { 'x-meddle': 'body' });
  assert.deepEqual([own.status, own.text], [400, 'mine']);
  const replaced = await refusal('bad-request', shape, { 'x-meddle': 'reply' });
  assert.deepEqual([replaced.status, replaced.text], [201, 'replaced']);
});

test('a status and a message that a response handler gave a refusal are kept', async () => {
  const message = '{"message":"$context.error.message"}';
  const shape = { response: 'r', responses: { r: { DEFAULT_4XX: { status: 299, body: message } } } };
  const told = await refusal('bad-request', shape, { 'x-meddle': 'message' });
  assert.deepEqual([told.status, told.json()], [280, { message: 'told otherwise' }]);
});

test("in Alibaba's form a refusal with a body of its own has the fields all the same", async () => {
  const shape = { response: 'r', responses: { r: { dialect: 'alibaba' } } };
  const own = await refusal('throttled', shape, { 'x-meddle': 'body' });
  assert.deepEqual([own.status, own.text], [429, 'mine']);
  assert.equal(own.headers.get('x-ca-error-code'), 'T429PA');
  assert.equal(own.headers.get('x-ca-request-id'), own.headers.get('x-request-id'));
});

test('what completed is told is what was sent', async () => {
  const gateway = await gatewayOf({
    response: 'r',
    responses: { r: { DEFAULT_4XX: { status: 299, body } } },
  });
  const answer = await gateway.request('GET', '/a/1', { headers: { 'x-kind': 'bad-request' } });
  const [notice] = gateway.completed;
  assert.equal(notice?.status, 299);
  assert.equal(notice?.bytesSent, answer.body.length);
  assert.equal(notice?.refusal?.kind, 'bad-request');
});

const custom = (given: unknown) => ({ response: 'r', responses: { r: { THROTTLED: given } } });
const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`x-${index}`, '1']));
const wrong: readonly (readonly [title: string, shape: Parameters<typeof gatewayOf>[0], expected: RegExp])[] =
  [
    [
      'unknown name',
      { response: 'frendly', responses: { friendly: {} } },
      /^apis\.g\/api\.response: the group "g" has no response "frendly"; allowed: friendly; did you mean "friendly"/,
    ],
    ['no names', { response: 'x' }, /the group "g" has no response "x"; it has none/],
    [
      'unknown type',
      { responses: { r: { THROTLED: {} } } },
      /^groups\.g\.responses\.r\.THROTLED: unknown field; .*did you mean "THROTTLED"/,
    ],
    ['unknown dialect', { responses: { r: { dialect: 'aws' } } }, /allowed: huawei, alibaba, problem/],
    ['status 444', custom({ status: 444 }), /^groups\.g\.responses\.r\.THROTTLED\.status: found 444/],
    ['status 199', custom({ status: 199 }), /found 199/],
    ['status 600', custom({ status: 600 }), /found 600/],
    [
      'five names',
      { responses: { default: {}, a: {}, b: {}, c: {}, d: {}, e: {} } },
      /found 5 responses beside "default"; at most 4/,
    ],
    ['eleven headers', custom({ headers: eleven }), /10/],
    ['long name', custom({ headers: { ['x'.repeat(129)]: '1' } }), /at most 128/],
    ['long value', custom({ headers: { x: 'x'.repeat(1025) } }), /1024/],
    ['empty value', custom({ headers: { x: '' } }), /THROTTLED\.headers\.x/],
    ['no header name', custom({ headers: { 'a b': '1' } }), /this is no header name/],
    ['framing', custom({ headers: { 'Content-Length': '1' } }), /the gateway writes it itself/],
    ['twice', custom({ headers: { 'x-a': '1', 'X-A': '2' } }), /stands here already/],
    ['[[', custom({ headers: { x: 'a[[b' } }), /may not hold \[\[/],
    [']]', custom({ headers: { x: 'a]]b' } }), /may not hold \]\]/],
    ['control in a header', custom({ headers: { x: 'a\r\nSet-Cookie: b' } }), /control characters/],
    ['no JSON', custom({ body: 'Sorry' }), /^groups\.g\.responses\.r\.THROTTLED\.body: the body is no JSON/],
    [
      'variable outside a text',
      custom({ body: '{"code": $context.error.code}' }),
      /the body is no JSON; allowed: .*inside texts only/,
    ],
    [
      'variable in an escape',
      custom({ body: String.raw`{"code": "\u00$context.error.code"}` }),
      /the body is no JSON/,
    ],
    [
      'unknown variable',
      custom({ body: '{"a":"$context.eror.code"}' }),
      /there is no variable "\$context\.eror\.code"; .*did you mean "error\.code"/,
    ],
    ['no variable', custom({ body: '{"a":"$context."}' }), /there is no variable "\$context\."/],
    ['system only', custom({ body: '{"a":"$context.serverAddr"}' }), /there is no variable/],
    [
      'unknown variable in a header',
      custom({ headers: { x: '$context.nothing' } }),
      /headers\.x: there is no variable "\$context\.nothing"/,
    ],
  ];
for (const [title, shape, expected] of wrong) {
  test(`refused at load: ${title}`, async () => {
    const found = await problemsOf(shape);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', expected);
  });
}

test('a problem in a text points into it, and shows nothing of a secret', async () => {
  const config = `
groups:
  g:
    responses:
      r:
        THROTTLED:
          headers: { x: a $context.nothing }
          body: '{"key":\${env:KEY}}'
`;
  await assert.rejects(testGateway({ config, env: { KEY: 'swordfish' } }), (error: Error) => {
    assert.match(
      error.message,
      /gateway\.yaml:7:27 groups\.g\.responses\.r\.THROTTLED\.headers\.x: there is no variable/,
    );
    assert.match(
      error.message,
      /gateway\.yaml:8:\d+ groups\.g\.responses\.r\.THROTTLED\.body: the body is no JSON/,
    );
    assert.doesNotMatch(error.message, /swordfish/);
    return true;
  });
});

test('the example of the README works', async () => {
  const [, config = ''] =
    /```yaml\n(.*?)```/s.exec(readFileSync(new URL('README.md', import.meta.url), 'utf8')) ?? [];
  const gateway = await testGateway({ config });
  const missing = await gateway.request('GET', 'http://api.shop.example/nowhere');
  assert.equal(missing.status, 404);
  assert.equal((missing.json() as { errorcode: string }).errorcode, 'APIG.0101');
  const refused = await gateway.request('GET', 'http://api.shop.example/limited');
  assert.equal(refused.headers.get('content-type'), 'application/problem+json');
});
