import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RefusalKind, refusalKinds } from '#sdk';
import { gatewayOf } from './testing.ts';

const kinds = Object.keys(refusalKinds) as RefusalKind[];

const [alibaba, problem] = await Promise.all(
  ['alibaba', 'problem'].map((dialect) => gatewayOf({ response: 'r', responses: { r: { dialect } } })),
);
assert.ok(alibaba !== undefined && problem !== undefined);
for (const kind of kinds) {
  const { status, code, message, alibabaCode } = refusalKinds[kind];

  test(`alibaba: ${kind}`, async () => {
    const answer = await alibaba.request('GET', '/a/1', { headers: { 'x-kind': kind } });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('x-ca-error-code'), alibabaCode);
    assert.equal(answer.headers.get('x-ca-error-message'), message);
    assert.equal(answer.headers.get('x-ca-request-id'), answer.headers.get('x-request-id'));
    assert.equal(answer.body.length, 0);
    assert.equal(answer.headers.has('content-type'), false);
  });

  test(`problem: ${kind}`, async () => {
    const answer = await problem.request('GET', '/a/1', {
      headers: { 'x-kind': kind, 'x-message': 'In%20detail' },
    });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.deepEqual(answer.json(), {
      type: `urn:tapgate:refusal:${kind}`,
      title: message,
      status,
      detail: 'In detail',
      instance: `urn:uuid:${answer.headers.get('x-request-id')}`,
      code,
    });
  });
}

test('alibaba: a message cannot write header fields', async () => {
  const gateway = await gatewayOf({ response: 'r', responses: { r: { dialect: 'alibaba' } } });
  const headers = {
    'x-kind': 'access-denied',
    'x-message': encodeURIComponent('a\r\nSet-Cookie: b\u0000 価'),
  };
  const answer = await gateway.request('GET', '/a/1', { headers });
  assert.equal(answer.headers.has('set-cookie'), false);
  const bytes = answer.headers.get('x-ca-error-message') ?? '';
  assert.equal(Buffer.from(bytes, 'latin1').toString('utf8'), 'a%0D%0ASet-Cookie: b%00 価');
});

test('alibaba: the request id is on answers of the backend, too; error fields are not', async () => {
  const gateway = await gatewayOf({ response: 'r', responses: { r: { dialect: 'alibaba' } } });
  const answer = await gateway.request('GET', '/a/1');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('x-ca-request-id'), answer.headers.get('x-request-id'));
  assert.equal(answer.headers.has('x-ca-error-code'), false);
});

test('a custom status and body stand in every dialect', async () => {
  const ACCESS_DENIED = { status: 418, body: '{"a":1}' };
  for (const dialect of ['huawei', 'alibaba', 'problem']) {
    const gateway = await gatewayOf({ response: 'r', responses: { r: { dialect, ACCESS_DENIED } } });
    const answer = await gateway.request('GET', '/a/1', { headers: { 'x-kind': 'access-denied' } });
    assert.equal(answer.status, 418);
    assert.deepEqual(answer.json(), { a: 1 });
    assert.equal(answer.headers.get('content-type'), 'application/json');
    assert.equal(answer.headers.has('x-ca-error-code'), dialect === 'alibaba');
  }
});

test('a custom status shows in a problem', async () => {
  const gateway = await gatewayOf({
    response: 'r',
    responses: { r: { dialect: 'problem', ACCESS_DENIED: { status: 451 } } },
  });
  const answer = await gateway.request('GET', '/a/1', { headers: { 'x-kind': 'access-denied' } });
  assert.equal(answer.status, 451);
  assert.equal((answer.json() as { status: number }).status, 451);
});

test('the dialect of "default" holds where no API is found', async () => {
  const gateway = await gatewayOf({ responses: { default: { dialect: 'alibaba' } } });
  const answer = await gateway.request('GET', '/nowhere');
  assert.equal(answer.status, 404);
  assert.equal(answer.headers.get('x-ca-error-code'), 'I404NF');
  assert.equal(answer.body.length, 0);
});
