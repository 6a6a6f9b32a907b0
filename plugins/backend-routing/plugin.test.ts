import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type Outbound, definePlugin, refuse, reply } from '#sdk';
import { type Answer, testGateway } from '#sdk/testing';
import { configWith, routed, whereTo } from './testing.ts';

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const echoOf = (answer: Answer) => answer.json() as Echo;

const callByGateway = `
listeners: [{ port: 8080 }]
groups:
  distribution: { domains: [17ff4c91.example.com] }
  business-1: { domains: [business1.example.com], internalDomains: [17ff4c91-intranet.example.com] }
  business-2: { domains: [business2.example.com], internalDomains: [c6e984b2-intranet.example.com] }
apis:
  distribution/distribute:
    request: { method: GET, path: /distributeAPI }
    auth: none
    backend: { type: mock, status: 404, body: '{"message":"no such target"}' }
  business-1/business1:
    request: { method: GET, path: /business1 }
    auth: none
    backend: { type: http, address: "http://127.0.0.1:9101", path: /business1 }
  business-2/business2:
    request: { method: GET, path: /business2 }
    auth: none
    backend: { type: http, address: "http://127.0.0.1:9102", path: /business2 }
plugins:
  route-by-target:
    type: alibaba/routing
    config:
      parameters:
        target: "Query:target"
      routes:
        - name: backend1
          condition: "$target = 'resource1'"
          backend:
            type: "HTTP"
            address: "17ff4c91-intranet.example.com"
            path: "/business1"
        - name: backend2
          condition: "$target = 'resource2'"
          backend:
            type: "HTTP"
            address: "c6e984b2-intranet.example.com"
            path: "/business2"
bindings:
  - { plugin: route-by-target, apis: [distribution/distribute] }
`;

test('the guide "Call by API Gateway": one API dispatches to two others of the same gateway', async () => {
  const gateway = await testGateway({ config: callByGateway });
  const base = 'http://17ff4c91.example.com/distributeAPI';
  for (const number of [1, 2]) {
    const answer = await gateway.request('GET', `${base}?target=resource${number}&a=%20b`);
    assert.equal(answer.status, 200);
    assert.equal(gateway.backendRequests.at(-1)?.origin, `http://127.0.0.1:910${number}`);
    assert.equal(echoOf(answer).url, `/business${number}?target=resource${number}&a=%20b`);
    assert.equal(echoOf(answer).headers['x-ca-routing-name'], `backend${number}`);
  }
  assert.equal(await whereTo(gateway, `${base}?target=other`), '404 {"message":"no such target"}');
  assert.equal(await whereTo(gateway, base), '404 {"message":"no such target"}');
  assert.equal(
    await whereTo(gateway, `${base}?target=resource2&target=resource1`).then((to) => to.slice(0, 25)),
    'GET http://127.0.0.1:9102',
  );
});

test('the examples of the README', async () => {
  const readme = await readFile(new URL('README.md', import.meta.url), 'utf8');
  const [whole = '', fragment = ''] = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, yaml]) => yaml ?? '',
  );
  const before = whole.slice(0, whole.indexOf('plugins:'));
  const after = whole.slice(whole.indexOf('bindings:'));
  for (const config of [whole, `${before}${fragment}${after}`]) {
    const gateway = await testGateway({ config });
    const answer = await gateway.request('GET', 'http://17ff4c91.example.com/distributeAPI?target=resource1');
    assert.equal(answer.status, 200);
    assert.equal(gateway.backendRequests[0]?.origin, 'http://127.0.0.1:9101');
    assert.equal(echoOf(answer).headers['x-dispatched'], 'yes');
  }
});

const app = { id: '110001', name: 'mobile', key: 'mobile-key' };
const asApp = definePlugin({
  name: 'auth-test',
  summary: 'Takes every caller for one app.',
  bind: () => ({
    auth: {
      stage: 'authenticate',
      handle(exchange) {
        if (!exchange.headers.has('x-anonymous'))
          exchange.identity = { type: 'app', id: app.id, app, claims: { sub: 'u1' } };
        else exchange.identity = { type: 'anonymous', id: '' };
        return undefined;
      },
    },
  }),
});

