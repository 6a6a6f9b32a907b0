import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type AnswerText, type Value, parseParameters, reportAnswer } from './index.ts';

type Values = Readonly<Record<string, Value>>;

const scope = parseParameters({ who: 'Query:who' }, { phase: 'request' });
const fields = { message: 'errorMessage', headers: 'responseHeaders', body: 'responseBody' } as const;

function compile(text: AnswerText, problems: string[] = []) {
  return reportAnswer<Values>(
    text,
    {
      scope,
      resolve:
        ({ name }) =>
        (values) =>
          values[name],
    },
    fields,
    ['rules', 0],
    (path, message, offset) => problems.push(`${path.join('.')} ${offset ?? ''} ${message.slice(0, 40)}`),
  );
}

const bodyOf = (body: string, who: Value, type?: string): string | undefined =>
  compile({ body, ...(type === undefined ? {} : { headers: { 'content-type': type } }) }).body?.({ who });

suite('values in bodies', () => {
  const rows: readonly (readonly [body: string, type: string | undefined, who: Value, expected: string])[] = [
    ['{"a":"${who}"}', undefined, 'x"\\\n', '{"a":"x\\"\\\\\\n"}'],
    ['{"a":"\\"${who}"}', undefined, '"', '{"a":"\\"\\""}'],
    ['{"a":${who}}', undefined, 5, '{"a":5}'],
    ['{"a":${who}}', undefined, 'true', '{"a":true}'],
    ['{"a":${who}}', undefined, null, '{"a":null}'],
    ['{"a":${who}}', undefined, '1,"b":2', '{"a":"1,\\"b\\":2"}'],
    ['{"a":${who}}', undefined, '007', '{"a":"007"}'],
    ['{"a":"${who}"}', undefined, undefined, '{"a":""}'],
    ['{"a":"${who}"}', undefined, '\ud800', '{"a":"\ufffd"}'],
    ['<b>${who}</b>', 'text/html', '<i a="\'&">', '<b>&lt;i a=&quot;&#39;&amp;&quot;&gt;</b>'],
    ['<b>${who}</b>', 'application/soap+xml; charset=utf-8', '<', '<b>&lt;</b>'],
    ['hello ${who}', undefined, '<"', 'hello <"'],
  ];
  for (const [body, type, who, expected] of rows) {
    test(`${body} with ${JSON.stringify(who)}`, () => assert.equal(bodyOf(body, who, type), expected));
  }
});

test('the type of a body that nobody named', () => {
  const typeOf = (text: AnswerText) => compile(text).headers.map(([name, value]) => [name, value({})]);
  assert.deepEqual(typeOf({ body: '{"a":${who}}' }), [['Content-Type', 'application/json']]);
  assert.deepEqual(typeOf({ body: 'hello' }), [['Content-Type', 'text/plain; charset=utf-8']]);
  assert.deepEqual(typeOf({ body: 'x', headers: { 'CONTENT-TYPE': 'a/b' } }), [['CONTENT-TYPE', 'a/b']]);
  assert.deepEqual(typeOf({ message: 'x' }), []);
});

test('header values are made harmless', () => {
  const { headers } = compile({ headers: { 'X-A': 'für ${who}' } });
  const [, value] = headers[0] ?? [];
  assert.equal(
    Buffer.from(value?.({ who: 'a\r\nb: c' }) ?? '', 'latin1').toString('utf8'),
    'für a%0D%0Ab: c',
  );
});

test('everything that is wrong, at its place', () => {
  const problems: string[] = [];
  compile({ message: 'x ${nobody}', headers: { Connection: 'a', 'X-B': '${' }, body: '${nobody}' }, problems);
  assert.deepEqual(problems, [
    'rules.0.responseHeaders.Connection  "Connection" is written by the gateway i',
    'rules.0.responseHeaders.X-B 0 found "${" and no parameter: a parameter',
    'rules.0.errorMessage 2 parameter $nobody is not declared: decla',
    'rules.0.responseBody 0 parameter $nobody is not declared: decla',
  ]);
});
