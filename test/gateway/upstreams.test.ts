import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startUpstreams } from './support/upstreams.ts';
import { until, within } from './support/within.ts';

/* The acceptance configuration `examples/upstreams`, line by line. That calls which were accepted survive `kill -9` is
   shown in test/commands/async-calls.test.ts; what isolates hold, in sdk/isolates/hostile.test.ts. */

/** Checks every second instead of every five; the timeout must be less than the interval. */
const often = [
  ['intervalSeconds: 5', 'intervalSeconds: 2'],
  ['timeoutSeconds: 2', 'timeoutSeconds: 1'],
] as const;
/** Functions that are called on a busy machine; what they may take is no part of what is tested. */
const slowly = [
  ['timeoutMs: 200', 'timeoutMs: 20000'],
  ['timeoutMs: 1000', 'timeoutMs: 20000'],
] as const;
const patienceMs = 30_000;

test('3:1 exactly over 4,000 calls, and nothing for the backup', async () => {
  await using upstreams = await startUpstreams();
  const [first, second, backup] = upstreams.members;
  assert.deepEqual(await upstreams.each(4000), { [first.port]: 3000, [second.port]: 1000 });
  assert.equal(backup.asked.length, 0);
});

test('a prefix goes on behind the path, with the host header of the channel', async () => {
  await using upstreams = await startUpstreams();
  assert.equal((await upstreams.call('GET', '/orders/1/items?page=2', { host: 'shop.example' })).status, 200);
  const [{ method, url, headers } = assert.fail('nobody was asked')] = upstreams.members.flatMap(
    ({ asked }) => asked,
  );
  assert.deepEqual([method, url, headers.host], ['GET', '/orders/1/items?page=2', 'orders.internal']);
  assert.equal((await upstreams.call('POST', '/orders')).code, '404 APIG.0101');
});

test('a member that fails its checks leaves after two of them, and returns after two good ones', async () => {
  await using upstreams = await startUpstreams(often);
  const { members, log } = upstreams;
  const [first, second, backup] = members;
  const healthy = (port: number): string => `${port} a member of a channel is healthy`;
  const sick = (port: number): string => `${port} a member of a channel is unhealthy`;
  const told = (line: string): number => log.filter((each) => each === line).length;
  await until(() => told(healthy(first.port)) === 1, 'it is healthy', patienceMs);
  first.isWell = false;
  await until(() => told(sick(first.port)) === 1, 'it is unhealthy', patienceMs);
  // It would answer: that nobody asks it is the doing of its checks.
  assert.deepEqual(await upstreams.each(40), { [second.port]: 40 });
  await until(() => told(healthy(second.port)) === 1, 'the other is healthy', patienceMs);
  second.isWell = false;
  await until(() => told(sick(second.port)) === 1, 'the other is unhealthy', patienceMs);
  assert.deepEqual(await upstreams.each(40), { [backup.port]: 40 });
  backup.isWell = false;
  await until(() => told(sick(backup.port)) === 1, 'the backup is unhealthy', patienceMs);
  assert.deepEqual(await upstreams.each(20), { '502 APIG.0610': 20 });
  first.isWell = true;
  await until(() => told(healthy(first.port)) === 2, 'it is back', patienceMs);
  assert.deepEqual(await upstreams.each(40), { [first.port]: 40 });
});

test('a member that is killed under load loses no request, nor when both are; without any, 502 APIG.0610', async () => {
  await using upstreams = await startUpstreams();
  const [first, second, backup] = upstreams.members;
  const load = upstreams.each(1000);
  await until(() => first.asked.length > 100, 'the load has begun', patienceMs);
  await first.kill();
  assert.ok(first.asked.length < 750, 'it was killed under load');
  const counts = await load;
  assert.equal(Object.keys(counts).length, 2);
  assert.equal((counts[first.port] ?? 0) + (counts[second.port] ?? 0), 1000);
  await second.kill();
  // Two retries: both that are gone, then the backup.
  assert.deepEqual(await upstreams.each(40), { [backup.port]: 40 });
  await backup.kill();
  assert.deepEqual(await upstreams.each(20), { '502 APIG.0610': 20 });
  await first.start();
  // Those that failed are left out for ten seconds, and then a single call finds out.
  upstreams.clock.advance(10_000);
  assert.deepEqual(await upstreams.each(1), { [first.port]: 1 });
  assert.deepEqual(await upstreams.each(40), { [first.port]: 40 });
});

