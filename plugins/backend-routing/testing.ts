import assert from 'node:assert/strict';
import { testGateway, type TestGateway } from '#sdk/testing';

/** For tests: what an API's own backend is unless a test says otherwise. */
export const ownHttp = '{ type: http, address: "http://own", path: /own }';

/** For tests: a configuration with one API `shop/any` that takes every request, and a plugin bound to it. */
export function configWith(document: string, backend = ownHttp, type = 'alibaba/routing'): string {
  const indented = document
    .trimEnd()
    .split('\n')
    .map((line) => `      ${line}`);
  return `groups: { shop: { domains: [shop.example, '*.tenants.example', '*'] } }
apis:
  shop/any:
    { request: { method: ANY, path: '/{first}', match: prefix }, auth: none,
      backend: ${backend} }
bindings: [{ plugin: under-test, apis: ['*'] }]
plugins:
  under-test:
    type: ${type}
    config:
${indented.join('\n')}
`;
}

/** The line of the configuration on which the document begins. */
const firstLine = 11;

export function routed(document: string, backend?: string): Promise<TestGateway> {
  return testGateway({ config: configWith(document, backend) });
}

/** For tests: the lines in which a configuration is refused. */
export async function refusals(
  config: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  let gateway: TestGateway | undefined;
  try {
    gateway = await testGateway({ config, env });
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'ConfigError', String(error));
    return error.message.split('\n');
  }
  await gateway.close();
  return [];
}

/** For tests: where a request went: the origin and the URL, or the status of an answer that no backend gave. */
export async function whereTo(
  gateway: TestGateway,
  url: string,
  headers: Readonly<Record<string, string>> = {},
) {
  const before = gateway.backendRequests.length;
  const answer = await gateway.request('GET', url, { headers });
  const sent = gateway.backendRequests[before];
  if (sent === undefined) return `${answer.status} ${answer.text}`;
  return `${sent.method} ${sent.origin}${sent.path}${sent.rawQuery === '' ? '' : `?${sent.rawQuery}`}`;
}

/** For tests: a place in the document, counted from its first line and column, as a place in the whole file. */
export function at(line: number, column: number): string {
  return `gateway.yaml:${line + firstLine - 1}:${column + 6} plugins.under-test.config`;
}

/** For tests: a document with one route. */
export const route = (fields: string) => `routes:\n  - ${fields.replaceAll('\n', '\n    ')}\n`;

/** For tests: a document with one route on a condition, written as in YAML. */
export const withCondition = (condition: string) => route(`name: a\ncondition: ${condition}\nbackend: {}`);
