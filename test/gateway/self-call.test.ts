import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TestGateway, testGateway } from '#sdk/testing';

const business = (name: string) => ({
  request: { method: 'ANY', path: `/${name}` },
  environments: ['RELEASE', 'TEST'],
  auth: 'app',
  backend: { type: 'http', address: `http://${name}` },
});

const distribution = (path: string, address: string, target: string) => ({
  request: { method: 'ANY', path },
  environments: ['RELEASE', 'TEST'],
  auth: 'none',
  backend: { type: 'http', address, path: target },
});

/** APIs that pass calls on to others of the same gateway, signed as an app. */
function start(apis: readonly string[], secret = 'TESTSECRET'): Promise<TestGateway> {
  return testGateway({
    config: {
      environments: { TEST: {} },
      groups: {
        distribution: { domains: ['17ff4c91.example.com'] },
        one: { domains: ['business1.example.com'], internalDomains: ['17ff4c91-intranet.example.com'] },
        two: { domains: ['business2.example.com'], internalDomains: ['c6e984b2-intranet.example.com'] },
      },
      apis: {
        'distribution/first': distribution('/first', '17ff4c91-intranet.example.com', '/business1'),
        'distribution/second': distribution('/second', 'http://c6e984b2-intranet.example.com', '/business2'),
        'one/business1': business('business1'),
        'two/business2': business('business2'),
      },
      apps: { caller: { key: 'TESTKEY', secret: 'TESTSECRET', apis } },
      plugins: {
        'sign-as-caller': {
          type: 'alibaba/backendSignature',
          config: { type: 'APIGW_FRONTEND', key: 'TESTKEY', secret, signatureMethod: 'HmacSHA256' },
        },
      },
      bindings: [{ plugin: 'sign-as-caller', apis: ['distribution/*'] }],
    },
  });
}

const all = ['one/business1', 'two/business2'];
const host = 'http://17ff4c91.example.com';

test('a call passed on is signed, verified and served', async () => {
  const gateway = await start(all);
  for (const [path, target] of [
    ['/first?b=2&a=%E5%BC%A0&a=x&empty=', 'business1'],
    ['/second', 'business2'],
  ] as const) {
    assert.equal((await gateway.request('GET', host + path)).status, 200);
    const request = gateway.backendRequests.at(-1);
    assert.equal(request?.origin, `http://${target}`);
    assert.equal(request.path, `/${target}`);
    assert.equal(request.headers.combined('via')?.split(',').length, 2);
    for (const name of ['x-ca-key', 'x-ca-nonce', 'x-ca-signature', 'x-ca-timestamp']) {
      assert.equal(request.headers.has(name), false, name);
    }
    assert.equal(gateway.completed.at(-2)?.exchange?.identity?.id, 'caller');
    assert.equal(gateway.completed.at(-1)?.exchange?.identity, null);
  }
});

test('with forms, JSON, fields in two lines, a stage, and signature fields of its own', async () => {
  const gateway = await start(all);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const json = { 'content-type': 'application/json', 'content-md5': 'wrong' };
  const calls = [
    gateway.request('POST', `${host}/first?q=1`, { headers: form, body: 'b=%20+&a=1&q=2&c' }),
    gateway.request('PUT', `${host}/first`, { headers: json, body: '{"a":"张"}' }),
    gateway.request('GET', `${host}/first`, { headers: { accept: ['a/b', 'c/d'], 'x-ca-stage': 'TEST' } }),
    gateway.request('GET', `${host}/first`, {
      headers: { 'x-ca-key': 'other', 'x-ca-signature': 'x', 'x-ca-timestamp': '1' },
    }),
  ];
  for (const answer of await Promise.all(calls)) assert.equal(answer.status, 200, answer.text);
  assert.equal(gateway.completed.filter(({ exchange }) => exchange?.environment === 'TEST').length, 2);
});

test('not signed, not authorised and wrongly signed calls are refused as they are from outside', async () => {
  const gateway = await start(['two/business2']);
  assert.equal((await gateway.request('GET', 'http://business1.example.com/business1')).status, 401);
  assert.equal((await gateway.request('GET', `${host}/first`)).status, 403);
  assert.equal((await gateway.request('GET', `${host}/second`)).status, 200);
  const wrong = await start(all, 'ANOTHERSECRET');
  const answer = await wrong.request('GET', `${host}/first?a=1`);
  assert.equal(answer.status, 401);
  assert.match(
    answer.headers.get('x-ca-error-message') ?? '',
    /^Invalid Signature, Server StringToSign:`GET#.*#\/business1\?a=1`$/,
  );
  assert.ok(!answer.text.includes('SECRET'));
  assert.equal(wrong.backendRequests.length, 0);
});
