import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../exchange.ts';
import { Fields } from '../fields.ts';
import { Params } from '../params.ts';
import { type RuleParameter, ruleReaders } from './index.ts';

const never = (): never => assert.fail('nothing is wrong');

const fake: Partial<Exchange> = {
  method: 'PUT',
  path: '/v1/%61dmin',
  clientAddress: '192.0.2.1',
  identity: null,
  headers: new Fields(['Host', 'a.example', 'X-City', 'KÃ¶ln', 'X-City', 'Bonn']),
  query: Params.parse('page=2&page=3'),
};
const exchange = fake as Exchange;

function read(parameter: RuleParameter): unknown {
  return ruleReaders([parameter], ['parameters'], never).get(parameter.name)?.(exchange);
}

test('what needs no declaration', () => {
  const readers = ruleReaders([], ['parameters'], never);
  assert.deepEqual([...readers.keys()], ['reqPath', 'method']);
  assert.equal(readers.get('reqPath')?.(exchange), '/v1/admin');
  assert.equal(readers.get('method')?.(exchange), 'PUT');
});

test('what is declared', () => {
  assert.equal(read({ type: 'path', name: 'p', value: 'reqPath' }), '/v1/admin');
  assert.equal(read({ type: 'method', name: 'm', value: 'method' }), 'PUT');
  assert.equal(read({ id: '3wuj', type: 'header', name: 'Host', value: 'Host' }), 'a.example');
  assert.equal(read({ type: 'header', name: 'host' }), 'a.example');
  assert.equal(read({ type: 'header', name: 'city', value: 'x-city' }), 'Köln');
  assert.equal(read({ type: 'header', name: 'none', value: 'x-none' }), undefined);
  assert.equal(read({ type: 'query', name: 'n', value: 'page' }), '2');
  assert.equal(read({ type: 'query', name: 'Page' }), undefined);
  assert.equal(read({ type: 'system', name: 'ip', value: 'sourceIp' }), '192.0.2.1');
  assert.equal(read({ type: 'system', name: '$context.sourceIp' }), '192.0.2.1');
  assert.equal(read({ type: 'system', name: 'app', value: 'appId' }), undefined);
});

test('what is wrong is reported where it stands', () => {
  const reported: unknown[] = [];
  const parameters: readonly RuleParameter[] = [
    { type: 'system', name: 'ip', value: '$context.sourceIpp' },
    { type: 'header', name: 'ip', value: 'x-ip' },
    { type: 'header', name: 'reqPath', value: 'x-path' },
    { type: 'system', name: 'server' },
  ];
  ruleReaders(parameters, ['parameters'], (path, message, offset) => {
    reported.push([path.join('.'), message.slice(0, 66), offset]);
  });
  assert.deepEqual(reported, [
    ['parameters.0.value', 'unknown system parameter "$context.sourceIpp", did you mean source', 9],
    ['parameters.1.name', '"ip" is declared already', undefined],
    ['parameters.3.name', 'unknown system parameter "server": allowed are sourceIp, stage, ap', 0],
  ]);
});
