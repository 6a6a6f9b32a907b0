import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { hmacBase64, hmacHex, isSameText } from './hmac.ts';

const texts = [
  '',
  'a',
  'GET\n\n/張三🚀',
  'x'.repeat(1344),
  'x'.repeat(1345),
  '张'.repeat(1345),
  '\ud800 lone',
];
const secrets = ['s', 'sécret-🚀', 'k'.repeat(64), 'k'.repeat(65), 'k'.repeat(300)];

for (const digest of ['sha256', 'sha1'] as const) {
  test(`${digest}: the quick construction is the HMAC, whatever the lengths, keys interleaved`, () => {
    const keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
    for (const text of texts) {
      for (const [index, secret] of secrets.entries()) {
        const expected = createHmac(digest, secret).update(text, 'utf8').digest();
        for (const key of [secret, keys[index] ?? '']) {
          assert.equal(hmacBase64(digest, key, text), expected.toString('base64'));
          assert.equal(hmacHex(digest, key, text), expected.toString('hex'));
        }
      }
    }
  });
}

test('texts compare without throwing, whatever their lengths', () => {
  assert.ok(isSameText('abc', 'abc'));
  for (const given of ['', 'ab', 'abcd', 'abd', 'ab\u0163', 'ab\u{10063}', 'ABC']) {
    assert.equal(isSameText('abc', given), false, given);
  }
});
