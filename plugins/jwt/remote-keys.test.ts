import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { KeySet, readAnswer } from './key-set.ts';
import { RemoteKeys } from './remote-keys.ts';
import { makeKey } from './testing.ts';

const service = { url: 'http://issuer/keys', timeoutMs: 1000, host: undefined };
const [a, b, c] = ['a', 'b', 'c'].map((kid) => makeKey('ES256', kid).jwk) as [object, object, object];

function setOf(...keys: object[]): KeySet {
  const set = readAnswer(JSON.stringify({ keys }));
  assert.ok(typeof set !== 'string', 'a usable set');
  return set;
}

/** A service that answers what the test says, and counts. */
function serviceWith(first: KeySet | Error) {
  const state = { answer: first, asked: 0, held: undefined as Promise<void> | undefined };
  const clock = new VirtualClock();
  const lines: string[] = [];
  const note = (_fields: object, message: string) => void lines.push(message);
  const fetch = async () => {
    state.asked += 1;
    const { answer } = state;
    await state.held;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const log = { info: note, warn: note, error: note };
  const pause = (ms: number) => Promise.resolve(clock.advance(ms));
  const keys = new RemoteKeys(service, fetch, clock, log, pause);
  return { keys, state, clock, lines };
}

test('the last good answer stays while the service fails, which is logged once', async () => {
  const { keys, state, lines } = serviceWith(setOf(a));
  await keys.refresh();
  const before = keys.current;
  state.answer = new Error('503');
  for (let round = 0; round < 3; round += 1) await keys.refresh();
  assert.equal(keys.current, before);
  assert.deepEqual(lines, ['the keys for tokens cannot be fetched; the last good ones stay']);
  state.answer = setOf(b);
  await keys.refresh();
  assert.equal(keys.current?.select('a'), undefined);
  assert.ok(keys.current?.select('b'));
  assert.equal(lines.length, 2);
});

test('a key that stays is the same object; one that goes, or is another by the same name, is not', async () => {
  const { keys, state } = serviceWith(setOf(a, b));
  await keys.refresh();
  const [first, second] = [keys.current?.select('a'), keys.current?.select('b')];
  state.answer = setOf(a, { ...c, kid: 'b' });
  await keys.refresh();
  assert.equal(keys.current?.select('a'), first);
  assert.notEqual(keys.current?.select('b'), second);
  assert.ok(first !== undefined && keys.current !== undefined && keys.current.has(first));
  assert.ok(second !== undefined && keys.current !== undefined && !keys.current.has(second));
});

test('who misses a key at the same time waits for one fetch', async () => {
  const { keys, state, clock } = serviceWith(setOf(a));
  await keys.refresh();
  clock.advance(1_000);
  state.answer = setOf(a, b);
  const found = await Promise.all(Array.from({ length: 100 }, () => keys.lookAgain('b')));
  assert.equal(state.asked, 2);
  assert.ok(found.every((set) => set?.select('b') !== undefined));
});

test('a fetch that began before a key was there is followed by another', async () => {
  const { keys, state, clock } = serviceWith(setOf(a));
  await keys.refresh();
  clock.advance(60_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.held = promise;
  const running = keys.refresh();
  state.answer = setOf(a, b);
  clock.advance(1_000);
  const looking = keys.lookAgain('b');
  resolve();
  await running;
  assert.ok((await looking)?.select('b') !== undefined);
  assert.equal(state.asked, 3);
});

test('whoever makes up names of keys has the service asked ever less', async () => {
  const { keys, state, clock } = serviceWith(setOf(a));
  await keys.refresh();
  for (let second = 0; second < 300; second += 1) {
    clock.advance(1_000);
    await keys.lookAgain(`made-up-${second}`);
  }
  assert.ok(state.asked > 10 && state.asked < 25, `${state.asked} fetches`);
  // Once there was something to find, it is looked for at once again.
  state.answer = setOf(a, b);
  clock.advance(30_000);
  assert.ok((await keys.lookAgain('b'))?.select('b') !== undefined);
  state.answer = setOf(a, b, c);
  clock.advance(1_000);
  assert.ok((await keys.lookAgain('c'))?.select('c') !== undefined);
});

test('who waits for the same fetch causes one, also when that is in vain', async () => {
  const { keys, state, clock } = serviceWith(setOf(a));
  await keys.refresh();
  // All of them have to wait a second first, as there was a fetch just now.
  await Promise.all(Array.from({ length: 100 }, (_, index) => keys.lookAgain(`made-up-${index}`)));
  assert.equal(state.asked, 2);
  state.answer = setOf(a, b);
  // In vain once, so two seconds must pass, and then it is looked for.
  assert.equal((await keys.lookAgain('b'))?.select('b'), undefined);
  clock.advance(1_000);
  assert.ok((await keys.lookAgain('b'))?.select('b') !== undefined);
  assert.equal(state.asked, 3);
});

test('a thousand requests may wait, no more', async () => {
  const { keys, state, clock } = serviceWith(setOf(a));
  await keys.refresh();
  clock.advance(1_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.held = promise;
  const waiting = Array.from({ length: 1_000 }, () => keys.lookAgain('x'));
  assert.equal(await keys.lookAgain('x'), undefined);
  resolve();
  await Promise.all(waiting);
  assert.ok(state.asked <= 3, `${state.asked} fetches`);
});

test('of an answer what can be used is taken, and secrets never', () => {
  const usable = readAnswer(
    JSON.stringify({
      keys: [
        a,
        { ...b, use: 'enc' },
        { ...c, key_ops: ['encrypt'] },
        { kty: 'oct', kid: 's', k: 'A'.repeat(86) },
        { kty: 'new', kid: 'n' },
        { kty: 'EC', kid: 'half', crv: 'P-256', x: 'AA' },
      ],
    }),
  );
  assert.ok(usable instanceof KeySet);
  assert.equal(usable.size, 1);
  const wrong: [string, RegExp][] = [
    ['', /no JSON/],
    ['<html>', /no JSON/],
    ['{}', /no list/],
    ['null', /no list/],
    ['{"keys":7}', /no list/],
    ['[7]', /no list/],
    ['[]', /no key that can be used/],
    [JSON.stringify([{ kty: 'oct', k: 'A'.repeat(86) }]), /no key that can be used/],
    [JSON.stringify([a, a]), /same "kid"/],
    [JSON.stringify([a, { ...b, kid: undefined }]), /each needs a "kid"/],
    [JSON.stringify(Array.from({ length: 101 }, () => ({}))), /no list/],
  ];
  for (const [text, expected] of wrong) {
    const read = readAnswer(text);
    assert.ok(typeof read === 'string', text.slice(0, 40));
    assert.match(read, expected);
  }
});
