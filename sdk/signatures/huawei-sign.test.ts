import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyHash, emptyBodyHash } from './huawei-message.ts';
import { signHuawei } from './huawei-sign.ts';
import { huaweiMessage, signatureIn } from './huawei-testing.ts';
import { verifyHuawei } from './huawei.ts';
import { withFields, type MessageParts } from './alibaba-testing.ts';

const secret = 'apig-test-secret-key-0123456789abcdef';
const timestampMs = Date.UTC(2026, 0, 15, 3, 36, 55);

test('signing for a backend: host, date, the headers asked for and present, and no other', () => {
  const signing = { key: 'signkey1', secret, timestampMs, host: 'backend.example.com:8443' };
  const headers = {
    host: 'front',
    Authorization: 'x',
    'X-Sdk-Date': 'y',
    'Content-Type': 'a/b',
    'X-Not': '1',
  };
  const parts: MessageParts = { method: 'POST', target: '/a%20b?q=1', headers };
  const hash = bodyHash(Buffer.from('body'));
  const names = ['Content-Type', 'X-Absent', 'authorization'];
  const fields = signHuawei(huaweiMessage(parts), hash, { ...signing, names });
  assert.deepEqual(
    fields?.map(([name]) => name),
    ['X-Sdk-Date', 'Authorization'],
  );
  const sent = withFields({ ...parts, headers: { ...headers, host: signing.host } }, fields);
  const authorization = signatureIn(fields?.[1]?.[1] ?? '');
  assert.deepEqual(authorization.names.sorted, ['content-type', 'host', 'x-sdk-date']);
  assert.equal(authorization.access, 'signkey1');
  const verdict = verifyHuawei(huaweiMessage(sent), hash, authorization, secret, { isHostRequired: true });
  assert.ok(verdict.ok && verdict.variant === 'documented');
});

test('signing replaces a stated hash that the message carries already', () => {
  const hash = bodyHash(Buffer.from('changed by a plugin'));
  const parts: MessageParts = { headers: { host: 'h', 'x-sdk-content-sha256': emptyBodyHash } };
  const signing = { key: 'k', secret, timestampMs, host: 'h' };
  const sent = withFields(parts, signHuawei(huaweiMessage(parts), hash, signing));
  assert.equal(sent.headers?.['x-sdk-content-sha256'], hash);
  const authorization = signatureIn(sent.headers?.['authorization'] ?? '');
  assert.deepEqual(authorization.names.sorted, ['host', 'x-sdk-content-sha256', 'x-sdk-date']);
  assert.ok(verifyHuawei(huaweiMessage(sent), hash, authorization, secret).ok);
});
