import assert from 'node:assert/strict';
import { createHmac, createSecretKey, hash } from 'node:crypto';
import { test } from 'node:test';
import { bodyHash, emptyBodyHash, isBodyHashNeeded, unsignedPayload } from './huawei-message.ts';
import { canonicalRequests, stringToSign } from './huawei-request.ts';
import { signHuawei } from './huawei-sign.ts';
import {
  huaweiMessage,
  signatureIn,
  vectorBodyHash,
  vectorMessage,
  vectors,
  wire,
} from './huawei-testing.ts';
import { verifyHuawei, type HuaweiRules, type HuaweiVerdict } from './huawei.ts';
import type { MessageParts } from './alibaba-testing.ts';

const secret = 'apig-test-secret-key-0123456789abcdef';
const date = '20260115T033655Z';
const timestampMs = Date.UTC(2026, 0, 15, 3, 36, 55);
const common = { host: 'api.example.com', 'x-sdk-date': date };

/** Signs a canonical request as given, so that the verifier meets what another client would have signed. */
function signedBy(canonicalRequest: string, names = 'host;x-sdk-date'): string {
  const text = `SDK-HMAC-SHA256\n${date}\n${hash('sha256', canonicalRequest, 'hex')}`;
  const signature = createHmac('sha256', secret).update(text).digest('hex');
  return `SDK-HMAC-SHA256 Access=k, SignedHeaders=${names}, Signature=${signature}`;
}

function verify(
  parts: MessageParts,
  authorization: string,
  body: string | undefined = emptyBodyHash,
  rules?: HuaweiRules,
): HuaweiVerdict {
  const all = { ...parts, headers: { ...common, ...parts.headers } };
  return verifyHuawei(huaweiMessage(all), body, signatureIn(authorization), secret, rules);
}

function variantOf(target: string, uri: string, query = ''): string {
  const canonical = `GET\n${uri}\n${query}\nhost:api.example.com\nx-sdk-date:${date}\n\nhost;x-sdk-date\n${emptyBodyHash}`;
  const verdict = verify({ target: wire(target) }, signedBy(canonical));
  return verdict.ok ? verdict.variant : verdict.reason;
}

test('there are vectors', () => {
  assert.equal(vectors.vectors.length, 10);
});

for (const vector of vectors.vectors) {
  const message = huaweiMessage(vectorMessage(vector));
  const authorization = signatureIn(vector.authorization);

  test(`vector ${vector.name}: canonical request, string to sign, and the signature verifies`, () => {
    const { value } = canonicalRequests(message, authorization.names, vector.payload_hash).next();
    assert.equal(value?.text, vector.canonical_request);
    assert.equal(stringToSign(vector.canonical_request, vector.x_sdk_date), vector.string_to_sign);
    for (const key of [vector.secret_key, createSecretKey(vector.secret_key, 'utf8')]) {
      assert.deepEqual(verifyHuawei(message, vectorBodyHash(vector), authorization, key), {
        ok: true,
        signedNames: authorization.names.sorted,
        timestampMs,
        isBodySigned: vector.payload_hash !== unsignedPayload,
        pendingBodyHash: undefined,
        variant: 'documented',
      });
    }
  });

  test(`vector ${vector.name}: signed by us it is the same`, () => {
    const host = message.header('host') ?? '';
    const names = authorization.names.sorted;
    const signing = { key: authorization.access, secret: vector.secret_key, timestampMs, host, names };
    const fields = signHuawei(message, vector.payload_hash, signing);
    assert.deepEqual(fields?.at(-1), ['Authorization', vector.authorization]);
    assert.deepEqual(fields?.[0], ['X-Sdk-Date', vector.x_sdk_date]);
    assert.equal(fields?.length, vector.payload_hash === unsignedPayload ? 3 : 2);
  });
}

test('a mismatch tells the canonical request with bars, and neither signature nor secret', () => {
  const verdict = verify({ target: '/test?b=2&a' }, signedBy('another'));
  assert.deepEqual(verdict, {
    ok: false,
    reason: 'mismatch',
    canonicalRequest: `GET|/test/|a=&b=2|host:api.example.com|x-sdk-date:${date}||host;x-sdk-date|${emptyBodyHash}`,
  });
});

