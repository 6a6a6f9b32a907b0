import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayWith, key } from './testing.ts';

/** Repeatable whole numbers below a limit (xorshift). */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const pieces = [
  'SDK-HMAC-SHA256',
  'V11-HMAC-SHA256',
  'SDK-HMAC-SM3',
  'Access=',
  'Credential=',
  'SignedHeaders=',
  'Signature=',
  key,
  ', ',
  ',',
  ';',
  '=',
  ' ',
  '\t',
  '/',
  '/sdk_request',
  'host',
  'x-sdk-date',
  'X-Sdk-Date',
  '__proto__',
  '"',
  '20231114T221320Z',
  '20231114',
  '0'.repeat(64),
  '\xff',
  '\xc3\xa9',
  '%0d%0a',
  'Basic ',
  'Bearer ',
  'a',
  '0',
  '-1',
  'code-of-the-caller-000000000000000000000000000000000000000000000000',
  '1700000000000',
  'HmacSHA256',
  'HmacSHA1',
];
const names = [
  'authorization',
  'x-sdk-date',
  'x-sdk-content-sha256',
  'x-apig-appcode',
  'x-ca-key',
  'x-ca-signature',
  'x-ca-timestamp',
  'x-ca-nonce',
  'x-ca-signature-headers',
  'x-ca-signature-method',
  'content-md5',
  'date',
  'x-auth-token',
];

test('whatever credentials a caller makes up, the answer is 401 and the backend is not called', async () => {
  const code = 'code-of-the-caller-000000000000000000000000000000000000000000000000';
  const gateway = await gatewayWith({
    auth: { type: 'app', appCode: true },
    apps: { caller: { key, secret: 'app-secret-that-nobody-may-see', appCodes: [code], apis: ['shop/all'] } },
  });
  const below = numbers(20_263);
  const text = (): string => Array.from({ length: below(12) }, () => pieces[below(pieces.length)]).join('');
  const statuses = new Map<number, number>();
  for (let round = 0; round < 4000; round += 1) {
    const headers: Record<string, string> = {};
    for (let count = 1 + below(5); count > 0; count -= 1) headers[names[below(names.length)] ?? ''] = text();
    if (below(2) === 0)
      headers['authorization'] =
        `SDK-HMAC-SHA256 Access=${key}, SignedHeaders=${text()}, Signature=${text()}`;
    if (headers['x-apig-appcode'] === code) continue;
    const scheme = below(2) === 0 ? 'http' : 'https';
    const { status } = await gateway.request(
      below(2) === 0 ? 'GET' : 'POST',
      `${scheme}://test/${text().replaceAll(/[^!-~]/g, '')}`,
      { headers },
    );
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assert.deepEqual(
    [...statuses.keys()].filter((status) => status !== 401),
    [],
  );
  assert.equal(gateway.backendRequests.length, 0);
});
