import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RefusalKind, refusalKinds, refuse } from '#sdk';
import { testGateway } from '#sdk/testing';
import { type ResponseType, responseTypes } from './options.ts';
import { gatewayOf } from './testing.ts';

/** Answers that name the group's response and the type, so that no other can be taken for them. */
function responseNamed(name: string): Record<string, unknown> {
  return Object.fromEntries(
    responseTypes.map((type, index) => [
      type,
      {
        status: 560 + index,
        headers: { 'x-response': `${name} ${type}` },
        body: `{"as":"${name} ${type}","type":"$context.error.type"}`,
      },
    ]),
  );
}

const kindsOf = (type: ResponseType): RefusalKind[] =>
  (Object.keys(refusalKinds) as RefusalKind[]).filter((kind) => refusalKinds[kind].type === type);

// Table 3-2 and reference 7.7. A type that nothing here refuses with can be configured all the same.
for (const [index, type] of responseTypes.entries()) {
  test(`${type}: configured, and what is of this type answered so`, async () => {
    const gateway = await gatewayOf({ response: 'r', responses: { r: responseNamed('r') } });
    for (const kind of kindsOf(type)) {
      const answer = await gateway.request('GET', '/a/1', { headers: { 'x-kind': kind } });
      assert.equal(answer.status, 560 + index);
      assert.equal(answer.headers.get('x-response'), `r ${type}`);
      assert.deepEqual(answer.json(), { as: `r ${type}`, type });
    }
  });
}

test('every kind of refusal is of a type that can be configured', () => {
  for (const { type } of Object.values(refusalKinds))
    assert.ok((responseTypes as readonly string[]).includes(type), type);
});

const appCode = 'AppCode0123456789'.repeat(4);

/** What leads to each type without a plugin made for the test. */
const causes: readonly (readonly [
  type: ResponseType,
  api: Record<string, unknown>,
  headers?: Record<string, string>,
])[] = [
  ['REQUEST_PARAMETERS_FAILURE', { request: { parameters: [{ name: 'x', in: 'query', required: true }] } }],
  ['DEFAULT_4XX', { request: { protocol: 'http' } }],
  ['AUTH_HEADER_MISSING', { auth: 'app' }],
  [
    'AUTH_FAILURE',
    { auth: 'app' },
    { 'x-ca-key': 'nobody', 'x-ca-signature': 'x', 'x-ca-signature-headers': 'x-ca-key' },
  ],
  ['UNAUTHORIZED', { auth: { type: 'app', appCode: true } }, { 'x-apig-appcode': appCode }],
  ['BACKEND_UNAVAILABLE', { backend: { type: 'http', address: 'http://down' } }],
  ['BACKEND_TIMEOUT', { backend: { type: 'http', address: 'http://slow' } }],
  ['DEFAULT_5XX', { backend: { type: 'http', address: 'http://unknown' } }],
  ['THROTTLED', { backend: { type: 'mock' } }],
  ['ACCESS_DENIED', { backend: { type: 'mock' } }],
];

/** Groups `one` and `two` at hosts of their own; each has each API once with its response `a` and once with `b`. */
function twoGroups() {
  const groups = ['one', 'two'];
  const apis = groups.flatMap((group) =>
    ['a', 'b'].flatMap((response) =>
      causes.map(([type, { request, ...others }]) => [
        `${group}/${response}-${type}`,
        {
          request: { method: 'GET', path: `/${response}/${type}`, ...(request as object) },
          auth: 'none',
          response,
          backend: { type: 'mock' },
          ...others,
        },
      ]),
    ),
  );
  const named = (type: string): string[] =>
    groups.flatMap((group) => ['a', 'b'].map((response) => `${group}/${response}-${type}`));
  return testGateway({
    config: {
      groups: Object.fromEntries(
        groups.map((group) => [
          group,
          {
            domains: [group],
            responses: {
              default: responseNamed(`${group} default`),
              a: responseNamed(`${group} a`),
              b: responseNamed(`${group} b`),
            },
          },
        ]),
      ),
      apis: Object.fromEntries(apis) as Record<string, unknown>,
      apps: { app: { key: 'somebody-01', secret: 'secret-of-somebody', appCodes: [appCode] } },
      plugins: {
        once: { type: 'throttling', config: { period: { value: 1, unit: 'day' }, limits: { api: 1 } } },
        nobody: {
          type: 'access-control',
          config: { subject: 'ip', effect: 'allow', values: ['192.0.2.255'] },
        },
      },
      bindings: [
        { plugin: 'once', apis: named('THROTTLED') },
        { plugin: 'nobody', apis: named('ACCESS_DENIED') },
      ],
    },
    backends: {
      'http://down': () => refuse('backend-unavailable'),
      'http://slow': () => refuse('backend-timeout'),
      'http://unknown': () => refuse('backend-name-unresolved'),
    },
  });
}

const gateway = await twoGroups();
for (const [type, , headers = {}] of causes) {
  test(`${type} from its cause, in the form that the API chose among its own group's`, async () => {
    for (const group of ['one', 'two']) {
      for (const response of ['a', 'b']) {
        // AppCodes are good over HTTPS only.
        const url = `https://${group}/${response}/${type}`;
        if (type === 'THROTTLED') assert.equal((await gateway.request('GET', url)).status, 200);
        const answer = await gateway.request('GET', url, { headers });
        assert.equal((answer.json() as { as: string }).as, `${group} ${response} ${type}`);
        assert.equal(answer.status, 560 + responseTypes.indexOf(type));
      }
    }
  });
}

test("NOT_FOUND from its cause: the group's default", async () => {
  for (const group of ['one', 'two']) {
    const answer = await gateway.request('GET', `http://${group}/nowhere`);
    assert.equal((answer.json() as { as: string }).as, `${group} default NOT_FOUND`);
  }
});
