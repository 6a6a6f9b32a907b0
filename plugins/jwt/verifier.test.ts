import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { KeySet } from './key-set.ts';
import { type VerifyingKey, allAlgorithms, readJwk } from './keys.ts';
import { lone, makeKey, sign, usual } from './testing.ts';
import { TokenCache } from './token-cache.ts';
import { type KeySource, type Verified, Verifier } from './verifier.ts';

function keyOf(jwk: Readonly<Record<string, unknown>>): VerifyingKey {
  const key = readJwk(jwk);
  assert.ok(typeof key !== 'string');
  return key;
}

const algorithms = new Set(allAlgorithms);

test('what is kept is answered at once, and frozen', async () => {
  const verifier = new Verifier(
    { current: new KeySet([keyOf(lone.jwk)]) },
    algorithms,
    Infinity,
    new VirtualClock(),
  );
  const token = await sign({ ...usual, roles: [{ name: 'a' }] });
  const asked = Array.from({ length: 10 }, () => verifier.verify(token));
  assert.equal(new Set(asked).size, 1, 'verified once for all who ask at the same time');
  const verified = await asked[0];
  assert.equal(verifier.verify(token), verified);
  assert.ok(verified !== undefined && 'claims' in verified);
  assert.ok(Object.isFrozen(verified.claims) && Object.isFrozen(verified.identity.user));
  assert.ok(Object.isFrozen((verified.claims['roles'] as unknown[])[0]));
});

test('what is refused is kept nowhere', async () => {
  const verifier = new Verifier(
    { current: new KeySet([keyOf(lone.jwk)]) },
    algorithms,
    Infinity,
    new VirtualClock(),
  );
  const token = await sign(usual, makeKey('ES256'));
  for (let round = 0; round < 2; round += 1) {
    const verdict = verifier.verify(token);
    assert.ok(verdict instanceof Promise);
    assert.ok('cause' in (await verdict));
  }
});

test('a key that is gone takes along what it verified; one that stays does not', async () => {
  const [a, b] = [keyOf(makeKey('ES256', 'x').jwk), keyOf({ ...lone.jwk, kid: 'l' })];
  const source: { current: KeySet } & KeySource = { current: new KeySet([a, b]) };
  const verifier = new Verifier(source, algorithms, Infinity, new VirtualClock());
  const token = await sign(usual, lone, { kid: 'l' });
  const verified = await verifier.verify(token);
  source.current = new KeySet([keyOf({ ...lone.jwk, kid: 'l' }), keyOf(makeKey('ES256', 'y').jwk)]).like(
    source.current,
  );
  assert.equal(verifier.verify(token), verified);
  source.current = new KeySet([a]);
  assert.ok('cause' in (await verifier.verify(token)));
});

test('keys that cannot be fetched again count as long as they may', async () => {
  const clock = new VirtualClock();
  const current = new KeySet([keyOf(lone.jwk)]);
  let looked = 0;
  const source: KeySource = {
    current,
    fetchedAt: clock.now(),
    lookAgain: () => {
      looked += 1;
      return Promise.resolve(current);
    },
  };
  const verifier = new Verifier(source, algorithms, 600_000, clock);
  const token = await sign();
  assert.ok('claims' in (await verifier.verify(token)));
  clock.advance(599_999);
  assert.ok('claims' in (await verifier.verify(token)));
  assert.equal(looked, 0);
  clock.advance(1);
  assert.deepEqual(await verifier.verify(token), { cause: 'there are no keys', isUnavailable: true });
  assert.equal(looked, 1);
});

test('as many tokens are kept as fit, those used last', () => {
  const cache = new TokenCache();
  const entry = (length: number) => ({ length }) as Verified;
  for (let index = 0; index < 10_000; index += 1) cache.set(String(index), entry(10));
  assert.ok(cache.get('0') !== undefined);
  cache.set('new', entry(10));
  assert.equal(cache.size, 10_000);
  assert.ok(cache.get('0') !== undefined && cache.get('1') === undefined);
  for (let index = 0; index < 1_000; index += 1) cache.set(`large ${index}`, entry(16_000));
  assert.ok(cache.size < 200, `${cache.size} large ones`);
  for (let round = 0; round < 3; round += 1) cache.set('same', entry(16_000));
  const { size } = cache;
  cache.delete('same');
  cache.delete('same');
  assert.equal(cache.size, size - 1);
});
