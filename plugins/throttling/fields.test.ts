import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Counters, definePlugin, reply } from '#sdk';
import { VirtualClock, testPlugin } from '#sdk/testing';
import { createMeters } from './meters.ts';
import plugin from './plugin.ts';
import { call, start } from './testing.ts';
import { throttleHooks } from './throttle.ts';

const debug = { 'x-apig-mode': 'debug' };
const limits = { api: 40, user: 30, app: 20, ip: 10 };
const period = { value: 10, unit: 'second' } as const;
// 2.4 seconds before the end of a period.
const clockAt = () => new VirtualClock(10_000_000 + 7600);

suite('X-Apig-RateLimit, guide 4.3.2', () => {
  const rows = [
    ['X-Apig-RateLimit-api', 'remain:39,limit:40,time:10 second'],
    ['X-Apig-RateLimit-user', 'remain:29,limit:30,time:10 second'],
    ['X-Apig-RateLimit-app', 'remain:19,limit:20,time:10 second'],
    ['X-Apig-RateLimit-ip', 'remain:9,limit:10,time:10 second'],
    ['X-Apig-RateLimit-api-allenv', 'remain:200,limit:200,time:1 second'],
  ] as const;
  for (const [name, value] of rows) {
    test(name, async () => {
      const gateway = await start({ config: { period, limits }, section: {} });
      const answer = await call(gateway, { app: 'mobile', headers: debug });
      assert.deepEqual(answer.headers.getAll(name), [value]);
      assert.ok(answer.headers.flat.includes(name), 'spelt as in the guide');
      const plain = await call(gateway, { app: 'mobile' });
      assert.equal(plain.headers.has(name), false, 'in debug mode only');
    });
  }

  test('only what is configured and concerns the caller', async () => {
    const gateway = await start({ config: { period, limits: { api: 40, app: 20 } }, section: {} });
    const answer = await call(gateway, { user: 'acme/alice', headers: debug });
    const names = [...answer.headers]
      .map(([name]) => name)
      .filter((name) => name.startsWith('X-Apig-RateLimit'));
    assert.deepEqual(names, ['X-Apig-RateLimit-api', 'X-Apig-RateLimit-api-allenv']);
  });

  test('the default limit where it is the one that holds', async () => {
    const gateway = await start({ section: {} });
    assert.equal((await call(gateway)).status, 200);
    const answer = await call(gateway, { headers: debug });
    assert.equal(answer.headers.get('x-apig-ratelimit-api-allenv'), 'remain:198,limit:200,time:1 second');
    assert.equal(answer.headers.has('x-apig-ratelimit-api'), false);
  });

  test('refusals have them too', async () => {
    const gateway = await start({ config: { period, limits: { api: 1 } } });
    await call(gateway);
    const answer = await call(gateway, { headers: debug });
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get('x-apig-ratelimit-api'), 'remain:0,limit:1,time:10 second');
  });

  test('what a backend writes into them does not count', async () => {
    const gateway = await testPlugin(plugin, {
      config: { period, limits: { api: 5 } },
      backend: () => reply(200, { 'x-apig-ratelimit-api': 'forged', 'X-Apig-RateLimit-User': 'forged' }),
    });
    const answer = await gateway.request('GET', '/', { headers: debug });
    assert.deepEqual(answer.headers.getAll('x-apig-ratelimit-api'), ['remain:4,limit:5,time:10 second']);
    assert.equal(answer.headers.has('x-apig-ratelimit-user'), false);
  });
});

