import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

/** The document at line 12 and below, indented by six. */
function yaml(type: string, document: string): string {
  return `groups: { shop: { domains: [test] } }
apis:
  shop/orders:
    request: { method: GET, path: / }
    auth: none
    backend: { type: mock }
bindings: [{ plugin: shape, apis: ['*'] }]
plugins:
  shape:
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

const put = (item: string) => `putRequestParameter:\n  - ${item}`;
const header = (item: string) => `response_headers:\n  - ${item}`;

suite('refused documents, with their lines', () => {
  const rows: readonly (readonly [type: string, document: string, ...expected: RegExp[]])[] = [
    [
      'alibaba/transformer',
      put("{ name: Content-Length, value: '1', location: header }"),
      /^gateway\.yaml:13:19 plugins\.shape\.config\.putRequestParameter\[0\]\.name: "Content-Length" is written by/,
    ],
    [
      'alibaba/transformer',
      put('{ name: X-A, value: "a\\r\\nb: c", location: Header }'),
      /:13:31 .*putRequestParameter\[0\]\.value: control characters/,
    ],
    [
      'alibaba/transformer',
      put("{ name: a, value: '1', location: path }"),
      /:13:44 .*location: found "path"; allowed: header, query, form/,
    ],
    [
      'alibaba/transformer',
      put('{ name: a, value: "\\uD800", location: query }'),
      /:13:29 .*value: half a surrogate pair/,
    ],
    [
      'alibaba/transformer',
      put('{ name: a, location: query }'),
      /:13:11 .*putRequestParameter\[0\]: "value" is missing/,
    ],
    [
      'alibaba/transformer',
      'removeResponseHeader: [{ name: Transfer-Encoding }]\nremoveRequestParameter: [{ name: Connection, location: header }]',
      /:13:40 .*removeRequestParameter\[0\]\.name: "Connection"/,
      /:12:38 .*removeResponseHeader\[0\]\.name: "Transfer-Encoding"/,
    ],
    [
      'alibaba/transformer',
      'setResponseStatusCode: 101\nputResponseHeaders: []',
      /putResponseHeaders: unknown field; .*did you mean "putResponseHeader"/,
      /:12:30 .*setResponseStatusCode: found 101/,
    ],
    [
      'huawei/set_resp_headers',
      header('{ name: X-Apig-Mode, value: x, action: add }'),
      /:13:19 .*response_headers\[0\]\.name: "X-Apig-Mode" cannot be changed/,
    ],
    [
      'huawei/set_resp_headers',
      header('{ name: x-request-id, action: delete }'),
      /:13:19 .*name: "x-request-id" cannot be changed/,
    ],
    [
      'huawei/set_resp_headers',
      header("{ name: Access-Control-Allow-Origin, value: '*', action: override }"),
      /name: "Access-Control-Allow-Origin" cannot be changed/,
    ],
    [
      'huawei/set_resp_headers',
      header('{ name: connection, value: close, action: override }'),
      /:13:19 .*name: "connection" is written by the gateway/,
    ],
    [
      'huawei/set_resp_headers',
      header(`{ name: ${'x'.repeat(33)}, value: ${'y'.repeat(256)}, action: replace }`),
      /name: found .*at most 32/,
      /value: found .*at most 255/,
      /action: found "replace"; allowed: override, append, delete, skip, add/,
    ],
    [
      'huawei/set_resp_headers',
      header('{ name: X-A, action: add }'),
      /:13:11 .*value: a value must be given/,
    ],
    [
      'huawei/set_resp_headers',
      header('{ name: X-A, value: $context.stage, value_type: system_parameter, action: skip }'),
      /:13:31 .*value: found "\$context\.stage"; allowed: \$context\.cacheStatus/,
      /:13:85 .*action: found "skip"; allowed with a system parameter: add, append/,
    ],
    [
      'huawei/set_resp_headers',
      `response_headers:\n${'  - { name: X-A, value: x, action: add }\n'.repeat(11).trimEnd()}`,
      /:13:9 .*response_headers: found a list of 11/,
    ],
    [
      'transformer',
      "request:\n  - { action: set, in: header, name: Host }\nresponse:\n  - { action: add, name: X-A, value: x, from: cacheStatus }\n  - { action: remove, name: 'a b', value: x }",
      /:13:44 .*request\[0\]\.name: "Host" is written by the gateway/,
      /:13:11 .*request\[0\]\.value: a value must be given/,
      /:15:44 .*response\[0\]\.value: allowed: "value" or "from"/,
      /:16:35 .*response\[1\]\.name: "a b" is no header name/,
      /:16:49 .*response\[1\]\.value: what is removed needs no value/,
    ],
  ];
  for (const [index, [type, document, ...expected]] of rows.entries()) {
    test(`${type} ${index}`, async () => {
      const lines = await problems(yaml(type, document));
      assert.equal(lines.length, expected.length, lines.join('\n'));
      for (const wanted of expected)
        assert.ok(
          lines.some((line) => wanted.test(line)),
          `${String(wanted)} in\n${lines.join('\n')}`,
        );
    });
  }
});
