import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Reply, definePlugin, refuse, reply } from '#sdk';
import { type TestGateway, VirtualClock, testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

/** The vendor's sample with a lower threshold. */
const sample = {
  errorCondition: '$StatusCode == 503',
  errorThreshold: 3,
  windowInSeconds: 30,
  openTimeoutSeconds: 60,
  downgradeBackend: { type: 'mock', statusCode: 200, body: '{"fallback":true}' },
};

/** A backend that answers what the path says; `/timeout` and `/gone` fail. */
function answerOf(path: string): Reply {
  if (path === '/timeout') return refuse('backend-timeout');
  if (path === '/gone') return refuse('backend-unavailable');
  return reply(Number(path.split('/')[1]), {}, 'own');
}

function start(config: unknown, type = 'alibaba/circuitBreaker'): Promise<TestGateway> {
  return testPlugin(plugin, {
    type,
    config,
    backend: ({ path }) => answerOf(path),
    root: { throttling: { defaultPerSecond: 0 } },
  });
}

async function times(gateway: TestGateway, count: number, path: string): Promise<string[]> {
  const seen: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { status, text } = await gateway.request('GET', path);
    seen.push(
      `${status} ${text.startsWith('{"error_code"') ? (JSON.parse(text) as { error_code: string }).error_code : text}`,
    );
  }
  return seen;
}

suite('alibaba/circuitBreaker', () => {
  test('opens at the threshold, lets the downgrade answer, then looks, then closes', async () => {
    const gateway = await start(sample);
    assert.deepEqual(await times(gateway, 4, '/503'), [
      '503 own',
      '503 own',
      '503 own',
      '200 {"fallback":true}',
    ]);
    assert.deepEqual(await times(gateway, 2, '/200'), Array(2).fill('200 {"fallback":true}'));
    assert.equal(gateway.backendRequests.length, 3);
    gateway.clock.advance(59_999);
    assert.deepEqual(await times(gateway, 1, '/200'), ['200 {"fallback":true}']);
    gateway.clock.advance(1);
    assert.deepEqual(await times(gateway, 4, '/200'), Array(4).fill('200 own'));
    const told = gateway.log
      .filter(({ message }) => message.startsWith('a circuit'))
      .map(({ message }) => message);
    assert.deepEqual(told, ['a circuit opened', 'a circuit is half open', 'a circuit closed']);
    const [opened] = gateway.log.filter(({ message }) => message === 'a circuit opened');
    assert.deepEqual(
      [opened?.level, opened?.fields['failures'], opened?.fields['binding'], opened?.fields['api']],
      ['warn', 3, 'under-test', 'test/api'],
    );
  });

  test('other statuses, and failures that are spread out, do not open it', async () => {
    const gateway = await start(sample);
    await times(gateway, 5, '/500');
    for (let round = 0; round < 5; round += 1) {
      assert.deepEqual(await times(gateway, 2, '/503'), ['503 own', '503 own']);
      gateway.clock.advance(33_000);
    }
  });

  test('timeouts: without a downgrade calls are refused with 503, D503CB', async () => {
    const config = { timeoutThreshold: 2, windowInSeconds: 10, openTimeoutSeconds: 15 };
    const gateway = await testPlugin(plugin, {
      type: 'alibaba/circuitBreaker',
      config,
      backend: ({ path }) => answerOf(path),
      root: { groups: { test: { domains: ['*'], responses: { default: { dialect: 'alibaba' } } } } },
    });
    await times(gateway, 3, '/504');
    await times(gateway, 3, '/gone');
    await times(gateway, 2, '/timeout');
    const answer = await gateway.request('GET', '/200');
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('x-ca-error-code'), 'D503CB');
    assert.equal(answer.headers.get('retry-after'), '15');
    assert.equal(gateway.completed.at(-1)?.refusal?.kind, 'circuit-open');
  });

  test('a refusal before the backend is called counts as nothing; one of the backend as its status', async () => {
    const refuser = definePlugin({
      name: 'refuser',
      summary: 'Refuses what asks for it.',
      bind: () => ({
        backendSigning: ({ exchange }) =>
          exchange.headers.has('x-refuse') ? refuse('access-denied', { status: 504 }) : undefined,
      }),
    });
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: {
          'g/a': {
            request: { method: 'GET', path: '/', match: 'prefix' },
            auth: 'none',
            backend: { type: 'http', address: 'http://b' },
          },
        },
        plugins: {
          cb: { type: 'alibaba/circuitBreaker', config: { ...sample, errorCondition: '$StatusCode = 504' } },
          no: { type: 'refuser' },
        },
        bindings: ['cb', 'no'].map((name) => ({ plugin: name, apis: ['*'] })),
      },
      plugins: [plugin, refuser],
      backends: { '*': ({ path }) => answerOf(path) },
    });
    for (let index = 0; index < 5; index += 1)
      assert.equal((await gateway.request('GET', '/200', { headers: { 'x-refuse': '1' } })).status, 504);
    assert.deepEqual(await times(gateway, 1, '/200'), ['200 own']);
    await times(gateway, 3, '/timeout');
    assert.deepEqual(await times(gateway, 1, '/200'), ['200 {"fallback":true}']);
  });

  test('latency counts in both units', async () => {
    for (const condition of [
      '$LatencyMilliSeconds > 20',
      '$LatencySeconds > 0.02 and $CaStage = "RELEASE"',
    ]) {
      const config = { ...sample, errorCondition: condition, errorThreshold: 1 };
      const gateway = await testPlugin(plugin, {
        type: 'alibaba/circuitBreaker',
        config,
        backend: async ({ path }) => {
          // Longer than the condition says, however the machine is.
          if (path === '/slow') await new Promise((resolve) => void setTimeout(resolve, 40));
          return reply(200, {}, 'own');
        },
      });
      assert.deepEqual(await times(gateway, 2, '/slow'), ['200 own', '200 {"fallback":true}']);
    }
  });

  test("a downgrade that names no server is the API's own backend at another path", async () => {
    const gateway = await start({
      ...sample,
      errorThreshold: 1,
      downgradeBackend: { type: 'HTTP', path: '/299' },
    });
    assert.deepEqual(await times(gateway, 2, '/503'), ['503 own', '299 own']);
  });
});

