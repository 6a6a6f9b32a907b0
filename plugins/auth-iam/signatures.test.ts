import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { definePlugin } from '#sdk';
import { VirtualClock } from '#sdk/testing';
import plugin from './plugin.ts';
import { type Call, configWith, gatewayWith, now, outcome, signed } from './testing.ts';

const fault = '401 APIG.0301 Incorrect IAM authentication information: ';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function call(gateway: Awaited<ReturnType<typeof gatewayWith>>, how: Call = {}, from = '192.0.2.1') {
  const { method, url, options } = signed(how);
  return outcome(await gateway.request(method, url, { ...options, clientAddress: from }));
}

test('a signed request is let through as its user, without the proof', async () => {
  const gateway = await gatewayWith();
  const { method, url, options } = signed({ query: 'a=1&b=2' });
  const headers = { ...options.headers, 'x-security-token': 'temporary' };
  const answer = await gateway.request(method, url, { ...options, headers });
  assert.equal(answer.status, 200);
  const fields = gateway.backendRequests[0]?.headers;
  assert.ok(fields !== undefined);
  for (const name of ['authorization', 'x-security-token']) assert.equal(fields.get(name), undefined, name);
  assert.deepEqual(gateway.completed[0]?.exchange?.identity, {
    type: 'user',
    id: 'user-alice',
    user: { id: 'user-alice', name: 'alice', account: 'acme' },
  });
  assert.ok(gateway.completed[0]?.arrival.headers.has('authorization'), 'the log sees what came in');
});

