import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from '#sdk';
import { parseUntrusted, printable, readUntrusted, schemaProblem } from './untrusted.ts';

for (const pattern of ['^(a+)+$', '(a|b)*c', '(?:a?){40}b', '(-[a-z-]+)*', '(a*)\\1', '((ab)+c)*'])
  test(`a pattern that may take too long is refused: ${pattern}`, () => {
    assert.match(
      schemaProblem({ type: 'object', properties: { a: { pattern } } }) ?? '',
      /may take too long/,
    );
    assert.match(schemaProblem({ patternProperties: { [pattern]: true } }) ?? '', /may take too long/);
  });

for (const pattern of ['^[a-z]+(-[a-z]+)*$', '^\\d{3}(?:-\\d+)?$', '^(get|post)$', '^.*$', '^[(|)]*$'])
  test(`an ordinary pattern is not: ${pattern}`, () => {
    assert.equal(schemaProblem({ type: 'string', pattern }), undefined);
  });

test('keys that change what an object is made of are refused however they are written', () => {
  for (const json of ['{"__proto__":{}}', '{"a":[{"\\u005f_proto__":1}]}'])
    assert.throws(() => parseUntrusted(json), /__proto__/);
  assert.deepEqual(parseUntrusted('{"a":"__proto__ \\u001b"}'), { a: '__proto__ \u001b' });
});

test('what is not of the shape is refused', () => {
  const shape = Type.Object({ a: Type.Integer() }, { additionalProperties: false });
  assert.deepEqual(readUntrusted(shape, '{"a":1}'), { a: 1 });
  for (const json of ['{"a":"1"}', '{}', '{"a":1,"b":2}', '[]', 'null', '1'])
    assert.throws(() => readUntrusted(shape, json), /its answer/);
  assert.throws(() => readUntrusted(shape, '{'));
});

test('a schema is no deeper than a few levels', () => {
  let schema: object = { type: 'string' };
  for (let turn = 0; turn < 50; turn += 1) schema = { type: 'array', items: schema };
  assert.match(schemaProblem(schema) ?? '', /levels deep/);
});

test('control characters do not reach a terminal', () => {
  assert.equal(printable('a\u001b[2J\nb\u009b'), 'a [2J b ');
});