test('a path encoded once or twice, the trailing slash there or not', () => {
  assert.equal(variantOf('/a%20b/%E5%90%8D', '/a%20b/%E5%90%8D/'), 'documented');
  assert.equal(variantOf('/a%20b/%e5%90%8d/', '/a%20b/%E5%90%8D/'), 'documented');
  assert.equal(variantOf('/a%20b/%E5%90%8D', '/a%2520b/%25E5%2590%258D/'), 'rawPath');
  assert.equal(variantOf('/名', '/%E5%90%8D/'), 'documented');
  assert.equal(variantOf('/名', '/%25E5%2590%258D/'), 'mismatch');
  assert.equal(variantOf('/a%2Fb', '/a%2Fb/'), 'documented');
  assert.equal(variantOf('/a%2Fb', '/a/b/'), 'mismatch');
  assert.equal(variantOf('/a+b', '/a%2Bb/'), 'documented');
  assert.equal(variantOf("/!*'()", '/%21%2A%27%28%29/'), 'documented');
  assert.equal(variantOf('/a//b/../c', '/a//b/../c/'), 'documented');
});

test('the vector of the reference whose path is encoded twice', () => {
  const signed = signedBy(
    `GET\n/a%2520b/%25E5%2590%258D/\n\nhost:api.example.com\nx-sdk-date:${date}\n\nhost;x-sdk-date\n${emptyBodyHash}`,
  );
  assert.match(signed, /Signature=c97c32d840f620ae/);
  const verdict = verify({ target: '/a%20b/%E5%90%8D' }, signed);
  assert.ok(verdict.ok && verdict.variant === 'rawPath');
});

test('header values are trimmed of blanks only and read as UTF-8; absent ones are empty', () => {
  const names = 'host;x-a;x-b;x-none;x-sdk-date';
  const lines = `host:api.example.com\nx-a:v  w\nx-b:é\u00a0\nx-none:\nx-sdk-date:${date}\n`;
  const signed = signedBy(`GET\n/\n\n${lines}\n${names}\n${emptyBodyHash}`, names);
  assert.ok(verify({ headers: { 'x-a': ' \t v  w \t', 'x-b': wire('é\u00a0') } }, signed).ok);
  assert.ok(!verify({ headers: { 'x-a': 'v w', 'x-b': wire('é\u00a0') } }, signed).ok);
  assert.ok(!verify({ headers: { 'x-a': 'v  w', 'x-b': wire('é') } }, signed).ok);
});

test('names in any order and letter case; header lines in the order of localeCompare', () => {
  const sorted = `GET\n/\n\nhost:api.example.com\nx-a:1\nx-sdk-date:${date}\nx_b:2\n\n`;
  const list = 'host;x-a;x-sdk-date;x_b';
  const byLocale = `GET\n/\n\nhost:api.example.com\nx_b:2\nx-a:1\nx-sdk-date:${date}\n\n`;
  const headers = { 'x-a': '1', x_b: '2' };
  for (const [canonical, variant] of [
    [sorted, 'documented'],
    [byLocale, 'localeSorted'],
  ] as const) {
    for (const given of [list, 'x_b; X-Sdk-Date;HOST ;x-a']) {
      const verdict = verify({ headers }, signedBy(`${canonical}${list}\n${emptyBodyHash}`, given));
      assert.ok(verdict.ok && verdict.variant === variant, given);
    }
  }
  const both = signedBy(`${byLocale.replace('/\n', '/%2520/\n')}${list}\n${emptyBodyHash}`, list);
  const verdict = verify({ target: '/%20', headers }, both);
  assert.ok(verdict.ok && verdict.variant === 'rawPathLocaleSorted');
});

test('X-Sdk-Date must be signed and a date; Host where it is required', () => {
  const canonical = `GET\n/\n\nx-sdk-date:${date}\n\nx-sdk-date\n${emptyBodyHash}`;
  const dateOnly = signedBy(canonical, 'x-sdk-date');
  assert.ok(verify({}, dateOnly).ok);
  assert.ok(verify({ headers: { host: 'other.example.com' } }, dateOnly).ok);
  const refused = (reason: string): unknown => ({ ok: false, reason, canonicalRequest: '' });
  assert.deepEqual(verify({}, dateOnly, emptyBodyHash, { isHostRequired: true }), refused('host'));
  const hostOnly = signedBy(`GET\n/\n\nhost:api.example.com\n\nhost\n${emptyBodyHash}`, 'host');
  assert.deepEqual(verify({}, hostOnly), refused('date'));
  for (const wrong of ['', `${date}, ${date}`, '2026-01-15T03:36:55Z']) {
    assert.deepEqual(verify({ headers: { 'x-sdk-date': wrong } }, dateOnly), refused('date'));
  }
});