test('the body is part of the signature, through its hash or a stated one', async () => {
  const gateway = await gatewayWith();
  const post = { method: 'POST', body: '{"a":1}' };
  assert.equal(await call(gateway, post), '200');
  const stated = { 'x-sdk-content-sha256': sha256(post.body) };
  assert.equal(await call(gateway, { ...post, headers: stated }), '200');
  const unsigned = { 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' };
  assert.equal(await call(gateway, { ...post, headers: unsigned }), '200');
  assert.equal(gateway.backendRequests.length, 3);
  for (const headers of [{}, stated]) {
    const { method, url, options } = signed({ ...post, headers });
    const answer = await gateway.request(method, url, { ...options, body: '{"a":2}' });
    assert.match(outcome(answer), /^401 APIG\.0301 .*(?:verify aksk signature fail|the body is not)/);
    const without = await gateway.request(method, url, { headers: options.headers });
    assert.match(outcome(without), /^401 APIG\.0301 /);
  }
  const { method, url, options } = signed(post);
  const slipped = await gateway.request(method, url, {
    ...options,
    headers: { ...options.headers, 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' },
  });
  assert.match(outcome(slipped), /X-Sdk-Content-Sha256 must be signed/);
  assert.equal(gateway.backendRequests.length, 3);
});

test('a date is good for 15 minutes either way', async () => {
  const clock = new VirtualClock(now);
  const gateway = await gatewayWith({}, { clock });
  for (const [date, isGood] of [
    ['20231114T215820Z', true],
    ['20231114T215819Z', false],
    ['20231114T222820Z', true],
    ['20231114T222821Z', false],
  ] as const) {
    const expired = `${fault}signature expired, signature time:${date},server time:20231114T221320Z`;
    assert.equal(await call(gateway, { date }), isGood ? '200' : expired, date);
  }
  assert.match(await call(gateway, { date: 'yesterday' }), /X-Sdk-Date must be/);
});

test('what is wrong is said in the words of the vendor', async () => {
  const gateway = await gatewayWith();
  assert.equal(
    await call(gateway, { accessKey: 'AKNOBODY' }),
    `${fault}Get secretKey failed,ak:AKNOBODY,err:ak not exist`,
  );
  const wrong = await call(gateway, { secret: 'another' });
  assert.equal(
    wrong,
    `${fault}verify aksk signature fail,canonicalRequest:GET|/api/||host:test|x-sdk-date:20231114T221320Z||host;x-sdk-date|${sha256('')}`,
  );
  for (const [authorization, expected] of [
    [undefined, /neither X-Auth-Token nor a signature/],
    ['Basic YTpi', /neither X-Auth-Token nor a signature/],
    ['SDK-HMAC-SHA256 Access=a', /Invalid Header: Signature is missing/],
    ['V11-HMAC-SHA256 Credential=a/b', /allowed: SDK-HMAC-SHA256/],
  ] as const) {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await gateway.request('GET', '/api', { headers });
    assert.match(outcome(answer), /^401 APIG\.0301 Incorrect IAM authentication information: /);
    assert.match(outcome(answer), expected);
  }
  const { url, options } = signed();
  const authorization = [options.headers.authorization, 'Basic YTpi'];
  const twice = await gateway.request('GET', url, { headers: { ...options.headers, authorization } });
  assert.match(outcome(twice), /^401 APIG\.0301 /);
  assert.equal(gateway.backendRequests.length, 0);
  assert.doesNotMatch(JSON.stringify(gateway.log), /nobody-may-see/);
});

test('a user without an access key cannot sign', async () => {
  const gateway = await gatewayWith();
  assert.match(await call(gateway, { accessKey: 'carol', secret: 'carol-password' }), /ak not exist/);
});

test('more than five failures in a row lock the key for five minutes, for that address', async () => {
  const clock = new VirtualClock(now);
  const gateway = await gatewayWith({}, { clock });
  const locked = `${fault}AK access failed to reach the limit,forbidden`;
  for (let round = 0; round < 5; round += 1) assert.match(await call(gateway, { secret: 'x' }), /aksk/);
  assert.equal(await call(gateway), '200', 'five are allowed, and a good one starts anew');
  for (let round = 0; round < 6; round += 1) assert.match(await call(gateway, { secret: 'x' }), /aksk/);
  assert.equal(await call(gateway), locked);
  assert.equal(await call(gateway, {}, '192.0.2.2'), '200', 'its owner elsewhere is not locked out');
  const bob = { accessKey: 'AKBOB000000000000001', secret: 'bob-secret-key-000001' };
  assert.equal(await call(gateway, bob), '200', 'another key from there is not either');
  await gateway.reload(configWith());
  assert.equal(await call(gateway), locked, 'a reload unlocks nothing');
  clock.advance(5 * 60_000 - 1);
  assert.equal(await call(gateway), locked);
  clock.advance(1);
  assert.equal(await call(gateway), '200');
});

test('an IPv6 address counts by its first 64 bits', async () => {
  const gateway = await gatewayWith();
  for (let round = 0; round < 6; round += 1)
    await call(gateway, { secret: 'x' }, `2001:db8:1:2:${round}::${round}`);
  assert.match(await call(gateway, {}, '2001:db8:1:2::1'), /forbidden/);
  assert.equal(await call(gateway, {}, '2001:db8:1:3::1'), '200');
  assert.equal(await call(gateway, {}, '2001:db8::1'), '200');
});

test('requests that fail at the same time are all counted', async () => {
  const gateway = await gatewayWith();
  const bad = { method: 'POST', body: 'x', secret: 'x' };
  const outcomes = await Promise.all(Array.from({ length: 64 }, () => call(gateway, bad)));
  assert.equal(outcomes.filter((each) => each.includes('aksk')).length, 6);
  assert.equal(outcomes.filter((each) => each.includes('forbidden')).length, 58);
});

test('a signature for the backend is left alone, even where it was set before', async () => {
  const signature = 'SDK-HMAC-SHA256 Access=gateway, SignedHeaders=x-sdk-date, Signature=0';
  const sign = definePlugin({
    name: 'test-sign',
    summary: 'Signs for the backend.',
    apiField: 'testSign',
    bind: () => ({
      backendSigning({ headers }) {
        headers.set('authorization', signature);
        return undefined;
      },
    }),
  });
  const { apis } = configWith();
  const api = { testSign: true, ...apis['shop/all'] };
  const gateway = await gatewayWith({ apis: { 'shop/all': api } }, { plugins: [plugin, sign] });
  assert.equal(await call(gateway), '200');
  assert.deepEqual(gateway.backendRequests[0]?.headers.getAll('authorization'), [signature]);
});
