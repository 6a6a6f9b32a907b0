import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { clientStrings, signClient, verifyClient } from './alibaba.ts';
import { contentMd5 } from './alibaba-message.ts';
import { readSignedNames } from './alibaba-names.ts';
import { message, vectorParts, vectors, withFields, type MessageParts } from './alibaba-testing.ts';

const secret = 'example-app-secret-0123456789abcdef';
const signing = { key: '200000001', secret, timestampMs: 1_700_000_000_000, nonce: 'nonce-1' };

/** Signs a string as given, so that the verifier meets what another client would have signed. */
function signedBy(parts: MessageParts, stringToSign: string, algorithm = 'sha256'): MessageParts {
  const signature = createHmac(algorithm, secret).update(stringToSign, 'utf8').digest('base64');
  return { ...parts, headers: { ...parts.headers, 'x-ca-signature': signature } };
}

function variantOf(parts: MessageParts): string {
  const verdict = verifyClient(message(parts), secret);
  return verdict.ok ? verdict.variant : verdict.reason;
}

function serverString(parts: MessageParts): string {
  const verdict = verifyClient(message(parts), secret);
  assert.ok(!verdict.ok);
  return verdict.serverStringToSign;
}

test('there are vectors', () => {
  assert.equal(vectors.client.length, 14);
  assert.equal(vectors.client.filter((vector) => vector.sdkQuirk).length, 1);
});

for (const vector of vectors.client) {
  const parts = vectorParts(vector);
  const quirk = vector.sdkQuirk ? 'joinedRepeats' : 'documented';

  test(`vector ${vector.name}: the ${quirk} string, and the signature verifies`, () => {
    const names = readSignedNames(vector.headers['x-ca-signature-headers'] ?? '');
    const strings = [...clientStrings(message(parts), names?.listed ?? [])];
    assert.equal(strings.find(({ variant }) => variant === quirk)?.text, vector.stringToSign);
    for (const key of [vector.appSecret, createSecretKey(vector.appSecret, 'utf8')]) {
      assert.deepEqual(verifyClient(message(parts), key), {
        ok: true,
        signedNames: names?.lowerCase,
        variant: quirk,
      });
    }
  });

  test(`vector ${vector.name}: any other bit, secret, method, path or signed header fails`, () => {
    const bytes = Buffer.from(vector.signature, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const headers = { ...vector.headers, 'x-ca-signature': flipped.toString('base64') };
      assert.equal(variantOf({ ...parts, headers }), 'mismatch');
    }
    assert.equal(verifyClient(message(parts), `${vector.appSecret}x`).ok, false);
    assert.equal(variantOf({ ...parts, method: 'PATCH' }), 'mismatch');
    assert.equal(variantOf({ ...parts, target: `/x${vector.request.url}` }), 'mismatch');
    const headers = { ...vector.headers, 'x-ca-nonce': 'another' };
    assert.equal(variantOf({ ...parts, headers }), 'mismatch');
  });

  test(`vector ${vector.name}: the refusal shows the string and never the signature`, () => {
    const headers = { ...vector.headers, 'x-ca-signature': 'AAAA' };
    const verdict = verifyClient(message({ ...parts, headers }), vector.appSecret);
    assert.ok(!verdict.ok && verdict.serverStringToSign.startsWith(vector.request.method));
    assert.ok(vector.sdkQuirk || verdict.serverStringToSign === vector.stringToSign);
    assert.ok(!JSON.stringify(verdict).includes(vector.signature));
  });
}

test('names are signed in their own letter case and sorted by bytes; those with lines of their own are left out', () => {
  const list =
    ' x-b , X-Z,X-b,x-b,,Accept,DATE,content-type,Content-MD5,X-Ca-Signature,x-ca-signature-headers, A ';
  const parts = { headers: { 'X-B': '1', 'x-z': '2', A: '', 'X-Ca-Signature-Headers': list } };
  const expected = 'GET\n\n\n\n\nA:\nX-Z:2\nX-b:1\nx-b:1\n/';
  assert.equal(serverString(parts), expected);
  const verdict = verifyClient(message(signedBy(parts, expected)), secret);
  assert.deepEqual(verdict.ok && verdict.signedNames, ['a', 'x-z', 'x-b', 'x-b']);
});

test('no list and an empty list sign no header', () => {
  assert.equal(serverString({}), 'GET\n\n\n\n\n/');
  assert.equal(serverString({ headers: { 'x-ca-signature-headers': '' } }), 'GET\n\n\n\n\n/');
});

