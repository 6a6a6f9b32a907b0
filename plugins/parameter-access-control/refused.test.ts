import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { start } from './testing.ts';

/** The document at line 11 and below, indented by four. */
function yaml(document: string, type = 'alibaba/accessControl'): string {
  return `groups: { shop: { domains: [test] } }
apis:
  shop/orders:
    request: { method: GET, path: '/users/{userId}' }
    auth: none
    backend: { type: mock }
bindings: [{ plugin: rules, apis: ['*'] }]
plugins:
  rules:
    type: ${type}
    config:
${document.replaceAll(/^/gm, '      ')}
`;
}

async function problems(config: string): Promise<string[]> {
  try {
    await start(config);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

suite('refused documents, with their lines', () => {
  const rows: readonly (readonly [name: string, document: string, ...expected: RegExp[]])[] = [
    ['no rules', 'parameters: {}', /^gateway\.yaml:11:5 plugins\.rules\.config: "rules" is missing$/],
    ['an empty list', 'rules: []', /:12:14 .*rules: found a list of 0/],
    [
      'an unknown field',
      "rules:\n  - { name: a, condition: '1=1', ifTrue: DENY, statuscode: 400 }",
      /:13:54 .*rules\[0\]\.statuscode: unknown field; .*did you mean "statusCode"\?/,
    ],
    [
      'an effect in lower case',
      "rules:\n  - { name: a, condition: '1=1', ifTrue: deny }",
      /:13:48 .*ifTrue: found "deny"; allowed: ALLOW, DENY/,
    ],
    [
      'a rule that decides nothing',
      "rules:\n  - { name: a, condition: '1=1' }",
      /:13:11 .*rules\[0\]: the rule decides nothing: it must have "ifTrue" or "ifFalse"/,
    ],
    [
      'a rule about nothing',
      'rules:\n  - { name: a, ifTrue: DENY }',
      /:13:11 .*: a rule must have "condition", or "assertParameterName" and "assertInDataset"/,
    ],
    [
      'half an assertion',
      'rules:\n  - { name: a, assertParameterName: CaAppId }',
      /:13:11 .*: a rule must have "condition"/,
    ],
    [
      'a condition and an assertion',
      "rules:\n  - { name: a, condition: '1=1', ifTrue: DENY, assertInDataset: good }",
      /:13:71 .*assertInDataset: allowed instead of "condition"/,
    ],
    [
      'a parameter that is not declared',
      "parameters: { uid: 'Token:sub' }\nrules:\n  - { name: a, condition: \"$uic = '1'\", ifFalse: DENY }",
      /:14:34 .*condition: parameter \$uic is not declared, did you mean \$uid\?/,
    ],
    [
      'the same in a message and a body',
      "rules:\n  - { name: a, condition: '1=1', ifTrue: DENY, errorMessage: 'x ${nobody}', responseBody: '${' }",
      /:13:71 .*errorMessage: parameter \$nobody is not declared/,
      /:13:\d+ .*responseBody: found "\$\{" and no parameter/,
    ],
    [
      'an assertion about a parameter that is not declared',
      "parameters: { tenant: 'Query:t' }\nrules:\n  - { name: a, assertParameterName: tenat, assertInDataset: good }",
      /:14:43 .*assertParameterName: there is no parameter "tenat"; .*did you mean "tenant"\?/,
    ],
    [
      'a data set that there is not',
      'rules:\n  - { name: a, assertParameterName: CaAppId, assertInDataset: god }',
      /:13:11 .*rules\[0\]: there is no data set "god"; allowed: good, addresses; did you mean "good"\?/,
    ],
    [
      'a data set for something else',
      'rules:\n  - { name: a, assertParameterName: CaAppId, assertInDataset: addresses }',
      /:13:11 .*"addresses" is of the type IP_WHITELIST_CIDR; allowed: PARAMETER_ACCESS/,
    ],
    [
      'a parameter of the answer',
      "parameters: { st: StatusCode }\nrules:\n  - { name: a, condition: '$st = 1', ifTrue: DENY }",
      /:12:25 .*parameters\.st: .*exists only in the response phase/,
    ],
    [
      'a field of the framing, and one that splits',
      `rules:\n  - { name: a, condition: '1=1', ifTrue: DENY, responseHeaders: { Content-Length: '1', X-A: "a\\nb" } }`,
      /:13:\d+ .*responseHeaders\S*Content-Length\S*: "Content-Length" is written by the gateway/,
      /:13:\d+ .*responseHeaders\S*X-A\S*: control characters/,
    ],
    [
      'two rules of one name',
      "rules:\n  - { name: a, condition: '1=1', ifTrue: DENY }\n  - { name: a, condition: '1=1', ifTrue: DENY }",
      /:14:19 .*rules\[1\]\.name: found "a", as in rules\[0\]/,
    ],
    [
      'more than 50 KB',
      `rules:\n  - { name: a, condition: '1=1', ifTrue: DENY, responseBody: ${'x'.repeat(52_000)} }`,
      /plugins\.rules\.config: the document has 52\d\d\d bytes as JSON/,
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
    const lines = await problems(
      yaml(
        "rules:\n  - { name: a, when: '$x1 = 1', onTrue: deny, headers: { Via: x } }\n  - { name: b, parameter: CaAppId, dataSet: none }\n  - { name: c, when: '1=1' }",
        'parameter-access-control',
      ),
    );
    const places = new Set(lines.map((line) => /config\.(\S+):/.exec(line)?.[1]));
    assert.deepEqual(places, new Set(['rules[0].headers.Via', 'rules[0].when', 'rules[1]', 'rules[2]']));
  });
});
