import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vectors } from '#sdk/signatures/alibaba-testing';
import type { Answer } from '#sdk/testing';
import { type Call, gatewayWith, key, md5, now, secret, send, signed } from './testing.ts';

const fault = 'Incorrect app authentication information';

/** Refused with these words in the body and Alibaba's in the header. */
function assertRefused(answer: Answer, code: string, words: string, status = 401): void {
  assert.equal(answer.status, status, answer.text);
  const { error_code, error_msg, request_id } = answer.json() as Record<string, string>;
  assert.equal(error_code, 'APIG.0303');
  assert.equal(error_msg, `${fault}: ${words}`);
  assert.equal(answer.headers.get('x-ca-error-code'), code);
  assert.equal(answer.headers.get('x-ca-error-message'), words);
  assert.equal(answer.headers.get('x-ca-request-id'), request_id);
  assert.equal(answer.headers.get('x-request-id'), request_id);
}

async function refused(
  call: Call,
  code: string,
  words: string,
  options: { auth?: unknown } = {},
): Promise<void> {
  const gateway = await gatewayWith(options);
  assertRefused(await send(gateway, signed(call)), code, words);
  assert.equal(gateway.backendRequests.length, 0);
  assert.equal(gateway.log.length, 0);
}

for (const vector of vectors.client) {
  test(`vector ${vector.name} is accepted, and with another secret refused`, async () => {
    const { method, url, body, bodyEncoding } = vector.request;
    const bytes = Buffer.from(body, bodyEncoding);
    const options = { headers: vector.headers, ...(bytes.length === 0 ? {} : { body: bytes }) };
    const appKey = vector.headers['x-ca-key'] ?? '';
    for (const good of [true, false]) {
      const appSecret = good ? vector.appSecret : `${vector.appSecret}x`;
      const gateway = await gatewayWith({
        apps: { caller: { key: appKey, secret: appSecret, apis: ['*'] } },
      });
      const answer = await gateway.request(method, url, options);
      assert.equal(answer.status, good ? 200 : 401, answer.text);
      assert.equal(gateway.backendRequests.length, good ? 1 : 0);
      if (good) assert.deepEqual(gateway.backendRequests[0]?.body, bytes);
    }
  });
}

test('the backend gets the request without the proof, the access log with it, and who called', async () => {
  const gateway = await gatewayWith();
  const answer = await send(
    gateway,
    signed({ headers: { 'x-ca-stage': 'TEST', 'x-own': '1' }, names: ['x-ca-key'] }),
  );
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('x-ca-request-id'), answer.headers.get('x-request-id'));
  assert.equal(answer.headers.has('x-ca-error-code'), false);
  const fields = [...(gateway.backendRequests[0]?.headers ?? [])].map(([name]) => name.toLowerCase());
  assert.deepEqual(
    fields.filter((name) => name.startsWith('x-ca-') || name === 'x-own'),
    ['x-ca-stage', 'x-own', 'x-ca-request-id'],
  );
  const [notice] = gateway.completed;
  assert.equal(notice?.arrival.headers.get('x-ca-key'), key);
  assert.equal(notice?.exchange?.environment, 'TEST');
  assert.deepEqual(notice?.exchange?.identity, {
    type: 'app',
    id: 'caller',
    app: { id: 'caller', name: 'caller', key },
  });
});

test('HmacSHA1 is accepted when the request says so', async () => {
  const gateway = await gatewayWith();
  const headers = { 'x-ca-signature-method': 'HmacSHA1' };
  assert.equal((await send(gateway, signed({ algorithm: 'sha1', headers }))).status, 200);
  assert.equal((await send(gateway, signed({ algorithm: 'sha256', headers }))).status, 401);
});

test('a caller that does not sign is told to, in the default form only', async () => {
  const gateway = await gatewayWith();
  const answer = await gateway.request('GET', '/orders', { headers: { authorization: 'Basic eDp5' } });
  assert.equal(answer.status, 401);
  assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0303');
  assert.deepEqual(
    [...answer.headers].map(([name]) => name.toLowerCase()).filter((name) => name.startsWith('x-ca-')),
    [],
  );
  assert.equal(gateway.completed[0]?.refusal?.kind, 'app-auth-missing');
});

test('what is missing is named', async () => {
  const gateway = await gatewayWith();
  const { method, target, options } = signed();
  const { 'x-ca-key': _key, ...keyless } = options.headers;
  const { 'x-ca-signature': _signature, ...signatureless } = options.headers;
  assertRefused(await gateway.request(method, target, { headers: keyless }), 'A400MA', 'X-Ca-Key is missing');
  assertRefused(
    await gateway.request(method, target, { headers: signatureless }),
    'A400MA',
    'Empty Signature',
  );
});

test('an unknown key', () => refused({ headers: { 'x-ca-key': 'nobody' } }, 'A400IK', 'Invalid AppKey'));

test('an unknown signature method', () =>
  refused(
    { headers: { 'x-ca-signature-method': 'HmacMD5' } },
    'I400HD',
    'Invalid X-Ca-Signature-Method, allowed are HmacSHA256 and HmacSHA1',
  ));

test('a list of signed headers that holds no names', () =>
  refused({ names: ['a:b'] }, 'I400HD', 'Invalid X-Ca-Signature-Headers'));

test('more parameters than can be signed', () =>
  refused(
    {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a&'.repeat(10_001),
    },
    'A403IS',
    'Too Many Parameters',
  ));

for (const timestamp of ['', 'soon', '-1', '1e12', '1700000000000.5', ' 9'.repeat(20)]) {
  test(`the timestamp ${JSON.stringify(timestamp)} is none`, () =>
    refused({ headers: { 'x-ca-timestamp': timestamp } }, 'I400HD', 'Invalid Timestamp'));
}

