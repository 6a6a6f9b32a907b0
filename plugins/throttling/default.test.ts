import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { admitted, call, start } from './testing.ts';

for (const section of [undefined, {}]) {
  const where = section === undefined ? 'without the section' : 'with a section that says nothing';
  test(`200 a second for each API, all environments together, ${where}`, async () => {
    const clock = new VirtualClock(5_000_000);
    const gateway = await start({ section, clock });
    assert.equal(await admitted(gateway, 150), 150);
    assert.equal(await admitted(gateway, 150, { stage: 'TEST' }), 50);
    assert.equal(await admitted(gateway, 250, { path: '/two' }), 200);
    clock.advance(999);
    assert.equal(await admitted(gateway, 10), 0);
    clock.advance(1);
    assert.equal(await admitted(gateway, 250), 200);
  });

  test(`a policy ${where}: it alone holds, and the default limit is shown`, async () => {
    const gateway = await start({
      config: { period: { value: 1, unit: 'minute' }, limits: { api: 300 } },
      binding: { environments: ['TEST'] },
      section,
    });
    assert.equal(await admitted(gateway, 400, { stage: 'TEST' }), 300);
    assert.equal(await admitted(gateway, 300, { stage: 'RELEASE' }), 200);
    const debug = await call(gateway, { stage: 'TEST', headers: { 'x-apig-mode': 'debug' } });
    assert.equal(debug.headers.get('x-apig-ratelimit-api'), 'remain:0,limit:300,time:1 minute');
    assert.equal(debug.headers.get('x-apig-ratelimit-api-allenv'), 'remain:0,limit:200,time:1 second');
  });
}

test('the number is configurable, and 0 means none', async () => {
  const seven = await start({ section: { defaultPerSecond: 7 } });
  assert.equal(await admitted(seven, 20), 7);
  const none = await start({ section: { defaultPerSecond: 0 } });
  assert.equal(await admitted(none, 500), 500);
  const debug = await call(none, { headers: { 'x-apig-mode': 'debug' } });
  assert.equal(debug.headers.has('x-apig-ratelimit-api-allenv'), false);
});

test('where a policy is bound it alone holds, and calls do not use up the default', async () => {
  const gateway = await start({
    config: { period: { value: 1, unit: 'minute' }, limits: { api: 30 } },
    binding: { environments: ['TEST'] },
    section: { defaultPerSecond: 7 },
  });
  assert.equal(await admitted(gateway, 40, { stage: 'TEST' }), 30);
  assert.equal(await admitted(gateway, 40, { stage: 'RELEASE' }), 7);
});

test('the refusal says which limit it was; ordinary answers have no further fields', async () => {
  const gateway = await start({ section: { defaultPerSecond: 1 }, clock: new VirtualClock(10_000_400) });
  const first = await call(gateway);
  for (const name of ['ratelimit', 'ratelimit-policy', 'retry-after'])
    assert.equal(first.headers.has(name), false);
  const answer = await call(gateway);
  assert.equal(answer.status, 429);
  assert.equal(
    (answer.json() as { error_msg: string }).error_msg,
    'The throttling threshold has been reached: policy api over ratelimit,limit:1,time:1 second',
  );
  assert.equal(answer.headers.get('retry-after'), '1');
  assert.equal(answer.headers.get('ratelimit-policy'), '"default";q=1;w=1');
  assert.equal(answer.headers.get('ratelimit'), '"default";r=0;t=1');
});

test('a call of the gateway to itself counts for the API it reaches, and that one only', async () => {
  const api = (path: string, backend: unknown) => ({
    request: { method: 'GET', path },
    auth: 'none',
    backend,
  });
  const gateway = await testGateway({
    plugins: [plugin],
    config: {
      groups: { shop: { domains: ['test'] } },
      apis: {
        'shop/outer': api('/outer', { type: 'http', address: 'http://test', path: '/inner' }),
        'shop/inner': api('/inner', { type: 'mock', status: 200 }),
      },
      plugins: {
        outer: { type: 'throttling', config: { period: { value: 1, unit: 'day' }, limits: { api: 8 } } },
        inner: {
          type: 'throttling',
          config: { period: { value: 1, unit: 'day' }, limits: { api: 5, ip: 4 } },
        },
      },
      bindings: [
        { plugin: 'outer', apis: ['shop/outer'] },
        { plugin: 'inner', apis: ['shop/inner'] },
      ],
    },
  });
  const headers = { 'x-apig-mode': 'debug' };
  const first = await gateway.request('GET', '/outer', { headers });
  assert.equal(first.status, 200);
  assert.deepEqual(first.headers.getAll('x-apig-ratelimit-api'), ['remain:7,limit:8,time:1 day']);
  assert.equal(first.headers.has('x-apig-ratelimit-ip'), false, "the inner API's fields are its own");
  const direct = await gateway.request('GET', '/inner', { headers });
  assert.equal(direct.headers.get('x-apig-ratelimit-api'), 'remain:3,limit:5,time:1 day');
  assert.equal(direct.headers.get('x-apig-ratelimit-ip'), 'remain:3,limit:4,time:1 day');
  const statuses: number[] = [];
  for (let turn = 0; turn < 4; turn += 1) statuses.push((await gateway.request('GET', '/outer')).status);
  assert.deepEqual(statuses, [200, 200, 200, 429]);
});
