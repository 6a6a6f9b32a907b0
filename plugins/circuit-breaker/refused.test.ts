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
bindings: [{ plugin: breaker, apis: ['*'] }]
plugins:
  breaker:
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

const times = 'windowInSeconds: 30\nopenTimeoutSeconds: 60\n';
const condition = (more: string) =>
  `breaker_condition: { breaker_type: timeout, breaker_mode: counter, unhealthy_threshold: 3, time_window: 15, open_breaker_time: 15 }\n${more}`;

suite('refused documents, with their lines', () => {
  const rows: readonly (readonly [type: string, document: string, ...expected: RegExp[]])[] = [
    [
      'alibaba/circuitBreaker',
      'timeoutThreshold: 5001\nwindowInSeconds: 9\nopenTimeoutSeconds: 301',
      /:12:25 .*timeoutThreshold: found 5001; allowed: .*5000/,
      /:13:24 .*windowInSeconds: found 9; allowed: .*10 to 90/,
      /:14:27 .*openTimeoutSeconds: found 301; allowed: .*15 to 300/,
    ],
    [
      'alibaba/circuitBreaker',
      times.trimEnd(),
      /:12:7 .*it must have "timeoutThreshold", or "errorCondition" and "errorThreshold"/,
    ],
    [
      'alibaba/circuitBreaker',
      `${times}timeoutThreshold: 5\nerrorThreshold: 3`,
      /:15:23 .*errorThreshold: allowed instead of "timeoutThreshold"/,
    ],
    [
      'alibaba/circuitBreaker',
      `${times}errorThreshold: 3\nerrorCondition: $StatusCod = 503`,
      /:15:23 .*errorCondition: parameter \$StatusCod is not declared, did you mean \$StatusCode/,
    ],
    [
      'alibaba/circuitBreaker',
      `${times}timeoutThreshold: 5\ndowngradeBackend: { type: FTP, statusCode: 200 }`,
      /:15:33 .*downgradeBackend\.type: found "FTP"; allowed: HTTP, HTTP-VPC, MOCK/,
    ],
    [
      'alibaba/circuitBreaker',
      `${times}timeoutThreshold: 5\ndowngradeBackend: { type: mock, path: /x }`,
      /:15:45 .*downgradeBackend\.path: path means nothing to a backend of type MOCK/,
    ],
    [
      'huawei/breaker',
      'breaker_condition: { breaker_type: condition, breaker_mode: percentage, time_window: 1, open_breaker_time: 1 }',
      /must have "unhealthy_condition"/,
      /must have "min_call_threshold"/,
      /must have "unhealthy_percentage"/,
    ],
    [
      'huawei/breaker',
      `breaker_condition:\n  breaker_type: condition\n  unhealthy_threshold: 1\n  time_window: 1\n  open_breaker_time: 1\n  unhealthy_condition: '["$context.status","==","500"]'`,
      /:17:32 .*unhealthy_condition: nothing is named "\$context\.status", did you mean \$context\.statusCode/,
    ],
    [
      'huawei/breaker',
      condition(`downgrade_default: { type: http, mock_info: { status_code: 200 } }`),
      /:13:\d+ .*downgrade_default: the type http must have "http_info"/,
      /:13:\d+ .*downgrade_default\.mock_info: allowed with `type: mock`; the type is http/,
    ],
    [
      'huawei/breaker',
      condition(
        `downgrade_rules:\n  - { rule_name: a, parameters: [x], match_regex: '["y","==","1"]' }\n  - { rule_name: a, match_regex: '["method","==","GET"]' }`,
      ),
      /:14:40 .*parameters\[0\]: "x" is not among "downgrade_parameters"/,
      /:14:\d+ .*match_regex: nothing is named "y"/,
      /:15:24 .*downgrade_rules\[1\]\.rule_name: "a" is the name of an earlier rule/,
    ],
    [
      'huawei/breaker',
      condition(`downgrade_default: { type: mock, mock_info: { headers: [{ name: X-Apig-A, value: x }] } }`),
      /:13:\d+ .*headers\[0\]: found the header "X-Apig-A"/,
    ],
    [
      'huawei/breaker',
      condition(`downgrade_default: { type: function, func_info: { function_urn: 'urn:x' } }`),
      /function_urn: found "urn:x"; allowed: the name of a function/,
    ],
    [
      'circuit-breaker',
      'breaker: { failure: condition, threshold: 1, percentage: 2, windowSeconds: 1, openSeconds: 1 }\nrules: [{ name: a, match: "[", breaker: { failure: timeout, when: "1 = 1", minCalls: 1, threshold: 2, windowSeconds: 1, openSeconds: 1 } }]\nfallback: { type: passthrough, x: 1 }',
      /breaker: `failure: condition` must have "when" or "rule"/,
      /breaker: a breaker must have "threshold" or "percentage"/,
      /rules\[0\]\.match: /,
      /rules\[0\]\.breaker\.when: allowed only with/,
      /rules\[0\]\.breaker\.minCalls: allowed only with "percentage"/,
      /fallback\.x: a passthrough has no other fields/,
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
