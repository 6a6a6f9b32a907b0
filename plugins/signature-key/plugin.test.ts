import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { definePlugin, type Outbound } from '#sdk';
import { verifyClient } from '#sdk/signatures/alibaba';
import { type BackendRequest, type RequestOptions, testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

const secret = 'signing-secret-nobody-may-see';
const client = { method: 'alibaba-client', key: 'app-key', secret };
const backend = { method: 'alibaba-backend', key: 'gw_orders', secret };
const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

/** What a backend got when a caller sent this. */
async function sent(
  config: unknown,
  method: string,
  url: string,
  options: RequestOptions = {},
): Promise<BackendRequest> {
  const gateway = await testPlugin(plugin, { config });
  const answer = await gateway.request(method, url, options);
  assert.equal(answer.status, 200, answer.text);
  const [seen] = gateway.backendRequests;
  assert.ok(seen !== undefined && gateway.backendRequests.length === 1);
  return seen;
}

function listed(request: BackendRequest, name: string): string[] {
  return (request.headers.get(name) ?? '').split(',');
}

function hmac(algorithm: string, text: string, key = secret): string {
  return createHmac(algorithm, key).update(text).digest('base64');
}

/** The client's string to sign, from what is on the wire and the parameters as the test knows them. */
function clientString(request: BackendRequest, url: string): string {
  const { method, headers } = request;
  const lines = ['accept', 'content-md5', 'content-type', 'date'].map((name) => headers.get(name) ?? '');
  const signed = listed(request, 'x-ca-signature-headers').map(
    (name) => `${name}:${headers.get(name) ?? ''}\n`,
  );
  return `${[method, ...lines].join('\n')}\n${signed.join('')}${url}`;
}

function backendString(request: BackendRequest, url: string): string {
  const names = listed(request, 'x-ca-proxy-signature-headers');
  const lines = names.map((name) => `${name}:${request.headers.get(name) ?? ''}\n`);
  return `${request.method}\n${request.headers.get('content-md5') ?? ''}\n${lines.join('')}${url}`;
}

test("alibaba-client: a GET, by the vendor's description", async () => {
  const headers = { accept: 'text/plain', date: 'Tue, 14 Nov 2023 22:13:20 GMT', 'x-ca-stage': 'RELEASE' };
  const request = await sent(client, 'GET', '/a%20b?z=%E5%BC%A0&b&a=1&a=2', { headers });
  assert.equal(request.headers.get('x-ca-key'), 'app-key');
  assert.equal(request.headers.get('x-ca-timestamp'), '1700000000000');
  assert.match(request.headers.get('x-ca-nonce') ?? '', /^[0-9a-f-]{36}$/);
  assert.deepEqual(listed(request, 'x-ca-signature-headers'), [
    'x-ca-key',
    'x-ca-nonce',
    'x-ca-signature-method',
    'x-ca-stage',
    'x-ca-timestamp',
  ]);
  const text = clientString(request, '/a%20b?a=1&b&z=张');
  assert.equal(request.headers.get('x-ca-signature'), hmac('sha256', text));
  assert.equal(request.headers.has('content-md5'), false);
});

test('alibaba-client: a form is signed by its fields', async () => {
  const body = 'name=%E5%BC%A0+%E4%B8%89&both=form&empty=';
  const request = await sent(client, 'POST', '/f?z=1&both=query', { headers: form, body });
  const text = clientString(request, '/f?both=form&empty&name=张 三&z=1');
  assert.equal(request.headers.get('x-ca-signature'), hmac('sha256', text));
  assert.equal(request.headers.has('content-md5'), false);
  assert.equal(request.body.toString(), body);
});

test('alibaba-client: any other body by its MD5, computed and not believed', async () => {
  const body = '{"a":"张"}';
  const headers = { 'content-type': 'application/json', 'content-md5': 'of another body' };
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const request = await sent(client, method, '/', { headers, body });
    assert.deepEqual(request.headers.getAll('content-md5'), [
      createHash('md5').update(body).digest('base64'),
    ]);
    assert.equal(request.headers.get('x-ca-signature'), hmac('sha256', clientString(request, '/')));
    assert.equal(request.body.toString(), body);
  }
});

