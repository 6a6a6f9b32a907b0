import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Caller, noAccount, noIp, outcome, start, unknown } from './testing.ts';

const listed = [
  '192.0.2.7',
  '198.51.100.0/24',
  '203.0.113.5-203.0.113.9',
  '2001:db8::/32',
  '2001:dead::1-2001:dead::ff',
];

/** Guide, table 3-20, row by row. */
const table320: readonly (readonly [
  row: string,
  config: unknown,
  callers: readonly (readonly [Caller, string])[],
])[] = [
  [
    'IP address, Allow',
    { subject: 'ip', effect: 'allow', values: listed },
    [
      [{ ip: '192.0.2.7' }, '200'],
      [{ ip: '192.0.2.8' }, noIp],
      [{ ip: '198.51.100.0' }, '200'],
      [{ ip: '198.51.100.255' }, '200'],
      [{ ip: '198.51.101.0' }, noIp],
      [{ ip: '203.0.113.4' }, noIp],
      [{ ip: '203.0.113.5' }, '200'],
      [{ ip: '203.0.113.9' }, '200'],
      [{ ip: '203.0.113.10' }, noIp],
      [{ ip: '2001:db8:ffff::1' }, '200'],
      [{ ip: '2001:db9::' }, noIp],
      [{ ip: '2001:dead::' }, noIp],
      [{ ip: '2001:dead::1' }, '200'],
      [{ ip: '2001:dead::ff' }, '200'],
      [{ ip: '2001:dead::100' }, noIp],
      [{ ip: '::ffff:192.0.2.7' }, '200'],
      [{ ip: '::ffff:192.0.2.8' }, noIp],
      [{ ip: '' }, unknown],
    ],
  ],
  [
    'IP address, Deny',
    { subject: 'ip', effect: 'deny', values: listed },
    [
      [{ ip: '192.0.2.7' }, noIp],
      [{ ip: '::ffff:192.0.2.7' }, noIp],
      [{ ip: '192.0.2.8' }, '200'],
      [{ ip: '198.51.100.77' }, noIp],
      [{ ip: '203.0.113.7' }, noIp],
      [{ ip: '2001:db8::' }, noIp],
      [{ ip: '2001:db8:0:0:0:0:0:1%eth0' }, noIp],
      [{ ip: '2001:db9::1' }, '200'],
      [{ ip: 'unknown' }, unknown],
    ],
  ],
  [
    'Account name, Allow',
    { subject: 'account', effect: 'allow', values: ['aaa', 'bbb'] },
    [
      [{ account: 'aaa' }, '200'],
      [{ account: 'bbb' }, '200'],
      [{ account: 'ccc' }, noAccount],
      [{ account: 'AAA' }, noAccount],
      [{ account: '' }, noAccount],
      [{}, noAccount],
    ],
  ],
  [
    'Account name, Deny',
    { subject: 'account', effect: 'deny', values: ['aaa', 'bbb'] },
    [
      [{ account: 'aaa' }, noAccount],
      [{ account: 'bbb' }, noAccount],
      [{ account: 'ccc' }, '200'],
      [{}, '200'],
    ],
  ],
];

suite('table 3-20', () => {
  for (const [row, config, callers] of table320) {
    test(row, async () => {
      const gateway = await start([config]);
      // Twice: the second time the verdict is remembered.
      for (const [caller, expected] of [...callers, ...callers]) {
        assert.equal(await outcome(gateway, caller), expected, JSON.stringify(caller));
      }
    });
  }
});

test('refusals have the messages of the guide', async () => {
  const gateway = await start([{ subject: 'ip', effect: 'deny', values: ['192.0.2.1'] }]);
  const message = async (clientAddress: string) => {
    const answer = await gateway.request('GET', '/admin', { clientAddress });
    return (answer.json() as { error_msg: string }).error_msg;
  };
  assert.equal(await message('192.0.2.1'), 'The IP address is not authorized to access the API.');
  assert.equal(await message(''), 'Unknown client IP address.');
  const accounts = await start([{ subject: 'account', effect: 'allow', values: ['acme'] }]);
  const answer = await accounts.request('GET', '/admin');
  assert.equal(
    (answer.json() as { error_msg: string }).error_msg,
    'The IAM user is not authorized to access the API.',
  );
});

test('without an authenticator nobody has an account', async () => {
  const gateway = await start([{ subject: 'account', effect: 'allow', values: ['acme'] }], 'none');
  assert.equal(await outcome(gateway, { account: 'acme' }), noAccount);
});

test('an address policy and an account policy both hold, in their environment only', async () => {
  const gateway = await start([
    { subject: 'ip', effect: 'allow', values: ['192.0.2.0/24'] },
    { subject: 'account', effect: 'deny', values: ['globex'] },
  ]);
  assert.equal(await outcome(gateway, { ip: '192.0.2.1', account: 'acme' }), '200');
  assert.equal(await outcome(gateway, { ip: '198.51.100.1', account: 'acme' }), noIp);
  assert.equal(await outcome(gateway, { ip: '192.0.2.1', account: 'globex' }), noAccount);
  assert.equal(await outcome(gateway, { ip: '198.51.100.1', account: 'globex', stage: 'TEST' }), '200');
});

test('two policies of a kind are refused', async () => {
  const policy = { subject: 'ip', effect: 'allow', values: ['192.0.2.1'] };
  await assert.rejects(
    start([policy, policy]),
    /shop\/admin in RELEASE already has a policy for access by ip, bound by/,
  );
});

test('explain tells the lists', async () => {
  const gateway = await start([
    {
      subject: 'ip',
      effect: 'allow',
      values: ['192.0.2.0/24', '2001:db8::1'],
      clientAddress: { from: 'forwarded-for' },
    },
    { subject: 'account', effect: 'deny', values: ['globex'] },
  ]);
  const own = (headers = {}): string[] =>
    gateway.describe('GET', '/admin', { headers }).filter((line) => line.startsWith('policy-'));
  assert.deepEqual(own(), [
    'policy-0: only these addresses may call: 192.0.2.0/24, 2001:db8::1 (read from X-Forwarded-For)',
    'policy-1: everybody but these accounts may call: globex',
  ]);
  assert.deepEqual(own({ 'x-stage': 'TEST' }), []);
});
