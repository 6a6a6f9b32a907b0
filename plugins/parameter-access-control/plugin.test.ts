import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ask, configOf, start } from './testing.ts';

/** The vendor's sample: whoever asks for another one's orders is denied. */
const owner = {
  parameters: { uid: 'Token:sub', pathUid: 'Path:userId' },
  rules: [
    {
      name: 'owner',
      condition: '$uid = $pathUid',
      ifFalse: 'DENY',
      statusCode: 403,
      errorMessage: 'user ${uid} may not read ${pathUid}',
      responseHeaders: { 'Content-Type': 'application/json', 'X-Denied': '${pathUid}' },
      responseBody: '{"denied":"${pathUid}"}',
    },
  ],
};

suite('the owner of a path', () => {
  test('passes, and nobody else', async () => {
    const gateway = await start(configOf(owner));
    assert.equal((await ask(gateway, '/users/u1', { sub: 'u1' })).status, 200);
    const denied = await ask(gateway, '/users/u2', { sub: 'u1' });
    assert.equal(denied.status, 403);
    assert.equal(denied.headers.get('x-ca-error-message'), 'user u1 may not read u2');
    assert.equal(denied.headers.get('x-denied'), 'u2');
    assert.equal(denied.headers.get('content-type'), 'application/json');
    assert.deepEqual(denied.json(), { denied: 'u2' });
    // What does not exist is equal to nothing.
    assert.equal((await ask(gateway, '/users/u2')).status, 403);
    assert.equal(gateway.backendRequests.length, 1);
    assert.equal(gateway.completed[1]?.refusal?.kind, 'access-denied');
    assert.equal(gateway.completed[1]?.answeredBy?.plugin, 'parameter-access-control');
  });

  test('what a caller chose cannot add fields or break JSON', async () => {
    const gateway = await start(configOf(owner));
    const denied = await ask(gateway, '/users/a%0D%0AX-Evil:%201%22,%22b%22:%22', { sub: 'ü' });
    assert.equal(denied.status, 403);
    assert.equal(denied.headers.get('x-evil'), undefined);
    assert.equal(denied.headers.get('x-denied'), 'a%0D%0AX-Evil: 1","b":"');
    assert.deepEqual(denied.json(), { denied: 'a\r\nX-Evil: 1","b":"' });
    const message = Buffer.from(denied.headers.get('x-ca-error-message') ?? '', 'latin1').toString();
    assert.match(message, /^user ü may not read a%0D%0A/);
  });

  test('without a body the answer has the form of the group, with the message', async () => {
    const rules = [
      { name: 'a', condition: '1 = 1', ifTrue: 'DENY', errorMessage: 'no ${CaStage}', statusCode: 451 },
    ];
    const gateway = await start(configOf({ rules }));
    const denied = await ask(gateway, '/users/1');
    assert.equal(denied.status, 451);
    assert.deepEqual(
      { ...(denied.json() as object), request_id: '' },
      { error_code: 'APIG.0306', error_msg: 'no RELEASE', request_id: '' },
    );
    const alibaba = { responses: { default: { dialect: 'alibaba' } } };
    const other = await ask(await start(configOf({ rules }, undefined, alibaba)), '/users/1');
    assert.equal(other.headers.get('x-ca-error-code'), 'A403AC');
    assert.equal(other.headers.get('x-ca-error-message'), 'no RELEASE');
    const own = await ask(await start(configOf(owner, undefined, alibaba)), '/users/1');
    assert.equal(own.headers.get('x-ca-error-code'), 'A403AC');
    assert.deepEqual(own.json(), { denied: '1' });
  });
});

