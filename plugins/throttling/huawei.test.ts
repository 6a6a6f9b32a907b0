import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { VirtualClock, testGateway } from '#sdk/testing';
import { admitted, call, configOf, start } from './testing.ts';

const type = 'huawei/rate_limit';
const clockAt = () => new VirtualClock(60_000 * 100);

/** The documented example, with ids as a console exports them. */
const documented = {
  scope: 'basic',
  default_time_unit: 'second',
  default_interval: 60,
  api_limit: 100,
  app_limit: 50,
  user_limit: 50,
  ip_limit: 20,
  algorithm: 'counter',
  specials: [{ type: 'app', policies: [{ key: 'e9230d70c749408eb3d1e838850cdd23', limit: 10 }] }],
  parameters: [
    { id: '3wuj354lpptv0toe0', type: 'path', name: 'reqPath', value: 'reqPath' },
    { id: '53h7e7j11u38l3ocp', type: 'method', name: 'method', value: 'method' },
    { id: 'vv502bnb6g40td8u0', type: 'header', name: 'Host', value: 'Host' },
  ],
  rules: [
    {
      rule_name: 'r1',
      match_regex: '["Host","==","www.abc.com"]',
      time_unit: 'second',
      interval: 2,
      limit: 5,
    },
  ],
};

suite('the documented example', () => {
  test('limits of the API, an app, an address, and an app of its own', async () => {
    const gateway = await start({ type, config: documented, clock: clockAt() });
    const key = 'e9230d70c749408eb3d1e838850cdd23';
    assert.equal(await admitted(gateway, 30, { app: key }), 10);
    assert.equal(await admitted(gateway, 30, { app: 'a', ip: '192.0.2.2' }), 20);
    assert.equal(await admitted(gateway, 30, { app: 'a', ip: '192.0.2.3' }), 20);
    assert.equal(await admitted(gateway, 30, { app: 'a', ip: '192.0.2.4' }), 10, 'the app has used 50');
    assert.equal(await admitted(gateway, 30, { app: 'b', ip: '192.0.2.5' }), 20);
    assert.equal(await admitted(gateway, 30, { app: 'b', ip: '192.0.2.6' }), 20);
    assert.equal(await admitted(gateway, 30, { app: 'c', ip: '192.0.2.7' }), 0, 'the API has used 100');
  });

  test('a rule: of those that it matches, five in two seconds', async () => {
    const clock = clockAt();
    const gateway = await start({ type, config: documented, clock });
    const named = { headers: { host: 'www.abc.com' } };
    assert.equal(await admitted(gateway, 10, named), 5);
    assert.equal(await admitted(gateway, 10), 10);
    clock.advance(2000);
    assert.equal(await admitted(gateway, 10, { ...named, ip: '192.0.2.9' }), 5);
  });

  test('the message', async () => {
    const gateway = await start({ type, config: { ...documented, ip_limit: 1 }, clock: clockAt() });
    await call(gateway);
    const answer = await call(gateway);
    assert.equal(answer.status, 429);
    assert.deepEqual(answer.json(), {
      error_code: 'APIG.0308',
      error_msg: 'The throttling threshold has been reached: policy ip over ratelimit,limit:1,time:60 second',
      request_id: answer.headers.get('x-request-id'),
    });
  });
});

