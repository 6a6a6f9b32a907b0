import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reply, BodyStream, Fields, Reply as Answered, cacheStatus, refuse, reply } from '#sdk';
import { trial } from './testing.ts';

const fresh = { 'cache-control': 'max-age=100' };

/** A backend that answers when told, each call by itself. */
function held() {
  const waiting: ((answer: Reply) => void)[] = [];
  return {
    waiting,
    backend: () => new Promise<Reply>((resolve) => void waiting.push(resolve)),
    until: async (count: number): Promise<void> => {
      for (let turn = 0; turn < 1000 && waiting.length < count; turn += 1) await new Promise(setImmediate);
      assert.equal(waiting.length, count);
    },
  };
}

/** Lets what can go on do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

test('many who ask for the same at once cost one call', async () => {
  const { backend, waiting, until } = held();
  const { get, gateway } = await trial(backend);
  const asked = Array.from({ length: 20 }, () => get());
  await until(1);
  await settle();
  waiting[0]?.(reply(200, fresh, 'content'));
  const answers = await Promise.all(asked);
  assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(['content']));
  assert.equal(gateway.backendRequests.length, 1);
  const lines = answers.map(({ headers }) => headers.get('cache-status'));
  assert.equal(lines.filter((line) => line === 'T; fwd=uri-miss; collapsed').length, 19);
  assert.equal(lines.filter((line) => line === 'T; fwd=uri-miss; stored').length, 1);
  const noted = gateway.completed.map(({ exchange }) => exchange?.notes.get(cacheStatus));
  assert.equal(noted.filter((each) => each === 'HIT').length, 19);
});

test('an answer that turns out to be private is for one; the others ask by themselves, and the next do not wait', async () => {
  const { backend, waiting, until } = held();
  const { get } = await trial(backend);
  const asked = Array.from({ length: 5 }, () => get());
  await until(1);
  waiting[0]?.(reply(200, { 'cache-control': 'private' }, 'mine'));
  await until(5);
  for (const [index, answer] of waiting.slice(1).entries())
    answer(reply(200, { 'cache-control': 'private' }, `own ${index}`));
  assert.equal(new Set((await Promise.all(asked)).map(({ text }) => text)).size, 5);
  const next = [get(), get()];
  await until(7);
  for (const answer of waiting.slice(5)) answer(reply(200, fresh, 'x'));
  await Promise.all(next);
});

test('an answer that varies is for those who ask for the same', async () => {
  const { backend, waiting, until } = held();
  const { get } = await trial(backend);
  const asked = [get('/x', { foo: '1' }), get('/x', { foo: '1' }), get('/x', { foo: '2' })];
  await until(1);
  waiting[0]?.(reply(200, { ...fresh, vary: 'foo' }, 'one'));
  await until(2);
  waiting[1]?.(reply(200, { ...fresh, vary: 'foo' }, 'two'));
  assert.deepEqual(
    (await Promise.all(asked)).map(({ text }) => text),
    ['one', 'one', 'two'],
  );
});

test('a backend that fails is asked once for all who wait', async () => {
  const { backend, waiting, until } = held();
  const { get, calls } = await trial(backend);
  const asked = [get(), get(), get()];
  await until(1);
  await settle();
  waiting[0]?.(refuse('backend-timeout'));
  assert.deepEqual(
    (await Promise.all(asked)).map(({ status }) => status),
    [504, 504, 504],
  );
  assert.equal(calls(), 1);
});

test('who waits too long asks by itself', async () => {
  const { backend, waiting } = held();
  const { get } = await trial(backend, { collapseTimeoutMs: 1 });
  const asked = [get(), get()];
  while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const answer of waiting) answer(reply(200, fresh, 'x'));
  await Promise.all(asked);
});

test('nobody waits where that is turned off', async () => {
  const { backend, waiting, until } = held();
  const { get } = await trial(backend, { collapseTimeoutMs: 0 });
  const asked = [get(), get()];
  await until(2);
  for (const answer of waiting) answer(reply(200, fresh, 'x'));
  await Promise.all(asked);
});

test('an answer that breaks off, or grows too large, is not stored, and those who wait ask by themselves', async () => {
  for (const end of ['fail', 'grow'] as const) {
    const { backend, waiting, until } = held();
    const { get } = await trial(backend, { maxAnswerBytes: 10 });
    const body = new BodyStream();
    const first = get().catch(() => undefined);
    await until(1);
    const second = get();
    await settle();
    waiting[0]?.(new Answered(200, Fields.from(fresh), body));
    body.push(Buffer.from('12345'));
    await settle();
    if (end === 'fail') body.fail(new Error('cut'));
    else body.push(Buffer.from('1234567'));
    await until(2);
    if (end === 'grow') body.end();
    waiting[1]?.(reply(200, fresh, 'second'));
    assert.equal((await second).text, 'second');
    assert.equal((await first)?.text, end === 'grow' ? '123451234567' : undefined);
    assert.equal((await get()).text, 'second');
  }
});

test('a stale answer is given while one asks for a newer one', async () => {
  const { backend, waiting, until } = held();
  const { get, gateway } = await trial(backend);
  const control = { 'cache-control': 'max-age=10, stale-while-revalidate=30', etag: '"1"' };
  const first = get();
  await until(1);
  waiting[0]?.(reply(200, control, 'old'));
  await first;
  gateway.clock.advance(20_000);
  for (let turn = 0; turn < 3; turn += 1) {
    const answer = await get();
    assert.deepEqual([answer.text, answer.headers.get('cache-status')], ['old', 'T; hit; ttl=-10']);
  }
  await until(2);
  assert.equal(gateway.backendRequests[1]?.headers.get('if-none-match'), '"1"');
  assert.deepEqual(
    gateway.completed.map(({ exchange }) => exchange?.notes.get(cacheStatus)),
    ['MISS', 'STALE', 'STALE', 'STALE'],
  );
  waiting[1]?.(reply(200, control, 'new'));
  await settle();
  assert.equal((await get()).text, 'new');
  gateway.clock.advance(41_000);
  // Beyond the time it may be stale.
  const last = get();
  await until(3);
  waiting[2]?.(reply(304));
  assert.equal((await last).headers.get('cache-status'), 'T; fwd=stale; fwd-status=304');
});

test('a refresh that fails leaves what is stored; one that answers for somebody else takes it away', async () => {
  const { backend, waiting, until } = held();
  const { get, gateway } = await trial(backend);
  const first = get();
  await until(1);
  waiting[0]?.(reply(200, { 'cache-control': 'max-age=10, stale-while-revalidate=1000' }, 'old'));
  await first;
  gateway.clock.advance(20_000);
  await get();
  await until(2);
  waiting[1]?.(reply(500, {}, 'down'));
  await settle();
  assert.equal((await get()).text, 'old');
  await until(3);
  waiting[2]?.(reply(200, { 'cache-control': 'private' }, 'mine'));
  await settle();
  const next = get();
  await until(4);
  waiting[3]?.(reply(200, fresh, 'new'));
  assert.equal((await next).text, 'new');
});

test('one refresh at a time, until all of its content is there', async () => {
  const { backend, waiting, until } = held();
  const { get, gateway, calls } = await trial(backend);
  const control = { 'cache-control': 'max-age=10, stale-while-revalidate=1000' };
  const first = get();
  await until(1);
  waiting[0]?.(reply(200, control, 'old'));
  await first;
  gateway.clock.advance(20_000);
  await get();
  await until(2);
  const body = new BodyStream();
  waiting[1]?.(new Answered(200, Fields.from(control), body));
  body.push(Buffer.from('ne'));
  await settle();
  assert.equal((await get()).text, 'old');
  assert.equal(calls(), 2);
  body.push(Buffer.from('w'));
  body.end();
  await settle();
  assert.equal((await get()).text, 'new');
  assert.equal(calls(), 2);
});
