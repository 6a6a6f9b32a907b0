import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { noIp, outcome, start, unknown } from './testing.ts';

suite('X-Forwarded-For', () => {
  const policy = (index?: number) => ({
    subject: 'ip',
    effect: 'allow',
    values: ['192.0.2.1', '2001:db8::1'],
    clientAddress: { from: 'forwarded-for', ...(index === undefined ? {} : { index }) },
  });
  const rows: readonly (readonly [number | undefined, string | readonly string[] | undefined, string])[] = [
    [undefined, '198.51.100.1, 192.0.2.1', '200'],
    [undefined, '192.0.2.1, 198.51.100.1', noIp],
    [undefined, ['192.0.2.1', '198.51.100.1'], noIp],
    [undefined, ['198.51.100.1', '192.0.2.1'], '200'],
    [-1, '192.0.2.1', '200'],
    [-2, '192.0.2.1, 198.51.100.1', '200'],
    [-2, '192.0.2.1', unknown],
    [0, '192.0.2.1, 198.51.100.1', '200'],
    [0, '198.51.100.1, 192.0.2.1', noIp],
    [1, '198.51.100.1, 192.0.2.1', '200'],
    [1, '192.0.2.1', unknown],
    [0, '192.0.2.1:4711', '200'],
    [0, '[2001:db8::1]:4711', '200'],
    [0, '[2001:db8::1]', '200'],
    [0, '2001:db8::1', '200'],
    [0, '::ffff:192.0.2.1', '200'],
    [0, ' , 192.0.2.1,', '200'],
    [0, 'unknown', unknown],
    [0, '192.0.2.1 192.0.2.1', unknown],
    [0, '', unknown],
    [0, undefined, unknown],
  ];
  for (const [index, forwardedFor, expected] of rows) {
    test(`entry ${index} of ${JSON.stringify(forwardedFor)}: ${expected}`, async () => {
      const gateway = await start([policy(index)]);
      const caller = { ip: '192.0.2.1', ...(forwardedFor === undefined ? {} : { forwardedFor }) };
      assert.equal(await outcome(gateway, caller), expected);
    });
  }

  test('does not count unless configured', async () => {
    const gateway = await start([{ subject: 'ip', effect: 'allow', values: ['192.0.2.1'] }]);
    assert.equal(await outcome(gateway, { ip: '198.51.100.1', forwardedFor: '192.0.2.1' }), noIp);
  });
});