test('alibaba-client: HmacSHA1', async () => {
  const request = await sent({ ...client, algorithm: 'HmacSHA1' }, 'GET', '/');
  assert.equal(request.headers.get('x-ca-signature-method'), 'HmacSHA1');
  assert.equal(request.headers.get('x-ca-signature'), hmac('sha1', clientString(request, '/')));
});

test('each request has a nonce of its own', async () => {
  const gateway = await testPlugin(plugin, { config: client });
  for (let round = 0; round < 10; round += 1) await gateway.request('GET', '/');
  assert.equal(new Set(gateway.backendRequests.map(({ headers }) => headers.get('x-ca-nonce'))).size, 10);
});

test('signature fields of the caller are replaced, those of the other signature go too', async () => {
  const forged = {
    'X-Ca-Key': ['mine', 'mine too'],
    'X-Ca-Nonce': 'n',
    'X-Ca-Signature': 's',
    'X-CA-SIGNATURE-HEADERS': 'host',
    'X-Ca-Signature-Method': 'none',
    'X-Ca-Timestamp': '1',
    'X-Ca-Proxy-Signature': 'p',
    'x-ca-proxy-signature-headers': 'host',
    'X-Ca-Proxy-Signature-Secret-Key': 'mine',
  };
  for (const [config, absent] of [
    [client, 'x-ca-proxy-signature'],
    [backend, 'x-ca-signature'],
  ] as const) {
    const request = await sent(config, 'GET', '/', { headers: forged });
    const names = [...request.headers]
      .map(([name]) => name.toLowerCase())
      .filter((name) => name.startsWith('x-ca-'));
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(
      names.filter((name) => name === absent || name === `${absent}-headers`),
      [],
    );
    if (config === client)
      assert.equal(request.headers.get('x-ca-signature'), hmac('sha256', clientString(request, '/')));
    else
      assert.equal(request.headers.get('x-ca-proxy-signature'), hmac('sha256', backendString(request, '/')));
  }
});

test('what is signed leaves in one line, so that every receiver reads the same', async () => {
  const request = await sent(client, 'GET', '/', { headers: { accept: ['text/plain', ' text/html '] } });
  assert.deepEqual(request.headers.getAll('accept'), ['text/plain,  text/html']);
  const message = {
    method: 'GET',
    path: '/',
    rawQuery: '',
    form: undefined,
    header: (name: string) => request.headers.getAll(name)[0],
  };
  assert.equal(verifyClient(message, secret).ok, true);
});

test("alibaba-backend: by the vendor's description, an empty value with its equals sign", async () => {
  const headers = { ...form, 'x-ca-stage': 'RELEASE', 'x-own': 'not signed' };
  const request = await sent(backend, 'POST', '/f?z=1&both=query', { headers, body: 'both=form&empty=' });
  assert.equal(request.headers.get('x-ca-proxy-signature-secret-key'), 'gw_orders');
  assert.deepEqual(listed(request, 'x-ca-proxy-signature-headers'), [
    'content-type',
    'x-ca-proxy-signature-secret-key',
    'x-ca-request-id',
    'x-ca-stage',
  ]);
  const text = backendString(request, '/f?both=form&empty=&z=1');
  assert.equal(request.headers.get('x-ca-proxy-signature'), hmac('sha256', text));
});

test('alibaba-backend: JSON by its MD5', async () => {
  const body = '{"a":1}';
  const request = await sent(backend, 'PUT', '/', { headers: { 'content-type': 'application/json' }, body });
  assert.equal(request.headers.get('content-md5'), createHash('md5').update(body).digest('base64'));
  assert.equal(request.headers.get('x-ca-proxy-signature'), hmac('sha256', backendString(request, '/')));
});

