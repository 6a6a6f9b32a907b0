import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vectorMessage, vectors } from '#sdk/signatures/huawei-testing';
import { type Answer, VirtualClock } from '#sdk/testing';
import {
  type HuaweiCall,
  date,
  emptyHash,
  huaweiGateway,
  sha256,
  signed,
  signedAt,
} from './huawei-testing.ts';
import { key, secret, send, signed as signedAlibaba } from './testing.ts';

const fault = 'Incorrect app authentication information';

function assertRefused(answer: Answer, words: string | RegExp): void {
  assert.equal(answer.status, 401, answer.text);
  const { error_code, error_msg = '' } = answer.json() as Record<string, string>;
  assert.equal(error_code, 'APIG.0303');
  if (typeof words === 'string') assert.equal(error_msg, `${fault}: ${words}`);
  else assert.match(error_msg, words);
  assert.equal(answer.headers.has('x-ca-error-code'), false);
}

/** Refused with these words, before the backend and with nothing in the operator's log. */
async function refused(call: HuaweiCall, kind: string, words: string | RegExp, options = {}): Promise<void> {
  const gateway = await huaweiGateway(options);
  assertRefused(await send(gateway, signed(call)), words);
  assert.equal(gateway.completed[0]?.refusal?.kind, kind);
  assert.equal(gateway.backendRequests.length, 0);
  assert.equal(gateway.log.length, 0);
}

test('there are vectors', () => assert.equal(vectors.vectors.length, 10));

for (const vector of vectors.vectors) {
  test(`vector ${vector.name} is accepted, and with another secret refused`, async () => {
    const { method = 'GET', target = '/' } = vectorMessage(vector);
    const { body } = vector.request;
    const options = { headers: vector.signed_headers_sent, ...(body === null ? {} : { body }) };
    const access = /Access=([^,]+)/.exec(vector.authorization)?.[1] ?? '';
    for (const good of [true, false]) {
      const apps = {
        caller: { key: access, secret: `${vector.secret_key}${good ? '' : 'x'}`, apis: ['*'] },
      };
      const gateway = await huaweiGateway({ apps, domains: ['*'] });
      const answer = await gateway.request(method, target, options);
      assert.equal(answer.status, good ? 200 : 401, answer.text);
      assert.equal(gateway.backendRequests.length, good ? 1 : 0);
      assert.equal(gateway.backendRequests[0]?.body.toString(), good ? (body ?? '') : undefined);
      if (!good)
        assert.ok(
          answer.text.includes(JSON.stringify(vector.canonical_request.replaceAll('\n', '|')).slice(1, -1)),
        );
    }
  });
}

test('the backend gets the request without the proof, and who called is known', async () => {
  const gateway = await huaweiGateway();
  const call = signed({
    method: 'POST',
    body: 'ü',
    headers: { 'x-own': '1', 'x-sdk-content-sha256': sha256('ü') },
  });
  assert.equal((await send(gateway, call)).status, 200);
  const [request] = gateway.backendRequests;
  const names = [...(request?.headers ?? [])].map(([name]) => name.toLowerCase());
  assert.ok(names.includes('x-own'));
  assert.deepEqual(
    names.filter((name) => name === 'authorization' || name.startsWith('x-sdk-')),
    [],
  );
  assert.equal(request?.body.toString(), 'ü');
  const app = { id: 'caller', name: 'caller', key };
  assert.deepEqual(gateway.completed[0]?.exchange?.identity, { type: 'app', id: 'caller', app });
  assert.ok(gateway.completed[0]?.arrival.headers.has('authorization'));
});

test('an Authorization that is no proof of the app stays, whatever proved it', async () => {
  const gateway = await huaweiGateway();
  const timestamp = { 'x-ca-timestamp': String(signedAt), authorization: 'Bearer for-the-backend' };
  assert.equal((await send(gateway, signedAlibaba({ headers: timestamp }))).status, 200);
  assert.equal(gateway.backendRequests[0]?.headers.get('authorization'), 'Bearer for-the-backend');
});

test('an Authorization that the API gives its backend is not taken for that of the caller', async () => {
  const own = 'SDK-HMAC-SHA256 of the gateway';
  const parameters = [{ name: 'Authorization', in: 'header', value: own }];
  const gateway = await huaweiGateway({ backend: { parameters } });
  assert.equal((await send(gateway, signed())).status, 200);
  assert.deepEqual(gateway.backendRequests[0]?.headers.getAll('authorization'), [own]);
});

test('an app that signs well and may not call the API', async () => {
  const gateway = await huaweiGateway({ apps: { caller: { key, secret } } });
  const answer = await send(gateway, signed());
  assert.equal(answer.status, 403);
  assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0304');
});

