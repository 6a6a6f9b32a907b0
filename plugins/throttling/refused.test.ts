import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { start } from './testing.ts';

interface Refused {
  readonly problems: readonly {
    readonly path: string;
    readonly message: string;
    readonly at?: { readonly line: number };
  }[];
}

const period = { value: 1, unit: 'minute' };

/** What is wrong, and where the message points. */
const rows: readonly (readonly [what: string, config: unknown, path: string, message: RegExp])[] = [
  [
    'user over api',
    { period, limits: { api: 2, user: 3 } },
    'limits.user',
    /found 3; .*`limits\.api`, which is 2/,
  ],
  [
    'app over user',
    { period, limits: { api: 9, user: 2, app: 3 } },
    'limits.app',
    /found 3; .*`limits\.user`, which is 2/,
  ],
  [
    'app over api',
    { period, limits: { api: 2, app: 3 } },
    'limits.app',
    /found 3; .*`limits\.api`, which is 2/,
  ],
  ['ip over api', { period, limits: { api: 2, ip: 3 } }, 'limits.ip', /found 3; .*`limits\.api`, which is 2/],
  [
    'an excluded app over api',
    { period, limits: { api: 2 }, exceptions: { apps: { friend: 3 } } },
    'exceptions.apps.friend',
    /found 3; .*`limits\.api`, which is 2/,
  ],
  [
    'an excluded tenant over api',
    { period, limits: { api: 2 }, exceptions: { tenants: { acme: 3 } } },
    'exceptions.tenants.acme',
    /found 3; .*`limits\.api`, which is 2/,
  ],
  [
    'an app that does not exist',
    { period, limits: { api: 2 }, exceptions: { apps: { 'unknown-app': 1 } } },
    'exceptions.apps.unknown-app',
    /there is no app "unknown-app"/,
  ],
  ['no limit at all', { period, limits: {} }, 'limits', /there is no limit; allowed: api, user, app, ip/],
  ['no period', { limits: { api: 2 } }, '', /"period" is missing/],
  [
    'a period of nothing',
    { period: { value: 0, unit: 'minute' }, limits: { api: 2 } },
    'period.value',
    /found 0/,
  ],
  [
    'a unit that is none',
    { period: { value: 1, unit: 'week' }, limits: { api: 2 } },
    'period.unit',
    /allowed: second, minute, hour, day/,
  ],
  ['a limit of nothing', { period, limits: { api: 0 } }, 'limits.api', /found 0/],
  ['half a call', { period, limits: { api: 1.5 } }, 'limits.api', /found 1\.5/],
  [
    'an exception of nothing',
    { period, limits: { api: 2 }, exceptions: { apps: { friend: 0 } } },
    'exceptions.apps.friend',
    /found 0/,
  ],
  ['a scope that is none', { scope: 'group', period, limits: { api: 2 } }, 'scope', /allowed: api, shared/],
  ['a misspelt limit', { period, limits: { apis: 2 } }, 'limits.apis', /unknown field; .*did you mean "api"/],
];

suite('refused configurations', () => {
  for (const [what, config, path, message] of rows) {
    test(what, async () => {
      await assert.rejects(start({ config }), (error: unknown) => {
        const { problems } = error as Refused;
        const [problem] = problems;
        assert.equal(problems.length, 1, JSON.stringify(problems));
        assert.equal(problem?.path, ['plugins.policy.config', path].filter(Boolean).join('.'));
        assert.match(problem?.message ?? '', message);
        assert.ok((problem?.at?.line ?? 0) > 1, 'it says where');
        return true;
      });
    });
  }

  for (const section of [{ defaultPerSecond: -1 }, { defaultPerSecond: '200' }, { standardHeader: true }]) {
    test(`section ${JSON.stringify(section)}`, async () => {
      await assert.rejects(start({ section }), (error: unknown) => {
        const paths = (error as Refused).problems.map(({ path }) => path);
        assert.deepEqual(paths, [`throttling.${Object.keys(section).join('')}`]);
        return true;
      });
    });
  }
});

test('equal numbers are allowed everywhere', async () => {
  const limits = { api: 5, user: 5, app: 5, ip: 5 };
  await start({ config: { period, limits, exceptions: { apps: { friend: 5 }, tenants: { acme: 5 } } } });
});
