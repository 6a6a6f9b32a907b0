import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

/** The document at line 12 and below, indented by six. */
function yaml(document: string, type = 'alibaba/errorMapping'): string {
  return `groups: { shop: { domains: [test] } }
apis:
  shop/orders:
    request: { method: GET, path: / }
    auth: none
    backend: { type: mock }
bindings: [{ plugin: map, apis: ['*'] }]
plugins:
  map:
    type: ${type}
    config:
${document.replaceAll(/^/gm, '      ')}
`;
}

async function problems(config: string): Promise<string[]> {
  try {
    await testGateway({ config, plugins: [plugin] });
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

const head = "parameters: { st: StatusCode }\nerrorCondition: '$st = 500'\n";

suite('refused documents, with their lines', () => {
  const rows: readonly (readonly [name: string, document: string, ...expected: RegExp[]])[] = [
    [
      'nothing that is needed',
      'defaultMapping: {}',
      /^gateway\.yaml:11:5 plugins\.map\.config: "parameters" is missing$/,
      /: "errorCondition" is missing$/,
      /: "mappings" is missing$/,
    ],
    ['no mapping at all', `${head}mappings: []`, /:12:7 .*it must have "mappings" or "defaultMapping"/],
    [
      'a mapping of nothing',
      `${head}mappings:\n  - { statusCode: 500 }`,
      /:15:11 .*mappings\[0\]: a mapping must have "code", "condition" or both/,
    ],
    [
      'a code and nothing to compare it with',
      `${head}mappings:\n  - { code: A, statusCode: 500 }`,
      /:15:19 .*mappings\[0\]\.code: allowed where "errorCode" names the parameter/,
    ],
    [
      'a parameter that is not declared',
      `${head}errorCode: rx\nmappings: [{ code: A, condition: '$sx = 1', errorMessage: '\${sy}' }]`,
      /:14:18 .*errorCode: there is no parameter "rx"/,
      /:15:41 .*condition: parameter \$sx is not declared, did you mean \$st/,
      /:15:66 .*errorMessage: parameter \$sy is not declared/,
    ],
    [
      'parameters of the request, and a path that is none',
      "parameters: { q1: 'Query:q', b1: 'BodyJsonField:code' }\nerrorCondition: '$q1 = 1'\nmappings: []\ndefaultMapping: {}",
      /:12:26 .*parameters\.q1: .*exists only in the request phase/,
      /:12:\d+ .*parameters\.b1: .*JSONPath/,
    ],
    [
      'an unknown field',
      `${head}mapping: []\nmappings: []\ndefaultMapping: { body: x }`,
      /:14:7 .*mapping: unknown field; .*did you mean "mappings"/,
      /:16:25 .*defaultMapping\.body: unknown field/,
    ],
    [
      'a status of no answer',
      `${head}mappings: []\ndefaultMapping: { statusCode: 100 }`,
      /:15:37 .*defaultMapping\.statusCode: found 100/,
    ],
    [
      'a field of the framing',
      `${head}mappings: []\ndefaultMapping: { responseHeaders: { Transfer-Encoding: chunked } }`,
      /:15:63 .*responseHeaders\S*Transfer-Encoding\S*: "Transfer-Encoding" is written by the gateway/,
    ],
    [
      'more than 50 KB',
      `${head}mappings: []\ndefaultMapping: { responseBody: ${'x'.repeat(52_000)} }`,
      /config: the document has 52\d\d\d bytes as JSON/,
    ],
  ];
  for (const [name, document, ...expected] of rows) {
    test(name, async () => {
      const lines = await problems(yaml(document));
      assert.equal(lines.length, expected.length, lines.join('\n'));
      for (const [index, line] of lines.entries()) assert.match(line, expected[index] ?? /^$/);
    });
  }

  test('own options, under their own names', async () => {
    const document =
      "when: '$st = 1'\ncode: rc\nmappings: [{ when: '$rc = 1' }]\notherwise: { body: '${x1}' }";
    const lines = await problems(yaml(document, 'error-mapping'));
    assert.deepEqual(
      lines.map((line) => /config\.(\S+):/.exec(line)?.[1]),
      ['when', 'code', 'mappings[0].when', 'otherwise.body'],
    );
  });
});
