import assert from 'node:assert/strict';
import { request as send } from 'node:http';
import { type TestContext, test } from 'node:test';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A gateway with an API for GET and one for PUT that nobody may call without an app, and a document as it is pasted. */
async function start(t: TestContext, type: string, document: string): Promise<number> {
  const indented = document.replaceAll('\n', '\n      ');
  const yaml = `listeners: [{ port: 0, host: 127.0.0.1 }]
groups: { shop: { domains: ['*'] } }
apis:
  shop/get: { request: { method: GET, path: '/orders/{id}' }, auth: none, backend: { type: mock, body: served } }
  shop/put: { request: { method: PUT, path: '/orders/{id}' }, auth: app, backend: { type: mock, body: served } }
plugins:
  pages:
    type: ${type}
    config:
      ${indented}
bindings: [{ plugin: pages, apis: ['shop/*'] }]
`;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = new Gateway({ log });
  t.after(() => gateway.close());
  await gateway.apply(readConfigText({ 'gateway.yaml': yaml }, {}), { listen: true });
  return gateway.listeners[0]?.port ?? 0;
}

function call(port: number, method: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    send({ port, host: '127.0.0.1', path: '/orders/5', method, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    })
      .on('error', reject)
      .end();
  });
}

interface PageRequest {
  readonly origin: string;
  readonly method: string;
  /** Names of fields that are not safelisted. */
  readonly fields?: readonly string[];
  readonly hasCredentials?: boolean;
}

const items = (value: string | string[] | undefined) =>
  (value ?? '')
    .toString()
    .split(',')
    .map((item) => item.trim());

/** The CORS check of the Fetch standard, section 4.10. */
function passes({ headers }: Answer, { origin, hasCredentials = false }: PageRequest): boolean {
  const allowed = headers['access-control-allow-origin'];
  if (!hasCredentials && allowed === '*') return true;
  if (allowed !== origin) return false;
  return !hasCredentials || headers['access-control-allow-credentials'] === 'true';
}

/** What a browser lets a page do: the CORS-preflight fetch of section 4.8, then the request. */
async function browse(port: number, page: PageRequest): Promise<string> {
  const { origin, method, fields = [], hasCredentials = false } = page;
  if (!['GET', 'HEAD', 'POST'].includes(method) || fields.length > 0) {
    const names = fields.map((name) => name.toLowerCase()).toSorted();
    const answer = await call(port, 'OPTIONS', {
      origin,
      'access-control-request-method': method,
      ...(names.length === 0 ? {} : { 'access-control-request-headers': names.join(',') }),
    });
    if (!passes(answer, page) || answer.status < 200 || answer.status > 299) return 'no preflight';
    const methods = items(answer.headers['access-control-allow-methods']);
    const isAny = methods.includes('*') && !hasCredentials;
    if (!methods.includes(method) && !['GET', 'HEAD', 'POST'].includes(method) && !isAny) return 'no method';
    const allowed = items(answer.headers['access-control-allow-headers']).map((name) => name.toLowerCase());
    const hasAll = allowed.includes('*') && !hasCredentials;
    if (names.some((name) => !allowed.includes(name) && !(hasAll && name !== 'authorization')))
      return 'no field';
  }
  const sent = Object.fromEntries(fields.map((name) => [name, 'value']));
  const answer = await call(port, method, { origin, ...sent });
  return passes(answer, page) ? `${answer.status}` : 'unreadable';
}

const app = 'https://app.example.com';

test('alibaba/cors, as a browser sees it', async (t) => {
  const port = await start(
    t,
    'alibaba/cors',
    `allowOrigins: "app.example.com,*.example.org"
allowMethods: "GET,PUT,OPTIONS"
allowHeaders: "Authorization,Content-Type,X-Ca-Key,X-Ca-Signature"
exposeHeaders: "X-Ca-Request-Id,X-Ca-Error-Code"
allowCredentials: true
maxAge: 172800`,
  );
  const rows: readonly (readonly [PageRequest, string])[] = [
    [{ origin: app, method: 'GET' }, '200'],
    [{ origin: app, method: 'GET', hasCredentials: true }, '200'],
    [{ origin: 'http://a.b.example.org', method: 'GET', fields: ['X-Ca-Key'] }, '200'],
    // Asked and answered before anybody is authenticated; what the gateway then refuses, the page may read.
    [{ origin: app, method: 'PUT', fields: ['Content-Type'], hasCredentials: true }, '401'],
    [{ origin: app, method: 'GET', fields: ['X-Other'] }, 'no field'],
    [{ origin: app, method: 'DELETE' }, 'no preflight'],
    [{ origin: 'https://evil.example', method: 'GET' }, 'unreadable'],
    [{ origin: 'https://evil.example', method: 'PUT' }, 'no preflight'],
    [{ origin: 'null', method: 'GET' }, 'unreadable'],
  ];
  for (const [page, expected] of rows) assert.equal(await browse(port, page), expected, JSON.stringify(page));
});

test('huawei/cors, as JSON', async (t) => {
  const port = await start(
    t,
    'huawei/cors',
    '{"allow_origin":"*","allow_methods":"GET,PUT,DELETE,HEAD,PATCH","allow_headers":"*","expose_headers":"X-Request-Id",' +
      '"max_age":172800,"allow_credentials":true}',
  );
  const rows: readonly (readonly [PageRequest, string])[] = [
    [{ origin: app, method: 'GET' }, '200'],
    [{ origin: 'null', method: 'GET' }, '200'],
    [{ origin: app, method: 'PUT', fields: ['X-Any', 'Authorization'] }, '401'],
    [{ origin: app, method: 'GET', hasCredentials: true }, 'unreadable'],
    [{ origin: app, method: 'PUT', hasCredentials: true }, 'no preflight'],
  ];
  for (const [page, expected] of rows) assert.equal(await browse(port, page), expected, JSON.stringify(page));
  const preflight = await call(port, 'OPTIONS', { origin: app, 'access-control-request-method': 'PUT' });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers['access-control-max-age'], '172800');
  assert.ok(preflight.headers['x-request-id'] !== undefined);
});

test('a document that is wrong is refused with its place', async (t) => {
  await assert.rejects(
    start(t, 'alibaba/cors', 'allowMethods: GET\nallowOrigins: "app.example.com,https://a/b"'),
    /gateway\.yaml:11:38 plugins\.pages\.config\.allowOrigins: "https:\/\/a\/b" is no origin/,
  );
  await assert.rejects(
    start(t, 'huawei/cors', 'allow_origin: "*"\nallow_methods: GET'),
    /the method of shop\/put is PUT, and not among those of the policy; allowed: GET/,
  );
});
