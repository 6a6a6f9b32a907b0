import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply } from '#sdk';
import { type MemoryBackend, VirtualClock } from '#sdk/testing';
import { callOf, httpDate, trial } from './testing.ts';

const start = new VirtualClock().now();
const at = (seconds: number): string => httpDate(start + seconds * 1000);

type Fields = Readonly<Record<string, string>>;

const cases: readonly (readonly [
  says: string,
  fields: Fields,
  staleAt: number,
  config?: Fields | object,
  status?: number,
])[] = [
  ['nothing', {}, 0],
  ['max-age', { 'cache-control': 'max-age=10' }, 10],
  ['s-maxage before max-age', { 'cache-control': 'max-age=1000, s-maxage=10' }, 10],
  ['max-age before Expires', { 'cache-control': 'max-age=10', expires: at(1000) }, 10],
  ['Expires less Date', { expires: at(30), date: at(20) }, 10],
  ['Expires that is no date', { expires: '0', 'last-modified': at(-100_000) }, 0],
  ['Age that is used up in part', { 'cache-control': 'max-age=100', age: '50' }, 50],
  ['the first of two Ages', { 'cache-control': 'max-age=100', age: '50, 0' }, 50],
  ['Age that is none', { 'cache-control': 'max-age=10', age: '-5' }, 10],
  ['a Date in the past', { 'cache-control': 'max-age=100', date: at(-50) }, 50],
  ['a Date that is none', { expires: at(10), date: 'yesterday' }, 10],
  ['Last-Modified alone, a tenth of it', { 'last-modified': at(-100) }, 10],
  ['Last-Modified alone, but no guess with 500', { 'last-modified': at(-100) }, 0, {}, 500],
  [
    'Last-Modified, and public with 500',
    { 'last-modified': at(-100), 'cache-control': 'public' },
    10,
    {},
    500,
  ],
  ['Last-Modified, by another share', { 'last-modified': at(-100) }, 20, { heuristic: { percent: 20 } }],
  ['Last-Modified, at most', { 'last-modified': at(-10_000) }, 20, { heuristic: { maxSeconds: 20 } }],
  ['a lifetime of the operator', {}, 10, { lifetimes: [{ seconds: 10 }] }],
  ['a lifetime of the operator for another status', {}, 0, { lifetimes: [{ statuses: [404], seconds: 10 }] }],
  [
    'no lifetime of the operator beside Cache-Control',
    { 'cache-control': 'public' },
    0,
    { lifetimes: [{ seconds: 10 }] },
  ],
  ['a status that is not to be stored', { 'cache-control': 'max-age=10' }, 0, { onlyStatuses: [404] }],
  ['500 with max-age', { 'cache-control': 'max-age=10' }, 10, {}, 500],
  [
    'CDN-Cache-Control before Cache-Control',
    { 'cdn-cache-control': 'max-age=10', 'cache-control': 'no-store' },
    10,
  ],
  [
    'CDN-Cache-Control that is not asked',
    { 'cdn-cache-control': 'max-age=10', 'cache-control': 'max-age=20' },
    20,
    { targetedFields: [] },
  ],
  [
    'a targeted field of another name',
    { 'tapgate-cache-control': 'max-age=10', 'cdn-cache-control': 'max-age=20' },
    10,
    { targetedFields: ['Tapgate-Cache-Control', 'CDN-Cache-Control'] },
  ],
  ['CDN-Cache-Control beside Expires', { 'cdn-cache-control': 'foo', expires: at(1000) }, 0],
  [
    'CDN-Cache-Control that cannot be read',
    { 'cdn-cache-control': 'max-age=20, &', 'cache-control': 'max-age=10' },
    10,
  ],
  [
    'CDN-Cache-Control that cannot be read, and forbids',
    { 'cdn-cache-control': 'private, &', 'cache-control': 'max-age=10' },
    0,
  ],
  ['no-store', { 'cache-control': 'max-age=10, no-store' }, 0],
  ['no-store, must-understand', { 'cache-control': 'max-age=10, no-store, must-understand' }, 10],
  [
    'no-store, must-understand, and who knows what',
    { 'cache-control': 'max-age=10, no-store, must-understand' },
    0,
    {},
    599,
  ],
  ['private', { 'cache-control': 'max-age=10, private' }, 0],
  ['private, for a field', { 'cache-control': 'max-age=10, private="x-own"' }, 10],
  ['no-cache', { 'cache-control': 'max-age=10, no-cache' }, 0],
  ['Pragma: no-cache alone', { pragma: 'no-cache', expires: at(10) }, 0],
  ['Pragma: no-cache beside Cache-Control', { pragma: 'no-cache', 'cache-control': 'max-age=10' }, 10],
  ['Set-Cookie', { 'cache-control': 'max-age=10', 'set-cookie': 'a=b' }, 0],
  [
    'Set-Cookie that may be stored',
    { 'cache-control': 'max-age=10', 'set-cookie': 'a=b' },
    10,
    { storeSetCookie: true },
  ],
  ['Vary: *', { 'cache-control': 'max-age=10', vary: 'a, *' }, 0],
];

const ages = [0, 5, 10, 20, 50, 100, 1000];

