import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { gatewayOf, lone, now, outcome, sign, usual } from './testing.ts';

const config = { preventReplay: true, toleranceSeconds: 5, deny: [{ claim: 'sub', values: ['mallory'] }] };
const once = (jti: string, more: object = {}) => sign({ ...usual, jti, ...more });

test('a token is taken once, also of those that are kept, as long as it is valid', async (t) => {
  const clock = new VirtualClock(now * 1000);
  const gateway = await gatewayOf(t, { config, clock });
  const token = await once('a');
  const used = '401 the token was used before.';
  assert.equal(outcome(await gateway.ask(token)), '200');
  assert.equal(outcome(await gateway.ask(token)), used);
  assert.equal(
    outcome(await gateway.ask(await once('a', { more: 1 }))),
    used,
    'another token with the same id',
  );
  assert.equal(outcome(await gateway.ask(await once('b'))), '200');
  assert.equal(outcome(await gateway.ask(await once('a', { iss: 'https://other' }))), '200');
  clock.advance(64_999);
  assert.equal(outcome(await gateway.ask(token)), used);
  clock.advance(1);
  assert.equal(outcome(await gateway.ask(token)), '401 the token has expired.');
});

test('of many at once exactly one is let through', async (t) => {
  const gateway = await gatewayOf(t, { config });
  const token = await once('a');
  const all = await Promise.all(Array.from({ length: 50 }, () => gateway.ask(token)));
  assert.equal(all.filter(({ status }) => status === 200).length, 1);
});

test('a token that is refused for another reason is not used up', async (t) => {
  const gateway = await gatewayOf(t, { config });
  assert.equal(
    outcome(await gateway.ask(await once('a', { sub: 'mallory' }))),
    '401 the token is not accepted.',
  );
  assert.equal(outcome(await gateway.ask(await once('a'))), '200');
});

test('without `jti` or `exp` a token is refused', async (t) => {
  const gateway = await gatewayOf(t, { config });
  assert.equal(outcome(await gateway.ask(await sign())), '401 the token lacks the claim "jti".');
  assert.equal(
    outcome(await gateway.ask(await once('a', { exp: undefined }))),
    '401 the token lacks the claim "exp".',
  );
});

for (const claim of [
  () => Promise.reject(new Error('gone')),
  () => {
    throw new Error('gone');
  },
]) {
  test('where nobody can tell whether a token was used, it is refused', async (t) => {
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: { 'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
        plugins: { token: { type: 'jwt', config: { keys: [{ jwk: lone.jwk }], ...config } } },
        bindings: [{ plugin: 'token', apis: ['*'] }],
      },
      plugins: [plugin],
      values: { claim },
      clock: new VirtualClock(now * 1000),
    });
    t.after(() => gateway.close());
    const answer = await gateway.request('GET', '/', {
      headers: { authorization: `Bearer ${await once('a')}` },
    });
    assert.equal(answer.status, 503);
    assert.doesNotMatch(answer.text, /gone/);
  });
}
