import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ExpressionError, type JsonPath } from './index.ts';
import { parseJsonPath, readJsonPath } from './json-path.ts';

const accepted: [string, JsonPath][] = [
  ['$', []],
  ['$.code', ['code']],
  ['$.a.b_1', ['a', 'b_1']],
  ["$['a b']", ['a b']],
  ['$["it\'s"]', ["it's"]],
  ['$[0]', [0]],
  ['$.list[10].é', ['list', 10, 'é']],
  ["$['0'][0]", ['0', 0]],
];

const refused: [string, number][] = [
  ['', 0],
  ['code', 0],
  ['$code', 1],
  ['$.', 1],
  ['$..a', 1],
  ['$.*', 1],
  ['$.a-b', 3],
  ['$.0', 1],
  ['$[*]', 1],
  ['$[-1]', 1],
  ['$[01]', 1],
  ['$[0:2]', 1],
  ['$[?(@.a)]', 1],
  ["$['a','b']", 1],
  ["$['']", 1],
  ["$['a", 1],
  ['$.a[0', 3],
  ['$.a b', 3],
];

suite('JSONPath', () => {
  for (const [text, path] of accepted) {
    test(`accepts ${text}`, () => assert.deepEqual(parseJsonPath(text, 0), path));
  }

  for (const [text, position] of refused) {
    test(`refuses ${JSON.stringify(text)} at ${position}`, () => {
      assert.throws(
        () => parseJsonPath(text, 7),
        (error) => error instanceof ExpressionError && error.offset === 7 + position,
      );
    });
  }

  test('reads scalars, and objects as JSON text', () => {
    const document: unknown = JSON.parse('{"a":{"b":[1,"x",true,null,{"c":2}]},"0":"zero"}');
    const read = (text: string) => readJsonPath(document, parseJsonPath(text, 0));
    const values = ['$.a.b[0]', '$.a.b[1]', '$.a.b[2]', '$.a.b[3]', '$.a.b[4]', "$['0']"].map(read);
    assert.deepEqual(values, [1, 'x', true, null, '{"c":2}', 'zero']);
  });

  test('reads nothing where there is nothing', () => {
    const document: unknown = JSON.parse('{"a":[1],"s":"text","n":null}');
    for (const text of ['$.b', '$.a[1]', '$.a.length', "$.a['0']", '$[0]', '$.s[0]', '$.s.length', '$.n.x']) {
      assert.equal(readJsonPath(document, parseJsonPath(text, 0)), undefined, text);
    }
    for (const text of ['$.constructor', '$.__proto__', '$.a.map', '$.toString']) {
      assert.equal(readJsonPath(document, parseJsonPath(text, 0)), undefined, text);
    }
    assert.equal(readJsonPath(undefined, ['a']), undefined);
    assert.equal(readJsonPath(undefined, []), undefined);
  });
});
