import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { BasicCredentials } from '@huaweicloud/huaweicloud-sdk-core/auth/BasicCredentials.js';
import { ClientBuilder } from '@huaweicloud/huaweicloud-sdk-core/ClientBuilder.js';
import type { HcClient, HttpRequestOptions } from '@huaweicloud/huaweicloud-sdk-core/HcClient.js';
import { Logger4jInstance } from '@huaweicloud/huaweicloud-sdk-core/logger/log4jLogger.js';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const key = 'mobile-key-0001';
const secret = 'mobile-secret-0001';
const logged: unknown[] = [];

// It prints every refusal that it then throws.
Logger4jInstance.level = 'off';

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
    request: { method: ANY, path: /, match: prefix, maxBodyBytes: 100000000 }
    auth: app
    backend: { type: http, address: "http://127.0.0.1:${port}", timeoutMs: 30000 }
apps:
  mobile: { key: ${key}, secret: ${secret}, apis: ["*"] }
  stranger: { key: stranger-key-01, secret: stranger-secret-01 }
`;
}

async function echo(request: IncomingMessage): Promise<Echo> {
  const body = Buffer.concat(await request.toArray());
  const { method = '', url = '' } = request;
  return { method, url, headers: request.headers as Record<string, string>, body: body.toString('utf8') };
}

function clientOf(ak: string, sk: string): HcClient {
  const credential = new BasicCredentials().withAk(ak).withSk(sk).withProjectId('p0123456789abcdef');
  // With a name of its own it writes no file into the home folder.
  return new ClientBuilder((client) => client)
    .withCredential(credential)
    .withEndpoint(base)
    .withOptions({ customUserAgent: 'test', axiosRequestConfig: { timeout: 30_000 } })
    .build();
}

function send(call: Partial<HttpRequestOptions>, client = clientOf(key, secret)): Promise<unknown> {
  const { url = '/', method = 'GET', contentType = 'application/json', ...rest } = call;
  const { queryParams = {}, pathParams = {}, headers = {} } = rest;
  return client.sendRequest({ ...rest, url, method, contentType, queryParams, pathParams, headers });
}

/** What the backend got, which was sent by the signer named in it and has nothing of the signature. */
async function served(call: Partial<HttpRequestOptions>): Promise<Echo> {
  const echoed = (await send(call)) as Echo;
  for (const name of ['authorization', 'x-sdk-date', 'x-sdk-content-sha256']) {
    assert.equal(echoed.headers[name], undefined, name);
  }
  assert.equal(echoed.headers['x-project-id'], 'p0123456789abcdef');
  return echoed;
}

test('GET with a query: unsorted, repeated, empty, not ASCII, with what one encoder leaves and another does not', async () => {
  const queryParams = {
    z: '1',
    tags: ['t2', 't1', 't10'],
    Name: '张三 & co',
    empty: '',
    a: "é+ü!*'()~",
    '🚀': '=',
  };
  const { method, url } = await served({ url: '/v1/list', queryParams });
  assert.equal(method, 'GET');
  const { pathname, searchParams } = new URL(url, base);
  assert.equal(pathname, '/v1/list');
  for (const [name, value] of Object.entries(queryParams)) {
    assert.deepEqual(searchParams.getAll(name).toSorted(), [value].flat().toSorted(), name);
  }
});

test('GET of the root, and DELETE', async () => {
  assert.equal((await served({})).url, '/');
  const { method, url } = await served({ method: 'DELETE', url: '/v1/orders/7', queryParams: { force: 1 } });
  assert.deepEqual([method, url], ['DELETE', '/v1/orders/7?force=1']);
});

test('POST and PUT of JSON, small and large', async () => {
  for (const method of ['POST', 'PUT']) {
    for (const text of ['张三 ünï', 'ü'.repeat(200_000)]) {
      const data = { sku: 'A-1', text, qty: 2 };
      const { body, headers } = await served({ method, url: '/v1/orders', queryParams: { dry: true }, data });
      assert.deepEqual(JSON.parse(body), data);
      assert.equal(headers['content-type'], 'application/json');
    }
  }
  assert.equal((await served({ method: 'POST', url: '/v1/ping' })).body, '');
});

test('content that is no JSON, which it does not sign', async () => {
  const headers = { 'X-Sdk-Content-Sha256': 'UNSIGNED-PAYLOAD' };
  const data = 'plain text' as unknown as Record<string, unknown>;
  const { body } = await served({ method: 'POST', url: '/upload', contentType: 'text/plain', headers, data });
  assert.equal(body, 'plain text');
});

test('further fields are signed too, those whose order its two ways of sorting disagree on included', async () => {
  const headers = { 'X-Trace-Id': 'abc', 'a-custom': 'Hello World', x_b: '1', 'x-c': '2', 'x-a': '3' };
  const echoed = await served({ url: '/v1/orders/42', headers });
  for (const [name, value] of Object.entries(headers))
    assert.equal(echoed.headers[name.toLowerCase()], value);
});

for (const url of ['/a%20b/%E5%90%8D', '/名/x', '/a%2Fb', '/p,q;r:s@t=u&v$w+x*y(z)!', '/a b/c', '/dir/']) {
  test(`the path ${url}`, async () => {
    const { url: seen } = await served({ url });
    const decoded = (path: string) => decodeURIComponent(path.replace(/(.)\/$/, '$1'));
    assert.equal(decoded(seen), decoded(url));
  });
}

test('wrong secret, unknown key, no authorisation: the client tells our code and words', async () => {
  const failing = (ak: string, sk: string) => send({ url: '/v1/list' }, clientOf(ak, sk));
  const { host } = new URL(base);
  await assert.rejects(failing(key, 'another-secret'), (error) => {
    const { httpStatusCode, errorCode, errorMsg } = error as Record<string, string>;
    assert.deepEqual([httpStatusCode, errorCode], [401, 'APIG.0303']);
    assert.match(
      String(errorMsg),
      /^Incorrect app authentication information: verify signature fail, canonicalRequest:GET\|\/v1\/list\/\|\|/,
    );
    assert.ok(String(errorMsg).includes(`|host:${host}|`));
    return true;
  });
  await assert.rejects(failing('nobody', secret), {
    httpStatusCode: 401,
    errorMsg: 'Incorrect app authentication information: app not found, appkey nobody',
  });
  await assert.rejects(failing('stranger-key-01', 'stranger-secret-01'), {
    httpStatusCode: 403,
    errorCode: 'APIG.0304',
  });
});

test('content to be hashed is read up to 12 MB, without an announced length too', async () => {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const authorization = `SDK-HMAC-SHA256 Access=${key}, SignedHeaders=x-sdk-date, Signature=${'0'.repeat(64)}`;
  const statusOf = async (megabytes: number): Promise<number | undefined> => {
    const headers = { authorization, 'x-sdk-date': date, 'transfer-encoding': 'chunked' };
    const request = httpRequest(`${base}/big`, { method: 'POST', headers, agent: false });
    const answered = once(request, 'response');
    for (let count = 0; count < megabytes; count += 1) request.write(Buffer.alloc(1024 * 1024));
    request.end();
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  assert.equal(await statusOf(12), 401);
  assert.equal(await statusOf(13), 413);
});

test('nothing of it was logged', () => {
  assert.deepEqual(logged, []);
});
