import assert from 'node:assert/strict';
import { createHmac, createSecretKey, hash } from 'node:crypto';
import { test } from 'node:test';
import { hmacBase64, hmacHex, hmacHexOfHash, isHmacHexOfHash, isSameText } from './hmac.ts';

const texts = [
  '',
  'a',
  'GET\n\n/張三🚀',
  'x'.repeat(1344),
  'x'.repeat(1345),
  ...[54, 55, 56, 63, 64, 65, 118, 119, 120, 1362, 1363].map((length) => 'y'.repeat(length)),
  '张'.repeat(1345),
  '张'.repeat(1362),
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

test('the HMAC of a text that ends with the hash of another', () => {
  for (const secret of secrets) {
    for (const key of [secret, createSecretKey(secret, 'utf8')]) {
      for (const start of ['', 'SDK-HMAC-SHA256\n', '\u{1f600}', 'x'.repeat(1300), 'x'.repeat(1350)]) {
        for (const text of texts) {
          const whole = start + hash('sha256', text, 'hex');
          const expected = createHmac('sha256', secret).update(whole, 'utf8').digest('hex');
          assert.equal(hmacHexOfHash(key, start, text), expected);
          assert.ok(isHmacHexOfHash(key, start, text, expected));
          for (const wrong of [
            `x${expected.slice(1)}`,
            `${expected.slice(1)}x`,
            expected.toUpperCase(),
            '',
            `${expected}0`,
          ])
            assert.equal(isHmacHexOfHash(key, start, text, wrong), false, wrong);
        }
      }
    }
  }
});

test('each digit of an HMAC counts', () => {
  const key = createSecretKey('s', 'utf8');
  const right = hmacHexOfHash(key, '', '');
  for (let at = 0; at < right.length; at++) {
    for (const other of ['g', '\u0100', right[at] === '0' ? '1' : '0']) {
      const wrong = right.slice(0, at) + other + right.slice(at + 1);
      assert.equal(isHmacHexOfHash(key, '', '', wrong), false, wrong);
    }
  }
});

test('texts compare without throwing, whatever their lengths', () => {
  assert.ok(isSameText('abc', 'abc'));
  for (const given of ['', 'ab', 'abcd', 'abd', 'ab\u0163', 'ab\u{10063}', 'ABC']) {
    assert.equal(isSameText('abc', given), false, given);
  }
});

test('texts compare at any length, by their bytes', () => {
  for (const letter of ['a', 'é', '\u20ac', '\u{1f600}']) {
    for (const count of [0, 1, 63, 64, 127, 128, 129, 5000]) {
      const text = letter.repeat(count);
      assert.ok(isSameText(text, letter.repeat(count)), `${count} ${letter}`);
      assert.equal(isSameText(text, `${text}b`), false, `${count} ${letter}`);
      assert.equal(isSameText(`${text}c`, `${text}b`), false, `${count} ${letter}`);
      assert.equal(isSameText(`c${text}`, `b${text}`), false, `${count} ${letter}`);
    }
  }
  // As many letters, and the low bytes of the others.
  assert.equal(isSameText('abc', '\u0161\u0162\u0163'), false);
});
