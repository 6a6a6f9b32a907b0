import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ExpressionError, parseParameters, systemNames } from './index.ts';

type Phase = 'request' | 'response';

function parseOne(value: string, phase: Phase) {
  const { name, ...rest } = parseParameters({ it: value }, { phase }).declared.get('it') ?? { name: '' };
  assert.equal(name, 'it');
  return rest;
}

function failure(action: () => unknown): ExpressionError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof ExpressionError, String(error));
    return error;
  }
  return assert.fail('nothing was thrown');
}

const accepted: [string, Phase, object][] = [
  ['Method', 'request', { location: 'Method', phase: 'both' }],
  ['method', 'response', { location: 'Method', phase: 'both' }],
  ['Path', 'request', { location: 'Path', phase: 'both' }],
  ['PATH', 'response', { location: 'Path', phase: 'both' }],
  ['Path:userId', 'request', { location: 'PathVariable', phase: 'request', key: 'userId' }],
  ['path:userId', 'request', { location: 'PathVariable', phase: 'request', key: 'userId' }],
  ['StatusCode', 'response', { location: 'StatusCode', phase: 'response' }],
  ['statuscode', 'response', { location: 'StatusCode', phase: 'response' }],
  ['ErrorCode', 'response', { location: 'ErrorCode', phase: 'response' }],
  ['Header:X-Tenant', 'request', { location: 'Header', phase: 'both', key: 'X-Tenant' }],
  ['HEADER:X-Tenant', 'response', { location: 'Header', phase: 'both', key: 'X-Tenant' }],
  ['Query:page', 'request', { location: 'Query', phase: 'request', key: 'page' }],
  ['Query:a:b[0]', 'request', { location: 'Query', phase: 'request', key: 'a:b[0]' }],
  ['Form:amount', 'request', { location: 'Form', phase: 'request', key: 'amount' }],
  ['Host:tenant', 'request', { location: 'Host', phase: 'request', key: 'tenant' }],
  ['Parameter:orderId', 'request', { location: 'Parameter', phase: 'request', key: 'orderId' }],
  ['System:CaAppId', 'request', { location: 'System', phase: 'both', key: 'CaAppId' }],
  ['system:CaStage', 'response', { location: 'System', phase: 'both', key: 'CaStage' }],
  ['Token:sub', 'request', { location: 'Token', phase: 'both', key: 'sub' }],
  ['Token:https://x.test/role', 'response', { location: 'Token', phase: 'both', key: 'https://x.test/role' }],
  ['XFF:-1', 'request', { location: 'XFF', phase: 'request', index: -1 }],
  ['xff:0', 'request', { location: 'XFF', phase: 'request', index: 0 }],
  ['XFF:12', 'request', { location: 'XFF', phase: 'request', index: 12 }],
  [
    'BodyJsonField:$.result_code',
    'response',
    { location: 'BodyJsonField', phase: 'response', key: '$.result_code', path: ['result_code'] },
  ],
  ['BodyJson:$', 'response', { location: 'BodyJsonField', phase: 'response', key: '$', path: [] }],
];

/** Value, phase, offset into the value, part of the message, suggestions. */
const refused: [string, Phase, number, RegExp, string[]?][] = [
  ['', 'request', 0, /unknown location ""/],
  ['Nowhere:x', 'request', 0, /unknown location "Nowhere": allowed are Method, Path, /],
  ['Heder:x', 'request', 0, /did you mean Header\?/, ['Header']],
  ['PathVariable:x', 'request', 0, /unknown location/],
  [' Header:x', 'request', 0, /unknown location/],
  ['constructor', 'request', 0, /unknown location/],
  ['CaClientIp', 'request', 0, /unknown location/],
  ['Header', 'request', 6, /Header needs a name: Header:name/],
  ['Header:', 'request', 7, /needs a name/],
  ['Header: ', 'request', 7, /needs a name/],
  ['Query: page', 'request', 6, /no white space/],
  ['Header:X Tenant', 'request', 7, /no header name/],
  ['Query', 'request', 5, /needs a name/],
  ['Form', 'request', 4, /needs a name/],
  ['Host', 'request', 4, /needs a name/],
  ['Host:{tenant}', 'request', 5, /without braces/],
  ['Parameter', 'request', 9, /needs a name/],
  ['Token', 'request', 5, /needs a name/],
  ['Path:', 'request', 5, /needs a name/],
  ['Path:{userId}', 'request', 5, /without braces/],
  ['Method:x', 'request', 6, /Method takes no name/],
  ['StatusCode:x', 'response', 10, /takes no name/],
  ['ErrorCode:', 'response', 9, /takes no name/],
  ['System', 'request', 6, /System:CaAppId/],
  ['System:CaClientIP', 'request', 7, /did you mean CaClientIp\?/, ['CaClientIp']],
  ['System:Whatever', 'request', 7, /unknown system parameter "Whatever": allowed are CaClientIp, /],
  ['System:toString', 'request', 7, /unknown system parameter/],
  ['XFF', 'request', 3, /XFF:-1/],
  ['XFF:last', 'request', 4, /integer/],
  ['XFF:1.5', 'request', 4, /integer/],
  ['XFF:-0', 'request', 4, /integer/],
  ['BodyJsonField', 'response', 13, /BodyJsonField:\$\.code/],
  ['BodyJsonField:code', 'response', 14, /starting with "\$"/],
  ['BodyJsonField:$..code', 'response', 15, /in a JSONPath/],
  ['BodyJson:$.a[*]', 'response', 12, /in a JSONPath/],
  ['StatusCode', 'request', 0, /only in the response phase/],
  ['ErrorCode', 'request', 0, /only in the response phase/],
  ['BodyJsonField:$.a', 'request', 0, /only in the response phase/],
  ['Query:page', 'response', 0, /only in the request phase/],
  ['Form:a', 'response', 0, /only in the request phase/],
  ['Host:a', 'response', 0, /only in the request phase/],
  ['Parameter:a', 'response', 0, /only in the request phase/],
  ['Path:userId', 'response', 0, /only in the request phase/],
  ['XFF:0', 'response', 0, /only in the request phase/],
];