test('a function answers with what the caller sent, and the stage', async () => {
  await using upstreams = await startUpstreams(slowly);
  const answer = await upstreams.call('POST', '/greet/ad%C3%A9', {}, 'good\u00a0morning');
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(answer.text), { hello: 'adé', sent: 'good\u00a0morning', stage: 'RELEASE' });
});

test('a function that is called later: 202, and it is called', async () => {
  const source = `exports.handler = async (event, context) => {
    context.getLogger().info(event.httpMethod + ' ' + event.pathParameters.name + ' ' + Buffer.from(event.body, 'base64'));
    return { statusCode: 200, body: '' };
  };`;
  await using upstreams = await startUpstreams(slowly, { 'greet.js': source });
  const answer = await upstreams.call('POST', '/later/ada', {}, 'good night');
  assert.equal(answer.status, 202);
  assert.equal(
    (JSON.parse(answer.text) as { request_id: unknown }).request_id,
    answer.headers['x-request-id'],
  );
  await until(() => upstreams.log.includes('POST ada good night'), 'it was called', patienceMs);
});

test('private: who has no token, who a wrong one, and who the right one, whose name the backend gets', async () => {
  await using upstreams = await startUpstreams(slowly);
  const asked = () => upstreams.members.flatMap(({ asked: each }) => each);
  assert.equal((await upstreams.call('GET', '/private', { 'x-user': 'root' })).code, '401 APIG.0305');
  assert.equal((await upstreams.call('GET', '/private', { 'x-token': 'guess' })).code, '401 APIG.0305');
  assert.equal(asked().length, 0);
  const headers = { 'x-token': 'let-me-in', 'x-user': 'root' };
  assert.equal((await upstreams.call('GET', '/private', headers)).status, 200);
  assert.deepEqual(
    asked().map(({ url, headers: fields }) => [url, fields['x-user']]),
    [['/private', 'alice']],
  );
});

test('a decision is kept for 60 seconds, and is one call for all who ask at once', async () => {
  const example = new URL('../../examples/upstreams/functions/check-token.js', import.meta.url);
  const counted = `${readFileSync(example, 'utf8')}
const check = exports.handler;
exports.handler = (event) => { console.log('called for ' + event.headers['x-token']); return check(event); };`;
  await using upstreams = await startUpstreams(slowly, { 'check-token.js': counted });
  const calls = (): number => upstreams.log.filter((line) => line === 'called for let-me-in').length;
  const ask = async (): Promise<number> =>
    (await upstreams.call('GET', '/private', { 'x-token': 'let-me-in' })).status;
  const all = await Promise.all(Array.from({ length: 20 }, ask));
  assert.deepEqual([new Set(all), calls()], [new Set([200]), 1]);
  upstreams.clock.advance(59_999);
  assert.deepEqual([await ask(), calls()], [200, 1]);
  upstreams.clock.advance(1);
  assert.deepEqual([await ask(), calls()], [200, 2]);
});

test('spin and hungry get their errors in their time, and another API answers meanwhile', async () => {
  await using upstreams = await startUpstreams();
  const failing = ['/spin', '/hungry'].map(async (path) => (await upstreams.call('GET', path)).code);
  const others = upstreams.each(200);
  const [first, second] = upstreams.members;
  assert.deepEqual(await others, { [first.port]: 150, [second.port]: 50 });
  assert.deepEqual(await within(Promise.all(failing), 'both end', patienceMs), [
    '504 APIG.0201',
    '500 APIG.0201',
  ]);
});