test('HmacSHA256 is the default, HmacSHA1 the other, any other is refused', () => {
  const text = 'GET\n\n\n\n\n/';
  const named = (method: string): MessageParts => ({ headers: { 'x-ca-signature-method': method } });
  assert.equal(variantOf(signedBy({}, text)), 'documented');
  assert.equal(variantOf(signedBy(named(''), text)), 'documented');
  assert.equal(variantOf(signedBy(named('HmacSHA256'), text)), 'documented');
  assert.equal(variantOf(signedBy(named('HmacSHA1'), text, 'sha1')), 'documented');
  assert.equal(variantOf(signedBy(named('HmacSHA1'), text)), 'mismatch');
  assert.equal(variantOf(signedBy(named('HmacMD5'), text, 'md5')), 'algorithm');
});

test('an escaped path verifies as received and decoded', () => {
  const target = '/v1/%E5%BC%A0%20a?x=1';
  assert.equal(variantOf(signedBy({ target }, 'GET\n\n\n\n\n/v1/%E5%BC%A0%20a?x=1')), 'documented');
  assert.equal(variantOf(signedBy({ target }, 'GET\n\n\n\n\n/v1/张 a?x=1')), 'decodedPath');
  const repeated = '/%61?x=1&x=2';
  assert.equal(
    variantOf(signedBy({ target: repeated }, 'GET\n\n\n\n\n/a?x=1,2')),
    'decodedPathJoinedRepeats',
  );
});

test('a path has no decoded reading where that is ambiguous or malformed', () => {
  const cases = ['/a%2Fb', '/a%2fb', '/a%3Fx=1', '/a%2541', '/a%0Ab', '/a%5Cb', '/a%7F'];
  for (const target of cases) {
    assert.equal(
      variantOf(signedBy({ target }, `GET\n\n\n\n\n${decodeURIComponent(target)}`)),
      'mismatch',
      target,
    );
    assert.equal(variantOf(signedBy({ target }, `GET\n\n\n\n\n${target}`)), 'documented', target);
  }
  for (const target of ['/%', '/%zz', '/%FF', '/%E5%BC']) {
    assert.equal(variantOf(signedBy({ target }, `GET\n\n\n\n\n${target}`)), 'documented', target);
  }
});

test('header values and an unescaped path are signed as the text they stand for', () => {
  const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  const list = { 'x-ca-signature-headers': 'x-name' };
  const utf8 = { target: latin1('/张'), headers: { ...list, 'x-name': latin1('Zürich 張') } };
  assert.equal(variantOf(signedBy(utf8, 'GET\n\n\n\n\nx-name:Zürich 張\n/张')), 'documented');
  const notUtf8 = { target: '/\xfc', headers: { ...list, 'x-name': 'Z\xfcrich' } };
  assert.equal(variantOf(signedBy(notUtf8, 'GET\n\n\n\n\nx-name:Zürich\n/ü')), 'documented');
});

test('signClient adds Content-MD5 for a body, a stage when given, and signs other headers it was told to', () => {
  const body = Buffer.from('{"a":1}');
  const parts = { method: 'POST', target: '/p?b=&a=1', headers: { Accept: '*/*', 'X-Trace': 't' } };
  const names = ['X-Trace', 'x-absent', 'Accept', 'x-ca-signature'];
  const fields = signClient(message(parts), { ...signing, stage: 'TEST', names, body });
  const added = Object.fromEntries(fields ?? []);
  assert.equal(added['Content-MD5'], contentMd5(body));
  assert.equal(added['X-Ca-Stage'], 'TEST');
  assert.equal(added['X-Ca-Timestamp'], '1700000000000');
  const list = 'x-ca-key,x-ca-nonce,x-ca-signature-method,x-ca-stage,x-ca-timestamp,x-trace';
  assert.equal(added['X-Ca-Signature-Headers'], list);
  assert.equal(variantOf(withFields(parts, fields)), 'documented');
});

test('signClient replaces what the message carried before, and hashes no form', () => {
  const headers = { 'x-ca-key': 'old', 'x-ca-nonce': 'old', 'x-ca-signature': 'old', 'x-ca-timestamp': '1' };
  const parts = { method: 'POST', headers, form: 'a=1' };
  const fields = signClient(message(parts), { ...signing, algorithm: 'HmacSHA1', body: Buffer.from('a=1') });
  assert.ok(!fields?.some(([name]) => name === 'Content-MD5'));
  assert.equal(variantOf(withFields(parts, fields)), 'documented');
});
