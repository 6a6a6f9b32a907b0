import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileCondition, compileTemplate, parseParameters, readJsonPath } from './index.ts';
import type { Parameter, Value } from './index.ts';

/** A stand-in for an exchange: values by location and key, and a JSON body. */
interface Target {
  readonly values: Readonly<Record<string, Value>>;
  readonly body?: unknown;
}

/** What the samples' plug-ins do: decide by the location, once. */
function resolve(parameter: Parameter): (target: Target) => Value {
  if (parameter.location === 'BodyJsonField') return ({ body }) => readJsonPath(body, parameter.path);
  if ('index' in parameter) return ({ values }) => values[`XFF:${parameter.index}`];
  const key = 'key' in parameter ? `${parameter.location}:${parameter.key}` : parameter.location;
  return ({ values }) => values[key];
}

interface Sample {
  readonly from: string;
  readonly phase: 'request' | 'response';
  readonly parameters?: Readonly<Record<string, string>>;
  readonly builtIns?: readonly string[];
  readonly condition: string;
  readonly whenTrue: Target;
  readonly whenFalse?: Target;
}

const noValues: Target = { values: {} };

const samples: readonly Sample[] = [
  {
    from: 'routing, beta',
    phase: 'request',
    parameters: { ver: 'Header:X-Client-Version' },
    condition: "$CaAppId = 110001 and $ver like '2.%'",
    whenTrue: { values: { 'System:CaAppId': '110001', 'Header:X-Client-Version': '2.0.5' } },
    whenFalse: { values: { 'System:CaAppId': '110001', 'Header:X-Client-Version': '12.0' } },
  },
  {
    from: 'routing, closed',
    phase: 'request',
    condition: "$CaClientIp in_cidr '203.0.113.0/24'",
    whenTrue: { values: { 'System:CaClientIp': '203.0.113.77' } },
    whenFalse: { values: { 'System:CaClientIp': '203.0.112.77' } },
  },
  {
    from: 'routing, version order',
    phase: 'request',
    parameters: { ver: 'Header:X-Client-Version' },
    condition: "$ver < '2.0.5'",
    whenTrue: { values: { 'Header:X-Client-Version': '2.0.4' } },
    whenFalse: { values: { 'Header:X-Client-Version': '2.0.5' } },
  },
  {
    from: 'routing, last digit',
    phase: 'request',
    condition: "$CaAppId like '%0'",
    whenTrue: { values: { 'System:CaAppId': 110_010 } },
    whenFalse: { values: { 'System:CaAppId': 110_001 } },
  },
  {
    from: 'routing, stage',
    phase: 'request',
    condition: "$CaStage = 'PRE' or ($CaAppId = 123456)",
    whenTrue: { values: { 'System:CaStage': 'RELEASE', 'System:CaAppId': '123456' } },
    whenFalse: { values: { 'System:CaStage': 'RELEASE' } },
  },
  { from: 'constant', phase: 'request', condition: '1 = 1', whenTrue: noValues },
  {
    from: 'accessControl, owner',
    phase: 'request',
    parameters: { uid: 'Token:sub', pathUid: 'Path:userId' },
    condition: '$uid = $pathUid',
    whenTrue: { values: { 'Token:sub': 'u1', 'PathVariable:userId': 'u1' } },
    whenFalse: { values: { 'Token:sub': 'u1' } },
  },
  {
    from: 'accessControl, presence',
    phase: 'request',
    parameters: { lastHop: 'XFF:-1', verb: 'Method' },
    condition: "$lastHop != null and $verb = 'GET'",
    whenTrue: { values: { 'XFF:-1': '192.0.2.1', Method: 'GET' } },
    whenFalse: { values: { Method: 'GET' } },
  },
  {
    from: 'errorMapping',
    phase: 'response',
    parameters: { status: 'StatusCode', rc: 'BodyJsonField:$.result_code' },
    condition: "$status = 200 and $rc <> 'OK'",
    whenTrue: { values: { StatusCode: 200 }, body: { result_code: 'NOT_FOUND' } },
    whenFalse: { values: { StatusCode: 200 }, body: { result_code: 'OK' } },
  },
  {
    from: 'errorMapping, mapping',
    phase: 'response',
    parameters: { rc: 'BodyJsonField:$.result_code' },
    condition: "$rc like 'AUTH%'",
    whenTrue: { values: {}, body: { result_code: 'AUTH_EXPIRED' } },
    whenFalse: { values: {}, body: 'no object' },
  },
  {
    from: 'circuitBreaker, latency',
    phase: 'response',
    builtIns: ['StatusCode', 'LatencyMilliSeconds', 'LatencySeconds'],
    condition: '$LatencyMilliSeconds > 500',
    whenTrue: { values: { 'BuiltIn:LatencyMilliSeconds': 501 } },
    whenFalse: { values: { 'BuiltIn:LatencyMilliSeconds': 60 } },
  },
  {
    from: 'circuitBreaker, status',
    phase: 'response',
    builtIns: ['StatusCode'],
    condition: '$StatusCode == 503',
    whenTrue: { values: { 'BuiltIn:StatusCode': 503 } },
    whenFalse: noValues,
  },
  {
    from: 'remoteAuth, declared',
    phase: 'response',
    parameters: { statusCode: 'StatusCode' },
    builtIns: ['statusCode'],
    condition: '${statusCode} = 200',
    whenTrue: { values: { StatusCode: 200 } },
    whenFalse: { values: { 'BuiltIn:statusCode': 200 } },
  },
  {
    from: 'remoteAuth, built in',
    phase: 'response',
    builtIns: ['statusCode'],
    condition: '${statusCode} = 200',
    whenTrue: { values: { 'BuiltIn:statusCode': 200 } },
    whenFalse: { values: { 'BuiltIn:statusCode': 401 } },
  },
];

suite('samples of the reference', () => {
  for (const { from, phase, parameters = {}, builtIns = [], condition, whenTrue, whenFalse } of samples) {
    test(`${from}: ${condition}`, () => {
      const scope = parseParameters(parameters, { phase, builtIns });
      const evaluate = compileCondition(condition, { scope, resolve });
      assert.equal(evaluate(whenTrue), true);
      if (whenFalse !== undefined) assert.equal(evaluate(whenFalse), false);
    });
  }

  test('Random() < 0.05', () => {
    const scope = parseParameters({}, { phase: 'request' });
    const compile = (random: () => number) => compileCondition('Random() < 0.05', { scope, resolve, random });
    assert.equal(compile(() => 0.04)(noValues), true);
    assert.equal(compile(() => 0.05)(noValues), false);
  });

  test('messages and bodies', () => {
    const access = parseParameters({ uid: 'Token:sub', pathUid: 'path:userId' }, { phase: 'request' });
    const owner = { values: { 'Token:sub': 'u1', 'PathVariable:userId': 'u2' } };
    const message = compileTemplate('user ${uid} may not read ${pathUid}', { scope: access, resolve });
    assert.equal(message(owner), 'user u1 may not read u2');
    const mapping = parseParameters({ rc: 'BodyJsonField:$.result_code' }, { phase: 'response' });
    const body = compileTemplate('{"code":"${rc}"}', { scope: mapping, resolve });
    assert.equal(body({ values: {}, body: { result_code: 'E1' } }), '{"code":"E1"}');
    assert.equal(body({ values: {}, body: {} }), '{"code":""}');
  });
});
