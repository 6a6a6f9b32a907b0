import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HcClient } from '@huaweicloud/huaweicloud-sdk-core/HcClient.js';
import { BasicCredentials } from '@huaweicloud/huaweicloud-sdk-core/auth/BasicCredentials.js';
import { DefaultHttpClient } from '@huaweicloud/huaweicloud-sdk-core/http/DefaultHttpClient.js';
import { type Backend, httpBackend } from './support/backend.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';

/* The users of the acceptance configuration, over sockets: tokens as curl gets them, signatures of the official client. */

const accounts = {
  acme: {
    users: {
      alice: {
        accessKey: 'AKALICE0000000000001',
        secretKey: 'alice-secret-key-0001',
        password: 'alice-password',
      },
    },
  },
  globex: { users: { bob: { accessKey: 'AKBOB000000000000001', secretKey: 'bob-secret-key-000001' } } },
};

let backend: Backend;
let running: Running;

before(async () => {
  backend = await httpBackend((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end('{"from":"backend"}');
  });
  const api = { ...passTo(backend.port), auth: 'iam' };
  const own = { type: 'access-control', config: { subject: 'account', effect: 'allow', values: ['acme'] } };
  running = await startGateway(
    { 'shop/admin': { ...api, request: { method: 'ANY', path: '/admin', match: 'prefix' } } },
    {
      limits: { drainTimeoutMs: 1 },
      root: {
        groups: { shop: { domains: ['*'] } },
        accounts,
        plugins: { own },
        bindings: [{ plugin: 'own', apis: ['shop/admin'] }],
      },
    },
  );
});

after(async () => {
  await running[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const url = (path: string): string => `http://127.0.0.1:${running.port}${path}`;

function askToken(password: string, fields: Readonly<Record<string, string>> = {}): Promise<Response> {
  const user = { name: 'alice', domain: { name: 'acme' }, password };
  const identity = { methods: ['password'], password: { user } };
  return fetch(url('/v3/auth/tokens'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...fields },
    body: JSON.stringify({ auth: { identity, scope: { project: { name: 'region-1' } } } }),
  });
}

test('a token for a password opens the API, and does not reach the backend', async () => {
  const refused = await fetch(url('/admin'));
  assert.equal(refused.status, 401);
  assert.equal(((await refused.json()) as { error_code: string }).error_code, 'APIG.0301');
  assert.equal((await askToken('wrong')).status, 401);
  const answer = await askToken('alice-password');
  assert.equal(answer.status, 201);
  const token = answer.headers.get('x-subject-token') ?? '';
  assert.equal(((await answer.json()) as { token: { user: { name: string } } }).token.user.name, 'alice');
  const before = backend.seen.length;
  const served = await fetch(url('/admin'), { headers: { 'x-auth-token': token } });
  assert.equal(served.status, 200);
  assert.deepEqual(await served.json(), { from: 'backend' });
  assert.deepEqual(backend.seen[before]?.values('x-auth-token'), []);
});

test('the version is told, on a connection that goes on', async () => {
  for (const method of ['HEAD', 'GET', 'HEAD']) {
    const answer = await fetch(url('/v3'), { method });
    assert.equal(answer.status, 200);
    assert.equal((await answer.text()).includes('"v3.14"'), method === 'GET');
  }
});

test('the identity endpoint takes 64 KiB and no more', async () => {
  const answer = await fetch(url('/v3/auth/tokens'), { method: 'POST', body: 'x'.repeat(65_537) });
  assert.equal(answer.status, 413);
  assert.equal((await fetch(url('/elsewhere'), { method: 'POST', body: 'x'.repeat(65_537) })).status, 404);
  assert.equal(
    (await fetch(url('/v3/auth/tokens'), { method: 'POST', body: 'x'.repeat(65_536) })).status,
    400,
  );
});

function clientOf(accessKey: string, secret: string): HcClient {
  const credential = new BasicCredentials().withAk(accessKey).withSk(secret).withProjectId('project-1');
  // As its ClientBuilder does, but for the log: it would print every refusal.
  const http = new DefaultHttpClient({ logger: silent as never }, [url('')]);
  return new HcClient(http).withCredential(credential).withEndpoints([url('')]);
}

const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}

const alice = () => clientOf('AKALICE0000000000001', 'alice-secret-key-0001');
const options = {
  method: 'GET',
  url: '/admin',
  contentType: 'application/json',
  queryParams: {},
  pathParams: {},
  headers: {},
};

test('what the official client signs is accepted', async () => {
  const query = { z: '1', a: ['3', '1', '2'], name: '张三 & co', empty: '' };
  for (const [what, change] of Object.entries({
    plain: {},
    query: { queryParams: query },
    post: { method: 'POST', data: { name: '张三', list: [1, 2] } },
    fields: { headers: { 'X-Biz-Tenant': 'acme', 'x-other': 'a b' } },
    'encoded path': { url: '/admin/a%20b/%E5%BC%A0' },
    'another type': { method: 'POST', contentType: 'text/plain', data: 'hello' },
  })) {
    const before = backend.seen.length;
    const answer = await alice().sendRequest({ ...options, headers: {}, ...change } as never);
    assert.equal(answer.httpStatusCode, 200, what);
    const seen = backend.seen[before];
    assert.deepEqual(seen?.values('authorization'), [], what);
    assert.equal(seen?.method, 'method' in change ? change.method : 'GET');
  }
});

test('the official client with another secret, and a user of another account, are refused', async () => {
  const before = backend.seen.length;
  for (const [client, status] of [
    [clientOf('AKALICE0000000000001', 'another-secret'), 401],
    [clientOf('AKNOBODY000000000001', 'alice-secret-key-0001'), 401],
    [clientOf('AKBOB000000000000001', 'bob-secret-key-000001'), 403],
  ] as const) {
    await assert.rejects(client.sendRequest({ ...options, headers: {} }), (error: object) => {
      assert.equal((error as { httpStatusCode?: unknown }).httpStatusCode, status);
      return true;
    });
  }
  assert.equal(backend.seen.length, before);
});
