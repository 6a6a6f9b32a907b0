import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { refuse, reply } from '#sdk';
import { type TestGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

const mock = (text: string) => ({
  type: 'mock',
  passthrough_infos: null,
  func_info: null,
  mock_info: { status_code: 200, result_content: text, headers: [{ name: 'X-Down', value: '1' }] },
  http_info: null,
  http_vpc_info: null,
});

const byStatus = (threshold: number) => ({
  breaker_type: 'condition',
  breaker_mode: 'counter',
  unhealthy_condition:
    '["OR",["$context.statusCode","in","500,501,504"],["$context.backendResponseTime",">",60000]]',
  unhealthy_threshold: threshold,
  time_window: 15,
  open_breaker_time: 15,
  unhealthy_percentage: 51,
  min_call_threshold: 20,
});

/** A console's document: everything it writes, the parts of other types and modes as null. */
const document = {
  breaker_condition: byStatus(3),
  scope: 'share',
  downgrade_default: mock('default'),
  downgrade_parameters: [
    { type: 'path', name: 'reqPath', value: 'path' },
    { type: 'method', name: 'method', value: 'method' },
    { type: 'query', name: 'kind', value: 'kind' },
  ],
  downgrade_rules: [
    {
      rule_name: 'own-backend',
      parameters: ['reqPath', 'kind'],
      match_regex: '["AND",["reqPath","~~","/50"],["kind","==","a"]]',
      downgrade_backend: mock('rule a'),
      breaker_condition: null,
    },
    {
      rule_name: 'own-condition',
      parameters: ['kind'],
      match_regex: '["kind","==","b"]',
      downgrade_backend: null,
      breaker_condition: { ...byStatus(1), open_breaker_time: 60 },
    },
  ],
};

function start(config: unknown): Promise<TestGateway> {
  return testPlugin(plugin, {
    type: 'huawei/breaker',
    config,
    root: { throttling: { defaultPerSecond: 0 } },
    backend: ({ path, origin }) => {
      const status = Number(path.split('/')[1]);
      if (status === 408) return refuse('backend-timeout');
      return reply(status, {}, `own ${origin}`);
    },
  });
}

async function text(gateway: TestGateway, url: string): Promise<string> {
  const answer = await gateway.request('GET', url);
  return `${answer.status} ${answer.text}`;
}

suite('huawei/breaker', () => {
  test('a condition, a default and rules', async () => {
    const gateway = await start(document);
    // The second rule counts by itself, and falls back to the default's backend.
    assert.equal(await text(gateway, '/501?kind=b'), '501 own http://backend');
    assert.equal(await text(gateway, '/501?kind=b'), '200 default');
    assert.equal(await text(gateway, '/500'), '500 own http://backend');
    // The first rule counts with all others.
    assert.equal(await text(gateway, '/500?kind=a'), '500 own http://backend');
    assert.equal(await text(gateway, '/502'), '502 own http://backend');
    assert.equal(await text(gateway, '/500?kind=a'), '500 own http://backend');
    assert.equal(await text(gateway, '/500'), '200 default');
    assert.equal(await text(gateway, '/500?kind=a'), '200 rule a');
    assert.equal((await gateway.request('GET', '/500')).headers.get('x-down'), '1');
    gateway.clock.advance(15_000);
    assert.equal(await text(gateway, '/200'), '200 own http://backend');
    assert.equal(await text(gateway, '/200?kind=b'), '200 default');
    assert.deepEqual(
      gateway.log
        .filter(({ message }) => message === 'a circuit opened')
        .map(({ fields }) => [fields['rule'], fields['api']]),
      [
        ['own-condition', undefined],
        [undefined, undefined],
      ],
    );
  });

  test('timeouts by percentage', async () => {
    const gateway = await start({
      breaker_condition: {
        breaker_type: 'timeout',
        breaker_mode: 'percentage',
        unhealthy_percentage: 51,
        min_call_threshold: 3,
        time_window: 10,
        open_breaker_time: 15,
      },
    });
    for (const url of ['/408', '/408', '/200']) await gateway.request('GET', url);
    gateway.clock.advance(10_000);
    const refused = await gateway.request('GET', '/200');
    assert.deepEqual(
      [refused.status, (refused.json() as { error_code: string }).error_code],
      [503, 'APIG.0202'],
    );
  });

  const types: readonly (readonly [name: string, backend: object, expected: string])[] = [
    [
      'http',
      {
        type: 'http',
        http_info: {
          isVpc: false,
          address: 'other:81',
          scheme: 'HTTP',
          method: 'get',
          path: '/299',
          timeout: 5000,
        },
      },
      '299 own http://other:81',
    ],
    [
      'http through a channel',
      {
        type: 'http',
        http_info: { isVpc: true, vpc_channel_id: 'servers', scheme: 'http', path: '/298', timeout: 500 },
      },
      '298 own http://192.0.2.7',
    ],
    [
      'http_vpc',
      {
        type: 'http_vpc',
        http_vpc_info: { vpc_channel_id: 'servers', vpc_channel_proxy_host: 'x.example', path: '/297' },
      },
      '297 own http://192.0.2.7',
    ],
    ['passthrough', { type: 'passthrough', passthrough_infos: null }, '501 own http://backend'],
  ];
  for (const [name, backend, expected] of types) {
    test(`a downgrade to ${name}`, async () => {
      const gateway = await testPlugin(plugin, {
        type: 'huawei/breaker',
        config: { breaker_condition: byStatus(1), downgrade_default: backend },
        root: {
          channels: { servers: { members: [{ address: '192.0.2.7', port: 80 }] } },
        },
        backend: ({ path, origin }) => reply(Number(path.split('/')[1]), {}, `own ${origin}`),
      });
      await gateway.request('GET', '/501');
      assert.equal(await text(gateway, '/501'), expected);
      await gateway.close();
    });
  }
});
