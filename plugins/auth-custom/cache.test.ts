import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VerdictCache } from './cache.ts';
import { apiOf, codeOf, echoed, gatewayOf } from './testing.ts';
import { type Verdict, decided } from './verdict.ts';

const kept = { options: { cacheSeconds: 60 } };

test('a decision is kept for its time, by the identities, each API for itself', async (t) => {
  const root = { apis: { 'g/api': apiOf('/'), 'g/other': apiOf('/other') } };
  const gateway = await gatewayOf(t, { ...kept, root });
  const calls = async (token: string, path = '/') =>
    echoed(await gateway.request('GET', path, { headers: { 'x-token': token } }))['x-calls'];
  assert.deepEqual([await calls('let-me-in'), await calls('let-me-in')], ['1', '1']);
  assert.deepEqual([await calls('let-me-in-2'), await calls('let-me-in')], ['2', '1']);
  assert.equal(await calls('let-me-in', '/other'), '3');
  gateway.clock.advance(59_999);
  assert.equal(await calls('let-me-in'), '1');
  gateway.clock.advance(1);
  assert.equal(await calls('let-me-in'), '4');
  // A clock that is set back does not bring anything back, nor keep it longer.
  gateway.clock.advance(-30_000);
  assert.equal(await calls('let-me-in'), '5');
});

test('a decision about one method is none about another', async (t) => {
  const gateway = await gatewayOf(t, kept);
  const calls = async (method: string) =>
    echoed(await gateway.request(method, '/', { headers: { 'x-token': 'let-me-in' } }))['x-calls'];
  assert.deepEqual([await calls('GET'), await calls('DELETE'), await calls('GET')], ['1', '2', '1']);
});

test('refusals are kept as well', async (t) => {
  const gateway = await gatewayOf(t, kept);
  for (let turn = 0; turn < 3; turn += 1)
    assert.deepEqual(codeOf(await gateway.ask('x')), [401, 'APIG.0305']);
  assert.equal(echoed(await gateway.ask('let-me-in'))['x-calls'], '2');
});

test('without a time nothing is kept', async (t) => {
  const gateway = await gatewayOf(t);
  const answers = [await gateway.ask('let-me-in'), await gateway.ask('let-me-in')];
  assert.deepEqual(
    answers.map((each) => echoed(each)['x-calls']),
    ['1', '2'],
  );
});

test('where the body is handed over, a decision holds for that body', async (t) => {
  const gateway = await gatewayOf(t, { options: { cacheSeconds: 60, needBody: true } });
  const calls = async (body: string) =>
    echoed(await gateway.request('POST', '/', { headers: { 'x-token': 'let-me-in' }, body }))['x-calls'];
  assert.deepEqual([await calls('a'), await calls('b'), await calls('a')], ['1', '2', '1']);
});

test('where the gateway writes a header, its word is the identity, not that of the caller', async (t) => {
  // Lets in the address 192.0.2.7, which it believes the gateway.
  const source = `exports.handler = ({ headers }) => {
    const isKnown = [headers['x-forwarded-for'].split(', ').pop(), headers['x-real-ip']].every((each) => each === '192.0.2.7');
    return { statusCode: 200, body: JSON.stringify({ status: isKnown ? 'allow' : 'deny' }) };
  };`;
  for (const name of ['X-Forwarded-For', 'X-Real-IP']) {
    const options = { identities: [{ in: 'header', name }], cacheSeconds: 60 };
    const gateway = await gatewayOf(t, { source, options });
    const from = async (clientAddress: string, headers: Readonly<Record<string, string>> = {}) =>
      (await gateway.request('GET', '/', { clientAddress, headers })).status;
    const claimed = { [name]: '192.0.2.7' };
    assert.equal(await from('192.0.2.7', claimed), 200);
    assert.equal(await from('192.0.2.66', claimed), 401, name);
    assert.deepEqual([await from('192.0.2.7'), await from('192.0.2.66')], [200, 401], name);
  }
});

test('who asks for the same at the same time gets one answer', async (t) => {
  const gateway = await gatewayOf(t, kept);
  const answers = await Promise.all(Array.from({ length: 30 }, () => gateway.ask('let-me-in')));
  assert.deepEqual(new Set(answers.map((each) => echoed(each)['x-calls'])), new Set(['1']));
});

test('a reload keeps decisions where authorizer and function are unchanged', async (t) => {
  const gateway = await gatewayOf(t, kept);
  const calls = async () => echoed(await gateway.ask('let-me-in'))['x-calls'];
  assert.equal(await calls(), '1');
  await gateway.change({ ...kept, api: { request: { method: 'GET', path: '/' } } });
  assert.equal(await calls(), '1');
  await gateway.change({ options: { cacheSeconds: 61 } });
  assert.equal(await calls(), '2');
  await gateway.change({ options: { cacheSeconds: 61, userData: 'x' } });
  assert.equal(await calls(), '3');
  const source = `exports.handler = () => ({ statusCode: 200, body: '{"status":"allow","context":{"calls":"new"}}' })`;
  await gateway.change({ options: { cacheSeconds: 61, userData: 'x' }, source });
  assert.equal(await calls(), 'new');
});

const allowed = (value = ''): Verdict => decided('a', { isAllowed: true, context: new Map([['v', value]]) });
const refused = decided('a', { isAllowed: false, context: new Map() });

test('a cache forgets what was used longest ago', async () => {
  const cache = new VerdictCache(1000);
  const keep = (key: string, verdict: Verdict) => cache.ask(key, 0, () => Promise.resolve(verdict));
  await keep('first', allowed());
  await keep('second', allowed());
  for (let index = 0; index < 9_999; index += 1) {
    assert.ok(cache.get('first', 0) !== undefined);
    await keep(`k${index}`, allowed());
  }
  assert.ok(cache.get('first', 0) !== undefined);
  assert.equal(cache.get('second', 0), undefined);
  // Guesses do not drive out who was let in.
  for (let index = 0; index < 20_000; index += 1) await keep(`guess${index}`, refused);
  assert.ok(cache.get('first', 0) !== undefined);
  assert.equal(cache.get('guess0', 0), undefined);
  assert.ok(cache.get('guess19999', 0) !== undefined);
});

test('large contexts take no more room than small ones', async () => {
  const cache = new VerdictCache(1000);
  const keep = (key: string, length: number) =>
    cache.ask(key, 0, () => Promise.resolve(allowed('x'.repeat(length))));
  for (let index = 0; index < 100; index += 1) await keep(`k${index}`, 500_000);
  const left = Array.from({ length: 100 }, (_, index) => cache.get(`k${index}`, 0)).filter(Boolean);
  assert.equal(left.length, 16);
  await keep('huge', 2_000_000);
  assert.equal(cache.get('huge', 0), undefined);
});

test('a question that fails is asked again by the next', async () => {
  const cache = new VerdictCache(1000);
  const failing = cache.ask('k', 0, () => Promise.reject(new Error('no')));
  const waiting = cache.ask('k', 0, () => Promise.resolve(allowed()));
  await assert.rejects(failing, /no/);
  await assert.rejects(waiting, /no/);
  assert.equal((await cache.ask('k', 0, () => Promise.resolve(refused))).refusal, 'authorizer-denied');
  assert.equal(cache.get('k', 0), refused);
  assert.equal(cache.get('k', 1000), undefined);
});
