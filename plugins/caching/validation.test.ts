import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, reply } from '#sdk';
import type { BackendRequest } from '#sdk/testing';
import { httpDate, trial } from './testing.ts';

const modified = 'Tue, 14 Nov 2023 20:00:00 GMT';
const later = 'Tue, 14 Nov 2023 21:00:00 GMT';

/** A backend with one version, which says 304 to whoever has it. */
function versioned(fields: Readonly<Record<string, string>>, news: Readonly<Record<string, string>> = {}) {
  return ({ headers }: BackendRequest) => {
    const isKnown =
      (fields['etag'] !== undefined && headers.get('if-none-match') === fields['etag']) ||
      (fields['last-modified'] !== undefined && headers.get('if-modified-since') === fields['last-modified']);
    return isKnown ? reply(304, news) : reply(200, { 'cache-control': 'max-age=10', ...fields }, 'content');
  };
}

test('a stale answer is validated with both validators, and given again with what 304 says', async () => {
  const backend = versioned(
    { etag: 'W/"v1"', 'last-modified': modified, 'x-old': 'kept', 'x-both': 'old' },
    { 'cache-control': 'max-age=60', 'x-both': 'new', 'content-length': '3' },
  );
  const { get, gateway, calls } = await trial(backend);
  await get();
  gateway.clock.advance(20_000);
  const answer = await get();
  const sent = gateway.backendRequests[1]?.headers;
  assert.deepEqual([sent?.get('if-none-match'), sent?.get('if-modified-since')], ['W/"v1"', modified]);
  assert.deepEqual([answer.status, answer.text], [200, 'content']);
  assert.deepEqual([answer.headers.get('x-old'), answer.headers.get('x-both')], ['kept', 'new']);
  assert.equal(answer.headers.has('content-length'), false);
  assert.equal(answer.headers.get('cache-status'), 'T; fwd=stale; fwd-status=304');
  gateway.clock.advance(50_000);
  const again = await get();
  assert.deepEqual([again.text, again.headers.get('age'), calls()], ['content', '50', 2]);
});

test('no-cache: the backend is asked each time, and its content comes once', async () => {
  const { get, calls } = await trial(versioned({ etag: '"v1"', 'cache-control': 'no-cache' }));
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await get()).text, 'content');
  assert.equal(calls(), 3);
});

test('304 that says private is given to whoever asked, and the answer to nobody else', async () => {
  const { get, calls, gateway } = await trial(versioned({ etag: '"v1"' }, { 'cache-control': 'private' }));
  await get();
  gateway.clock.advance(20_000);
  assert.equal((await get()).text, 'content');
  await get();
  const [, , third] = gateway.backendRequests;
  assert.deepEqual([calls(), third?.headers.get('if-none-match')], [3, undefined]);
});

test('304 for another version than the stored one: everything is asked for again', async () => {
  let call = 0;
  const { get, gateway } = await trial(() => {
    call += 1;
    if (call === 2) return reply(304, { etag: '"v2"' });
    return reply(200, { etag: `"v${call}"`, 'cache-control': 'max-age=10' }, `version ${call}`);
  });
  await get();
  gateway.clock.advance(20_000);
  assert.equal((await get()).text, 'version 3');
  assert.equal(gateway.backendRequests[2]?.headers.get('if-none-match'), undefined);
});

const conditions: readonly (readonly [headers: Readonly<Record<string, string>>, status: number])[] = [
  [{ 'if-none-match': '"v1"' }, 304],
  [{ 'if-none-match': 'W/"v1"' }, 304],
  [{ 'if-none-match': '"v0", "v1"' }, 304],
  [{ 'if-none-match': '"v0, "v1"' }, 200],
  [{ 'if-none-match': '*' }, 304],
  [{ 'if-none-match': '"v2"' }, 200],
  [{ 'if-none-match': '"v2"', 'if-modified-since': later }, 200],
  [{ 'if-none-match': '"v1"', 'if-modified-since': httpDate(0) }, 304],
  [{ 'if-modified-since': modified }, 304],
  [{ 'if-modified-since': later }, 304],
  [{ 'if-modified-since': httpDate(0) }, 200],
  [{ 'if-modified-since': 'yesterday' }, 200],
  [{ 'if-none-match': '"v1"', range: 'bytes=0-1' }, 304],
];

test('conditions of callers are answered from here', async (t) => {
  const fields = {
    etag: '"v1"',
    'last-modified': modified,
    'cache-control': 'max-age=100',
    vary: 'x-a',
    'content-type': 'text/plain',
  };
  const { get, calls } = await trial(versioned(fields));
  await get();
  for (const [headers, status] of conditions) {
    await t.test(`${JSON.stringify(headers)}: ${status}`, async () => {
      const answer = await get('/x', headers);
      assert.equal(answer.status, status);
      if (status === 304) {
        assert.equal(answer.text, '');
        for (const name of ['etag', 'cache-control', 'vary', 'date', 'age'])
          assert.ok(answer.headers.has(name), name);
        assert.equal(answer.headers.has('content-type'), false);
      }
    });
  }
  assert.equal(calls(), 1);
});

test('what only the backend can judge goes there', async () => {
  const { get, calls } = await trial(versioned({ etag: '"v1"', 'cache-control': 'max-age=100' }));
  await get();
  assert.equal((await get('/x', { 'if-match': '"v1"' })).headers.get('cache-status'), 'T; fwd=bypass');
  await get('/x', { 'if-unmodified-since': later });
  assert.equal(calls(), 3);
});

