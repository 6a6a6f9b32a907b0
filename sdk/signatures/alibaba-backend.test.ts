import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { parse, stringify } from 'node:querystring';
import { test } from 'node:test';
import { signBackend } from './alibaba-backend.ts';
import { contentMd5 } from './alibaba-message.ts';
import { maxParameters } from './alibaba-params.ts';
import { message, randomNumbers, vectors, withFields, type MessageParts } from './alibaba-testing.ts';

/** What a backend does that was written from the vendor's page alone and shares no code with the signer. */
function backendAccepts(parts: MessageParts, secret: string, isSortedFirst: boolean): boolean {
  const { method = '', target = '', headers = {}, form = '' } = parts;
  const [path = '', query = ''] = target.split('?');
  let names = (headers['x-ca-proxy-signature-headers'] ?? '').split(',').filter((name) => name !== '');
  names = isSortedFirst ? names.sort() : names.map((name) => name.toLowerCase()).sort();
  const lines = names.map((name) => `${name.toLowerCase()}:${headers[name.toLowerCase()] ?? ''}\n`);
  const all = { ...parse(query), ...parse(Buffer.from(form).toString('utf8')) };
  const pairs = Object.keys(all)
    .sort()
    .map((name) => `${name}=${[all[name] ?? ''].flat()[0] ?? ''}`);
  const parameters = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  const text = `${method}\n${headers['content-md5'] ?? ''}\n${lines.join('')}${path}${parameters}`;
  const expected = createHmac('sha256', secret).update(text).digest('base64');
  return headers['x-ca-proxy-signature'] === expected;
}

test('there are vectors', () => {
  assert.equal(vectors.backend.length, 2);
});

for (const vector of vectors.backend) {
  test(`vector ${vector.name}: the same signature from query and form`, () => {
    const { method, path, parameters, signedHeaders } = vector.request;
    const isForm = (name: string): boolean => vector.formIn?.includes(name) === true;
    const all = Object.entries(parameters).reverse();
    const query = stringify(Object.fromEntries(all.filter(([name]) => !isForm(name))));
    const form = stringify(Object.fromEntries(all.filter(([name]) => isForm(name))));
    const sent = { method, target: `${path}?${query}`, headers: signedHeaders, form };
    const names = Object.keys(signedHeaders).reverse();
    for (const secret of [vector.secret, createSecretKey(vector.secret, 'utf8')]) {
      const fields = signBackend(message(sent), { key: vector.secretKeyName, secret, names });
      const added = Object.fromEntries(fields ?? []);
      assert.equal(added['X-Ca-Proxy-Signature'], vector.signature);
      assert.equal(added['X-Ca-Proxy-Signature-Secret-Key'], vector.secretKeyName);
      const listed = Object.keys(signedHeaders).map((name) => name.toLowerCase());
      assert.equal(added['X-Ca-Proxy-Signature-Headers'], listed.sort().join(','));
    }
  });
}

test('the key can be signed, absent headers and the signature itself cannot', () => {
  const names = ['X-Ca-Proxy-Signature-Secret-Key', 'x-b', 'X-B', 'absent', 'X-Ca-Proxy-Signature'];
  const headers = { 'x-b': '1', 'x-ca-proxy-signature': 'old', 'x-ca-proxy-signature-secret-key': 'old' };
  const parts = { method: 'GET', target: '/p', headers };
  const signed = withFields(parts, signBackend(message(parts), { key: 'gw', secret: 's', names }));
  assert.equal(signed.headers?.['x-ca-proxy-signature-headers'], 'x-b,x-ca-proxy-signature-secret-key');
  assert.equal(signed.headers?.['x-ca-proxy-signature-secret-key'], 'gw');
  assert.ok(backendAccepts(signed, 's', true));
});

test('with nothing to sign all three fields are still given', () => {
  const headers = { 'x-ca-proxy-signature-headers': 'x-forged' };
  const fields = signBackend(message({ headers }), { key: 'gw', secret: 's', names: [] });
  assert.deepEqual(Object.fromEntries(fields ?? [])['X-Ca-Proxy-Signature-Headers'], '');
  assert.equal(fields?.length, 3);
});

test('Content-MD5 is that of the message, or of the body when it is given', () => {
  const parts = { method: 'POST', target: '/p', headers: { 'content-md5': 'from-client' } };
  const plain = { key: 'gw', secret: 's', names: [] };
  const kept = withFields(parts, signBackend(message(parts), plain));
  assert.equal(kept.headers?.['content-md5'], 'from-client');
  assert.ok(backendAccepts(kept, 's', true));
  const body = Buffer.from('{}');
  const hashed = withFields(parts, signBackend(message(parts), { ...plain, body }));
  assert.equal(hashed.headers?.['content-md5'], contentMd5(body));
  assert.ok(backendAccepts(hashed, 's', true));
  const form = { ...parts, form: 'a=' };
  assert.equal(signBackend(message(form), { ...plain, body })?.length, 3);
});

test('more parameters than allowed are not signed', () => {
  const target = `/?${'x&'.repeat(maxParameters + 1)}`;
  assert.equal(signBackend(message({ target }), { key: 'gw', secret: 's', names: [] }), undefined);
});

test('what it signs, an independent backend accepts, whether it sorts or lowers names first', () => {
  const random = randomNumbers(4);
  const pieces = ['a', 'B', '=', '&', '%20', '+', '%E5%BC%A0', '%zz', '', 'x=1', '&x=2'];
  const text = (): string => Array.from({ length: 8 }, () => pieces[Math.floor(random() * 11)]).join('');
  for (let round = 0; round < 1000; round++) {
    const headers = { 'x-b': text(), 'x-a': text() };
    const parts = { method: 'POST', target: `/${round}?${text()}`, headers, form: Buffer.from(text()) };
    const fields = signBackend(message(parts), { key: 'gw', secret: 's', names: ['X-b', 'x-A'] });
    const signed = withFields(parts, fields);
    assert.ok(backendAccepts(signed, 's', true), JSON.stringify(signed));
    assert.ok(backendAccepts(signed, 's', false));
    assert.ok(!backendAccepts(signed, 't', false));
  }
});
