import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createHash, createHmac } from 'node:crypto';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import aliyun, { type RequestError } from 'aliyun-api-gateway';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isFromGateway: boolean;
}

const appSecret = 'app-secret-0123456789';
const backendSecrets: Readonly<Record<string, string>> = { gw_orders: 'backend-secret-012345' };
const logged: unknown[] = [];
const timeout = 30_000;

let backend: Server;
let gateway: Gateway;
let base = '';

before(async () => {
  backend = createServer((request, response) => {
    void echo(request).then((answer) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answer));
    });
  });
  await once(backend.listen(0, '127.0.0.1'), 'listening');
  const { port } = backend.address() as AddressInfo;
  const note = (...line: unknown[]): void => void logged.push(line);
  gateway = new Gateway({ log: { info: note, warn: note, error: note } });
  await gateway.apply(readConfigText({ 'gateway.yaml': configFor(port) }, {}), { listen: true });
  base = `http://127.0.0.1:${gateway.listeners[0]?.port}`;
});

after(async () => {
  // The client keeps its connections open and offers no way to close them.
  backend.closeAllConnections();
  backend.close();
  await gateway.close();
});

function configFor(port: number): string {
  return `
listeners: [{ port: 0, host: 127.0.0.1 }]
limits: { drainTimeoutMs: 1 }
groups: { shop: { domains: ["*"] } }
apis:
  shop/all:
    request: { method: ANY, path: /, match: prefix }
    auth: { type: app, forceNonce: true }
    backend: { type: http, address: "http://127.0.0.1:${port}", timeoutMs: 30000 }
apps:
  caller: { key: "200000001", secret: "${appSecret}", apis: ["*"] }
plugins:
  sign: { type: alibaba/backendSignature, config: { type: APIGW_BACKEND, key: gw_orders, secret: ${backendSecrets['gw_orders']} } }
bindings: [{ plugin: sign, apis: ["*"] }]
`;
}

async function echo(request: IncomingMessage): Promise<Echo> {
  const body = Buffer.concat(await request.toArray());
  const { method = '', url = '' } = request;
  const headers = request.headers as Record<string, string>;
  return { method, url, headers, body: body.toString('utf8'), isFromGateway: isFromGateway(request, body) };
}

/** What a backend does by the vendor's page, written for this test with other means than the gateway's own. */
function isFromGateway({ method, url = '', headers }: IncomingMessage, body: Buffer): boolean {
  const secret = backendSecrets[String(headers['x-ca-proxy-signature-secret-key'])];
  if (secret === undefined) return false;
  const { pathname, searchParams } = new URL(url, 'http://backend');
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  const pairs = [...(isForm ? new URLSearchParams(body.toString('utf8')) : []), ...searchParams];
  const parameters = new Map(pairs.toReversed());
  const query = [...parameters]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((pair) => pair.join('='))
    .join('&');
  const md5 = isForm || body.length === 0 ? '' : createHash('md5').update(body).digest('base64');
  const signed = String(headers['x-ca-proxy-signature-headers']).split(',').sort();
  const lines = signed.map((name) => `${name}:${String(headers[name])}\n`).join('');
  const text = `${method}\n${md5}\n${lines}${pathname}${query === '' ? '' : `?${query}`}`;
  return (
    createHmac('sha256', secret).update(text, 'utf8').digest('base64') === headers['x-ca-proxy-signature']
  );
}

function assertServed(answer: unknown): Echo {
  const served = answer as Echo;
  assert.equal(served.isFromGateway, true);
  for (const name of ['key', 'nonce', 'signature', 'signature-headers', 'timestamp']) {
    assert.equal(served.headers[`x-ca-${name}`], undefined, name);
  }
  assert.equal(served.headers['x-ca-stage'], 'RELEASE');
  return served;
}

const client = new aliyun.Client('200000001', appSecret);

test('GET with a query: unsorted, empty, not ASCII, signed and unsigned fields', async () => {
  const options = { headers: { 'X-Unsigned': '1' }, signHeaders: { 'X-Biz-Tenant': 'acme' }, timeout };
  const query = { z: '1', name: '张三 & co', empty: '', a: 'é+ü', emoji: '🚀' };
  const served = assertServed(await client.get(`${base}/v1/list?pageSize=20`, { ...options, query }));
  assert.equal(served.method, 'GET');
  const { pathname, searchParams } = new URL(served.url, base);
  assert.equal(pathname, '/v1/list');
  assert.deepEqual(Object.fromEntries(searchParams), { pageSize: '20', ...query });
  assert.equal(served.headers['x-biz-tenant'], 'acme');
});

test('DELETE and GET without anything', async () => {
  assert.equal(
    assertServed(await client.delete(`${base}/v1/orders/7?force=1`, { timeout })).method,
    'DELETE',
  );
  assert.equal(assertServed(await client.get(`${base}/`, { timeout })).url, '/');
});

test('POST of a form', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };
  const data = { user: 'alice', title: '你好 世界', expr: 'a=b&c', empty: '' };
  const served = assertServed(await client.post(`${base}/v1/login?source=web`, { headers, data, timeout }));
  assert.equal(served.url, '/v1/login?source=web');
  assert.deepEqual(Object.fromEntries(new URLSearchParams(served.body)), data);
});

test('POST and PUT of JSON', async () => {
  const data = { sku: 'A-1', name: '张三', qty: 2 };
  const posted = assertServed(
    await client.post(`${base}/v1/orders?dryRun=true`, { data: { ...data }, timeout }),
  );
  assert.deepEqual(JSON.parse(posted.body), data);
  const put = assertServed(await client.put(`${base}/v1/orders/7`, { data: { ...data }, timeout }));
  assert.deepEqual(JSON.parse(put.body), data);
});

test('POST of JSON larger than what is read in one piece', async () => {
  const data = { text: 'ü'.repeat(200_000) };
  assert.deepEqual(
    JSON.parse(assertServed(await client.post(`${base}/big`, { data: { ...data }, timeout })).body),
    data,
  );
});

test('a wrong secret is refused, and the client shows our string to sign', async () => {
  const wrong = new aliyun.Client('200000001', 'another-secret');
  await assert.rejects(wrong.get(`${base}/v1/list?b=2`, { query: { a: '张' }, timeout }), (error) => {
    const { code, message, data } = error as RequestError;
    assert.equal(code, 401);
    assert.match(
      message,
      /error message: Invalid Signature, Server StringToSign:`GET#application\/json####x-ca-key:200000001#/,
    );
    const shown = Buffer.from(data.headers['x-ca-error-message'] ?? '', 'latin1').toString('utf8');
    assert.match(shown, /#\/v1\/list\?a=张&b=2`$/);
    assert.match(message, new RegExp(`request id: ${data.headers['x-request-id']},`));
    assert.equal(data.headers['x-ca-error-code'], 'A403IS');
    return true;
  });
  await assert.rejects(
    new aliyun.Client('nobody', 'x').get(`${base}/`, { timeout }),
    /code\(401\).*error message: Invalid AppKey/,
  );
});

test('nothing of it was logged', () => {
  assert.deepEqual(logged, []);
});