suite('refusals', () => {
  const rows = [
    ['api', { api: 1 }, 'api over ratelimit,limit:1,time:10 second'],
    ['user', { api: 9, user: 1 }, 'user over ratelimit,limit:1,time:10 second'],
    ['app', { api: 9, user: 5, app: 1 }, 'app over ratelimit,limit:1,time:10 second'],
    ['ip', { api: 9, ip: 1 }, 'ip over ratelimit,limit:1,time:10 second'],
  ] as const;
  for (const [scope, some, words] of rows) {
    test(`say that it was the limit of the ${scope}`, async () => {
      const gateway = await start({ config: { period, limits: some }, clock: clockAt() });
      await call(gateway, { app: 'mobile' });
      const answer = await call(gateway, { app: 'mobile' });
      assert.equal(answer.status, 429);
      const { error_code, error_msg } = answer.json() as Record<string, string>;
      assert.equal(error_code, 'APIG.0308');
      assert.equal(error_msg, `The throttling threshold has been reached: policy ${words}`);
      assert.equal(answer.headers.get('retry-after'), '3');
      assert.equal(gateway.completed.at(-1)?.refusal?.kind, 'throttled');
      assert.equal(gateway.completed.at(-1)?.answeredBy?.plugin, 'throttling');
    });
  }

  test('the reference’s example of a message', async () => {
    const config = { period: { value: 1, unit: 'minute' }, limits: { api: 5, user: 2 } };
    const gateway = await start({ config });
    for (let turn = 0; turn < 2; turn += 1) await call(gateway, { user: 'acme/alice' });
    const answer = await call(gateway, { user: 'acme/alice' });
    assert.match(answer.text, /policy user over ratelimit,limit:2,time:1 minute"/);
  });
});

suite('RateLimit and RateLimit-Policy', () => {
  test('every limit that concerns the caller, what is left and for how long', async () => {
    const gateway = await start({ config: { period, limits }, clock: clockAt() });
    const answer = await call(gateway, { app: 'mobile' });
    assert.equal(
      answer.headers.get('ratelimit-policy'),
      '"api";q=40;w=10, "user";q=30;w=10, "app";q=20;w=10, "ip";q=10;w=10',
    );
    assert.equal(
      answer.headers.get('ratelimit'),
      '"api";r=39;t=3, "user";r=29;t=3, "app";r=19;t=3, "ip";r=9;t=3',
    );
    assert.equal(answer.headers.has('retry-after'), false);
  });

  test("an exception's own numbers", async () => {
    const gateway = await start({
      config: { period, limits: { api: 40, app: 20 }, exceptions: { apps: { friend: 30 } } },
    });
    const answer = await call(gateway, { app: 'friend' });
    assert.equal(answer.headers.get('ratelimit-policy'), '"api";q=40;w=10, "app";q=30;w=10');
    assert.equal(answer.headers.get('ratelimit')?.replaceAll(/t=\d+/g, 't'), '"api";r=39;t, "app";r=29;t');
  });

  test('many callers in turn, each with its own count and its own numbers', async () => {
    const gateway = await start({
      config: { period, limits: { api: 1000, app: 20 }, exceptions: { apps: { friend: 30 } } },
    });
    const names = ['friend', ...Array.from({ length: 40 }, (_, index) => `app-${index}`)];
    for (const turn of [1, 2, 3]) {
      for (const name of names) {
        const { headers } = await call(gateway, { app: name });
        const limit = name === 'friend' ? 30 : 20;
        assert.equal(headers.get('ratelimit-policy'), `"api";q=1000;w=10, "app";q=${limit};w=10`);
        assert.match(headers.get('ratelimit') ?? '', new RegExp(`"app";r=${limit - turn};`));
      }
      const { headers } = await call(gateway, { user: 'acme/alice' });
      assert.equal(headers.get('ratelimit-policy'), '"api";q=1000;w=10');
    }
  });

  test('a backend’s own lines stay beside them', async () => {
    const gateway = await testPlugin(plugin, {
      config: { period, limits: { api: 5 } },
      backend: () => reply(200, { RateLimit: '"daily";r=1;t=9' }),
      clock: clockAt(),
    });
    const answer = await gateway.request('GET', '/');
    assert.deepEqual(answer.headers.getAll('ratelimit'), ['"daily";r=1;t=9', '"api";r=4;t=3']);
  });

  test('can be switched off, Retry-After with them', async () => {
    const gateway = await start({
      config: { period, limits: { api: 1 } },
      section: { standardHeaders: false },
    });
    for (const status of [200, 429]) {
      const answer = await call(gateway);
      assert.equal(answer.status, status);
      for (const name of ['ratelimit', 'ratelimit-policy', 'retry-after'])
        assert.equal(answer.headers.has(name), false);
    }
  });
});

test('counters that answer later: the same, in time', async () => {
  const slow = (counters: Counters): Counters => ({
    take: async (some) => {
      await Promise.resolve();
      return counters.take(some);
    },
  });
  const config = { scope: 'api', period, limits: { api: 2 } } as const;
  const later = definePlugin({
    name: 'throttling-later',
    summary: 'The same with a store that is not in this process.',
    bind: (_config, kit) =>
      throttleHooks({
        partition: '',
        meters: createMeters(config, kit.binding),
        fallback: undefined,
        tellsAlways: true,
        standardHeaders: true,
        counters: slow(kit.counters),
      }),
  });
  const gateway = await testPlugin(later, {
    clock: clockAt(),
    root: { throttling: { defaultPerSecond: 0 } },
  });
  const answers = await Promise.all(
    Array.from({ length: 9 }, () => gateway.request('GET', '/', { headers: debug })),
  );
  assert.equal(answers.filter(({ status }) => status === 429).length, 7);
  const shown = answers
    .filter(({ status }) => status === 200)
    .map(({ headers }) => headers.get('ratelimit') ?? '');
  assert.deepEqual(shown.toSorted(), ['"api";r=0;t=3', '"api";r=1;t=3']);
});

test('counters that answer at once cost no promise', () => {
  const hooks = throttleHooks({
    partition: '',
    meters: createMeters({ period, limits: { api: 1 } }, 'policy'),
    fallback: undefined,
    tellsAlways: false,
    standardHeaders: false,
    counters: { take: () => ({ refusedBy: -1, remaining: [0], resetMs: [1] }) },
  });
  const exchange = { identity: null, clientAddress: '192.0.2.1', headers: { get: () => undefined } };
  assert.equal(hooks.auth?.handle(exchange as never), undefined);
});
