import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { VirtualClock, testGateway } from '#sdk/testing';
import { admitted, call, configOf, start } from './testing.ts';

const type = 'alibaba/trafficControl';
const minutes = () => new VirtualClock(60_000 * 100);

/** The path and message of each problem. */
async function problems(config: unknown): Promise<readonly string[]> {
  try {
    await start({ type, config });
  } catch (error) {
    const { problems: found } = error as { problems: { path: string; message: string }[] };
    return found.map(({ path, message }) => `${path.replace('plugins.policy.config', '')}: ${message}`);
  }
  return [];
}

suite('basic: the documented example', () => {
  const config = {
    unit: 'MINUTE',
    apiDefault: 600,
    userDefault: 300,
    appDefault: 60,
    specials: [{ type: 'APP', policies: [{ key: 110001, value: 240 }] }],
  };

  test('an app, the special one, its owner, and all of them', async () => {
    const clock = minutes();
    const gateway = await start({ type, config, clock });
    assert.equal(await admitted(gateway, 100, { app: 'one', user: 'acme/a' }), 60);
    assert.equal(await admitted(gateway, 400, { app: '110001', user: 'acme/a' }), 240);
    assert.equal(await admitted(gateway, 10, { app: 'two', user: 'acme/b' }), 0, 'acme has used 300');
    for (const app of ['a', 'b', 'c', 'd', 'e']) assert.equal(await admitted(gateway, 70, { app }), 60);
    assert.equal(await admitted(gateway, 10, { app: 'f' }), 0, 'the API has used 600');
    assert.equal(await admitted(gateway, 10, { app: 'f', path: '/two' }), 10, 'each API by itself');
    clock.advance(60_000);
    assert.equal(await admitted(gateway, 70, { app: 'f' }), 60);
  });

  test('the answer: 429 and how long', async () => {
    const gateway = await start({ type, config: { ...config, appDefault: 1 }, clock: minutes() });
    await call(gateway, { app: 'one' });
    const answer = await call(gateway, { app: 'one' });
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get('retry-after'), '60');
    assert.match(answer.text, /policy app over ratelimit,limit:1,time:1 minute/);
  });

  test('in the Alibaba form of errors, the code begins with T429', async () => {
    const setting = configOf({ type, config: { unit: 'HOUR', apiDefault: 1 }, auth: 'none' });
    const shop = { domains: ['test'], responses: { default: { dialect: 'alibaba' } } };
    const gateway = await testGateway({ config: { ...setting, groups: { shop } } });
    await call(gateway);
    assert.equal((await call(gateway)).headers.get('x-ca-error-code'), 'T429PA');
  });

  test('a special owner', async () => {
    const specials = [{ type: 'USER', policies: [{ key: 'acme', value: 5 }] }];
    const gateway = await start({ type, config: { ...config, specials }, clock: minutes() });
    assert.equal(await admitted(gateway, 9, { app: 'one', user: 'acme/a' }), 5);
    assert.equal(await admitted(gateway, 9, { app: 'two', user: 'other/a' }), 9);
  });
});

suite('seconds', () => {
  const base = { unit: 'SECOND', apiDefault: 10 };

  test('FIX_WINDOW counts in windows', async () => {
    const clock = new VirtualClock(5_000_900);
    const gateway = await start({ type, config: { ...base, controlMode: 'FIX_WINDOW' }, clock });
    assert.equal(await admitted(gateway, 20), 10);
    clock.advance(100);
    assert.equal(await admitted(gateway, 20), 10);
  });

  test('QUICK_RETURN: a bucket, and nobody waits', async () => {
    const clock = new VirtualClock(5_000_900);
    const gateway = await start({ type, config: { ...base, blockingMode: 'QUICK_RETURN' }, clock });
    assert.equal(await admitted(gateway, 20), 10);
    clock.advance(100);
    assert.equal(await admitted(gateway, 20), 1);
    clock.advance(250);
    assert.equal(await admitted(gateway, 20), 2);
    assert.equal((await call(gateway)).headers.get('retry-after'), '1');
  });

  test('by default calls over the limit wait, and leave in time order; the queue is bounded', async () => {
    const clock = new VirtualClock(5_000_000);
    const gateway = await start({ type, config: { unit: 'SECOND', apiDefault: 2 }, clock });
    assert.equal(await admitted(gateway, 2), 2);
    const order: string[] = [];
    const waiting = Array.from({ length: 5 }, async (_, index) => {
      const { status } = await call(gateway);
      order.push(`${index} ${status}`);
    });
    // Two would wait a second at most; three would wait longer, and are refused at once.
    await Promise.all(waiting.slice(2));
    assert.deepEqual(order, ['2 429', '3 429', '4 429']);
    clock.advance(500);
    await waiting[0];
    assert.equal(order[3], '0 200');
    assert.equal(order.length, 4);
    clock.advance(500);
    await waiting[1];
    assert.equal(order[4], '1 200');
  });
});

