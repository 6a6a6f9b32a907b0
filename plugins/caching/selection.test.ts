import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply } from '#sdk';
import { callOf, trial } from './testing.ts';

type Headers = Readonly<Record<string, string | readonly string[]>>;

const pairs: readonly (readonly [vary: string, one: Headers, other: Headers, same: boolean])[] = [
  ['Foo', { foo: '1' }, { foo: '1', other: '2' }, true],
  ['Foo', { foo: '1' }, { foo: '2' }, false],
  ['Foo', { foo: '1' }, {}, false],
  ['Foo', {}, { foo: '1' }, false],
  ['Foo', { foo: '' }, {}, false],
  ['Foo, Bar', { foo: '1' }, { foo: '1' }, true],
  ['Foo, Bar', { foo: '1', bar: '2' }, { bar: '2', foo: '1' }, true],
  ['Foo', { foo: '1, 2' }, { foo: ['1', '2'] }, true],
  ['Foo', { foo: '1,2' }, { foo: ' 1 ,  2 ' }, true],
  ['Foo', { foo: 'a' }, { foo: 'A' }, false],
  ['Foo', { foo: '1, 2' }, { foo: '2, 1' }, false],
  ['Accept-Language', { 'accept-language': 'en, de;q=0.5' }, { 'accept-language': 'DE; q=0.5,en' }, true],
  ['Accept-Language', { 'accept-language': 'en, de;q=0.5' }, { 'accept-language': 'en;q=0.5, de' }, false],
  ['Accept-Encoding', { 'accept-encoding': 'gzip, br' }, { 'accept-encoding': 'br,gzip' }, true],
  ['Cookie', { cookie: 'a=1, b=2' }, { cookie: 'a=1,b=2' }, false],
  ['a b', { foo: '1' }, { foo: '1' }, false],
];

test('which requests get the same answer', async (t) => {
  const { get } = await trial(({ path }) => {
    const [vary = ''] = pairs[Number(path.slice(1))] ?? [];
    return reply(200, { 'cache-control': 'max-age=100', vary }, `call ${Math.random()}`);
  });
  for (const [index, [vary, one, other, isSame]] of pairs.entries()) {
    const first = await get(`/${index}`, one);
    const second = await get(`/${index}`, other);
    await t.test(`Vary: ${vary}, ${JSON.stringify(one)} and ${JSON.stringify(other)}: ${isSame}`, () =>
      assert.equal(first.text === second.text, isSame),
    );
  }
});

test('several variants are kept beside each other, and pushed out at last', async () => {
  const { get, calls } = await trial({ 'cache-control': 'max-age=100', vary: 'foo' });
  for (let foo = 0; foo < 32; foo += 1) await get('/x', { foo: String(foo) });
  for (let foo = 0; foo < 32; foo += 1) assert.equal(callOf(await get('/x', { foo: String(foo) })), foo + 1);
  await get('/x', { foo: '32' });
  await get('/x', { foo: '0' });
  assert.equal(calls(), 34);
});

test('query, host, its port and the scheme tell answers apart', async () => {
  const { gateway, calls } = await trial({ 'cache-control': 'max-age=100' });
  const addresses = [
    'http://a/x',
    'http://a/x?',
    'http://a/x?a=1',
    'http://a/x?a=2',
    'http://b/x',
    'http://a:81/x',
    'https://a/x',
    'http://a/X',
  ];
  for (const each of addresses) await gateway.request('GET', each);
  // A bare question mark is no query.
  assert.equal(calls(), addresses.length - 1);
  await gateway.request('GET', 'http://A/x');
  assert.equal(calls(), addresses.length - 1);
});

test('only the parameters, fields and facts that the operator names tell answers apart', async () => {
  const key = { query: ['page', 'q'], headers: ['X-Tenant'], context: ['sourceIp'] };
  const { get, gateway } = await trial({ 'cache-control': 'max-age=100' }, { key });
  const first = callOf(await get('/x?page=1&other=2&q=a&q=b', { 'x-tenant': 't' }));
  assert.equal(callOf(await get('/x?q=a&q=b&page=1', { 'x-tenant': 't' })), first);
  for (const [path, tenant] of [
    ['/x?page=1&q=b&q=a', 't'],
    ['/x?page=1&q=a', 't'],
    ['/x?page=1&q=a&q=b', 'u'],
  ] as const)
    assert.notEqual(callOf(await get(path, { 'x-tenant': tenant })), first);
  const elsewhere = { headers: { 'x-tenant': 't' }, clientAddress: '192.0.2.9' };
  assert.notEqual(callOf(await gateway.request('GET', '/x?page=1&q=a&q=b', elsewhere)), first);
});