test("a caller's condition does not keep the whole answer from being stored", async () => {
  const { get, calls, gateway } = await trial(versioned({ etag: '"v1"', 'cache-control': 'max-age=100' }));
  const first = await get('/x', { 'if-none-match': '"v1"' });
  assert.deepEqual([first.status, first.text], [304, '']);
  assert.equal(gateway.backendRequests[0]?.headers.get('if-none-match'), undefined);
  assert.deepEqual([(await get()).text, calls()], ['content', 1]);
});

test('a condition that the backend has answered goes on where nothing is stored', async () => {
  const { get, gateway } = await trial(versioned({ etag: '"v1"', 'cache-control': 'private' }));
  await get();
  const answer = await get('/x', { 'if-none-match': '"v1"' });
  assert.equal(gateway.backendRequests[1]?.headers.get('if-none-match'), '"v1"');
  assert.equal(answer.status, 304);
});

test('HEAD is answered with what GET stored; alone it stores nothing', async () => {
  const { get, calls, gateway } = await trial({ 'cache-control': 'max-age=100', 'x-a': '1' });
  await gateway.request('HEAD', '/x');
  await get();
  assert.equal(calls(), 2);
  const answer = await gateway.request('HEAD', '/x');
  assert.deepEqual([answer.status, answer.headers.get('x-a'), calls()], [200, '1', 2]);
  assert.match(answer.headers.get('cache-status') ?? '', /^T; hit/);
});

test('HEAD tells whether what GET stored still holds', async () => {
  let fields: Record<string, string> = { etag: '"v1"', 'cache-control': 'max-age=10' };
  const { get, calls, gateway } = await trial(() => reply(200, fields, 'content'));
  await get();
  gateway.clock.advance(20_000);
  fields = { etag: '"v1"', 'cache-control': 'max-age=100', 'x-new': '1' };
  await gateway.request('HEAD', '/x');
  assert.equal((await get()).headers.get('x-new'), '1');
  assert.equal(calls(), 2);
  gateway.clock.advance(200_000);
  fields = { etag: '"v2"', 'cache-control': 'max-age=100' };
  await gateway.request('HEAD', '/x');
  await get();
  assert.equal(gateway.backendRequests[3]?.headers.get('if-none-match'), undefined);
});

test('a stale answer stands for a backend that cannot be reached, for a while', async () => {
  let isUp = true;
  const { get, gateway } = await trial(() =>
    isUp ? reply(200, { 'cache-control': 'max-age=10' }, 'content') : refuse('backend-unavailable'),
  );
  await get();
  isUp = false;
  gateway.clock.advance(69_000);
  const answer = await get();
  assert.deepEqual([answer.status, answer.text], [200, 'content']);
  assert.equal(answer.headers.get('cache-status'), 'T; fwd=stale; fwd-status=502');
  gateway.clock.advance(2000);
  assert.equal((await get()).status, 502);
});

const failures: readonly (readonly [says: string, control: string, config: object, stale: boolean])[] = [
  ['nothing', 'max-age=10', {}, false],
  ['stale-if-error', 'max-age=10, stale-if-error=30', {}, true],
  ['stale-if-error for less', 'max-age=10, stale-if-error=5', {}, false],
  ['stale-if-error beside must-revalidate', 'max-age=10, stale-if-error=30, must-revalidate', {}, false],
  ['stale-if-error beside s-maxage', 's-maxage=10, stale-if-error=30', {}, true],
  [
    'stale-if-error that is not heard',
    'max-age=10, stale-if-error=30',
    { obeyStaleDirectives: false },
    false,
  ],
  ['nothing, and the operator allows it', 'max-age=10', { staleIfErrorSeconds: 30 }, true],
  ['s-maxage, and the operator allows it', 's-maxage=10', { staleIfErrorSeconds: 30 }, false],
];

for (const [says, control, config, isStale] of failures) {
  test(`503 for an answer that said ${says}: ${isStale ? 'the stale one' : '503'}`, async () => {
    let isUp = true;
    const { get, gateway } = await trial(
      () => (isUp ? reply(200, { 'cache-control': control }, 'content') : reply(503, {}, 'down')),
      config as Readonly<Record<string, unknown>>,
    );
    await get();
    isUp = false;
    gateway.clock.advance(20_000);
    const answer = await get();
    assert.equal(answer.text, isStale ? 'content' : 'down');
  });
}

test('proxy-revalidate: no stale answer, whatever happens', async () => {
  let isUp = true;
  const { get, gateway } = await trial(() =>
    isUp ? reply(200, { 'cache-control': 'max-age=10, proxy-revalidate' }, 'x') : refuse('backend-timeout'),
  );
  await get();
  isUp = false;
  gateway.clock.advance(11_000);
  assert.equal((await get()).status, 504);
});

test('304 that says the answer depends on more than it did takes it out of the store', async () => {
  const { get, gateway } = await trial(
    versioned({ etag: '"v1"' }, { vary: 'foo', 'cache-control': 'max-age=100' }),
  );
  await get();
  gateway.clock.advance(20_000);
  assert.equal((await get('/x', { foo: '1' })).text, 'content');
  await get('/x', { foo: '2' });
  assert.equal(gateway.backendRequests[2]?.headers.get('if-none-match'), undefined);
});

test('s-maxage: no stale answer because a caller would take one', async () => {
  const { get, calls, gateway } = await trial(() => reply(200, { 'cache-control': 's-maxage=10' }, 'x'));
  await get();
  gateway.clock.advance(11_000);
  await get('/x', { 'cache-control': 'max-stale' });
  assert.equal(calls(), 2);
});