suite('by parameters', () => {
  const config = {
    scope: 'PLUGIN',
    blockingMode: 'QUICK_RETURN',
    defaultLimit: 20,
    defaultPeriod: 'DAY',
    defaultRetryAfterBySecond: 60,
    parameters: { ClientIP: 'System:CaClientIp', tenant: 'Header:X-Tenant', field: 'Form:field' },
    rules: [
      {
        name: 'perIp',
        byParameters: 'ClientIP',
        bypassEmptyValue: false,
        limit: 5,
        period: 'MINUTE',
        retryAfterBySecond: 30,
      },
    ],
  };

  test('a limit for all, and one for each address', async () => {
    const clock = minutes();
    const gateway = await start({ type, config, clock });
    assert.equal(await admitted(gateway, 9, { ip: '192.0.2.1' }), 5);
    assert.equal(await admitted(gateway, 9, { ip: '192.0.2.2', path: '/two' }), 5);
    const refused = await call(gateway, { ip: '192.0.2.2' });
    assert.equal(refused.headers.get('retry-after'), '30');
    assert.match(refused.text, /policy rule over ratelimit,limit:5,time:1 minute/);
    for (const ip of ['192.0.2.3', '192.0.2.4']) assert.equal(await admitted(gateway, 9, { ip }), 5);
    const over = await call(gateway, { ip: '192.0.2.5' });
    assert.equal(over.status, 429);
    assert.equal(over.headers.get('retry-after'), '60');
    clock.advance(60_000);
    assert.equal((await call(gateway, { ip: '192.0.2.5' })).status, 429, 'the day goes on');
  });

  test('scope API: each API by itself', async () => {
    const gateway = await start({ type, config: { ...config, scope: 'API' }, clock: minutes() });
    assert.equal(await admitted(gateway, 9), 5);
    assert.equal(await admitted(gateway, 9, { path: '/two' }), 5);
  });

  test('several parameters, in any combination of values', async () => {
    const rules = [{ name: 'pair', byParameters: 'ClientIP, tenant', limit: 1, period: 'HOUR' }];
    const gateway = await start({ type, config: { parameters: config.parameters, rules }, clock: minutes() });
    const from = (ip: string, tenant?: string) =>
      call(gateway, { ip, ...(tenant === undefined ? {} : { headers: { 'x-tenant': tenant } }) });
    const statuses = [
      await from('192.0.2.1', 'a'),
      await from('192.0.2.1', 'b'),
      await from('192.0.2.2', 'a'),
      await from('192.0.2.1', 'a'),
      await from('192.0.2.1'),
      await from('192.0.2.1'),
      await from('192.0.2.1', 'x'.repeat(2000)),
      await from('192.0.2.1', `${'x'.repeat(1999)}y`),
      await from('192.0.2.1', 'x'.repeat(2000)),
    ];
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [200, 200, 200, 429, 200, 429, 200, 200, 429],
    );
  });

  test('bypassEmptyValue: whoever shows none is not counted', async () => {
    const rule = { name: 'tenant', byParameters: 'tenant', limit: 1, period: 'HOUR' };
    const parameters = { tenant: 'Header:X-Tenant' };
    const bypassing = await start({
      type,
      config: { parameters, rules: [{ ...rule, bypassEmptyValue: true }] },
      clock: minutes(),
    });
    assert.equal(await admitted(bypassing, 3), 3);
    assert.equal(await admitted(bypassing, 3, { headers: { 'x-tenant': '' } }), 3);
    assert.equal(await admitted(bypassing, 3, { headers: { 'x-tenant': 'a' } }), 1);
  });

  test('a condition says which calls a rule is about; all rules hold', async () => {
    const rules = [
      { name: 'gold', condition: "$tenant = 'gold'", limit: 4, period: 'HOUR' },
      { name: 'every', byParameters: 'tenant', limit: 6, period: 'HOUR' },
    ];
    const gateway = await start({ type, config: { parameters: config.parameters, rules }, clock: minutes() });
    assert.equal(await admitted(gateway, 9, { headers: { 'x-tenant': 'gold' } }), 4);
    assert.equal(await admitted(gateway, 9, { headers: { 'x-tenant': 'iron' } }), 6);
  });

  test('a field of a form is read first', async () => {
    const rules = [{ name: 'field', byParameters: 'field', limit: 1, period: 'HOUR' }];
    const gateway = await start({
      type,
      config: { parameters: config.parameters, rules },
      clock: minutes(),
      auth: 'none',
    });
    const post = async (body: string) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return (await gateway.request('POST', '/one', { headers, body })).status;
    };
    assert.deepEqual([await post('field=a'), await post('field=b'), await post('field=a')], [200, 200, 429]);
  });

  test('seconds wait here too', async () => {
    const rules = [{ name: 'all', limit: 1, period: 'SECOND' }];
    const clock = minutes();
    const gateway = await start({ type, config: { rules }, clock });
    assert.equal(await admitted(gateway, 1), 1);
    const waiting = call(gateway);
    clock.advance(1000);
    assert.equal((await waiting).status, 200);
  });
});