const minutes = 60_000;

for (const [offset, isGood] of [
  [-15 * minutes - 1, false],
  [-15 * minutes, true],
  [15 * minutes, true],
  [15 * minutes + 1, false],
] as const) {
  for (const names of [undefined, ['x-ca-key']]) {
    test(`${offset} ms beside the clock, ${names === undefined ? 'signed' : 'not signed'}`, async () => {
      const gateway = await gatewayWith();
      const headers = { 'x-ca-timestamp': String(now + offset) };
      const answer = await send(gateway, signed({ headers, ...(names === undefined ? {} : { names }) }));
      if (isGood) assert.equal(answer.status, 200, answer.text);
      else assertRefused(answer, 'A403TE', 'Timestamp Expired');
    });
  }
}

test('a wrong secret is shown the string to sign, and neither the secret nor the right signature', async () => {
  const gateway = await gatewayWith();
  const call: Call = {
    target: '/orders?a=1&b',
    headers: { 'x-ca-nonce': 'n', accept: 'text/plain' },
    names: ['x-ca-key', 'x-ca-nonce'],
  };
  const right = signed(call);
  const answer = await send(gateway, signed({ ...call, secret: 'another' }));
  const string = `GET#text/plain####x-ca-key:${key}#x-ca-nonce:n#/orders?a=1&b`;
  assert.equal(right.stringToSign.replaceAll('\n', '#'), string);
  assertRefused(answer, 'A403IS', `Invalid Signature, Server StringToSign:\`${string}\``);
  const everything =
    [...answer.headers].flat().join('\n') +
    answer.text +
    JSON.stringify([gateway.log, gateway.completed.map(({ refusal }) => refusal)]);
  assert.ok(everything.includes('StringToSign'));
  for (const hidden of [secret, right.signature, Buffer.from(right.signature, 'base64').toString('hex')]) {
    assert.ok(!everything.includes(hidden));
  }
});

test('a string to sign with every character: the header holds what it may, and is not long', async () => {
  const gateway = await gatewayWith();
  const text = '\r\n\t\0\x7fé张🚀';
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'x-ca-nonce': undefined,
    'x-ca-timestamp': undefined,
  };
  const body = `a=${encodeURIComponent(text)}`;
  const answer = await send(gateway, signed({ method: 'POST', headers, body, secret: 'another' }));
  const start = `Invalid Signature, Server StringToSign:\`POST###application/x-www-form-urlencoded##x-ca-key:${key}#/orders?a=`;
  const shown = Buffer.from(answer.headers.get('x-ca-error-message') ?? '', 'latin1').toString('utf8');
  assert.equal(shown, `${start}?#???é张🚀\``);
  assert.equal((answer.json() as { error_msg: string }).error_msg, `${fault}: ${start}\r#\t\0\x7fé张🚀\``);

  const long = await send(
    gateway,
    signed({ method: 'POST', headers, body: `a=${'🚀'.repeat(2000)}`, secret: 'another' }),
  );
  assert.ok((long.headers.get('x-ca-error-message') ?? '').length < 4096);
  assert.ok(long.text.length < 2048);
  assert.match(long.text, /\.\.\.`/);
});

test('a form is signed field by field, and forwarded as it came', async () => {
  const gateway = await gatewayWith();
  const call: Call = {
    method: 'POST',
    target: '/orders?z=1&both=query',
    signedUrl: '/orders?both=form&empty&name=张 三&z=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: 'name=%E5%BC%A0+%E4%B8%89&both=form&empty=',
  };
  assert.equal((await send(gateway, signed(call))).status, 200);
  assert.equal(gateway.backendRequests[0]?.body.toString(), call.body);
  const forged = signed(call);
  const answer = await gateway.request('POST', forged.target, {
    ...forged.options,
    body: 'name=mallory&both=form&empty=',
  });
  assert.equal(answer.status, 401);
  assert.match(answer.text, /name=mallory/);
  assert.equal(gateway.backendRequests.length, 1);
});

test('Content-MD5 is compared with a body that is no form, and the nonce is not spent on a forged one', async () => {
  const gateway = await gatewayWith();
  const body = '{"a":"张"}';
  const call = signed({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'content-md5': md5(body) },
  });
  const forged = await gateway.request('POST', call.target, { ...call.options, body: '{"a":"x"}' });
  assertRefused(forged, 'I400I5', 'Invalid Content-MD5');
  const bodiless = await gateway.request('POST', call.target, { headers: call.options.headers });
  assertRefused(bodiless, 'I400I5', 'Invalid Content-MD5');
  assert.equal(gateway.backendRequests.length, 0);
  assert.equal((await send(gateway, call)).status, 200);
  assert.equal(gateway.backendRequests[0]?.body.toString(), body);
  assertRefused(await send(gateway, call), 'A403NU', 'Nonce Used');
});

test('a body beyond the limit is that refusal, with what Alibaba clients read', async () => {
  const gateway = await gatewayWith();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await send(
    gateway,
    signed({ method: 'POST', headers, body: 'a'.repeat(12 * 1024 * 1024 + 1) }),
  );
  assert.equal(answer.status, 413);
  assert.equal(answer.headers.get('x-ca-error-code'), 'I413RL');
  assert.equal(answer.headers.get('x-ca-request-id'), answer.headers.get('x-request-id'));
});

test('a second line of a signed field is no way to add to it', async () => {
  const gateway = await gatewayWith();
  const { method, target, options } = signed({
    headers: { 'x-user': 'alice' },
    names: ['x-ca-key', 'x-user'],
  });
  const both = { ...options.headers, 'x-user': ['alice', 'admin'] };
  assert.equal((await gateway.request(method, target, { headers: both })).status, 401);
  assert.equal((await gateway.request(method, target, options)).status, 200);
});
