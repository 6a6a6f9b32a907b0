import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { signClient, verifyClient } from './alibaba.ts';
import { contentMd5 } from './alibaba-message.ts';
import { maxSignedNames, readSignedNames } from './alibaba-names.ts';
import { canonicalParameters, compareUtf8, maxParameters } from './alibaba-params.ts';
import { message, randomNumbers, withFields, type MessageParts } from './alibaba-testing.ts';

const key = createSecretKey('example-app-secret-0123456789abcdef', 'utf8');
const client = { repeated: 'first', empty: 'bare' } as const;
const joined = { repeated: 'joined', empty: 'bare' } as const;

function parameters(query: string, form?: string | Uint8Array): string | undefined {
  return canonicalParameters(message({ target: `/?${query}`, form }), client);
}

test('parameters: decoded, sorted, first of a name, an empty value as the name alone', () => {
  assert.equal(parameters(''), '');
  assert.equal(parameters('', ''), '');
  assert.equal(parameters('b=2&a=1&c=&d'), '?a=1&b=2&c&d');
  assert.equal(parameters('x=1&x=2&x=3'), '?x=1');
  assert.equal(parameters('x=&x=2'), '?x');
  assert.equal(parameters('&&a=1&&'), '?a=1');
  assert.equal(parameters('a=b=c&=v'), '?=v&a=b=c');
  assert.equal(parameters('a+b=c+d%2B&%61b=%E5%BC%A0'), '?a b=c d+&ab=张');
});

test('parameters: malformed escapes stay as they are, bytes that are no UTF-8 become U+FFFD', () => {
  assert.equal(parameters('a=%'), '?a=%');
  assert.equal(parameters('a=%2'), '?a=%2');
  assert.equal(parameters('a=%zz%20%4'), '?a=%zz %4');
  assert.equal(parameters('a=%FF'), '?a=\ufffd');
});

test('parameters: a form field goes before a query parameter, bytes and text alike', () => {
  assert.equal(parameters('x=query&q=1', 'x=form&f=2'), '?f=2&q=1&x=form');
  assert.equal(parameters('x=query', 'x='), '?x');
  assert.equal(parameters('x=query', 'x=1&x=2'), '?x=1');
  assert.equal(parameters('n=1', Buffer.from('n=张&m=%E5%BC%A0')), '?m=张&n=张');
  const both = message({ target: '/?x=q1&x=q2&y=1&y=2', form: 'x=f1&x=f2' });
  assert.equal(canonicalParameters(both, joined), '?x=f1,f2&y=1,2');
});

test('parameters: names that objects have are only names', () => {
  const query = '__proto__=1&constructor=2&hasOwnProperty=3&toString&__proto__=4';
  assert.equal(parameters(query), '?__proto__=1&constructor=2&hasOwnProperty=3&toString');
  assert.equal(({} as Record<string, unknown>)['1'], undefined);
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
});

