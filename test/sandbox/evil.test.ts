import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VirtualClock, testGateway, testPlugin } from '#sdk/testing';
import plugin, { harmful } from './evil/plugin.ts';

const source = new URL('evil/plugin.ts', import.meta.url);
const sandbox = { source, memoryMb: 16, timeoutMs: 1500 };

async function start(t: TestContext, onError: 'open' | 'closed') {
  const gateway = await testPlugin(plugin, { sandbox, onError });
  t.after(() => gateway.close());
  return gateway;
}

test('what a plugin does wrong costs its caller an error, tells it nothing, and leaves the next call alone', async (t) => {
  const gateway = await start(t, 'closed');
  for (const act of harmful) {
    const answer = await gateway.request('POST', `/${act}`, {
      headers: { authorization: 'Bearer secret', 'x-seen': '1' },
      body: 'content',
    });
    assert.equal(answer.status, 500, act);
    const { error_msg: message } = answer.json() as { error_msg: string };
    assert.equal(message, 'Internal server error.', act);
    assert.doesNotMatch(answer.headers.flat.join(), /x-fine|set-cookie|x-a/, act);
    const good = await gateway.request('GET', '/good');
    assert.deepEqual([good.status, good.text], [200, 'good'], `after ${act}`);
    assert.equal((await gateway.request('GET', '/plain')).status, 200, `at every hook after ${act}`);
  }
  const failed = gateway.log.filter(({ message }) => message === 'a plugin failed');
  assert.equal(failed.length, harmful.length);
  assert.equal(JSON.stringify(gateway.log).includes('Bearer secret'), false);
});

test('with `onError: open` the request passes as if the plugin were not there, with nothing half done', async (t) => {
  const gateway = await start(t, 'open');
  for (const act of harmful) {
    const before = gateway.backendRequests.length;
    const answer = await gateway.request('POST', `/${act}`, {
      headers: { via: '1.1 other' },
      body: 'content',
    });
    assert.equal(answer.status, 200, act);
    const [seen, ...more] = gateway.backendRequests.slice(before);
    assert.ok(seen !== undefined && more.length === 0, act);
    assert.deepEqual(
      [seen.method, seen.path, seen.rawQuery, seen.origin],
      ['POST', `/${act}`, '', 'http://backend'],
      act,
    );
    assert.equal(seen.body.toString(), 'content', act);
    await gateway.request('GET', '/good');
  }
  assert.equal(
    gateway.completed.some(({ exchange }) => (exchange?.identity ?? null) !== null),
    false,
  );
  assert.ok(
    gateway.log.some(({ level, message }) => level === 'warn' && message === 'a sandboxed plugin failed'),
  );
});

test('prototypes that a plugin pollutes are those of its isolate', async (t) => {
  const gateway = await start(t, 'closed');
  assert.equal((await gateway.request('GET', '/pollute')).status, 200);
  assert.equal('polluted' in {}, false);
  assert.deepEqual(gateway.completed[0]?.exchange?.api.group.hosts, ['*']);
});

test('what a plugin leaves in its globals is not there for another binding of it', async (t) => {
  const api = {
    request: { method: 'ANY', path: '/', match: 'prefix' },
    auth: 'none',
    backend: { type: 'mock' },
  };
  const gateway = await testGateway({
    config: {
      extensions: { evil: { source: fileURLToPath(new URL('.', source)), sandbox: true, concurrency: 1 } },
      groups: { one: { domains: ['one'] }, two: { domains: ['two'] } },
      apis: { 'one/a': api, 'two/b': api },
      plugins: { first: { type: 'evil', config: { mark: true } }, second: { type: 'evil' } },
      bindings: [
        { plugin: 'first', apis: ['one/a'] },
        { plugin: 'second', apis: ['two/b'] },
      ],
    },
  });
  t.after(() => gateway.close());
  assert.equal((await gateway.request('GET', 'http://one/mark')).text, 'was here');
  assert.equal((await gateway.request('GET', 'http://two/mark')).text, 'undefined');
});

test('a plugin sees the fields it declared, and no others', async (t) => {
  const gateway = await start(t, 'closed');
  const answer = await gateway.request('GET', '/seen', {
    headers: { 'x-seen': 'yes', authorization: 'secret' },
  });
  assert.deepEqual(answer.json(), [
    ['x-seen', 'yes'],
    ['name', 'request', 'group', 'definition'],
  ]);
});

test('what a plugin writes is bounded', async (t) => {
  const gateway = await start(t, 'closed');
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await gateway.request('GET', '/flood')).status, 200);
  const lines = gateway.log.filter(({ message }) => message === 'a sandboxed plugin wrote');
  assert.ok(lines.length > 0 && lines.length <= 300, `${lines.length} lines`);
});

for (const onError of ['closed', 'open'] as const) {
  test(`after repeated faults a binding is suspended, and ${onError}`, async (t) => {
    const clock = new VirtualClock();
    const gateway = await testPlugin(plugin, { sandbox, onError, clock });
    t.after(() => gateway.close());
    const meanwhile = onError === 'closed' ? 500 : 200;
    const suspensions = () => gateway.log.filter(({ message }) => message.includes('is suspended')).length;
    const calls = () => Number(/(\d+) calls/.exec(gateway.describe('GET', '/').join())?.[1]);
    for (let turn = 0; turn < 4; turn += 1) await gateway.request('GET', '/status');
    assert.equal(suspensions(), 0);
    await gateway.request('GET', '/status');
    assert.equal(suspensions(), 1);
    const before = calls();
    const refused = await gateway.request('GET', '/good');
    assert.equal(refused.status, meanwhile);
    assert.notEqual(refused.text, 'good');
    assert.equal(calls(), before, 'it is not asked');
    assert.match(gateway.describe('GET', '/').join('\n'), /suspended until 2023-11-14T22:13:50/);
    clock.advance(30_000);
    await gateway.request('GET', '/status');
    assert.equal(suspensions(), 2, 'one more fault is enough');
    clock.advance(59_999);
    assert.notEqual((await gateway.request('GET', '/good')).text, 'good', 'and twice as long');
    clock.advance(1);
    assert.equal((await gateway.request('GET', '/good')).text, 'good');
    assert.ok(gateway.log.some(({ message }) => message === 'a sandboxed plugin works again'));
    await gateway.request('GET', '/status');
    assert.equal((await gateway.request('GET', '/good')).text, 'good', 'and it begins anew');
  });
}

test('a plugin that spoils its own globals begins anew after it was suspended', async (t) => {
  const clock = new VirtualClock();
  const gateway = await testPlugin(plugin, { sandbox, clock });
  t.after(() => gateway.close());
  await gateway.request('GET', '/forgets');
  for (let turn = 0; turn < 10; turn += 1) assert.equal((await gateway.request('GET', '/good')).status, 500);
  clock.advance(30_000);
  assert.equal((await gateway.request('GET', '/good')).text, 'good');
});
