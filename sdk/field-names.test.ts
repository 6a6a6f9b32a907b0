import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Fields,
  deleteLike,
  fieldNameProblem,
  fieldValue,
  fieldValueProblem,
  variableName,
} from './index.ts';

test('names that a configuration may set, and those that are the connection’s or the gateway’s', () => {
  for (const name of ['X-Served-By', 'server', 'Content-Type', 'Set-Cookie', 'Cache-Control']) {
    assert.equal(fieldNameProblem(name, 'request'), undefined, name);
    assert.equal(fieldNameProblem(name, 'answer'), undefined, name);
  }
  for (const name of [
    'Connection',
    'transfer-encoding',
    'CONTENT-LENGTH',
    'Upgrade',
    'Via',
    'X-Request-Id',
  ]) {
    assert.match(fieldNameProblem(name, 'request') ?? '', /written by the gateway/, name);
    assert.match(fieldNameProblem(name, 'answer') ?? '', /written by the gateway/, name);
  }
  assert.match(fieldNameProblem('Date', 'answer') ?? '', /written by the gateway/);
  assert.equal(fieldNameProblem('Date', 'request'), undefined);
  for (const name of ['', 'a b', 'x:', 'x\r\ny'])
    assert.match(fieldNameProblem(name, 'answer') ?? '', /is no header name/, name);
});

test('values: what cannot be sent is refused in a configuration, and made harmless in what callers send', () => {
  assert.equal(fieldValueProblem('gateway, ü'), undefined);
  assert.match(fieldValueProblem('a\r\nb: c') ?? '', /control characters/);
  assert.equal(fieldValue('a\r\nb: c\u0000'), 'a%0D%0Ab: c%00');
  assert.equal(Buffer.from(fieldValue('Köln €'), 'latin1').toString('utf8'), 'Köln €');
  assert.equal(fieldValue('x'.repeat(5000)).length, 4096);
  assert.equal(fieldValue('\ud800'), Buffer.from('\ufffd').toString('latin1'));
});

test('fields that a backend may take for others go with them', () => {
  const fields = new Fields(['X-User', '1', 'x_USER', '2', 'X-Use', '3', 'X_User-', '4']);
  deleteLike(fields, new Set([variableName('X_User')]));
  assert.deepEqual(fields.flat, ['X-Use', '3', 'X_User-', '4']);
});