test('an unknown key is named, and a long one not whole', async () => {
  await refused({ key: 'nobody' }, 'app-auth-unknown-key', 'app not found, appkey nobody');
  const long = `app not found, appkey ${'k'.repeat(200)}`;
  await refused({ key: 'k'.repeat(4000) }, 'app-auth-unknown-key', long);
  await refused({ key: '__proto__' }, 'app-auth-unknown-key', 'app not found, appkey __proto__');
});

const window = 15 * 60_000;

for (const [offset, isGood] of [
  [-window - 1, false],
  [-window, true],
  [window, true],
  [window + 1, false],
] as const) {
  test(`the gateway's clock is ${offset} ms beside the signed time`, async () => {
    const gateway = await huaweiGateway({ clock: new VirtualClock(signedAt + offset) });
    const answer = await send(gateway, signed());
    if (isGood) {
      assert.equal(answer.status, 200, answer.text);
      return;
    }
    const server = new Date(signedAt + offset).toISOString().replace(/[-:]|\.\d+/g, '');
    assertRefused(answer, `signature expired, signature time:${date},server time:${server}`);
    assert.equal(gateway.completed[0]?.refusal?.kind, 'app-auth-timestamp-expired');
  });
}

test('a wrong signature is shown the canonical request, and neither the secret nor the right signature', async () => {
  const gateway = await huaweiGateway();
  const call = { target: '/orders?b=2&a', query: 'a=&b=2', headers: { 'x-own': 'ü' } };
  const right = signed(call);
  const answer = await send(gateway, signed({ ...call, secret: 'another' }));
  const shown = `GET|/orders/|a=&b=2|host:test|x-own:ü|x-sdk-date:${date}||host;x-own;x-sdk-date|${emptyHash}`;
  assert.equal(right.canonical.replaceAll('\n', '|'), shown);
  assertRefused(answer, `verify signature fail, canonicalRequest:${shown}`);
  const all = `${[...answer.headers].flat().join()} ${answer.text} ${JSON.stringify(gateway.log)}`;
  for (const hidden of [secret, right.signature]) assert.ok(!all.includes(hidden));
  const { cause } = gateway.completed[0]?.refusal ?? {};
  assert.equal(cause, 'signature: mismatch');
});

test('a canonical request is shown in part when it is long', async () => {
  const headers = { 'x-long': '🚀'.repeat(3000) };
  const gateway = await huaweiGateway();
  const answer = await send(gateway, signed({ headers, secret: 'another' }));
  assert.ok(answer.text.length < 5000);
  assertRefused(answer, /canonicalRequest:GET\|\/orders\/.*\.\.\.$/u);
});