const documented = `parameters:
  ver: "Header:X-Client-Version"
routes:
  - name: beta
    condition: "$CaAppId = 110001 and $ver like '2.%'"
    backend:
      type: HTTP
      address: "https://beta.example.com:8443"
      path: /v2/orders
      method: get
      timeout: 7000
    constant-parameters:
      - {name: X-Route, location: header, value: beta}
  - name: closed
    condition: "$CaClientIp in_cidr '203.0.113.0/24'"
    backend: {type: MOCK, statusCode: 418, body: "no"}
  - name: old
    condition: "$ver < '2.0.5' and $CaStage = 'RELEASE'"
    backend: {path: /old}
  - name: tenth
    condition: "$CaAppId like '%0' or Random() < 0"
    backend: {address: never}
  - name: always
    condition: "1 = 1 and Random() < 1 and $ver <> null"
    backend: {timeout: 9000}
`;

test('the documented samples', async () => {
  const config = configWith(documented).replace('auth: none', 'auth: test');
  const gateway = await testGateway({ config, plugins: [asApp] });
  const beta = await gateway.request('POST', '/x?a=1', { headers: { 'X-Client-Version': '2.1' } });
  assert.equal(
    await whereTo(gateway, '/x?a=1', { 'x-client-version': '2.1' }),
    'GET https://beta.example.com:8443/v2/orders?a=1',
  );
  assert.deepEqual([echoOf(beta).method, echoOf(beta).headers['x-route']], ['GET', 'beta']);
  const closed = await gateway.request('GET', '/x', { clientAddress: '203.0.113.9' });
  assert.deepEqual([closed.status, closed.text], [418, 'no']);
  assert.equal(await whereTo(gateway, '/x', { 'x-client-version': '1.9' }), 'GET http://own/old');
  assert.equal(await whereTo(gateway, '/x', { 'x-client-version': '3' }), 'GET http://own/own');
  assert.equal(gateway.backendRequests.at(-1)?.headers.get('x-ca-routing-name'), 'always');
  assert.equal(
    await whereTo(gateway, '/x', { 'x-anonymous': '1', 'x-client-version': '2.1' }),
    'GET http://own/own',
  );
  assert.equal(await whereTo(gateway, '/x'), 'GET http://own/own');
  assert.equal(gateway.backendRequests.at(-1)?.headers.has('x-ca-routing-name'), false);
});

test('the first route that matches decides', async () => {
  const gateway = await routed(`parameters: { aa: 'Query:a', bb: 'Query:b' }
routes:
  - { name: one, condition: "$aa = '1'", backend: { path: /one } }
  - { name: two, condition: "$bb = '1'", backend: { path: /two } }
`);
  assert.equal(await whereTo(gateway, '/x?a=1&b=1'), 'GET http://own/one?a=1&b=1');
  assert.equal(await whereTo(gateway, '/x?b=1'), 'GET http://own/two?b=1');
  assert.equal(await whereTo(gateway, '/x?a=2'), 'GET http://own/own?a=2');
});

test('what is added is there before anybody signs, and replaces what the caller sent', async () => {
  const seen: Pick<Outbound, 'origin' | 'path' | 'rawQuery'>[] = [];
  const signed: (readonly string[])[] = [];
  const signer = definePlugin({
    name: 'test-signer',
    summary: 'Notes what it would sign.',
    bind: () => ({
      backendSigning({ origin, path, rawQuery, headers }) {
        seen.push({ origin, path, rawQuery });
        signed.push([...headers.getAll('x-ca-routing-name'), ...headers.getAll('x-route')]);
        return undefined;
      },
    }),
  });
  const config = configWith(`routes:
  - name: a
    condition: '1 = 1'
    backend: { address: 'http://other:81', path: /p }
    constant-parameters:
      - { name: X-Route, location: Header, value: 'grün' }
      - { name: version, location: QUERY, value: 'a b&c=é' }
      - { name: __proto__, location: query, value: '1' }
`)
    .replace('bindings: [', 'bindings: [{ plugin: signer, apis: ["*"] }, ')
    .concat('  signer: { type: test-signer }\n');
  const gateway = await testGateway({ config, plugins: [signer] });
  const headers = { 'x-ca-routing-name': ['evil', 'more'], 'x-route': 'evil' };
  await gateway.request('GET', '/x?version=evil&a=%2F&%76ersion=evil&versions=1&&__proto__=2', { headers });
  const rawQuery = 'a=%2F&versions=1&version=a%20b%26c%3D%C3%A9&__proto__=1';
  assert.deepEqual(seen, [{ origin: 'http://other:81', path: '/p', rawQuery }]);
  assert.deepEqual(signed, [['a', Buffer.from('grün').toString('latin1')]]);
});