suite('rules in sequence', () => {
  const rules = [
    { name: 'allow', condition: "$mode = 'a'", ifTrue: 'ALLOW' },
    { name: 'deny', condition: "$mode like 'a%' or $mode = 'b'", ifTrue: 'DENY', statusCode: 401 },
    { name: 'both', condition: "$mode = 'c'", ifTrue: 'ALLOW', ifFalse: 'DENY' },
    { name: 'never', condition: '1 = 1', ifTrue: 'DENY', statusCode: 500 },
  ];
  const document = { parameters: { mode: 'Query:mode' }, rules };
  for (const [mode, status] of [
    ['a', 200],
    ['ab', 401],
    ['b', 401],
    ['c', 200],
    ['d', 403],
  ] as const) {
    test(`${mode}: ${status}`, async () => {
      const gateway = await start(configOf(document));
      assert.equal((await ask(gateway, `/users/1?mode=${mode}`)).status, status);
    });
  }

  test('at the end of the list everybody passes', async () => {
    const gateway = await start(configOf({ parameters: document.parameters, rules: rules.slice(0, 2) }));
    assert.equal((await ask(gateway, '/users/1?mode=z')).status, 200);
  });

  test('explain tells them in words', async () => {
    const gateway = await start(configOf(document));
    assert.deepEqual(gateway.describe('GET', '/users/1').slice(1, 3), [
      "rules: rule allow: $mode = 'a': allowed, otherwise the next rule decides",
      "rules: rule deny: $mode like 'a%' or $mode = 'b': denied with 401, otherwise the next rule decides",
    ]);
  });
});

suite('data sets', () => {
  const rule = { name: 'known', assertParameterName: 'tenant', assertInDataset: 'good' };
  const document = (more: object) => ({
    parameters: { tenant: 'Header:x-tenant' },
    rules: [{ ...rule, ...more }],
  });

  test('a value that is not in the set, or none at all, is denied; a change of the set counts at once', async () => {
    const items = new Set(['gold']);
    const gateway = await start(
      configOf(document({ statusCode: 402, errorMessage: 'who is ${tenant}' })),
      items,
    );
    assert.equal((await ask(gateway, '/users/1', {}, { 'x-tenant': 'gold' })).status, 200);
    const denied = await ask(gateway, '/users/1', {}, { 'x-tenant': 'lead' });
    assert.deepEqual([denied.status, denied.headers.get('x-ca-error-message')], [402, 'who is lead']);
    assert.equal((await ask(gateway, '/users/1')).status, 402);
    items.add('lead');
    assert.equal((await ask(gateway, '/users/1', {}, { 'x-tenant': 'lead' })).status, 200);
  });

  test('with ifTrue it is a list of those to be denied', async () => {
    const gateway = await start(configOf(document({ ifTrue: 'DENY' })), new Set(['lead']));
    assert.equal((await ask(gateway, '/users/1', {}, { 'x-tenant': 'lead' })).status, 403);
    assert.equal((await ask(gateway, '/users/1')).status, 200);
  });
});

test('a field of the form is read, and the body goes on', async () => {
  const document = {
    parameters: { kind: 'Form:kind' },
    rules: [{ name: 'a', condition: "$kind = 'evil'", ifTrue: 'DENY' }],
  };
  const gateway = await start(configOf(document));
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await ask(gateway, '/users/1', {}, form, 'kind=evil')).status, 403);
  assert.equal((await ask(gateway, '/users/1', {}, form, 'kind=good')).status, 200);
  assert.equal(gateway.backendRequests[0]?.body.toString(), 'kind=good');
});

test('own options do the same', async () => {
  const config = {
    parameters: { uid: 'Token:sub' },
    rules: [{ name: 'a', when: "$uid = 'u1'", onFalse: 'deny', status: 404, body: '<b>${uid}</b>' }],
  };
  const gateway = await start(configOf(config, 'parameter-access-control'));
  assert.equal((await ask(gateway, '/users/1', { sub: 'u1' })).status, 200);
  const denied = await ask(gateway, '/users/1', { sub: '<i>' });
  assert.deepEqual(
    [denied.status, denied.headers.get('content-type'), denied.text],
    [404, 'text/plain; charset=utf-8', '<b><i></b>'],
  );
});

test('a form that cannot be read here, but by a backend, gets past no rule', async () => {
  const gateway = await start(
    configOf({
      parameters: { role: 'Form:role' },
      rules: [{ name: 'no-roots', condition: "$role = 'root'", ifTrue: 'DENY' }],
    }),
  );
  const send = async (headers: Readonly<Record<string, string | readonly string[]>>) =>
    (await gateway.request('POST', 'http://test/users/u1', { headers, body: 'role=root' })).status;
  const type = 'application/x-www-form-urlencoded';
  assert.equal(await send({ 'content-type': type }), 403);
  assert.equal(await send({ 'content-type': ['text/plain', type] }), 415);
  assert.equal(await send({ 'content-type': type, 'content-encoding': 'gzip' }), 415);
  assert.equal(gateway.backendRequests.length, 0);
  assert.equal(await send({ 'content-type': 'text/plain', 'content-encoding': 'gzip' }), 200);
});