test('what other plugins changed before is what is signed', async () => {
  const changer = definePlugin({
    name: 'changer',
    summary: 'Changes the request.',
    bind: () => ({
      backendSigning(outbound: Outbound) {
        outbound.method = 'PUT';
        outbound.path = '/other';
        outbound.rawQuery = 'q=1';
        outbound.headers.set('content-type', 'application/json');
        outbound.setBody(Buffer.from('{}'));
        return undefined;
      },
    }),
  });
  const gateway = await testGateway({
    plugins: [plugin, changer],
    config: {
      groups: { g: { domains: ['test'] } },
      apis: {
        'g/a': {
          request: { method: 'POST', path: '/' },
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      },
      plugins: { change: { type: 'changer' }, sign: { type: 'signature-key', config: client } },
      bindings: [
        { plugin: 'change', apis: ['*'] },
        { plugin: 'sign', apis: ['*'] },
      ],
    },
  });
  const answer = await gateway.request('POST', '/', {
    headers: { ...form, 'content-md5': 'stale' },
    body: 'a=1',
  });
  assert.equal(answer.status, 200);
  const [request] = gateway.backendRequests;
  assert.ok(request !== undefined);
  assert.equal(request.headers.get('x-ca-signature'), hmac('sha256', clientString(request, '/other?q=1')));
  assert.equal(clientString(request, '').startsWith('PUT\n'), true);
  assert.equal(request.headers.get('content-md5'), createHash('md5').update('{}').digest('base64'));
});

test('more parameters than can be signed abort the call', async () => {
  for (const config of [client, backend]) {
    const gateway = await testPlugin(plugin, { config });
    const answer = await gateway.request('POST', '/', { headers: form, body: 'a&'.repeat(10_001) });
    assert.equal(answer.status, 500);
    assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0705');
    assert.equal(gateway.backendRequests.length, 0);
    assert.equal(gateway.completed[0]?.refusal?.cause, 'more parameters than can be signed');
  }
});

test('a body that cannot be read aborts the call', async () => {
  const breaker = definePlugin({
    name: 'breaker',
    summary: 'Breaks the body.',
    bind: () => ({
      backendSigning(outbound: Outbound) {
        outbound.readBody = () => Promise.reject(new Error('gone'));
        return undefined;
      },
    }),
  });
  const gateway = await testGateway({
    plugins: [plugin, breaker],
    config: {
      groups: { g: { domains: ['test'] } },
      apis: {
        'g/a': {
          request: { method: 'POST', path: '/' },
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      },
      plugins: { break: { type: 'breaker' }, sign: { type: 'signature-key', config: client } },
      bindings: [
        { plugin: 'break', apis: ['*'] },
        { plugin: 'sign', apis: ['*'] },
      ],
    },
  });
  const answer = await gateway.request('POST', '/', { body: 'x' });
  assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0705');
  assert.doesNotMatch(answer.text, /gone/);
  assert.equal(gateway.backendRequests.length, 0);
});

test('neither secret nor signature is logged or answered', async () => {
  const gateway = await testPlugin(plugin, {
    config: client,
    backend: () => Promise.reject(new Error('down')),
  });
  const answer = await gateway.request('GET', '/');
  const [request] = gateway.backendRequests;
  const everything = [...answer.headers].flat().join() + answer.text + JSON.stringify(gateway.log);
  assert.ok(!everything.includes(secret));
  assert.ok(!everything.includes(request?.headers.get('x-ca-signature') ?? '?'));
});

test('explain tells the method and the key, and not the secret', async () => {
  const gateway = await testPlugin(plugin, { config: backend });
  const lines = gateway.describe('GET', '/').filter((line) => line.startsWith('under-test'));
  assert.deepEqual(lines, ['under-test: signs with the method alibaba-backend and the key gw_orders']);
});

test('explain does not tell a key that encrypts', async () => {
  const key = '0123456789abcdef';
  const config = { method: 'aes', key, secret: 'fedcba9876543210' };
  const lines = (await testPlugin(plugin, { config })).describe('GET', '/');
  assert.ok(lines.includes('under-test: signs with the method aes'));
  assert.ok(!lines.join().includes(key));
});
