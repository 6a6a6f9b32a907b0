import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { type Call, admitted, configOf, start } from './testing.ts';

const minute = { value: 1, unit: 'minute' } as const;

/** Guide, table 3-18, row by row: 10 calls by each caller in order, and how many of them pass. */
const table318: readonly {
  row: string;
  config: Record<string, unknown>;
  calls: readonly (readonly [who: Call, passed: number])[];
}[] = [
  {
    row: 'Type: API-based',
    config: { scope: 'api', period: minute, limits: { api: 4 } },
    calls: [
      [{ path: '/one' }, 4],
      [{ path: '/two' }, 4],
      [{ path: '/one', stage: 'TEST' }, 4],
    ],
  },
  {
    row: 'Type: API-based, when nothing is said',
    config: { period: minute, limits: { api: 4 } },
    calls: [
      [{ path: '/one' }, 4],
      [{ path: '/two' }, 4],
    ],
  },
  {
    row: 'Type: API-shared',
    config: { scope: 'shared', period: minute, limits: { api: 15 } },
    calls: [
      [{ path: '/one' }, 10],
      [{ path: '/two' }, 5],
      [{ path: '/one', stage: 'TEST' }, 0],
    ],
  },
  {
    row: 'Type: API-shared, user and address counted together too',
    config: { scope: 'shared', period: minute, limits: { api: 100, user: 3, ip: 12 } },
    calls: [
      [{ path: '/one', user: 'acme/alice' }, 3],
      [{ path: '/two', user: 'acme/alice' }, 0],
      [{ path: '/two', app: 'mobile' }, 3],
      [{ path: '/two', app: 'web' }, 3],
      [{ path: '/one', app: 'tv' }, 3],
      [{ path: '/one', app: 'car' }, 0],
    ],
  },
  {
    row: 'Max. API Requests',
    config: { period: minute, limits: { api: 12 } },
    calls: [
      [{ app: 'mobile', ip: '192.0.2.1' }, 10],
      [{ user: 'acme/alice', ip: '192.0.2.2' }, 2],
      [{ ip: '192.0.2.3' }, 0],
    ],
  },
  {
    row: 'Max. User Requests',
    config: { period: minute, limits: { api: 100, user: 3 } },
    calls: [
      [{ user: 'acme/alice' }, 3],
      [{ user: 'globex/bob' }, 3],
      [{ user: 'carol' }, 3],
      [{ user: 'dave' }, 3],
    ],
  },
  {
    row: 'Max. User Requests: all users of an account together',
    config: { period: minute, limits: { api: 100, user: 13 } },
    calls: [
      [{ user: 'acme/alice' }, 10],
      [{ user: 'acme/anna' }, 3],
      [{ user: 'globex/anna' }, 10],
    ],
  },
  {
    row: 'Max. User Requests: app callers too, by their owner where one is known',
    config: { period: minute, limits: { api: 100, user: 3 } },
    calls: [
      [{ app: 'mobile' }, 3],
      [{ app: 'web' }, 3],
      [{ app: 'owned', user: 'acme/alice' }, 3],
      [{ app: 'owned-too', user: 'acme/anna' }, 0],
    ],
  },
  {
    row: 'Max. User Requests: nobody whose account and app are unknown',
    config: { period: minute, limits: { user: 3 } },
    calls: [[{}, 10]],
  },
  {
    row: 'Max. App Requests',
    config: { period: minute, limits: { api: 100, user: 50, app: 3 } },
    calls: [
      [{ app: 'mobile' }, 3],
      [{ app: 'web' }, 3],
      [{ user: 'acme/alice' }, 10],
      [{}, 10],
    ],
  },
  {
    row: 'Max. IP Address Requests',
    config: { period: minute, limits: { api: 10, ip: 5 } },
    calls: [
      [{ ip: '192.0.2.1' }, 5],
      [{ ip: '2001:db8::1' }, 5],
      [{ ip: '192.0.2.3' }, 0],
    ],
  },
];

suite('table 3-18', () => {
  for (const { row, config, calls } of table318) {
    test(row, async () => {
      const gateway = await start({ config });
      for (const [who, passed] of calls)
        assert.equal(await admitted(gateway, 10, who), passed, JSON.stringify(who));
    });
  }

  for (const [unit, ms] of Object.entries({
    second: 1000,
    minute: 60_000,
    hour: 3_600_000,
    day: 86_400_000,
  })) {
    test(`Period: 3 ${unit}s, exact at the edges`, async () => {
      const periodMs = 3 * ms;
      const clock = new VirtualClock(periodMs * 1000);
      const gateway = await start({ config: { period: { value: 3, unit }, limits: { api: 7 } }, clock });
      assert.equal(await admitted(gateway, 20), 7);
      clock.advance(periodMs - 1);
      assert.equal(await admitted(gateway, 20), 0);
      clock.advance(1);
      assert.equal(await admitted(gateway, 20), 7);
      clock.advance(periodMs * 5);
      assert.equal(await admitted(gateway, 20), 7);
    });
  }
});