for (const [what, call, kind, words] of [
  ['no date', { headers: { 'x-sdk-date': undefined } }, 'app-auth-missing', 'X-Sdk-Date is missing'],
  [
    'a date of another form',
    { headers: { 'x-sdk-date': '2026-01-15T03:36:55Z' } },
    'app-auth-header-invalid',
    'X-Sdk-Date is not a time of the form YYYYMMDDTHHMMSSZ',
  ],
  [
    'a date that is not signed',
    { names: ['host'] },
    'app-auth-header-invalid',
    'X-Sdk-Date is not among the signed headers',
  ],
  [
    'UNSIGNED-PAYLOAD that is not signed',
    { headers: { 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' }, names: ['host', 'x-sdk-date'] },
    'app-auth-header-invalid',
    /^Incorrect.*: X-Sdk-Content-Sha256 must be signed, and /,
  ],
  [
    'a hash that is not signed',
    { headers: { 'x-sdk-content-sha256': emptyHash }, names: ['host', 'x-sdk-date'] },
    'app-auth-header-invalid',
    /: X-Sdk-Content-Sha256 must be signed, and /,
  ],
  [
    'a hash that is none',
    { headers: { 'x-sdk-content-sha256': 'STREAMING' } },
    'app-auth-header-invalid',
    /: X-Sdk-Content-Sha256 must be signed, and /,
  ],
  [
    'the hash of something, and no body',
    { headers: { 'x-sdk-content-sha256': sha256('x') } },
    'app-auth-header-invalid',
    'X-Sdk-Content-Sha256 is not the SHA-256 of the body',
  ],
  [
    'more parameters than can be signed',
    { target: `/orders?${'a&'.repeat(10_001)}` },
    'app-auth-header-invalid',
    'too many query parameters',
  ],
] as const) {
  test(`${what} is refused`, () => refused(call, kind, words));
}

test('an Authorization of this family that cannot be verified is refused with the reason', async () => {
  const gateway = await huaweiGateway();
  const right = signed().options.headers;
  for (const [authorization, words] of [
    [
      vectors.derived_key_vector.authorization,
      /the scheme V11-HMAC-SHA256 is not supported, allowed is SDK-HMAC-SHA256/,
    ],
    ['SDK-HMAC-SM3 Access=a', /the scheme SDK-HMAC-SM3 is not supported/],
    ['SDK-HMAC-SHA256 Access=a', /Authorization: Signature is missing/],
    ['SDK-HMAC-SHA256', /Authorization: /],
    [`SDK-${'X'.repeat(50)} Access=a`, /Authorization names no known scheme/],
    [`${right['authorization']}, Access=b`, /Authorization: /],
  ] as const) {
    const answer = await gateway.request('GET', '/orders', { headers: { ...right, authorization } });
    assertRefused(answer, words);
  }
  const twice = { ...right, authorization: [right['authorization'] ?? '', right['authorization'] ?? ''] };
  assertRefused(await gateway.request('GET', '/orders', { headers: twice }), /Authorization: /);
  const behind = { ...right, authorization: ['Basic eDp5', right['authorization'] ?? ''] };
  assertRefused(await gateway.request('GET', '/orders', { headers: behind }), /is not signed with/);
  assert.equal(gateway.backendRequests.length, 0);
});

test('the proofs of both vendors in one request are refused, good ones too', async () => {
  const gateway = await huaweiGateway();
  const huawei = signed().options.headers;
  const alibaba = signedAlibaba({ headers: { 'x-ca-timestamp': String(signedAt) } }).options.headers;
  const both = await gateway.request('GET', '/orders', { headers: { ...huawei, ...alibaba } });
  assert.equal(both.status, 401);
  assert.match(both.text, /only one is allowed/);
  // Whoever sends Alibaba's fields reads its answer.
  assert.equal(both.headers.get('x-ca-error-code'), 'I400HD');
  const keyed = { ...huawei, 'x-ca-key': key };
  assert.equal((await gateway.request('GET', '/orders', { headers: keyed })).status, 401);
  assert.equal(gateway.backendRequests.length, 0);
  for (const headers of [huawei, alibaba]) {
    assert.equal((await gateway.request('GET', '/orders', { headers })).status, 200);
  }
});

test('another body than the signed one is refused, with and without a stated hash', async () => {
  const gateway = await huaweiGateway();
  for (const headers of [{}, { 'x-sdk-content-sha256': sha256('{"a":1}').toUpperCase() }]) {
    const call = signed({ method: 'POST', body: '{"a":1}', headers });
    assert.equal((await send(gateway, call)).status, 200);
    const forged = await gateway.request('POST', '/orders', { ...call.options, body: '{"a":2}' });
    assertRefused(forged, /canonicalRequest:.*|X-Sdk-Content-Sha256 is not the SHA-256 of the body/);
    const bodiless = await gateway.request('POST', '/orders', { headers: call.options.headers });
    assert.equal(bodiless.status, 401);
  }
  assert.equal(gateway.backendRequests.length, 2);
});

test('UNSIGNED-PAYLOAD that is signed leaves the body to the caller', async () => {
  const gateway = await huaweiGateway();
  const call = signed({ method: 'POST', headers: { 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' } });
  for (const body of ['one', 'two']) {
    assert.equal((await gateway.request('POST', '/orders', { ...call.options, body })).status, 200);
  }
  assert.deepEqual(
    gateway.backendRequests.map(({ body }) => body.toString()),
    ['one', 'two'],
  );
});

test('a signed body has at most 12 MB, an unsigned one what the API allows', async () => {
  const limit = 12 * 1024 * 1024;
  const gateway = await huaweiGateway({ request: { maxBodyBytes: limit + 100 } });
  const post = { method: 'POST' } as const;
  const most = 'a'.repeat(limit);
  assert.equal((await send(gateway, signed({ ...post, body: most }))).status, 200);
  for (const headers of [{}, { 'x-sdk-content-sha256': sha256(`${most}b`) }]) {
    assert.equal((await send(gateway, signed({ ...post, body: `${most}b`, headers }))).status, 413);
  }
  const headers = { 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' };
  assert.equal((await send(gateway, signed({ ...post, body: `${most}b`, headers }))).status, 200);
  assert.equal(gateway.backendRequests.length, 2);
});

test('a second line of a signed field, or of the date, is no way to add to it', async () => {
  const gateway = await huaweiGateway();
  const { options } = signed({ headers: { 'x-user': 'alice' } });
  for (const more of [{ 'x-user': ['alice', 'admin'] }, { 'x-sdk-date': [date, date] }]) {
    const answer = await gateway.request('GET', '/orders', { headers: { ...options.headers, ...more } });
    assert.equal(answer.status, 401);
  }
  assert.equal((await gateway.request('GET', '/orders', options)).status, 200);
});

test('where a nonce is asked for, a signature without one is not enough', async () => {
  await refused({}, 'app-auth-nonce-missing', 'X-Ca-Nonce and X-Ca-Timestamp are required, both signed', {
    auth: { type: 'app', forceNonce: true },
  });
});
