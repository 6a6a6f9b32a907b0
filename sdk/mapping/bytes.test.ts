import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodePathValue,
  encodeQueryValue,
  hasDotSegment,
  isFieldValue,
  percentDecode,
  toBytes,
} from './bytes.ts';

const everyByte = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
// RFC 3986 lets none of these stand in a URI; the guide leaves them out of both lists.
const inNoUri = '"`|';
// Guide 3.2.1, after table 3-12: ASCII 0-31, blank, ASCII 127-255, and these.
const guide = { path: '?<>/%#[\\]^{}', query: '>=<+&%#[\\]^{}' };

for (const [place, encode] of [
  ['path', encodePathValue],
  ['query', encodeQueryValue],
] as const) {
  test(`each of the 256 bytes in a ${place} value is encoded as the guide lists it`, () => {
    for (const character of everyByte) {
      const code = character.charCodeAt(0);
      const listed =
        code <= 32 || code >= 127 || guide[place].includes(character) || inNoUri.includes(character);
      const expected = listed ? `%${code.toString(16).toUpperCase().padStart(2, '0')}` : character;
      assert.equal(encode(character), expected, `byte ${code}`);
    }
  });

  test(`a ${place} value comes back byte for byte`, () => {
    const all = everyByte.join('');
    assert.equal(percentDecode(encode(all)), all);
  });
}

test("the guide's example: [apig] becomes %5Bapig%5D", () => {
  assert.equal(encodeQueryValue('[apig]'), '%5Bapig%5D');
  assert.equal(encodePathValue('[apig]'), '%5Bapig%5D');
});

test('text is encoded from its UTF-8 bytes', () => {
  assert.equal(encodeQueryValue(toBytes('né 価')), 'n%C3%A9%20%E4%BE%A1');
  assert.equal(percentDecode('価'), toBytes('価'));
});

test('a malformed escape stays as it stands', () => {
  for (const text of ['%', '%4', '%zz', 'a%2', '%%41'])
    assert.equal(percentDecode(text), text.replace('%41', 'A'));
});

test('a field value holds no control character but the tab', () => {
  for (const character of everyByte) {
    const code = character.charCodeAt(0);
    assert.equal(isFieldValue(`a${character}b`), code === 9 || (code >= 32 && code !== 127), `byte ${code}`);
  }
});

test('dot segments are seen however they are written', () => {
  for (const path of ['/..', '/a/../b', '/a/.', '/%2e%2E/x', '/a%2f..%2fb', '/a%5c..', '\\..\\', '/..;/x']) {
    assert.equal(hasDotSegment(path), true, path);
  }
  for (const path of ['/a.b', '/...', '/a..b/c', '/.well-known', '/x%2e', '/'])
    assert.equal(hasDotSegment(path), false, path);
});
