import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, refuse } from '#sdk';
import { type TestGateway, VirtualClock, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

const dayMs = 86_400_000;
const debug = 'http://1a2b3c.debug.example';

let authenticated = 0;
const auth = definePlugin({
  name: 'auth-costly',
  summary: 'Counts how often it is asked.',
  bind: () => ({
    auth: {
      stage: 'authenticate',
      handle: () => {
        authenticated += 1;
        return refuse('not-authenticated');
      },
    },
  }),
});

function configOf(section?: unknown, subdomain = '1A2b3c.debug.example') {
  const api = (path: string, kind = 'none') => ({
    request: { method: 'GET', path },
    environments: ['RELEASE', 'TEST'],
    auth: kind,
    backend: { type: 'mock' },
  });
  return {
    environments: { TEST: {} },
    groups: {
      shop: { domains: ['api.shop.example'], internalDomains: ['shop.internal'], subdomain },
      depot: { domains: ['api.depot.example'], subdomain: '4d5e6f.debug.example' },
      plain: { domains: ['api.plain.example'] },
    },
    apis: {
      'shop/one': api('/one'),
      'shop/two': api('/two'),
      'shop/closed': api('/closed', 'costly'),
      'depot/one': api('/one'),
      'plain/one': api('/one'),
    },
    throttling: { defaultPerSecond: 0 },
    ...(section === undefined ? {} : { debugDomain: section }),
  };
}

function start(section?: unknown, clock = new VirtualClock(dayMs * 20_000 + 5000)): Promise<TestGateway> {
  return testGateway({ config: configOf(section), plugins: [auth, plugin], clock });
}

async function admitted(
  gateway: TestGateway,
  times: number,
  url: string,
  stage = 'RELEASE',
): Promise<number> {
  const headers = { 'x-stage': stage };
  const answers = await Promise.all(
    Array.from({ length: times }, () => gateway.request('GET', url, { headers })),
  );
  const passed = answers.filter(({ status }) => status === 200).length;
  assert.equal(passed + answers.filter(({ status }) => status === 429).length, times);
  return passed;
}

test('a thousand calls a day, all APIs and environments of the group together', async () => {
  const gateway = await start();
  assert.equal(await admitted(gateway, 600, `${debug}/one`), 600);
  assert.equal(await admitted(gateway, 300, `${debug}/two`, 'TEST'), 300);
  assert.equal(await admitted(gateway, 200, `${debug}/two`), 100);
  assert.equal(await admitted(gateway, 50, `${debug}/one`), 0);
  assert.equal(await admitted(gateway, 10, 'http://4d5e6f.debug.example/one'), 10, 'each group has its own');
});

test("the group's other domains have no such limit, and do not count", async () => {
  const gateway = await start({ callsPerDay: 2 });
  for (const host of ['api.shop.example', 'shop.internal', 'api.plain.example']) {
    assert.equal(await admitted(gateway, 20, `http://${host}/one`), 20);
  }
  assert.equal(await admitted(gateway, 20, `${debug}/one`), 2);
  assert.equal(await admitted(gateway, 20, 'http://api.shop.example/one'), 20);
});

test('days are those of UTC, and reloads change nothing', async () => {
  const clock = new VirtualClock(dayMs * 20_000 + dayMs - 2000);
  const gateway = await start({ callsPerDay: 30 }, clock);
  assert.equal(await admitted(gateway, 20, `${debug}/one`), 20);
  await gateway.reload(configOf({ callsPerDay: 30 }));
  assert.equal(await admitted(gateway, 20, `${debug}/one`), 10);
  clock.advance(1999);
  assert.equal(await admitted(gateway, 20, `${debug}/one`), 0);
  clock.advance(1);
  assert.equal(await admitted(gateway, 40, `${debug}/one`), 30);
});

test('the refusal: 429 APIG.0308 and when to come back, before anybody is authenticated', async () => {
  const gateway = await start({ callsPerDay: 1 }, new VirtualClock(dayMs * 20_000 + dayMs - 90_500));
  await gateway.request('GET', `${debug}/one`);
  authenticated = 0;
  const answer = await gateway.request('GET', `${debug}/closed`);
  assert.equal(authenticated, 0);
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('retry-after'), '91');
  const { error_code, error_msg } = answer.json() as Record<string, string>;
  assert.equal(error_code, 'APIG.0308');
  assert.equal(
    error_msg,
    'The throttling threshold has been reached: policy domain over ratelimit,limit:1,time:1 day',
  );
  assert.equal((await gateway.request('GET', 'http://api.shop.example/closed')).status, 401);
  assert.equal(authenticated, 1);
});

test('calls that find no API do not count', async () => {
  const gateway = await start({ callsPerDay: 1 });
  for (let turn = 0; turn < 5; turn += 1)
    assert.equal((await gateway.request('GET', `${debug}/nothing`)).status, 404);
  assert.equal(await admitted(gateway, 5, `${debug}/one`), 1);
});

test('a pattern is no subdomain, and the number must be one', async () => {
  const pattern = testGateway({ config: configOf(undefined, '*.debug.example'), plugins: [auth, plugin] });
  await assert.rejects(
    pattern,
    /groups\.shop\.subdomain: found "\*\.debug\.example"; allowed: one host name/,
  );
  await assert.rejects(start({ callsPerDay: 0 }), /debugDomain\.callsPerDay: found 0/);
});
