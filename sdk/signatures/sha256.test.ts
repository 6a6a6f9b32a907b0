import assert from 'node:assert/strict';
import { createHmac, createSecretKey, hash } from 'node:crypto';
import { mock, test } from 'node:test';

// Before the modules are loaded, as the function is looked up once.
const without = process.getBuiltinModule('node:ffi') === undefined;
const lookup = mock.method(process, 'getBuiltinModule', () => undefined);
const { isSha256Quick } = await import('./sha256.ts');
const { hmacBase64, hmacHex, hmacHexOfHash, isHmacHexOfHash } = await import('./hmac.ts');
lookup.mock.restore();
const again: string = './sha256.ts?again';
const { isSha256Quick: isQuickHere } = (await import(again)) as typeof import('./sha256.ts');

test('where Node has functions of C they are used, and elsewhere it signs without them', () => {
  assert.equal(isQuickHere, !without);
  assert.equal(isSha256Quick, false);
  const secret = createSecretKey('secret', 'utf8');
  for (const text of ['', 'GET\n\n/', 'x'.repeat(1400)]) {
    const hmacOf = (message: string) => createHmac('sha256', 'secret').update(message, 'utf8');
    assert.equal(hmacHex('sha256', secret, text), hmacOf(text).digest('hex'));
    assert.equal(hmacBase64('sha256', secret, text), hmacOf(text).digest('base64'));
    const whole = `start${hash('sha256', text, 'hex')}`;
    const expected = hmacOf(whole).digest('hex');
    assert.equal(hmacHexOfHash(secret, 'start', text), expected);
    assert.ok(isHmacHexOfHash(secret, 'start', text, expected));
    assert.equal(isHmacHexOfHash(secret, 'start', text, `${expected.slice(1)}x`), false);
  }
});