/** After how many seconds each of these answers is no longer given again, as found by trying. */
async function staleAfter(config: object, ones: readonly (typeof cases)[number][]): Promise<number[]> {
  const answers: MemoryBackend = ({ path }) => {
    const [, fields, , , status = 200] = ones[Number(path.split('/')[1])] ?? assert.fail(path);
    return reply(status, { date: at(0), ...fields }, 'x');
  };
  const { get, calls, gateway } = await trial(answers, { ...config });
  const found = ones.map(() => Infinity);
  for (const index of ones.keys()) for (const age of ages) await get(`/${index}/${age}`);
  for (const age of ages) {
    gateway.clock.advance(start + age * 1000 - gateway.clock.now());
    for (const index of ones.keys()) {
      const before = calls();
      await get(`/${index}/${age}`);
      if (calls() > before) found[index] = Math.min(found[index] ?? age, age);
    }
  }
  await gateway.close();
  return found;
}

const byConfig = Map.groupBy(cases, ([, , , config = {}]) => JSON.stringify(config));

for (const [config, ones] of byConfig) {
  test(`how long answers are fresh with ${config}`, async (t) => {
    const found = await staleAfter(JSON.parse(config) as object, ones);
    for (const [index, [says, , staleAt]] of ones.entries())
      await t.test(`${says}: ${staleAt} s`, () => assert.equal(found[index], staleAt));
  });
}

test('an answer from here says how old it is, and keeps the date it has', async () => {
  const { get, gateway } = await trial({ 'cache-control': 'max-age=100', age: '7', 'x-own': '1' });
  assert.equal((await get()).headers.get('age'), '7');
  gateway.clock.advance(5500);
  const answer = await get();
  assert.equal(answer.headers.get('age'), '12');
  assert.equal(answer.headers.get('date'), at(0));
  assert.equal(answer.headers.get('x-own'), '1');
  assert.equal(answer.headers.get('cache-status'), 'T; hit; ttl=87');
});

test('an answer without a date gets that of its coming', async () => {
  const { get, gateway } = await trial(() => reply(200, { 'cache-control': 'max-age=100' }, 'x'));
  await get();
  gateway.clock.advance(50_000);
  assert.equal((await get()).headers.get('date'), at(0));
});

test('what is for one connection, one request or one caller is not stored', async () => {
  const { get } = await trial({
    'cache-control': 'max-age=100, private="x-private", no-cache="x-fresh"',
    'x-private': '1',
    'x-fresh': '1',
    'proxy-authenticate': 'Basic',
    'x-request-id': 'backend',
    'x-kept': '1',
  });
  const first = await get();
  assert.equal(first.headers.get('x-private'), '1');
  const second = await get();
  assert.equal(callOf(second), 1);
  for (const name of ['x-private', 'x-fresh', 'proxy-authenticate'])
    assert.equal(second.headers.has(name), false, name);
  assert.notEqual(second.headers.get('x-request-id'), first.headers.get('x-request-id'));
  assert.equal(second.headers.get('x-kept'), '1');
});

const asked: readonly (readonly [Fields, number, number, number])[] = [
  // what the caller says, age, lifetime, the call that answers
  [{ 'cache-control': 'no-cache' }, 1, 100, 2],
  [{ 'cache-control': 'no-store' }, 1, 100, 2],
  [{ 'cache-control': 'max-age=5' }, 10, 100, 2],
  [{ 'cache-control': 'max-age=10' }, 10, 100, 1],
  [{ 'cache-control': 'max-age=junk' }, 10, 100, 2],
  [{ 'cache-control': 'min-fresh=91' }, 10, 100, 2],
  [{ 'cache-control': 'min-fresh=90' }, 10, 100, 1],
  [{ 'cache-control': 'max-stale=4' }, 15, 10, 2],
  [{ 'cache-control': 'max-stale=5' }, 15, 10, 1],
  [{ 'cache-control': 'max-stale' }, 1000, 10, 1],
  [{ 'cache-control': 'max-stale=junk' }, 15, 10, 2],
  [{ pragma: 'no-cache' }, 1, 100, 2],
  [{ pragma: 'no-cache', 'cache-control': 'max-age=10' }, 1, 100, 1],
];

test('what the caller asks for', async (t) => {
  const lifetimeOf = (path: string): number => asked[Number(path.slice(1))]?.[2] ?? assert.fail(path);
  const counts = new Map<string, number>();
  const answers: MemoryBackend = ({ path }) => {
    counts.set(path, (counts.get(path) ?? 0) + 1);
    return reply(
      200,
      { date: at(now()), 'cache-control': `max-age=${lifetimeOf(path)}` },
      `call ${counts.get(path)}`,
    );
  };
  let now = (): number => 0;
  const { get, gateway } = await trial(answers);
  now = () => (gateway.clock.now() - start) / 1000;
  for (const [index, [headers, age, lifetime, call]] of asked.entries()) {
    await get(`/${index}`);
    gateway.clock.advance(age * 1000);
    const answer = await get(`/${index}`, headers);
    await t.test(
      `${JSON.stringify(headers)} for one of ${age} s that is fresh for ${lifetime} s: call ${call}`,
      () => assert.equal(callOf(answer), call),
    );
  }
});

test('only-if-cached: 504 when there is nothing, and no call', async () => {
  const { get, calls } = await trial({ 'cache-control': 'max-age=100' });
  const headers = { 'cache-control': 'only-if-cached' };
  assert.equal((await get('/x', headers)).status, 504);
  assert.equal(calls(), 0);
  await get();
  assert.equal(callOf(await get('/x', headers)), 1);
});

test('what callers ask is not heard when the operator says so', async () => {
  const { get } = await trial({ 'cache-control': 'max-age=100' }, { callerCacheControl: { mode: 'off' } });
  await get();
  assert.equal(callOf(await get('/x', { 'cache-control': 'no-cache' })), 1);
  assert.equal(callOf(await get('/x', { 'cache-control': 'no-store' })), 1);
});
