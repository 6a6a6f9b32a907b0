import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxAuthorizationLength, maxHuaweiNames, parseAuthorization } from './huawei-authorization.ts';
import { formatSdkDate, parseSdkDate } from './huawei-message.ts';
import { signatureIn, vectors } from './huawei-testing.ts';
import { randomNumbers } from './alibaba-testing.ts';

const signature = 'c67ef2a9e2e174e126612b966632423d7bd600060abd46731af2c37f86238850';

test('an Authorization: blanks and order do not matter', () => {
  const expected = {
    kind: 'signature',
    access: 'key=1',
    scope: undefined,
    names: { sorted: ['host', 'x-sdk-date'], joined: 'host;x-sdk-date', localeSorted: undefined },
    signature,
  };
  for (const value of [
    `SDK-HMAC-SHA256 Access=key=1, SignedHeaders=host;x-sdk-date, Signature=${signature}`,
    `SDK-HMAC-SHA256 Access=key=1,SignedHeaders=host;x-sdk-date,Signature=${signature}`,
    `  sdk-hmac-sha256   Signature = ${signature} ,\tAccess= key=1 , SignedHeaders = X-Sdk-Date ; Host  `,
  ]) {
    assert.deepEqual(parseAuthorization(value), expected, value);
  }
  const older = 'SDK-HMAC-SHA256 Credential=k/20260115/r/s/sdk_request, SignedHeaders=host, Signature=x';
  assert.deepEqual(signatureIn(older).scope, { date: '20260115', region: 'r', service: 's' });
  assert.equal(signatureIn(older).access, 'k');
});

test('a signature is read the same way, whatever its length and its order', () => {
  const blank = '\u00a0';
  const strange = [signature, 'b', `${signature}0`, signature.slice(1), `${'ab '.repeat(21)}a`];
  strange.push(` ${signature.slice(1)}`, `${signature.slice(1)}${blank}`, blank.repeat(64), ' '.repeat(64));
  strange.push(`${signature.slice(1)},`, `,${signature.slice(1)}`, `${signature.slice(2)}=a`);
  for (const each of strange) {
    const usual = parseAuthorization(`SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=${each}`);
    const other = parseAuthorization(`SDK-HMAC-SHA256 Access=a, Signature=${each}, SignedHeaders=host`);
    if (other?.kind !== 'signature') assert.equal(usual?.kind, other?.kind, each);
    else assert.deepEqual(usual, other, each);
  }
});

test('an Authorization of another kind, unsupported or malformed', () => {
  for (const value of ['', 'Basic a', 'Bearer SDK-HMAC-SHA256', 'SDKX', 'hmac SDK-HMAC-SHA256 Access=a']) {
    assert.equal(parseAuthorization(value), undefined, value);
  }
  for (const value of ['SDK-HMAC-SM3 Access=a', 'SDK-HMAC-SHA2567 a', 'v11-hmac-sha256']) {
    assert.equal(parseAuthorization(value)?.kind, 'unsupported', value);
  }
  const rest = `SignedHeaders=host, Signature=${signature}`;
  for (const parameters of [
    '',
    rest,
    `Access=, ${rest}`,
    'Access=a, SignedHeaders=host',
    'Access=a, SignedHeaders=host, Signature=',
    `Access=a, Signature=${signature}`,
    `Access=a, SignedHeaders=, Signature=${signature}`,
    `Access=a, Access=a, ${rest}`,
    `Access=a, ${rest}, Signature=${signature}`,
    `Access=a, ${rest},`,
    `Access=a, ${rest}, More=1`,
    `Access=a, Credential=a/20260115/r/s/sdk_request, ${rest}`,
    `Credential=a/20260115/r/s, ${rest}`,
    `Credential=a/2026-01-15/r/s/sdk_request, ${rest}`,
    `Credential=a/20260115//s/sdk_request, ${rest}`,
    `Access=a ${rest}`,
    `access=a, ${rest}`,
    ...['host;', ';host', 'host;host', 'host;HOST', 'a b', 'a:b', 'é', 'a\nb', 'a/b?'].map(
      (names) => `Access=a, SignedHeaders=${names}, Signature=${signature}`,
    ),
  ]) {
    assert.equal(parseAuthorization(`SDK-HMAC-SHA256 ${parameters}`)?.kind, 'malformed', parameters);
  }
});