suite('parseParameters', () => {
  for (const [value, phase, expected] of accepted) {
    test(`accepts ${value} (${phase})`, () => assert.deepEqual(parseOne(value, phase), expected));
  }

  for (const [value, phase, offset, message, suggestions] of refused) {
    test(`refuses ${JSON.stringify(value)} (${phase})`, () => {
      const error = failure(() => parseOne(value, phase));
      assert.match(error.message, message);
      assert.match(error.message, /^parameter "it": /);
      assert.equal(error.offset, offset);
      assert.equal(error.problems[0].parameter, 'it');
      if (suggestions !== undefined) assert.deepEqual(error.suggestions, suggestions);
    });
  }

  for (const name of ['', 'a', '_', '1a', 'user_id', '__proto', 'a-b', 'é1', '$uid', 'ab ']) {
    test(`refuses the name ${JSON.stringify(name)}`, () => {
      const error = failure(() => parseParameters({ [name]: 'Method' }, { phase: 'request' }));
      assert.equal(error.problems[0].parameter, name);
      assert.match(error.message, /a name is/);
    });
  }

  test('accepts names at the edge of the rule, also those of object members', () => {
    const names = ['_a', 'a1', '_9', 'and', 'constructor', 'A'.repeat(80)];
    const scope = parseParameters(Object.fromEntries(names.map((name) => [name, 'Path'])), {
      phase: 'request',
    });
    assert.deepEqual([...scope.declared.keys()], names);
  });

  test('allows sixteen parameters and refuses the seventeenth', () => {
    const make = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, 'Method']));
    assert.equal(parseParameters(make(16), { phase: 'request' }).declared.size, 16);
    const error = failure(() => parseParameters(make(20), { phase: 'request' }));
    assert.deepEqual(
      error.problems.map((problem) => problem.parameter),
      ['p16'],
    );
  });

  test('reports all faulty declarations at once', () => {
    const error = failure(() =>
      parseParameters({ ok: 'Method', uid: 'Tokn:sub', x: 'Query', rc: 'StatusCode' }, { phase: 'request' }),
    );
    const found = error.problems.map(({ parameter, offset }) => [parameter, offset]);
    assert.deepEqual(found, [
      ['uid', 0],
      ['x', 0],
      ['x', 5],
      ['rc', 0],
    ]);
  });

  test('offers system parameters and built-ins, which a declaration shadows', () => {
    const { declared, visible } = parseParameters(
      { CaStage: 'Header:X-Stage', StatusCode: 'StatusCode' },
      { phase: 'response', builtIns: ['StatusCode', 'LatencyMilliSeconds'] },
    );
    assert.equal(declared.size, 2);
    assert.equal(visible.get('CaStage')?.location, 'Header');
    assert.equal(visible.get('StatusCode')?.location, 'StatusCode');
    assert.deepEqual(visible.get('LatencyMilliSeconds'), {
      name: 'LatencyMilliSeconds',
      location: 'BuiltIn',
      phase: 'both',
      key: 'LatencyMilliSeconds',
    });
    for (const name of systemNames) assert.ok(visible.has(name));
  });

  test('accepts the declarations of the reference', () => {
    parseParameters(
      {
        verb: 'Method',
        caller: 'System:CaAppId',
        tenant: 'Header:X-Tenant',
        page: 'Query:page',
        uid: 'Token:sub',
        orderId: 'Parameter:orderId',
        lastHop: 'XFF:-1',
        pathUid: 'Path:userId',
        ClientIP: 'System:CaClientIp',
      },
      { phase: 'request' },
    );
  });
});