suite('what the fields mean', () => {
  const base = { default_interval: 1, default_time_unit: 'day', api_limit: 3 };

  test('-1 and 0: no limit', async () => {
    const config = { ...base, api_limit: -1, app_limit: 2, user_limit: 0, ip_limit: 0 };
    const gateway = await start({ type, config });
    assert.equal(await admitted(gateway, 400), 400);
    assert.equal(await admitted(gateway, 5, { app: 'a', user: 'x/y' }), 2);
  });

  test('share: all APIs together', async () => {
    const gateway = await start({ type, config: { ...base, scope: 'share' } });
    assert.equal(await admitted(gateway, 2), 2);
    assert.equal(await admitted(gateway, 5, { path: '/two' }), 1);
  });

  test('a special account', async () => {
    const config = {
      ...base,
      api_limit: 9,
      user_limit: 2,
      specials: [{ type: 'user', policies: [{ key: 'acme', limit: 4 }] }],
    };
    const gateway = await start({ type, config });
    assert.equal(await admitted(gateway, 9, { user: 'acme/a' }), 4);
    assert.equal(await admitted(gateway, 9, { user: 'other/a' }), 2);
  });

  for (const algorithm of ['counter', 'haht', 'local']) {
    test(`algorithm ${algorithm} counts`, async () => {
      const gateway = await start({ type, config: { ...base, algorithm } });
      assert.equal(await admitted(gateway, 9), 3);
    });
  }

  test('the first rule that matches holds, and no other', async () => {
    const rule = (rule_name: string, match_regex: string, limit: number) => ({
      rule_name,
      match_regex,
      time_unit: 'day',
      interval: 1,
      limit,
    });
    const config = {
      ...base,
      api_limit: 100,
      parameters: [
        { type: 'header', name: 'tier', value: 'X-Tier' },
        { type: 'query', name: 'page', value: 'page' },
        { type: 'system', name: 'stage', value: 'stage' },
      ],
      rules: [
        rule('gold', '["tier","in","gold,platinum"]', 6),
        rule('test', '["stage","==","TEST"]', 1),
        rule(
          'deep',
          '["AND",["page","~~","^[0-9]{2,}$"],["OR",["method","==","GET"],["reqPath","~~","/two"]]]',
          2,
        ),
        rule('all', '["reqPath","~~","/o"]', 3),
      ],
    };
    const gateway = await start({ type, config });
    assert.equal(await admitted(gateway, 9, { headers: { 'x-tier': 'gold' } }), 6);
    assert.equal(await admitted(gateway, 9, { stage: 'TEST' }), 1);
    assert.equal(await admitted(gateway, 9, { path: '/one?page=10' }), 2);
    assert.equal(await admitted(gateway, 9, { path: '/one?page=1' }), 3, 'only the last is about it');
    assert.equal(await admitted(gateway, 9, { path: '/two?page=1' }), 9, 'no rule is about it');
  });
});

suite('a policy that is bound as well', () => {
  const traditional = {
    type: 'throttling',
    config: { period: { value: 1, unit: 'day' }, limits: { api: 1 } },
  };
  for (const order of [
    ['traditional', 'policy'],
    ['policy', 'traditional'],
  ]) {
    test(`is replaced: ${order.join(', ')}`, async () => {
      const setting = configOf({ type, config: { default_interval: 1, api_limit: 3 }, section: {} });
      const plugins = { ...(setting['plugins'] as object), traditional };
      const bindings = order.map((plugin) => ({
        plugin,
        apis: [plugin === 'policy' ? 'shop/one' : 'shop/*'],
      }));
      const gateway = await testGateway({
        config: { ...setting, plugins, bindings, apis: withoutAuth(setting['apis']) },
        clock: clockAt(),
      });
      const get = (path: string) => gateway.request('GET', path, { headers: { 'x-apig-mode': 'debug' } });
      const first = await get('/one');
      assert.deepEqual(first.headers.getAll('ratelimit-policy'), ['"api";q=3;w=1']);
      assert.equal(first.headers.get('x-apig-ratelimit-api'), 'remain:2,limit:3,time:1 second');
      assert.deepEqual(
        [(await get('/one')).status, (await get('/one')).status, (await get('/one')).status],
        [200, 200, 429],
      );
      assert.deepEqual(
        [(await get('/two')).status, (await get('/two')).status],
        [200, 429],
        'it holds elsewhere',
      );
      const told = gateway.describe('GET', '/one').filter((line) => /^(traditional|policy):/.test(line));
      assert.deepEqual(told.toSorted(), [
        'policy: at most 3 calls of the API a second',
        'traditional: not applied: another policy replaces this one',
      ]);
    });
  }

  test('two that replace are two of a kind', async () => {
    const setting = configOf({ type, config: { default_interval: 1, api_limit: 3 }, auth: 'none' });
    const other = { type: 'alibaba/trafficControl', config: { unit: 'DAY', apiDefault: 1 } };
    const config = {
      ...setting,
      plugins: { ...(setting['plugins'] as object), other },
      bindings: ['policy', 'other'].map((plugin) => ({ plugin, apis: ['*'] })),
    };
    await assert.rejects(testGateway({ config }), /already has a throttling plug-in, bound by "policy"/);
  });
});

