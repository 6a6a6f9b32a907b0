import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { parseAuthorization } from './huawei-authorization.ts';
import { canonicalQuery, maxQueryParameters } from './huawei-canonical.ts';
import { bodyHash, emptyBodyHash, unsignedPayload } from './huawei-message.ts';
import { signHuawei } from './huawei-sign.ts';
import {
  huaweiMessage,
  signatureIn,
  vectorBodyHash,
  vectorMessage,
  vectors,
  wire,
} from './huawei-testing.ts';
import { verifyHuawei } from './huawei.ts';
import { randomNumbers, withFields, type MessageParts } from './alibaba-testing.ts';

const secret = createSecretKey('apig-test-secret-key-0123456789abcdef', 'utf8');
const signature = 'c67ef2a9e2e174e126612b966632423d7bd600060abd46731af2c37f86238850';

/** Every text that differs from the given one in one bit of one byte. */
function* flips(text: string): Generator<string> {
  for (let index = 0; index < text.length; index++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = String.fromCharCode(text.charCodeAt(index) ^ (1 << bit));
      yield text.slice(0, index) + flipped + text.slice(index + 1);
    }
  }
}

/** A slash at the end of a path is unsigned, and one bit makes it the start of an empty query. */
function isSameTarget(left: string, right: string): boolean {
  return left.replace(/[/?]$/, '') === right.replace(/[/?]$/, '');
}

function isGood(parts: MessageParts, body: string, authorization: string, key = secret): boolean {
  const parsed = parseAuthorization(authorization);
  return parsed?.kind === 'signature' && verifyHuawei(huaweiMessage(parts), body, parsed, key).ok;
}

for (const vector of vectors.vectors) {
  test(`vector ${vector.name}: any other bit of a signed part is refused`, () => {
    const { authorization } = vector;
    const parts = vectorMessage(vector);
    const body = vectorBodyHash(vector);
    assert.ok(isGood(parts, body, authorization));
    for (const target of flips(parts.target ?? '')) {
      if (isSameTarget(target, parts.target ?? '')) continue;
      assert.equal(isGood({ ...parts, target }, body, authorization), false, target);
    }
    for (const name of signatureIn(authorization).names.sorted) {
      const key = Object.keys(parts.headers ?? {}).find((each) => each.toLowerCase() === name) ?? '';
      for (const value of flips(parts.headers?.[key] ?? '')) {
        const headers = { ...parts.headers, [key]: value };
        assert.equal(isGood({ ...parts, headers }, body, authorization), false, `${name}: ${value}`);
      }
    }
    if (vector.payload_hash !== unsignedPayload) {
      for (const other of flips(body)) assert.equal(isGood(parts, other, authorization), false);
    }
    for (const value of flips(signatureIn(authorization).signature)) {
      const other = authorization.replace(/Signature=.*/, `Signature=${value}`);
      assert.equal(isGood(parts, body, other), false, other);
    }
    assert.equal(isGood({ ...parts, method: 'PATCH' }, body, authorization), false);
    assert.equal(isGood(parts, body, authorization, createSecretKey('another', 'utf8')), false);
    const fewer = authorization.replace(/SignedHeaders=[^;]+;/, 'SignedHeaders=');
    assert.notEqual(fewer, authorization);
    assert.equal(isGood(parts, body, fewer), false);
    assert.equal(isGood(parts, body, authorization.replace(', Signature', ';x-more, Signature')), false);
  });
}

test('a repeated signed header counts with all its lines', () => {
  const parts: MessageParts = { headers: { host: 'h', 'x-role': 'guest' } };
  const signing = { key: 'k', secret, timestampMs: 0, host: 'h', names: ['x-role'] };
  const sent = withFields(parts, signHuawei(huaweiMessage(parts), emptyBodyHash, signing));
  const authorization = sent.headers?.['authorization'] ?? '';
  assert.ok(isGood(sent, emptyBodyHash, authorization));
  const slipped = { ...sent, headers: { ...sent.headers, 'x-role': 'guest, admin' } };
  assert.equal(isGood(slipped, emptyBodyHash, authorization), false);
});

test('more parameters than allowed are refused and not cut off', () => {
  const most = Array.from({ length: maxQueryParameters }, (_, index) => `p${index}`).join('&');
  assert.notEqual(canonicalQuery(most), undefined);
  const message = huaweiMessage({ target: `/?${most}&x`, headers: { 'x-sdk-date': '20260115T033655Z' } });
  const authorization = signatureIn('SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=b');
  const expected = { ok: false, reason: 'parameters', canonicalRequest: '' };
  assert.deepEqual(verifyHuawei(message, emptyBodyHash, authorization, secret), expected);
  assert.equal(
    signHuawei(message, emptyBodyHash, { key: 'k', secret, timestampMs: 0, host: 'h' }),
    undefined,
  );
});

