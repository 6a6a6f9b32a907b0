import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Fleet, ask } from './support.ts';
import { limitedFleet, windows } from './windows.ts';

test('two workers together admit a hundred in each second, over reloads too, and log whole lines', async (t) => {
  const told = await windows(t, await limitedFleet(), { count: 5, changes: 3 });
  for (const { admitted, expected } of told) assert.equal(admitted, expected, JSON.stringify(told));
  t.diagnostic(`asked in each window: ${told.map(({ asked }) => asked).join(', ')}`);
});

test('a nonce that one worker has seen is refused in the other', async () => {
  const fleet = await Fleet.start({
    workers: 2,
    bindings: [],
    apis: {
      'g/signed': {
        request: { method: 'GET', path: '/signed' },
        auth: { type: 'app', forceNonce: true },
        backend: { type: 'mock', body: 'signed' },
      },
    },
    apps: { mobile: { key: 'mobile-key', secret: 'mobile-secret', apis: ['g/signed'] } },
  });
  for (let turn = 0; turn < 10; turn += 1) {
    const headers = signed(`nonce-${turn}`);
    // The worker that has fewer connections gets the next one: of six both get some.
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => ask(fleet.port, '/signed', { headers })),
    );
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    assert.deepEqual(statuses, [200, 401, 401, 401, 401, 401]);
    const refused = answers.filter(({ status }) => status === 401);
    for (const { headers: told } of refused) assert.match(String(told['x-ca-error-message']), /Nonce Used/);
  }
  const { workers } = await fleet.status();
  assert.equal(workers.length, 2);
});

function signed(nonce: string): Record<string, string> {
  const own = { 'x-ca-key': 'mobile-key', 'x-ca-nonce': nonce, 'x-ca-timestamp': String(Date.now()) };
  const lines = Object.entries(own).map(([name, value]) => `${name}:${value}`);
  const text = ['GET', '', '', '', '', ...lines, '/signed'].join('\n');
  return {
    ...own,
    'x-ca-signature-method': 'HmacSHA256',
    'x-ca-signature-headers': Object.keys(own).join(','),
    'x-ca-signature': createHmac('sha256', 'mobile-secret').update(text).digest('base64'),
  };
}