suite('refused', () => {
  const rule = { name: 'a', limit: 1, period: 'DAY' };
  const rows: readonly (readonly [what: string, config: unknown, ...expected: RegExp[]])[] = [
    [
      'limits out of order',
      { unit: 'DAY', apiDefault: 5, userDefault: 6, appDefault: 7 },
      /^\.userDefault: found 6; it must not exceed `apiDefault`, which is 5$/,
      /^\.appDefault: found 7; it must not exceed `userDefault`, which is 6$/,
    ],
    [
      'an app over the API',
      { unit: 'DAY', apiDefault: 5, appDefault: 6 },
      /^\.appDefault: found 6; it must not exceed `apiDefault`/,
    ],
    [
      'a special over the API',
      { unit: 'DAY', apiDefault: 5, specials: [{ type: 'APP', policies: [{ key: 1, value: 6 }] }] },
      /^\.specials\[0\]\.policies\[0\]\.value: found 6; it must not exceed `apiDefault`, which is 5/,
    ],
    [
      'one twice',
      {
        unit: 'DAY',
        apiDefault: 5,
        specials: [
          {
            type: 'USER',
            policies: [
              { key: 'a', value: 1 },
              { key: 'a', value: 2 },
            ],
          },
        ],
      },
      /^\.specials\[0\]\.policies\[1\]\.key: "a" has a limit already/,
    ],
    [
      'an app that does not exist',
      { unit: 'DAY', apiDefault: 5, specials: [{ type: 'APP', policies: [{ key: 'unknown', value: 1 }] }] },
      /there is no app "unknown"/,
    ],
    ['no unit', { apiDefault: 5 }, /"unit" is missing/],
    ['no limit for the API', { unit: 'DAY' }, /"apiDefault" is missing/],
    ['a unit that is none', { unit: 'WEEK', apiDefault: 5 }, /^\.unit: .*SECOND, MINUTE, HOUR, DAY/],
    ['a mode that is none', { unit: 'DAY', apiDefault: 5, controlMode: 'TOKEN' }, /^\.controlMode: /],
    [
      'an unknown field',
      { unit: 'DAY', apiDefault: 5, apiDefalt: 5 },
      /^\.apiDefalt: unknown field; .*did you mean "apiDefault"/,
    ],
    ['nothing', {}, /there is no limit/],
    ['a default without a period', { defaultLimit: 5 }, /given together/],
    [
      'a parameter from nowhere',
      { parameters: { ip: 'Sytem:CaClientIp' }, rules: [rule] },
      /^\.parameters\.ip: .*did you mean System/,
    ],
    [
      'a name from nowhere',
      { rules: [{ ...rule, byParameters: 'tenant' }] },
      /^\.rules\[0\]\.byParameters: there is no parameter "tenant"/,
    ],
    [
      'a condition that is none',
      { rules: [{ ...rule, condition: '$CaAppId =' }] },
      /^\.rules\[0\]\.condition: /,
    ],
    [
      'more than 50 KB',
      { rules: [{ ...rule, byParameters: `CaAppId${', CaAppId'.repeat(6000)}` }] },
      /^: the document has 54\d\d\d bytes as JSON; at most 51200/,
    ],
    ['two of a name', { rules: [rule, rule] }, /^\.rules\[1\]\.name: found "a", as in rules\[0\]/],
  ];
  for (const [what, config, ...expected] of rows) {
    test(what, async () => {
      const found = await problems(config);
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern);
      assert.equal(found.length, expected.length, found.join('\n'));
    });
  }
});
