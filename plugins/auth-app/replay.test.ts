import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Values } from '#sdk';
import type { Answer } from '#sdk/testing';
import { gatewayWith, key, now, secret, send, signed } from './testing.ts';

const minutes = 60_000;
const forced = { type: 'app', forceNonce: true };

function codeOf(answer: Answer): string | undefined {
  return answer.status === 200 ? 'accepted' : answer.headers.get('x-ca-error-code');
}

test('a nonce is good once, for the time its timestamp is', async () => {
  const gateway = await gatewayWith();
  const call = signed({ headers: { 'x-ca-timestamp': String(now + 15 * minutes) } });
  assert.equal(codeOf(await send(gateway, call)), 'accepted');
  assert.equal(codeOf(await send(gateway, call)), 'A403NU');
  gateway.clock.advance(15 * minutes);
  assert.equal(codeOf(await send(gateway, call)), 'A403NU');
  gateway.clock.advance(15 * minutes);
  assert.equal(codeOf(await send(gateway, call)), 'A403NU');
  gateway.clock.advance(1);
  assert.equal(codeOf(await send(gateway, call)), 'A403TE');
});

test('it is used up whatever the timestamp of the second request, and by its own app only', async () => {
  const other = { key: 'other-key', secret: 'other-secret', apis: ['*'] };
  const gateway = await gatewayWith({ apps: { caller: { key, secret, apis: ['*'] }, other } });
  const nonce = { 'x-ca-nonce': 'same' };
  assert.equal(codeOf(await send(gateway, signed({ headers: nonce }))), 'accepted');
  gateway.clock.advance(minutes);
  const later = { ...nonce, 'x-ca-timestamp': String(now + minutes) };
  assert.equal(codeOf(await send(gateway, signed({ headers: later }))), 'A403NU');
  const others = signed({ headers: { ...nonce, 'x-ca-key': other.key }, secret: other.secret });
  assert.equal(codeOf(await send(gateway, others)), 'accepted');
});

test('a reload does not forget it', async () => {
  const gateway = await gatewayWith();
  const call = signed();
  assert.equal(codeOf(await send(gateway, call)), 'accepted');
  await gateway.reload({
    groups: { shop: { domains: ['test'] } },
    apis: {
      'shop/all': {
        request: { method: 'ANY', path: '/', match: 'prefix' },
        auth: 'app',
        backend: { type: 'http', address: 'http://backend' },
      },
    },
    apps: { caller: { key, secret, apis: ['*'] } },
  });
  assert.equal(codeOf(await send(gateway, call)), 'A403NU');
});

test('of two at the same time one is accepted', async () => {
  const gateway = await gatewayWith();
  const call = signed();
  const codes = await Promise.all([1, 2, 3].map(async () => codeOf(await send(gateway, call))));
  assert.deepEqual(
    codes.toSorted((a = '', b = '') => (a < b ? -1 : 1)),
    ['A403NU', 'A403NU', 'accepted'],
  );
});

test('a request with a wrong signature does not spend the nonce it names', async () => {
  const gateway = await gatewayWith();
  const call = signed();
  assert.equal(
    codeOf(await send(gateway, signed({ headers: call.options.headers, secret: 'another' }))),
    'A403IS',
  );
  assert.equal(codeOf(await send(gateway, call)), 'accepted');
});

test('another nonce under the same signature is refused', async () => {
  const gateway = await gatewayWith();
  const { method, target, options } = signed();
  const headers = { ...options.headers, 'x-ca-nonce': 'forged' };
  assert.equal(codeOf(await gateway.request(method, target, { headers })), 'A403IS');
});

test('a very long nonce is told from another one', async () => {
  const gateway = await gatewayWith();
  const long = (end: string) => signed({ headers: { 'x-ca-nonce': `${'n'.repeat(5000)}${end}` } });
  assert.equal(codeOf(await send(gateway, long('1'))), 'accepted');
  assert.equal(codeOf(await send(gateway, long('2'))), 'accepted');
  assert.equal(codeOf(await send(gateway, long('1'))), 'A403NU');
});

test('an unsigned nonce claims nothing: one request could otherwise fill the store', async () => {
  const claimed: string[] = [];
  const values: Values = { claim: (name) => claimed.push(name) > 0 };
  const gateway = await gatewayWith({ values });
  assert.equal(codeOf(await send(gateway, signed({ names: ['x-ca-key'] }))), 'accepted');
  assert.deepEqual(claimed, []);
  assert.equal(codeOf(await send(gateway, signed())), 'accepted');
  assert.equal(claimed.length, 1);
});

test('forceNonce: nonce and timestamp must be there and signed', async () => {
  const gateway = await gatewayWith({ auth: forced });
  const without = (name: string) => ({ headers: { [name]: undefined } });
  for (const call of [
    without('x-ca-nonce'),
    without('x-ca-timestamp'),
    { headers: { 'x-ca-nonce': '' } },
    { names: ['x-ca-key', 'x-ca-timestamp'] },
    { names: ['x-ca-key', 'x-ca-nonce'] },
    { names: [] },
  ]) {
    const answer = await send(gateway, signed(call));
    assert.equal(answer.status, 401);
    assert.equal(codeOf(answer), 'I400NC', JSON.stringify(call));
    assert.match(answer.text, /X-Ca-Nonce and X-Ca-Timestamp are required, both signed/);
  }
  assert.equal(codeOf(await send(gateway, signed())), 'accepted');
});

test('without forceNonce neither is required', async () => {
  const gateway = await gatewayWith();
  const headers = { 'x-ca-nonce': undefined, 'x-ca-timestamp': undefined };
  assert.equal(codeOf(await send(gateway, signed({ headers }))), 'accepted');
});

for (const [how, values] of [
  ['rejects', { claim: () => Promise.reject(new Error('no route')) }],
  [
    'throws',
    {
      claim() {
        throw new Error('full');
      },
    },
  ],
] satisfies [string, Values][]) {
  test(`a store that ${how} refuses, and does not tell the caller why`, async () => {
    const gateway = await gatewayWith({ values });
    const answer = await send(gateway, signed());
    assert.equal(answer.status, 503);
    assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0601');
    assert.doesNotMatch(answer.text, /no route|full/);
    assert.match(gateway.completed[0]?.refusal?.cause ?? '', /no route|full/);
    assert.equal(gateway.backendRequests.length, 0);
  });
}

test('a store that answers later', async () => {
  const used = new Set<string>();
  const values: Values = {
    claim: async (name) => {
      await Promise.resolve();
      const isFirst = !used.has(name);
      used.add(name);
      return isFirst;
    },
  };
  const gateway = await gatewayWith({ values });
  const call = signed();
  assert.equal(codeOf(await send(gateway, call)), 'accepted');
  assert.equal(codeOf(await send(gateway, call)), 'A403NU');
});

test('content that comes until the nonce is forgotten does not make it good again', async () => {
  const gateway = await gatewayWith();
  const form = 'a=1';
  const call = signed({
    method: 'POST',
    body: form,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    signedUrl: '/orders?a=1',
  });
  assert.equal(codeOf(await send(gateway, call)), 'accepted');
  gateway.clock.advance(15 * minutes);
  // In time by its head; its content is there a moment too late.
  const replay = send(gateway, call);
  gateway.clock.advance(1);
  assert.equal(codeOf(await replay), 'A403TE');
});