/** Table 3-19 and the precedences of 3.3: an exception replaces its own limit and no other. */
const table319: typeof table318 = [
  {
    row: "the guide's example",
    config: { period: minute, limits: { api: 10, user: 3 }, exceptions: { tenants: { A: 2, B: 4 } } },
    calls: [
      [{ user: 'A/x' }, 2],
      [{ user: 'B/x' }, 4],
      [{ user: 'C/x' }, 3],
      [{ user: 'D/x' }, 1],
    ],
  },
  {
    row: 'Account ID: whichever of its users calls',
    config: { period: minute, limits: { api: 100, user: 3 }, exceptions: { tenants: { A: 14 } } },
    calls: [
      [{ user: 'A/x' }, 10],
      [{ user: 'A/y' }, 4],
    ],
  },
  {
    row: 'Account ID: of the owner of an app',
    config: { period: minute, limits: { api: 100, user: 3 }, exceptions: { tenants: { A: 5 } } },
    calls: [[{ app: 'mobile', user: 'A/x' }, 5]],
  },
  {
    row: 'an excluded tenant leaves API and app limits valid',
    config: { period: minute, limits: { api: 9, user: 4, app: 3 }, exceptions: { tenants: { A: 8 } } },
    calls: [
      [{ app: 'mobile', user: 'A/x' }, 3],
      [{ app: 'web', user: 'A/x' }, 3],
      [{ user: 'A/x' }, 2],
      [{ user: 'B/x' }, 1],
    ],
  },
  {
    row: 'an excluded app has its own limit instead of the common one',
    config: {
      period: minute,
      limits: { api: 100, user: 50, app: 3 },
      exceptions: { apps: { stranger: 1, friend: 8 } },
    },
    calls: [
      [{ app: 'stranger' }, 1],
      [{ app: 'friend' }, 8],
      [{ app: 'mobile' }, 3],
    ],
  },
  {
    row: 'an excluded app leaves API and user limits valid',
    config: { period: minute, limits: { api: 5, user: 4, app: 3 }, exceptions: { apps: { friend: 5 } } },
    calls: [
      [{ app: 'friend' }, 4],
      [{ app: 'mobile' }, 1],
    ],
  },
  {
    row: 'an exception without a common limit',
    config: {
      period: minute,
      limits: { api: 100 },
      exceptions: { apps: { stranger: 1 }, tenants: { A: 2 } },
    },
    calls: [
      [{ app: 'stranger' }, 1],
      [{ app: 'mobile' }, 10],
      [{ user: 'A/x' }, 2],
      [{ user: 'B/x' }, 10],
    ],
  },
];

suite('table 3-19', () => {
  for (const { row, config, calls } of table319) {
    test(row, async () => {
      const gateway = await start({ config });
      for (const [who, passed] of calls)
        assert.equal(await admitted(gateway, 10, who), passed, JSON.stringify(who));
    });
  }
});

test('a call that one limit refuses is counted by none', async () => {
  const gateway = await start({ config: { period: minute, limits: { api: 10, ip: 2 } } });
  assert.equal(await admitted(gateway, 50, { ip: '192.0.2.1' }), 2);
  for (let host = 2; host <= 5; host += 1)
    assert.equal(await admitted(gateway, 50, { ip: `192.0.2.${host}` }), 2);
  assert.equal(await admitted(gateway, 50, { ip: '192.0.2.6' }), 0);
});

test('exactly N across reloads, whatever else they change', async () => {
  const config = { period: minute, limits: { api: 100, ip: 100 } };
  const gateway = await start({ config });
  assert.equal(await admitted(gateway, 60), 60);
  await gateway.reload(configOf({ config, section: { standardHeaders: false } }));
  assert.equal(await admitted(gateway, 30), 30);
  await gateway.reload(configOf({ config: { period: minute, limits: { api: 95 } } }));
  assert.equal(await admitted(gateway, 60), 5);
  await gateway.reload(configOf({ config }));
  assert.equal(await admitted(gateway, 60), 5);
});

test('a binding to one environment leaves the other on the default limit', async () => {
  const gateway = await start({
    config: { period: minute, limits: { api: 3 } },
    binding: { environments: ['TEST'] },
    section: { defaultPerSecond: 7 },
  });
  assert.equal(await admitted(gateway, 10, { stage: 'TEST' }), 3);
  assert.equal(await admitted(gateway, 10, { stage: 'RELEASE' }), 7);
});

test('explain tells the limits, the default one where no policy is bound', async () => {
  const gateway = await start({
    config: {
      scope: 'shared',
      period: { value: 2, unit: 'minute' },
      limits: { api: 100, user: 50, app: 3, ip: 1 },
      exceptions: { apps: { mobile: 9 }, tenants: { acme: 60 } },
    },
    binding: { environments: ['RELEASE'] },
    section: {},
  });
  const shared = 'in 2 minutes, all APIs of this policy together';
  assert.deepEqual(gateway.describe('GET', '/one'), [
    `policy: at most 100 calls of the API ${shared}`,
    `policy: at most 50 calls by one user ${shared}`,
    `policy: at most 3 calls by one app ${shared}`,
    `policy: at most 1 call from one address ${shared}`,
    `policy: at most 9 calls by the app mobile ${shared}`,
    `policy: at most 60 calls by the account acme ${shared}`,
  ]);
  assert.deepEqual(gateway.describe('GET', '/one', { headers: { 'x-stage': 'TEST' } }), [
    'throttling by default: at most 200 calls of the API a second, in all environments together',
  ]);
});