suite('what is kept', () => {
  const two = (extra: object = {}, threshold = 1) => ({
    groups: { g: { domains: ['*'] } },
    throttling: { defaultPerSecond: 0 },
    apis: Object.fromEntries(
      ['a', 'b'].map((name) => [
        `g/${name}`,
        {
          request: { method: 'GET', path: `/${name}` },
          auth: 'none',
          backend: { type: 'http', address: 'http://b', path: '/503' },
        },
      ]),
    ),
    plugins: {
      cb: {
        type: 'circuit-breaker',
        config: {
          breaker: {
            failure: 'condition',
            when: '$StatusCode = 503',
            threshold,
            windowSeconds: 10,
            openSeconds: 60,
          },
          ...extra,
        },
      },
    },
    bindings: [{ plugin: 'cb', apis: ['g/*'] }],
  });
  const open = (config: object) =>
    testGateway({
      config: { ...config },
      plugins: [plugin],
      backends: { '*': ({ path }) => answerOf(path) },
    });
  const status = async (gateway: TestGateway, path: string) =>
    (await gateway.request('GET', path)).headers.has('retry-after');

  test('each API has a circuit of its own, or all share one', async () => {
    const apart = await open(two());
    await apart.request('GET', '/a');
    assert.deepEqual([await status(apart, '/a'), await status(apart, '/b')], [true, false]);
    const shared = await open(two({ scope: 'binding' }));
    await shared.request('GET', '/a');
    assert.deepEqual([await status(shared, '/a'), await status(shared, '/b')], [true, true]);
  });

  test('a reload keeps the state, unless it changes the settings; two gateways share nothing', async () => {
    const gateway = await open(two());
    await gateway.request('GET', '/a');
    await gateway.reload(two({ fallback: { type: 'mock', body: 'instead' } }));
    assert.equal((await gateway.request('GET', '/a')).text, 'instead');
    await gateway.reload(two({}, 2));
    assert.equal(await status(gateway, '/a'), false);
    assert.equal(await status(await open(two()), '/a'), false);
  });

  test('status and explain tell it', async () => {
    const gateway = await open({ ...two(), management: { port: 0 } });
    await gateway.request('GET', '/a');
    gateway.clock.advance(1000);
    const page = JSON.parse((await gateway.manage('/status')).body) as { plugins: Record<string, unknown[]> };
    const told = page.plugins['circuit-breaker']?.filter((each) => (each as { api: string }).api === 'g/a');
    assert.deepEqual(told, [
      {
        binding: 'cb',
        api: 'g/a',
        environment: 'RELEASE',
        state: 'open',
        calls: 0,
        failures: 0,
        openings: 1,
        retryInMs: 59_000,
        probesInFlight: 0,
      },
    ]);
    const lines = gateway.describe('GET', '/a').filter((line) => line.startsWith('cb: '));
    assert.deepEqual(lines, [
      'cb: opens for 60 s at 1 in 10 s: answers with $StatusCode = 503; calls are then refused',
      'cb: counted by this process alone, for this API',
      'cb: the circuit of this request: open, 0 of 0 calls failed lately',
    ]);
  });
});

test('what a cache hears of the backend counts, not what it answers', async () => {
  const cache = definePlugin({
    name: 'test-cache',
    summary: 'Answers 200 whatever the backend says.',
    bind: () => ({
      auth: {
        stage: 'serve',
        handle: async (exchange) => {
          const { isDetached } = { isDetached: exchange.headers.has('x-later') };
          const answer = await exchange.callBackend({ isDetached });
          return reply(200, {}, `cached ${answer.status}`);
        },
      },
    }),
  });
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/', match: 'prefix' },
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      },
      plugins: { cb: { type: 'alibaba/circuitBreaker', config: sample }, cache: { type: 'test-cache' } },
      bindings: ['cb', 'cache'].map((name) => ({ plugin: name, apis: ['*'] })),
    },
    plugins: [plugin, cache],
    backends: { '*': ({ path }) => answerOf(path) },
  });
  const first = await times(gateway, 2, '/503');
  await gateway.request('GET', '/503', { headers: { 'x-later': '1' } });
  assert.deepEqual(
    [...first, ...(await times(gateway, 1, '/503'))],
    ['200 cached 503', '200 cached 503', '200 cached 200'],
  );
});

test('own options: a percentage, and a passthrough', async () => {
  const clock = new VirtualClock();
  const config = {
    breaker: {
      failure: 'timeout',
      percentage: 50,
      minCalls: 2,
      windowSeconds: 10,
      openSeconds: 20,
      probes: 1,
    },
    fallback: { type: 'passthrough' },
  };
  const gateway = await testPlugin(plugin, { config, clock, backend: ({ path }) => answerOf(path) });
  await times(gateway, 2, '/timeout');
  clock.advance(10_000);
  // Open, but the backend is called all the same; that says nothing.
  assert.deepEqual(await times(gateway, 2, '/200'), ['200 own', '200 own']);
  const opened = gateway.log.filter(({ message }) => message === 'a circuit opened');
  assert.equal(opened.length, 1);
  assert.deepEqual([opened[0]?.fields['calls'], opened[0]?.fields['failures']], [2, 2]);
});