test('the derived key of newer clients is recognised, and not verified', () => {
  const { authorization } = vectors.derived_key_vector;
  assert.deepEqual(parseAuthorization(authorization), { kind: 'unsupported', scheme: 'V11-HMAC-SHA256' });
});

test('an Authorization is bounded, and its lists are forgotten in time', () => {
  const value = (list: string): string => `SDK-HMAC-SHA256 Access=a, SignedHeaders=${list}, Signature=b`;
  const most = Array.from({ length: maxHuaweiNames }, (_, index) => `x-${index}`).join(';');
  assert.equal(signatureIn(value(most)).names.sorted.length, maxHuaweiNames);
  assert.equal(parseAuthorization(value(`${most};x`))?.kind, 'malformed');
  const long = value('x'.repeat(maxAuthorizationLength - value('').length));
  assert.equal(signatureIn(long).names.sorted.length, 1);
  assert.equal(parseAuthorization(`${long}x`)?.kind, 'malformed');
  for (let round = 0; round < 600; round++) {
    const name = `x-${round % 300}`;
    assert.deepEqual(signatureIn(value(`host;${name};A`)).names.sorted, ['a', 'host', name]);
  }
});

test('X-Sdk-Date: strict, and the same both ways', () => {
  assert.equal(parseSdkDate('20260115T033655Z'), Date.UTC(2026, 0, 15, 3, 36, 55));
  assert.equal(parseSdkDate('20240229T235959Z'), Date.UTC(2024, 1, 29, 23, 59, 59));
  const wrong = ['', '20260115T033655', '20260115T033655z', ' 20260115T033655Z', '20260115T033655Z\n'];
  wrong.push(
    '20260015T033655Z',
    '20261315T033655Z',
    '20260100T033655Z',
    '20260132T033655Z',
    '20260431T033655Z',
  );
  wrong.push(
    '20260229T033655Z',
    '21000229T033655Z',
    '20260115T243655Z',
    '20260115T036055Z',
    '20260115T033660Z',
  );
  wrong.push(
    '00990115T033655Z',
    '2026-01-15T03:36:55Z',
    '20260115T033655.0Z',
    '２0260115T033655Z',
    '1768448215',
  );
  for (const text of wrong) assert.equal(parseSdkDate(text), undefined, text);
  const random = randomNumbers(4);
  for (let round = 0; round < 3000; round++) {
    const ms = Math.floor(random() * 4e9) * 1000;
    assert.equal(parseSdkDate(formatSdkDate(ms + 999)), ms);
  }
  for (const ms of [Number.NaN, Infinity, -1e14, 1e15]) assert.throws(() => formatSdkDate(ms), RangeError);
});

test('what is remembered of one call is not taken for another', () => {
  const read = (key: string, list: string, signature: string) =>
    parseAuthorization(`SDK-HMAC-SHA256 Access=${key}, SignedHeaders=${list}, Signature=${signature}`);
  for (const turn of [1, 2]) {
    for (const key of ['one', 'other']) {
      for (const list of ['host;x-sdk-date', 'x-sdk-date']) {
        const found = read(key, list, `${key}${turn}`);
        assert.ok(found?.kind === 'signature');
        assert.deepEqual(
          [found.access, found.names.joined, found.signature, found.scope],
          [key, list, `${key}${turn}`, undefined],
        );
      }
    }
    assert.equal(read('one', 'host;host', 'a')?.kind, 'malformed');
    assert.equal(read('one', 'host', 'a, Signature=b')?.kind, 'malformed');
    assert.equal(read('one', 'host', '')?.kind, 'malformed');
  }
});
