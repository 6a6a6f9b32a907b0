import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileTemplate, ExpressionError, parseParameters, type Value } from './index.ts';

type Values = Readonly<Record<string, Value>>;

const scope = parseParameters({ uid: 'Token:sub', pathUid: 'Path:userId' }, { phase: 'request' });

function compile(text: string, encode?: (text: string) => string) {
  return compileTemplate<Values>(text, {
    scope,
    resolve: (parameter) => (values) => values[parameter.name],
    ...(encode && { encode }),
  });
}

const cases: [text: string, values: Values, expected: string][] = [
  ['', {}, ''],
  ['plain', {}, 'plain'],
  ['${uid}', { uid: 'u1' }, 'u1'],
  ['user ${uid} may not read ${pathUid}', { uid: 'u1', pathUid: 'u2' }, 'user u1 may not read u2'],
  ['{"denied":"${pathUid}"}', { pathUid: 'u2' }, '{"denied":"u2"}'],
  ['${uid}${uid}', { uid: 'x' }, 'xx'],
  ['[${uid}]', {}, '[]'],
  ['[${uid}]', { uid: null }, '[]'],
  ['[${uid}]', { uid: Number.NaN }, '[]'],
  ['${uid}', { uid: 0 }, '0'],
  ['${uid}', { uid: false }, 'false'],
  ['${CaAppId}', { CaAppId: 110_001 }, '110001'],
  ['$uid costs 5$, {uid}', { uid: 'x' }, '$uid costs 5$, {uid}'],
  ['$${uid}}', { uid: 'x' }, '$x}'],
  ['${uid}', { uid: '${pathUid}' }, '${pathUid}'],
  ['${uid}', { uid: '$&$1' }, '$&$1'],
];

const refused: [text: string, offsets: number[], message: RegExp, suggestions?: string[]][] = [
  ['hello ${ud}', [6], /\$ud is not declared, did you mean \$uid\?/, ['uid']],
  ['${nobody1} and ${uid} and ${nobody2}', [0, 26], /\$nobody1 .*\$nobody2/],
  ['a ${} b', [2], /no parameter/],
  ['a ${ uid } b', [2], /no parameter/],
  ['a ${uid', [2], /no parameter/],
  ['${${uid}', [0], /no parameter/],
  ['${1a} ${uid.x} ${', [0, 6, 15], /no parameter/],
];

suite('compileTemplate', () => {
  for (const [text, values, expected] of cases) {
    test(`${text} with ${JSON.stringify(values)}`, () => assert.equal(compile(text)(values), expected));
  }

  for (const [text, offsets, message, suggestions] of refused) {
    test(`refuses ${text}`, () => {
      assert.throws(
        () => compile(text),
        (error) => {
          assert.ok(error instanceof ExpressionError);
          assert.match(error.message, message);
          assert.deepEqual(
            error.problems.map((problem) => problem.offset),
            offsets,
          );
          if (suggestions !== undefined) assert.deepEqual(error.suggestions, suggestions);
          return true;
        },
      );
    });
  }

  test('encodes what is put in, not the text around it', () => {
    const template = compile('{"id":"${uid}"}', (text) => JSON.stringify(text).slice(1, -1));
    assert.equal(template({ uid: 'a"b\n' }), String.raw`{"id":"a\"b\n"}`);
  });
});