const escapes = ['%20', '%2F', '%E5%BC%A0', '%FF', '%zz', '%', '%2', '%25'];
const pieces = ['__proto__', ...escapes, ...'a Z 0 + = & ? / # , : ; - _ ~ . " < >'.split(' '), ' '];
const wide = ['é', '张', '🚀', '\ud800', '\ufffd', '\n', '\0', '\xc3\xa9', '\xff'];

function textsOf(random: () => number, from: readonly string[]): (length?: number) => string {
  return (length = 12) => {
    let text = '';
    for (let count = Math.floor(random() * length); count > 0; count--) {
      text += from[Math.floor(random() * from.length)] ?? '';
    }
    return text;
  };
}

test('whatever a client sends, it is parsed and refused, and nothing throws', () => {
  const random = randomNumbers(1);
  const text = textsOf(random, [
    ...pieces,
    ...wide,
    'Access=',
    'Credential=',
    'SignedHeaders=',
    'Signature=',
    ', ',
  ]);
  let parsedCount = 0;
  for (let round = 0; round < 8000; round++) {
    const names = random() < 0.5 ? 'x-sdk-date;host;x_a' : text();
    const loose = `SDK-HMAC-SHA256 ${text(20)}`;
    const close = `SDK-HMAC-SHA256 Access=${text(3)}a, SignedHeaders=${names}, Signature=${text(3)}${signature}`;
    const authorization = parseAuthorization(random() < 0.3 ? loose : close);
    if (authorization?.kind !== 'signature') continue;
    parsedCount++;
    const headers: Record<string, string> = { 'x-sdk-date': '20260115T033655Z' };
    if (random() < 0.1) headers['x-sdk-date'] = text();
    if (random() < 0.2) headers['x-sdk-content-sha256'] = text();
    if (random() < 0.7) headers['host'] = text();
    if (random() < 0.5) headers['x_a'] = text();
    const message = huaweiMessage({ method: text(3), target: text(30), headers });
    const body = random() < 0.9 ? emptyBodyHash : undefined;
    const verdict = verifyHuawei(message, body, authorization, secret);
    assert.equal(verdict.ok, false);
  }
  assert.ok(parsedCount > 1000);
});

test('what signHuawei signs verifies, and nothing else does', () => {
  const random = randomNumbers(2);
  const text = textsOf(random, [...pieces, '张', '🚀', 'é']);
  for (let round = 0; round < 2000; round++) {
    const body = bodyHash(Buffer.from(text(40)));
    const headers = { host: `h${round}`, 'x-a': wire(text()), x_b: text(), 'x-not-signed': '1' };
    const target = `/${wire(text().replaceAll('?', ''))}${random() < 0.7 ? `?${wire(text(30))}` : ''}`;
    const parts: MessageParts = { method: 'PUT', target, headers };
    const signing = {
      key: 'k',
      secret,
      timestampMs: round * 1000,
      host: headers.host,
      names: ['X-A', 'x_b'],
    };
    const payload = random() < 0.3 ? unsignedPayload : body;
    const sent = withFields(parts, signHuawei(huaweiMessage(parts), payload, signing));
    const authorization = signatureIn(sent.headers?.['authorization'] ?? '');
    const good = (parts: MessageParts): boolean =>
      verifyHuawei(huaweiMessage(parts), body, authorization, secret).ok;
    const verdict = verifyHuawei(huaweiMessage(sent), body, authorization, secret);
    assert.ok(verdict.ok && verdict.variant === 'documented', JSON.stringify(sent));
    assert.equal(verdict.timestampMs, round * 1000);
    assert.equal(verdict.isBodySigned, payload === body);
    for (const name of ['host', 'x-a', 'x_b']) {
      assert.equal(
        good({ ...sent, headers: { ...sent.headers, [name]: `${sent.headers?.[name]}!` } }),
        false,
      );
    }
    assert.ok(good({ ...sent, headers: { ...sent.headers, 'x-not-signed': '2' } }));
    assert.equal(good({ ...sent, target: `/!${target}` }), false);
    assert.equal(good({ ...sent, target: `${target}${target.includes('?') ? '&' : '?'}more` }), false);
  }
});
