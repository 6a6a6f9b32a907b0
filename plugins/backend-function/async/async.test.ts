import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type TestGateway, TestMachine, testGateway } from '#sdk/testing';
import { newFolder, until } from './testing.ts';

const source = `let calls = 0;
exports.handler = (event, context) => {
  calls += 1;
  const { name } = event.pathParameters;
  if (name === 'third' && calls < 3) throw new Error('not yet');
  if (name === 'never') throw new Error('on purpose');
  console.log('made', calls, context.getRequestID(), event.requestContext.apiId, Buffer.from(event.body, 'base64').toString());
}`;

function configOf(folder: string, more: Readonly<Record<string, unknown>> = {}, backend: object = {}) {
  writeFileSync(join(folder, 'f.js'), source);
  return {
    groups: { g: { domains: ['*'] } },
    functions: {
      f: { source: join(folder, 'f.js'), timeoutMs: 20_000, warm: false, concurrency: 1 },
    },
    asyncCalls: { folder: join(folder, 'calls'), backoffMs: 1 },
    apis: {
      'g/api': {
        request: { method: 'ANY', path: '/{name}' },
        auth: 'none',
        backend: { type: 'function', function: 'f', invocation: 'async', ...backend },
      },
    },
    ...more,
  };
}

async function gatewayOf(t: TestContext, config: object): Promise<TestGateway> {
  const gateway = await testGateway({ config: { ...config } });
  t.after(() => gateway.close());
  return gateway;
}

const wrote = ({ log }: TestGateway): readonly string[] =>
  log.filter(({ message }) => message === 'a function wrote').map(({ fields }) => String(fields['text']));

test('the caller gets 202 and the name of the call, the function the event', async (t) => {
  const gateway = await gatewayOf(t, configOf(newFolder(t)));
  const answer = await gateway.request('POST', '/now', { body: 'hello', headers: { 'x-token': 'hidden' } });
  const id = answer.headers.get('x-request-id') ?? '';
  assert.deepEqual([answer.status, answer.json()], [202, { request_id: id }]);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  await until(() => wrote(gateway).length === 1, 'it was called');
  assert.deepEqual(wrote(gateway), [`made 1 ${id} g/api hello`]);
  assert.doesNotMatch(JSON.stringify(gateway.log), /hidden/);
});

test('a function that fails twice is called a third time; one that fails for ever leaves a dead letter', async (t) => {
  const gateway = await gatewayOf(t, configOf(newFolder(t)));
  await gateway.request('POST', '/third');
  await until(() => {
    gateway.clock.advance(5);
    return wrote(gateway).length === 1;
  }, 'it worked');
  assert.match(wrote(gateway)[0] ?? '', /^made 3 /);
  assert.equal(gateway.log.filter(({ message }) => message === 'a call failed; again later').length, 2);
  await gateway.request('POST', '/never', { headers: { 'x-token': 'hidden' } });
  const dead = () => gateway.log.filter(({ message }) => message === 'a call became a dead letter');
  await until(() => {
    gateway.clock.advance(5);
    return dead().length === 1;
  }, 'it was given up');
  assert.equal(dead()[0]?.fields['attempts'], 4);
  assert.doesNotMatch(JSON.stringify(gateway.log), /hidden/);
});

test('what does not fit is refused', async (t) => {
  const folder = newFolder(t);
  const tight = { asyncCalls: { folder: join(folder, 'calls'), maxMb: 1 } };
  const gateway = await gatewayOf(t, configOf(folder, tight));
  const answer = await gateway.request('POST', '/x', { body: Buffer.alloc(1024 * 1024) });
  assert.equal(answer.status, 503);
  assert.match(answer.text, /"error_code":"APIG.0201"/);
  assert.equal((await gateway.request('POST', '/x', { body: 'x' })).status, 202);
});

test('calls outlive a reload, which decides how they are made from then on', async (t) => {
  const folder = newFolder(t);
  const config = configOf(folder);
  const gateway = await gatewayOf(t, config);
  const fast = { ...config, asyncCalls: { ...config.asyncCalls, backoffMs: 3_600_000 } };
  await gateway.reload(fast);
  await gateway.request('POST', '/never');
  await until(() => gateway.log.some(({ message }) => message === 'a call failed; again later'), 'it failed');
  writeFileSync(join(folder, 'g.js'), "exports.handler = () => console.log('the other')");
  await gateway.reload({ ...fast, functions: { f: { source: join(folder, 'g.js'), warm: false } } });
  gateway.clock.advance(3_600_000);
  await until(() => wrote(gateway).includes('the other'), 'it was made by what is in force');
  // A refused configuration changes nothing.
  await assert.rejects(gateway.reload({ ...fast, functions: {} }), /no function "f"/);
  assert.equal((await gateway.request('POST', '/now')).status, 202);
  await until(() => wrote(gateway).length === 2, 'the other was called again');
});

test('no second gateway may use the folder; when the first is gone it may', async (t) => {
  const folder = newFolder(t);
  const config = configOf(folder);
  const first = await testGateway({ config });
  await assert.rejects(
    testGateway({ config }),
    /^ConfigError: gateway.yaml:\d+:\d+ asyncCalls: the folder .*calls is in use by another gateway \(process \d+\)/,
  );
  assert.equal((await first.request('POST', '/now')).status, 202);
  await first.close();
  await gatewayOf(t, config);
});

test('there is no folder where nobody needs one', async (t) => {
  const folder = newFolder(t);
  const { asyncCalls, ...config } = configOf(folder, {}, { invocation: 'sync' });
  await gatewayOf(t, config);
  assert.equal(existsSync(asyncCalls.folder), false);
});

const wrong: readonly (readonly [title: string, options: object, expected: RegExp])[] = [
  ['an unknown option', { retry: 3 }, /\d+:\d+ asyncCalls\.retry: unknown field; allowed: .*retries/],
  ['too many retries', { retries: 9 }, /asyncCalls\.retries/],
  ['an empty folder name', { folder: '' }, /asyncCalls\.folder/],
  ['a folder that cannot be made', { folder: '/dev/null/calls' }, /asyncCalls: .*ENOTDIR/],
];
for (const [title, options, expected] of wrong) {
  test(`refused: ${title}`, async (t) => {
    const folder = newFolder(t);
    const asyncCalls = { folder: join(folder, 'calls'), ...options };
    await assert.rejects(testGateway({ config: configOf(folder, { asyncCalls }) }), expected);
  });
}

test('of several workers one has the folder and makes the calls of all; the next one goes on when it ends', async (t) => {
  const config = configOf(newFolder(t));
  const machine = new TestMachine(2);
  const [first, second] = await Promise.all(
    machine.workers.map(async (worker) => testGateway({ config: { ...config }, worker })),
  );
  assert.ok(first !== undefined && second !== undefined);
  t.after(() => second.close());
  for (const gateway of [first, second])
    assert.equal((await gateway.request('POST', '/now', { body: 'hello' })).status, 202);
  await until(() => wrote(first).length === 2, 'both calls were made by the main worker');
  assert.deepEqual(wrote(second), []);
  await first.close();
  machine.end();
  assert.equal((await second.request('POST', '/now', { body: 'later' })).status, 202);
  await until(() => wrote(second).length === 1, 'the next one makes them');
});