function withoutAuth(apis: unknown): Record<string, unknown> {
  const entries = Object.entries(apis as Record<string, object>);
  return Object.fromEntries(entries.map(([name, api]) => [name, { ...api, auth: 'none' }]));
}

suite('refused', () => {
  const base = { default_interval: 1, api_limit: 5 };
  const rule = { rule_name: 'r', match_regex: '["method","==","GET"]', interval: 1, limit: 1 };
  const rows: readonly (readonly [what: string, config: unknown, path: string, message: RegExp])[] = [
    ['no interval', { api_limit: 5 }, '', /"default_interval" is missing/],
    ['no api_limit', { default_interval: 5 }, '', /"api_limit" is missing/],
    ['a user over the API', { ...base, user_limit: 6 }, 'user_limit', /found 6; .*`api_limit`, which is 5/],
    [
      'an app over the user',
      { ...base, user_limit: 3, app_limit: 4 },
      'app_limit',
      /`user_limit`, which is 3/,
    ],
    ['an address over the API', { ...base, ip_limit: 6 }, 'ip_limit', /found 6; .*`api_limit`/],
    ['less than nothing', { ...base, api_limit: -2 }, 'api_limit', /found -2/],
    [
      'a special over the API',
      { ...base, specials: [{ type: 'app', policies: [{ key: 'a', limit: 6 }] }] },
      'specials[0].policies[0].limit',
      /found 6; .*`api_limit`, which is 5/,
    ],
    ['an algorithm that is none', { ...base, algorithm: 'fast' }, 'algorithm', /counter, haht, local/],
    ['a misspelt field', { ...base, apilimit: 5 }, 'apilimit', /unknown field; .*did you mean "api_limit"/],
    ['no limit', { default_interval: 1, api_limit: -1 }, '', /there is no limit/],
    [
      'an expression that is none',
      { ...base, rules: [{ ...rule, match_regex: '["method","=","GET"]' }] },
      'rules[0].match_regex',
      /"=" is no operator, did you mean/,
    ],
    [
      'a name from nowhere',
      { ...base, rules: [{ ...rule, match_regex: '["Host","==","a"]' }] },
      'rules[0].match_regex',
      /nothing is named "Host": there are reqPath, method/,
    ],
    [
      'a system parameter that is none',
      { ...base, parameters: [{ type: 'system', name: 'a', value: 'sourceIpp' }] },
      'parameters[0].value',
      /did you mean sourceIp\?/,
    ],
    ['two rules of a name', { ...base, rules: [rule, rule] }, 'rules[1].rule_name', /as in rules\[0\]/],
    [
      '101 rules',
      { ...base, rules: Array.from({ length: 101 }, (_, at) => ({ ...rule, rule_name: `r${at}` })) },
      'rules',
      /100/,
    ],
    [
      'more than 65,535 characters',
      { ...base, rules: [{ ...rule, match_regex: `["method","==","${'a'.repeat(65_600)}"]` }] },
      '',
      /has 65\d\d\d characters as JSON; at most 65535/,
    ],
  ];
  for (const [what, config, path, message] of rows) {
    test(what, async () => {
      await assert.rejects(start({ type, config }), (error: unknown) => {
        const { problems } = error as {
          problems: { path: string; message: string; at?: { line: number } }[];
        };
        assert.equal(problems.length, 1, JSON.stringify(problems));
        assert.equal(problems[0]?.path, ['plugins.policy.config', path].filter(Boolean).join('.'));
        assert.match(problems[0]?.message ?? '', message);
        assert.ok((problems[0]?.at?.line ?? 0) > 1, 'it says where');
        return true;
      });
    });
  }
});