test('an unknown fact is refused', async () => {
  await assert.rejects(
    trial({}, { key: { context: ['sourceIP', 'nothing'] } }),
    /key\.context\[1\]: found "nothing"; allowed: sourceIp/,
  );
});

const ranges: readonly (readonly [
  headers: Headers,
  status: number,
  content: string,
  contentRange?: string,
])[] = [
  [{ range: 'bytes=0-1' }, 206, '01', 'bytes 0-1/10'],
  [{ range: 'bytes=8-' }, 206, '89', 'bytes 8-9/10'],
  [{ range: 'bytes=8-99' }, 206, '89', 'bytes 8-9/10'],
  [{ range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
  [{ range: 'bytes=-30' }, 206, '0123456789', 'bytes 0-9/10'],
  [{ range: 'bytes=10-' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=-0' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=5-4' }, 200, '0123456789'],
  [{ range: 'bytes=0-1,3-4' }, 200, '0123456789'],
  [{ range: 'lines=0-1' }, 200, '0123456789'],
  [{ range: 'bytes=0-1', 'if-range': '"v1"' }, 206, '01', 'bytes 0-1/10'],
  [{ range: 'bytes=0-1', 'if-range': '"v2"' }, 200, '0123456789'],
  [{ range: 'bytes=0-1', 'if-range': 'W/"v1"' }, 200, '0123456789'],
  [{ range: 'bytes=0-1', 'if-range': 'Tue, 14 Nov 2023 20:00:00 GMT' }, 206, '01', 'bytes 0-1/10'],
  [{ range: 'bytes=0-1', 'if-range': 'Tue, 14 Nov 2023 21:00:00 GMT' }, 200, '0123456789'],
];

test('parts of a stored answer', async (t) => {
  const fields = {
    etag: '"v1"',
    'last-modified': 'Tue, 14 Nov 2023 20:00:00 GMT',
    'cache-control': 'max-age=100',
    'x-a': '1',
  };
  const { get, calls } = await trial(() => reply(200, { ...fields, 'content-length': '10' }, '0123456789'));
  await get();
  for (const [headers, status, content, contentRange] of ranges) {
    await t.test(`${JSON.stringify(headers)}: ${status} ${contentRange ?? ''}`, async () => {
      const answer = await get('/x', headers);
      assert.deepEqual([answer.status, answer.text], [status, content]);
      assert.equal(answer.headers.get('content-range'), contentRange);
      if (status === 206) assert.equal(answer.headers.get('x-a'), '1');
    });
  }
  assert.equal(calls(), 1);
});

test('a part of what is not stored comes from the backend, and is not stored', async () => {
  const { get, calls } = await trial(({ headers }) =>
    headers.has('range')
      ? reply(206, { 'cache-control': 'max-age=100', 'content-range': 'bytes 0-1/10' }, '01')
      : reply(200, { 'cache-control': 'max-age=100' }, '0123456789'),
  );
  assert.equal((await get('/x', { range: 'bytes=0-1' })).status, 206);
  assert.equal((await get()).text, '0123456789');
  assert.equal(calls(), 2);
});

test('an answer that is larger than allowed passes by; so does one that is not what it says', async () => {
  const { get, calls } = await trial(
    ({ path }) =>
      reply(
        200,
        { 'cache-control': 'max-age=100', ...(path === '/short' ? { 'content-length': '2' } : {}) },
        path === '/large' ? 'x'.repeat(11) : 'x'.repeat(10),
      ),
    { maxAnswerBytes: 10 },
  );
  assert.equal((await get('/large')).text.length, 11);
  await get('/large');
  assert.equal(calls(), 2);
  await get('/fits');
  await get('/fits');
  assert.equal(calls(), 3);
  await get('/short');
  await get('/short');
  assert.equal(calls(), 5);
});
