import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Backend, type Handler, httpBackend, streamBackend } from './support/backend.ts';
import { callerOf } from './support/caller.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';

/** Over sockets: a gateway with the plugin, its service and its backend. */
async function start(
  t: TestContext,
  type: string,
  document: object,
  backend: Backend,
  root: object = {},
): Promise<Running> {
  const running = await startGateway(
    { 'main/api': passTo(backend.port) },
    {
      root: {
        plugins: { ask: { type, config: document } },
        bindings: [{ plugin: 'ask', apis: ['main/api'] }],
        ...root,
      },
    },
  );
  t.after(() => running[Symbol.asyncDispose]());
  return running;
}

const byToken: Handler = (request, response) => {
  const isGood = request.headers['x-token'] === 'good' || request.url?.includes('token=good') === true;
  response.writeHead(isGood ? 200 : 403, { 'X-User': 'alice', 'Content-Type': 'application/json' });
  response.end('{"from":"the service"}');
};

test('alibaba/remoteAuth over sockets', async (t) => {
  await using service = await httpBackend(byToken);
  await using backend = await httpBackend();
  const document = {
    parameters: { statusCode: 'StatusCode' },
    authUriType: 'HTTP',
    authUri: { address: `http://127.0.0.1:${service.port}`, path: '/check', method: 'post', timeout: 3000 },
    passThroughBody: true,
    passThroughPath: true,
    cachedTimeBySecond: 60,
    authParameters: [
      {
        sourceParameterName: 'X-Token',
        sourceLocation: 'header',
        targetParameterName: 'token',
        targetLocation: 'query',
      },
    ],
    successCondition: '${statusCode} = 200',
    errorStatusCode: 403,
    errorMessage: 'refused',
  };
  const { port } = await start(t, 'alibaba/remoteAuth', document, backend);
  await using caller = callerOf('HTTP/1.1', port);
  const call = (token: string) =>
    caller.call('POST', '/x?a=1', { headers: { 'X-Token': token }, body: 'content' });
  assert.equal((await call('good')).text, 'ok');
  assert.equal((await call('good')).text, 'ok');
  const refused = await call('bad');
  assert.deepEqual([refused.status, refused.get('x-ca-error-message')], [403, 'refused']);
  assert.deepEqual(
    service.seen.map(({ method, url, body }) => [method, url, body.toString()]),
    [
      ['POST', '/check?token=good', 'content'],
      ['POST', '/check?token=bad', 'content'],
    ],
  );
  assert.deepEqual(service.seen[0]?.values('x-ca-remote-auth-raw-path'), ['/x']);
  assert.deepEqual(
    backend.seen.map(({ body }) => body.toString()),
    ['content', 'content'],
  );
});

test('huawei/third_auth over sockets, with a channel of services', async (t) => {
  await using service = await httpBackend(byToken);
  await using backend = await httpBackend();
  const document = {
    auth_request: {
      method: 'GET',
      protocol: 'HTTP',
      path: '/check',
      timeout: 5000,
      vpc_channel_enabled: true,
      vpc_channel_info: { vpc_id: 'auth-pool', vpc_proxy_host: 'auth.example' },
    },
    identities: { headers: [{ name: 'X-Token', essential: true }] },
    carry_resp_headers: ['X-User'],
    return_resp_body_enabled: true,
  };
  const root = { channels: { 'auth-pool': { port: service.port, members: [{ address: '127.0.0.1' }] } } };
  const { port } = await start(t, 'huawei/third_auth', document, backend, root);
  await using caller = callerOf('HTTP/1.1', port);
  const passed = await caller.call('GET', '/x', { headers: { 'X-Token': 'good', 'X-User': 'root' } });
  assert.equal(passed.text, 'ok');
  assert.deepEqual(backend.seen[0]?.values('x-user'), ['alice']);
  assert.deepEqual(service.seen[0]?.values('host'), ['auth.example']);
  const refused = await caller.call('GET', '/x', { headers: { 'X-Token': 'bad' } });
  assert.deepEqual([refused.status, refused.text], [403, '{"from":"the service"}']);
  assert.equal((await caller.call('GET', '/x')).json()['error_code'], 'APIG.0313');
});

test('an answer that never ends, or is larger than any, is given up, and the caller gets one', async (t) => {
  await using endless = await streamBackend((request, response) => {
    response.writeHead(200);
    if (request.url === '/slow') response.write('x');
    else {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    }
  });
  await using backend = await httpBackend();
  for (const path of ['/slow', '/large']) {
    const config = { address: `http://127.0.0.1:${endless.port}`, path, timeoutMs: 500 };
    const { port } = await start(t, 'remote-auth', config, backend);
    await using caller = callerOf('HTTP/1.1', port);
    const answer = await caller.call('GET', '/');
    assert.deepEqual([answer.status, answer.json()['error_code']], [500, 'APIG.0617'], path);
  }
  assert.equal(backend.seen.length, 0);
});
