import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Type, definePlugin, reply } from '#sdk';
import { testGateway } from '#sdk/testing';
import { configWith, routed, whereTo } from './testing.ts';

suite('a route is put over the own backend', () => {
  const own =
    "{ type: http, address: 'http://own', path: '/own/{first}', method: PUT, hostHeader: own.internal }";
  const cases: readonly [name: string, own: string, route: string, expected: string, host?: string][] = [
    ['only an address', own, "{address: 'http://other'}", 'PUT http://other/own/x', 'other'],
    [
      'only an address, of any letter case',
      own,
      "{type: http, address: 'other:81'}",
      'PUT http://other:81/own/x',
      'other:81',
    ],
    ['only a path', own, '{path: /p}', 'PUT http://own/p', 'own.internal'],
    ['only a method', own, '{method: delete}', 'DELETE http://own/own/x', 'own.internal'],
    ['any method', own, '{method: any}', 'GET http://own/own/x', 'own.internal'],
    ['nothing', own, '{}', 'PUT http://own/own/x', 'own.internal'],
    [
      'HTTP-VPC with an address',
      own,
      "{type: HTTP-VPC, vpcAccessName: a, address: 'http://vpc'}",
      'PUT http://vpc/own/x',
    ],
    ['HTTP_VPC without a name', own, '{type: HTTP_VPC, path: /p}', 'PUT http://own/p'],
    ['a mock', own, '{type: MOCK}', '200 '],
    ['a mock without its type', own, '{statusCode: 503, mockBody: later}', '503 later'],
    [
      'a mock over a mock',
      '{ type: mock, status: 404, body: own }',
      '{type: mock, body: other}',
      '404 other',
    ],
    [
      'an address over a mock',
      '{ type: mock, status: 404 }',
      "{type: HTTP, address: 'http://a'}",
      'GET http://a/x',
    ],
    ['the own mock', '{ type: mock, status: 404, body: own }', '{}', '404 own'],
  ];
  for (const [name, backend, route, expected, host] of cases) {
    test(name, async () => {
      const gateway = await routed(`routes: [{ name: a, condition: '1 = 1', backend: ${route} }]`, backend);
      assert.equal(await whereTo(gateway, '/x'), expected);
      if (host !== undefined) assert.equal(gateway.backendRequests[0]?.host, host);
    });
  }

  test('a timeout', async () => {
    const seen: unknown[] = [];
    const backend = definePlugin({
      name: 'backend-http',
      summary: 'Notes its options.',
      config: Type.Unknown(),
      bind: (config) => ({ backend: { invoke: () => (seen.push(config), reply(200)) } }),
    });
    const config = configWith("routes: [{ name: a, condition: '1 = 1', backend: {timeout: 77} }]");
    const gateway = await testGateway({ config, plugins: [backend] });
    await gateway.request('GET', '/x');
    assert.deepEqual(seen, [{ address: 'http://own', path: '/own', timeoutMs: 77 }]);
  });
});

suite('an incomplete backend', () => {
  const mock = '{ type: mock, status: 200 }';
  const cases: readonly [name: string, own: string, route: string][] = [
    ['a path over a mock', mock, '{path: /p}'],
    ['HTTP over a mock', mock, '{type: HTTP}'],
    ['a VPC access', "{ type: http, address: 'http://own' }", '{type: HTTP-VPC, vpcAccessName: orders}'],
  ];
  for (const [name, own, route] of cases) {
    test(`${name}: refused where the route matches, and only there`, async () => {
      const document = `parameters: { qq: 'Query:q' }\nroutes: [{ name: a, condition: '$qq = 1', backend: ${route} }]`;
      const gateway = await routed(document, own);
      assert.equal((await gateway.request('GET', '/x')).status, 200);
      assert.equal((await gateway.request('GET', '/x?q=1')).status, 504);
      assert.equal(gateway.completed.at(-1)?.refusal?.kind, 'backend-incomplete');
      assert.deepEqual(
        gateway.log.map(({ level, fields }) => [level, fields['route']]),
        [['warn', 'a']],
      );
    });
  }
});
