import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { start } from './testing.ts';

suite('refused configurations', () => {
  const ip = (...values: string[]) => ({ subject: 'ip', effect: 'deny', values });
  const account = (...values: string[]) => ({ subject: 'account', effect: 'deny', values });
  const rows: readonly (readonly [config: unknown, path: string, message: RegExp])[] = [
    ...[
      'localhost',
      '192.0.2',
      '192.0.2.256',
      '192.0.2.01',
      '192.0.2.0/33',
      '192.0.2.0/',
      '2001:db8::/129',
      '',
    ].map((value) => [ip('192.0.2.1', value), 'values[1]', /found ""|allowed: an address/] as const),
    ...[
      '192.0.2.1-',
      '-192.0.2.1',
      '192.0.2.1-192.0.2.2-192.0.2.3',
      '192.0.2.0/24-192.0.2.9',
      'fe80::1%a-fe80::2',
    ].map((value) => [ip(value), 'values[0]', /allowed: an address/] as const),
    [ip('192.0.2.9-192.0.2.1'), 'values[0]', /begins with its lower address/],
    [ip('192.0.2.1-2001:db8::1'), 'values[0]', /both ends of a range must be IPv4, or both IPv6/],
    [ip(), 'values', /found a list of 0/],
    [ip(...Array.from({ length: 10_001 }, () => '192.0.2.1')), 'values', /found a list of 10001/],
    [account('aaa,bbb'), 'values[0]', /found "aaa,bbb"; allowed: the name of one account/],
    [account('aaa '), 'values[0]', /the name of one account/],
    [{ ...account('a'), clientAddress: { from: 'connection' } }, 'clientAddress', /accounts have no address/],
    [
      { ...ip('::1'), clientAddress: { index: 0 } },
      'clientAddress.index',
      /only X-Forwarded-For has entries/,
    ],
    [{ ...ip('::1'), effect: 'block' }, 'effect', /allowed: allow, deny/],
    [{ ...ip('::1'), subject: 'user' }, 'subject', /allowed: ip, account/],
  ];
  for (const [config, path, message] of rows) {
    test(JSON.stringify(config).slice(0, 90), async () => {
      await assert.rejects(start([config]), (error: unknown) => {
        const { problems } = error as {
          problems: { path: string; message: string; at?: { line: number } }[];
        };
        assert.deepEqual(
          problems.map((problem) => problem.path),
          [`plugins.policy-0.config.${path}`],
        );
        assert.match(problems[0]?.message ?? '', message);
        assert.ok((problems[0]?.at?.line ?? 0) > 1, 'it says where');
        return true;
      });
    });
  }

  test('ten thousand values are allowed', async () => {
    await start([ip(...Array.from({ length: 10_000 }, (_, at) => `192.0.${at % 250}.${at % 251}`))]);
  });
});