test('parameters: sorted by the bytes of UTF-8, where UTF-16 has another order', () => {
  assert.equal(parameters('🚀=1&ｆ=2&z=3'), '?z=3&ｆ=2&🚀=1');
  const random = randomNumbers(3);
  const letters = ['a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '🚀', '🚁', '\u{10ffff}', '\u{10000}'];
  const word = (): string =>
    Array.from({ length: random() * 4 }, () => letters[Math.floor(random() * letters.length)]).join('');
  for (let round = 0; round < 2000; round++) {
    const [left, right] = [word(), word()];
    const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
    assert.equal(Math.sign(compareUtf8(left, right)), expected, `${left} ${right}`);
  }
});

test('more parameters than allowed are refused and not cut off', () => {
  const most = Array.from({ length: maxParameters }, (_, index) => `p${index}=${index}`).join('&');
  const signing = { key: 'k', secret: key, timestampMs: 1, nonce: 'n' };
  assert.ok(signClient(message({ target: `/?${most}` }), signing));
  for (const parts of [{ target: `/?${most}&x` }, { form: `${most}&x` }]) {
    assert.equal(signClient(message(parts), signing), undefined);
    const verdict = verifyClient(message(parts), key);
    assert.deepEqual(verdict, { ok: false, reason: 'parameters', serverStringToSign: '' });
  }
});

test('a list of signed headers is bounded and holds names only', () => {
  const most = Array.from({ length: maxSignedNames }, (_, index) => `x-${index}`);
  assert.equal(readSignedNames(most.join(','))?.listed.length, maxSignedNames);
  for (const list of [`${most.join(',')},x`, ','.repeat(5000), 'x y', '/path?a', 'a:b', 'x-\xe9', 'a\nb']) {
    const verdict = verifyClient(message({ headers: { 'x-ca-signature-headers': list } }), key);
    assert.deepEqual(verdict, { ok: false, reason: 'headers', serverStringToSign: '' });
  }
  // More lists than are remembered, each read twice.
  for (let round = 0; round < 600; round++) {
    const list = `x-b${round % 300},X-A`;
    assert.deepEqual(readSignedNames(list)?.listed, ['X-A', `x-b${round % 300}`]);
  }
});

test('a signature that is malformed or of another length is a mismatch', () => {
  const right = createHmac('sha256', key).update('GET\n\n\n\n\n/').digest();
  const text = right.toString('base64');
  const verify = (signature: string): boolean =>
    verifyClient(message({ headers: { 'x-ca-signature': signature } }), key).ok;
  assert.ok(verify(text));
  const wrong = ['', '=', '%%%', text.slice(0, -1), text.slice(1), `${text}=`, `${text} `, text + text];
  wrong.push(right.toString('hex'), right.toString('base64url'), text.replace(/./, '\u0141'), 'é'.repeat(22));
  for (const signature of wrong) assert.equal(verify(signature), false, signature);
});

const escapes = ['%20', '%2F', '%E5%BC%A0', '%FF', '%zz'];
const alphabet = ['__proto__', ...escapes, ...'a Z 0 + % = & ? / # , : ; - _ ~ " < >'.split(' '), ' '];
const wide = ['é', '张', '🚀', '\ud800', '\ufffd', '\n', '\0', '\xc3\xa9', '\xff'];

function randomText(random: () => number, pieces: readonly string[], length: number): string {
  let text = '';
  for (let count = Math.floor(random() * length); count > 0; count--) {
    text += pieces[Math.floor(random() * pieces.length)] ?? '';
  }
  return text;
}

test('whatever a client sends, verifyClient answers and does not throw', () => {
  const random = randomNumbers(1);
  const text = (length = 12): string => randomText(random, [...alphabet, ...wide], length);
  for (let round = 0; round < 5000; round++) {
    const headers: Record<string, string> = {};
    for (const name of ['', '-headers', '-method']) {
      if (random() < 0.6) headers[`x-ca-signature${name}`] = text();
    }
    if (random() < 0.5) headers['x-ca-signature-headers'] = 'x-a,X-B';
    if (random() < 0.5) headers['x-a'] = text();
    if (random() < 0.7) delete headers['x-ca-signature-method'];
    const form = random() < 0.3 ? text(30) : random() < 0.5 ? Buffer.from(text(30), 'latin1') : undefined;
    const verdict = verifyClient(message({ method: text(3), target: text(30), headers, form }), key);
    assert.equal(verdict.ok, false);
  }
});

test('what signClient signs verifies, and nothing else does', () => {
  const random = randomNumbers(2);
  const text = (length = 8): string => randomText(random, [...alphabet, '张', '🚀', 'é'], length);
  const latin1 = (value: string): string => Buffer.from(value, 'utf8').toString('latin1');
  for (let round = 0; round < 2000; round++) {
    const isForm = random() < 0.4;
    const body = Buffer.from(text(40));
    const headers = { accept: text(), date: text(), 'x-a': latin1(text()), 'X-Extra': text() };
    const parts: MessageParts = {
      method: isForm ? 'POST' : 'PUT',
      target: `/${latin1(text())}${random() < 0.7 ? `?${latin1(text(30))}` : ''}`,
      headers,
      form: isForm ? body : undefined,
    };
    const algorithm = random() < 0.5 ? 'HmacSHA1' : 'HmacSHA256';
    const signing = { key: 'k', secret: key, timestampMs: round, nonce: `n${round}`, algorithm } as const;
    const names = ['X-A', 'x-extra'];
    const signed = withFields(parts, signClient(message(parts), { ...signing, names, body }));
    const verdict = verifyClient(message(signed), key);
    assert.ok(verdict.ok && verdict.variant === 'documented', JSON.stringify(signed));
    assert.equal(signed.headers?.['content-md5'], isForm || body.length === 0 ? undefined : contentMd5(body));
    const tampered = { ...signed, headers: { ...signed.headers, 'x-a': `${headers['x-a']}!` } };
    assert.equal(verifyClient(message(tampered), key).ok, false);
    assert.equal(verifyClient(message({ ...signed, target: `/!${parts.target ?? ''}` }), key).ok, false);
  }
});