test("a caller's own X-Ca-Routing-Name reaches no backend", async () => {
  const gateway = await routed("routes: [{ name: a, condition: '1 = 2', backend: {} }]");
  await gateway.request('GET', '/x', { headers: { 'X-CA-Routing-Name': ['a', 'b'] } });
  assert.equal(gateway.backendRequests[0]?.headers.has('x-ca-routing-name'), false);
});

test('a backend that refuses to be prepared is not decorated, and what it refuses is answered', async () => {
  const backend = definePlugin({
    name: 'backend-closed',
    summary: 'Refuses.',
    bind: () => ({ backend: { prepare: () => refuse('backend-unavailable'), invoke: () => reply(200) } }),
  });
  const config = configWith(
    "routes: [{ name: a, when: '1 = 1', backend: { type: closed } }]",
    undefined,
    'backend-routing',
  );
  const gateway = await testGateway({ config, plugins: [backend] });
  assert.equal((await gateway.request('GET', '/x')).status, 502);
});

test('own options', async () => {
  const document = `parameters: { target: 'Query:target' }
routes:
  - name: to-b
    when: $target = 'b'
    backend: { address: 'http://b', hostHeader: b.internal }
    headers: { x-a: '1' }
    query: { q: '1' }
  - { name: bare, when: "$target = 'bare'", backend: { type: mock, status: 204 } }
`;
  const gateway = await testGateway({ config: configWith(document, undefined, 'backend-routing') });
  assert.equal(await whereTo(gateway, '/x?target=b&q=2'), 'GET http://b/own?target=b&q=1');
  const [sent] = gateway.backendRequests;
  assert.deepEqual(
    [sent?.host, sent?.headers.get('x-a'), sent?.headers.get('x-ca-routing-name')],
    ['b.internal', '1', 'to-b'],
  );
  assert.equal(await whereTo(gateway, '/x?target=bare'), '204 ');
});

test('a very long X-Forwarded-For is read without harm', async () => {
  const gateway = await routed(`parameters: { last: 'XFF:-1', far: 'XFF:99999' }
routes: [{ name: a, condition: "$last = '10.0.0.1' and $far = null", backend: {path: /p} }]`);
  const header = `${', '.repeat(15_000)}10.0.0.1`;
  assert.equal(await whereTo(gateway, '/x', { 'x-forwarded-for': header }), 'GET http://own/p');
});

test('Parameter reads what the API declares, wherever it stands, defaults included', async () => {
  const document = `parameters: { tenant: 'Parameter:x-tenant', page: 'Parameter:page', lang: 'Parameter:lang' }
routes:
  - { name: gold, condition: "$tenant = 'gold' and $page = 1", backend: { path: /gold } }
  - { name: german, condition: "$lang = 'de' and $page > 1", backend: { path: /german } }
  - { name: silent, condition: "$lang = null and $tenant = null", backend: { path: /silent } }`;
  const declared = `parameters: [
        { name: X-Tenant, in: header }, { name: page, in: query, type: number, default: 1 },
        { name: lang, in: path }]`;
  const config = configWith(document)
    .replace("path: '/{first}',", `path: '/{Lang}', ${declared},`)
    .replace('path: /own', "path: '/{Lang}/own'");
  const gateway = await testGateway({ config });
  assert.equal(await whereTo(gateway, '/de', { 'x-tenant': 'gold' }), 'GET http://own/gold?page=1');
  assert.equal(
    await whereTo(gateway, '/d%65?PAGE=2', { 'x-tenant': 'gold' }),
    'GET http://own/german?PAGE=2',
  );
  assert.equal(await whereTo(gateway, '/fr?page=2', { 'x-tenant': 'gold' }), 'GET http://own/fr/own?page=2');
  assert.equal(await whereTo(gateway, '/fr'), 'GET http://own/fr/own?page=1');
  const lines = gateway.describe('GET', '/fr').filter((line) => line.startsWith('under-test'));
  assert.equal(lines[0], "under-test: route gold: $tenant = 'gold' and $page = 1");
  assert.deepEqual([lines.length, lines[3]], [4, "under-test: else the API's own backend"]);
});
