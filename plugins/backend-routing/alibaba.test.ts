import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { at, configWith, ownHttp, refusals, route, routed, withCondition } from './testing.ts';

/** The path of a refusal in the document, and what is written at its place. */
function pointed(config: string, refusal: string): string {
  const [, line = 0, column = 0, path] =
    /^gateway\.yaml:(\d+):(\d+) plugins\.under-test\.config\.(\S+):/.exec(refusal) ?? [];
  return `${path} at ${config.split('\n')[Number(line) - 1]?.slice(Number(column) - 1, Number(column) + 10)}`;
}

const withBackend = (backend: string) => route(`name: a\ncondition: '1 = 1'\nbackend: ${backend}`);
const withConstant = (constant: string) =>
  route(`name: a\ncondition: '1 = 1'\nbackend: {}\nconstant-parameters:\n- ${constant}`);

suite('refused', () => {
  const twenty = Array.from({ length: 17 }, (_, index) => `p${index}a: Method`).join(', ');
  const routes = (count: number) =>
    `routes:\n${Array.from({ length: count }, (_, index) => `  - {name: r${index}, condition: '1=1', backend: {}}\n`).join('')}`;
  const unserved = 'function and object-storage backends are not served by this gateway yet';
  const cases: readonly [name: string, document: string, ...expected: (string | RegExp)[]][] = [
    [
      'an unknown field',
      'routes: []\nrules: []',
      `${at(2, 1)}.rules: unknown field; allowed: parameters, routes; did you mean "routes"?`,
    ],
    ['no routes', 'parameters: {}', /:10:5 plugins\.under-test\.config: "routes" is missing$/],
    [
      'a route without all',
      'routes: [{}]',
      ...['name', 'condition', 'backend'].map((name) => `${at(1, 10)}.routes[0]: "${name}" is missing`),
    ],
    [
      'a name with a hyphen',
      route("name: a-b\ncondition: '1=1'\nbackend: {}"),
      /^gateway\.yaml:12:17 .*routes\[0\]\.name: found "a-b"; allowed: .*letters and digits/,
    ],
    [
      'a name twice',
      `${routes(1)}  - {name: r0, condition: '1=1', backend: {}}`,
      `${at(3, 12)}.routes[1].name: found "r0", as in routes[0]; allowed: a name that no other one has`,
    ],
    ['17 routes', routes(17), `${at(18, 5)}.routes[16]: found 17 routes; at most 16 are allowed`],
    [
      '17 parameters',
      `parameters: {${twenty}}\nroutes: []`,
      /:11:\d+ plugins\.under-test\.config\.parameters\.p16a: parameter "p16a": at most 16 parameters/,
    ],
    [
      'more than 50 KB',
      withBackend(`{type: MOCK, body: ${'é'.repeat(26_000)}}`),
      /^gateway\.yaml:11:7 plugins\.under-test\.config: the document has 520\d\d bytes as JSON; at most 51200 \(50 KB\)/,
    ],
    [
      'a parameter from nowhere',
      'parameters:\n  aa: "Qery:x"\nroutes: []',
      /^gateway\.yaml:12:14 .*\.parameters\.aa: parameter "aa": unknown location "Qery", did you mean Query\?/,
    ],
    [
      'a parameter of the answer',
      'parameters: {aa: StatusCode}\nroutes: []',
      /parameters\.aa: .*exists only in the response phase/,
    ],
    [
      '__proto__ as a parameter',
      'parameters: {__proto__: Method}\nroutes: []',
      /parameters\.__proto__: parameter "__proto__": a name is a letter/,
    ],
    [
      'a parameter that is no text',
      'parameters: {aa: 5}\nroutes: []',
      `${at(1, 18)}.parameters.aa: found 5; allowed: text; quote it`,
    ],
    [
      'an undeclared parameter',
      withCondition('"$CaApId = 1"'),
      /^gateway\.yaml:13:23 .*: parameter \$CaApId is not declared, did you mean \$CaAppId\?/,
    ],
    [
      'weight',
      route("name: a\ncondition: '1=1'\nbackend: {}\nweight: 10"),
      /^gateway\.yaml:15:19 .*routes\[0\]\.weight: how the vendor shares .* `Random\(\) < 0\.2`/,
    ],
    [
      'FC, its fields not looked at',
      withBackend('{type: FC, fcRegionId: x, functionName: y}'),
      `${at(4, 21)}.routes[0].backend.type: found "FC": ${unserved}; allowed: HTTP, HTTP-VPC, MOCK`,
    ],
    [
      'OSS',
      withBackend('{type: oss}'),
      `${at(4, 21)}.routes[0].backend.type: found "oss": ${unserved}; allowed: HTTP, HTTP-VPC, MOCK`,
    ],
    [
      'an unknown type',
      withBackend('{type: HTTPS}'),
      `${at(4, 21)}.routes[0].backend.type: found "HTTPS"; allowed: HTTP, HTTP-VPC, MOCK`,
    ],
    [
      'a type that is no text',
      withBackend('{type: 5}'),
      `${at(4, 21)}.routes[0].backend.type: found 5; allowed: text; quote it`,
    ],
    [
      'an unknown field of a backend',
      withBackend('{adress: x}'),
      /^gateway\.yaml:14:21 .*backend\.adress: unknown field; .*did you mean "address"\?/,
    ],
    [
      'an address with a path',
      withBackend("{address: 'http://x/y'}"),
      /^gateway\.yaml:14:30 .*routes\[0\]\.backend\.address: found "http:\/\/x\/y"; allowed: scheme, host and port only/,
    ],
    ['a path without a slash', withBackend('{path: x}'), /^gateway\.yaml:14:27 .*backend\.path: found "x"/],
    [
      'a path with a query',
      withBackend("{path: '/x?y'}"),
      /^gateway\.yaml:14:27 .*backend\.path: found "\/x\?y"/,
    ],
    ['a path with a line break', withBackend('{path: "/x\\r\\ny"}'), /backend\.path: found /],
    [
      'a path variable that is not there',
      withBackend("{path: '/{id}'}"),
      /^gateway\.yaml:14:27 .*backend\.path: \{id\} is no parameter/,
    ],
    [
      'a timeout in words',
      withBackend('{timeout: 5s}'),
      /^gateway\.yaml:14:30 .*backend\.timeout: found "5s"; allowed: a whole number from 1 to 600000/,
    ],
    ['a status of no answer', withBackend('{statusCode: 100}'), /backend\.statusCode: found 100/],
    [
      'fields of the other type',
      withBackend('{type: mock, path: /x}'),
      `${at(4, 33)}.routes[0].backend.path: path means nothing to a backend of type MOCK`,
    ],
    [
      'a VPC access in HTTP',
      withBackend('{type: http, vpcAccessName: x}'),
      /backend\.vpcAccessName: vpcAccessName means nothing to a backend of type HTTP; allowed in HTTP-VPC/,
    ],
    [
      'two bodies',
      withBackend('{body: x, mockBody: y}'),
      /backend\.mockBody: mockBody is the older name of body/,
    ],
    [
      'a constant nowhere',
      withConstant('{name: x, location: body, value: y}'),
      /^gateway\.yaml:16:33 .*constant-parameters\[0\]\.location: found "body"; allowed: header, query/,
    ],
    [
      'a constant that is no text',
      withConstant('{name: x, location: query, value: 1.0}'),
      /constant-parameters\[0\]\.value: found 1; allowed: text; quote it/,
    ],
    [
      'a constant that splits a request',
      withConstant('{name: x, location: header, value: "a\\r\\nb: c"}'),
      /constant-parameters\[0\]\.value: control characters are not allowed/,
    ],
    [
      'a name that splits a request',
      withConstant('{name: "x: y\\r\\n", location: header, value: a}'),
      /constant-parameters\[0\]\.name: .* is no header name/,
    ],
    [
      'a field of the framing',
      withConstant('{name: transfer-Encoding, location: header, value: chunked}'),
      /\.name: "transfer-Encoding" is written by the gateway itself/,
    ],
    [
      'half a character',
      withConstant('{name: x, location: query, value: "\\uD800"}'),
      /\.value: half a surrogate pair/,
    ],
    [
      'a constant twice',
      `${withConstant('{name: X, location: header, value: a}').trimEnd()}\n    - {name: x, location: header, value: a}`,
      /constant-parameters\[1\]\.name: "x" is given twice/,
    ],
  ];
  for (const [name, document, ...expected] of cases) {
    test(name, async () => {
      const lines = await refusals(configWith(document));
      assert.equal(lines.length, expected.length, lines.join('\n'));
      for (const [index, line] of lines.entries()) {
        const wanted = expected[index] ?? '';
        if (typeof wanted === 'string') assert.equal(line, wanted);
        else assert.match(line, wanted);
      }
    });
  }

  test('all at once, each in its place', async () => {
    const config = configWith(`parameters: {aa: Qery, bb: 'XFF:x'}
routes:
  - {name: a, condition: '$aa = 1 or $cc = 1', backend: {type: X}}
  - {name: b, condition: '$bb = or', backend: {type: FC}, weight: 1}
`);
    const pointedAt = (await refusals(config)).map((line) => pointed(config, line));
    assert.deepEqual(pointedAt, [
      "parameters.aa at Qery, bb: '",
      "parameters.bb at x'}",
      "routes[0].condition at $cc = 1', b",
      'routes[0].backend.type at X}}',
      "routes[1].condition at or', backen",
      'routes[1].backend.type at FC}, weight',
      'routes[1].weight at 1}',
    ]);
  });

  test('with incomplete backends, what is wrong besides', async () => {
    const lines = await refusals(configWith(withBackend("{path: '/{id}'}"), '{ type: mock }'));
    assert.match(lines.join('\n'), /^gateway\.yaml:14:27 .*backend\.path: \{id\} is no parameter/);
    assert.equal(lines.length, 1);
  });

  test('own options, at their own places', async () => {
    const document = `parameters: { aa: Nowhere }
routes:
  - { name: a, when: $bb = 1, backend: { type: htp }, headers: { host: x }, query: { "\\uD800": x } }
  - { name: a, when: $aa =, backend: { type: routing } }
`;
    const config = configWith(document, ownHttp, 'backend-routing');
    const pointedAt = (await refusals(config)).map((line) => pointed(config, line));
    assert.deepEqual(pointedAt, [
      'parameters.aa at Nowhere }',
      'routes[0].when at $bb = 1, ba',
      'routes[0].backend.type at htp }, head',
      'routes[0].headers.host at x }, query:',
      'routes[0].query["\\ud800"] at x } }',
      'routes[1].name at a, when: $a',
      'routes[1].when at , backend: ',
      'routes[1].backend.type at routing } }',
    ]);
  });
});

test('accepted: every spelling, 16 routes and parameters, JSON', async () => {
  const parameters = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`p${index}a`, 'method']));
  const routes = Array.from({ length: 16 }, (_, index) => ({
    name: `r${index}`,
    condition: `$p${index}a == 'PUT' AND \${p0a} like "P%"`,
    backend: { type: ['HTTP', 'http-vpc', 'Http_Vpc', 'mock'][index % 4] },
  }));
  const gateway = await routed(JSON.stringify({ parameters, routes }));
  assert.equal((await gateway.request('PUT', '/x')).status, 200);
  assert.equal(gateway.backendRequests[0]?.headers.get('x-ca-routing-name'), 'r0');
});