/** A POST that states the hash of its body, or what stands in its place. */
function declaring(value: string, names = 'host;x-sdk-content-sha256;x-sdk-date'): [MessageParts, string] {
  const line = names.includes('content') ? `x-sdk-content-sha256:${value}\n` : '';
  const canonical = `POST\n/\n\nhost:api.example.com\n${line}x-sdk-date:${date}\n\n${names}\n${value}`;
  return [{ method: 'POST', headers: { 'x-sdk-content-sha256': value } }, signedBy(canonical, names)];
}

test('a stated hash is signed as it stands and must be that of the body', () => {
  const right = bodyHash(Buffer.from('body'));
  for (const value of [right, right.toUpperCase()]) {
    const [parts, signed] = declaring(value);
    assert.equal(isBodyHashNeeded(huaweiMessage(parts)), false);
    const compared = verify(parts, signed, right);
    assert.ok(compared.ok && compared.isBodySigned && compared.pendingBodyHash === undefined);
    const message = huaweiMessage({ ...parts, headers: { ...common, ...parts.headers } });
    const pending = verifyHuawei(message, undefined, signatureIn(signed), secret);
    assert.ok(pending.ok && pending.isBodySigned);
    assert.equal(pending.pendingBodyHash, right);
    const other = verify(parts, signed, emptyBodyHash);
    assert.ok(!other.ok && other.reason === 'contentHash');
  }
});

test('a stated hash that nobody signed, or that is none, is refused', () => {
  const right = bodyHash(Buffer.from('body'));
  // What an attacker adds to a request that was signed without it, beside another body.
  for (const value of [right, unsignedPayload]) {
    const [parts, signed] = declaring(value, 'host;x-sdk-date');
    const verdict = verify(parts, signed, right);
    assert.ok(!verdict.ok && verdict.reason === 'contentHash');
  }
  for (const value of ['', 'unsigned-payload', 'UNSIGNED', right.slice(1), `${right}, ${right}`]) {
    const [parts, signed] = declaring(value);
    const message = huaweiMessage({ ...parts, headers: { ...common, ...parts.headers } });
    for (const body of [right, undefined]) {
      const verdict = verifyHuawei(message, body, signatureIn(signed), secret);
      assert.ok(!verdict.ok && verdict.reason === 'contentHash', value);
    }
  }
});

test('UNSIGNED-PAYLOAD leaves the body out, and the verdict says so', () => {
  for (const body of [emptyBodyHash, bodyHash(Buffer.from('x'))]) {
    const verdict = verify(...declaring(unsignedPayload), body);
    assert.ok(verdict.ok && !verdict.isBodySigned && verdict.pendingBodyHash === undefined);
  }
});

test('without a stated hash the body must be known', () => {
  const message = huaweiMessage({ headers: common });
  assert.ok(isBodyHashNeeded(message));
  const verdict = verifyHuawei(message, undefined, signatureIn(signedBy('')), secret);
  assert.ok(!verdict.ok && verdict.reason === 'contentHash');
});

test('the older form with a derived key', () => {
  const scope = '20260115/region-1/apig/sdk_request';
  let key = createHmac('sha256', `SDK${secret}`).update('20260115').digest();
  for (const step of ['region-1', 'apig', 'sdk_request'])
    key = createHmac('sha256', key).update(step).digest();
  const canonical = `GET\n/\n\nhost:api.example.com\nx-sdk-date:${date}\n\nhost;x-sdk-date\n${emptyBodyHash}`;
  const text = `SDK-HMAC-SHA256\n${date}\n${scope}\n${hash('sha256', canonical, 'hex')}`;
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const older = (scope: string): string =>
    `SDK-HMAC-SHA256 Credential=k/${scope}, SignedHeaders=host;x-sdk-date, Signature=${signature}`;
  const message = huaweiMessage({ headers: common });
  for (const each of [secret, createSecretKey(secret, 'utf8')]) {
    assert.ok(verifyHuawei(message, emptyBodyHash, signatureIn(older(scope)), each).ok);
  }
  for (const [other, reason] of [
    ['20260116/region-1/apig/sdk_request', 'scope'],
    ['20260115/region-2/apig/sdk_request', 'mismatch'],
    ['20260115/region-1/apis/sdk_request', 'mismatch'],
  ] as const) {
    const verdict = verify({}, older(other));
    assert.ok(!verdict.ok && verdict.reason === reason);
  }
  const plain = `SDK-HMAC-SHA256 Access=k, SignedHeaders=host;x-sdk-date, Signature=${signature}`;
  assert.equal(verify({}, plain).ok, false);
});
