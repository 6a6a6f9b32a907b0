import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { definePlugin, refuse, reply } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

const origin = { Origin: 'http://www.cors.com' };

// Guide, section 3.2.2, the answer to the preflight.
const preflightFields = [
  ['Access-Control-Allow-Origin', '*'],
  [
    'Access-Control-Allow-Headers',
    'X-Stage,X-Sdk-Date,X-Sdk-Nonce,X-Proxy-Signed-Headers,X-Sdk-Content-Sha256,X-Forwarded-For,Authorization,Content-Type,Accept,Accept-Ranges,Cache-Control,Range',
  ],
  [
    'Access-Control-Expose-Headers',
    'X-Request-Id,X-Apig-Latency,X-Apig-Upstream-Latency,X-Apig-RateLimit-Api,X-Apig-RateLimit-User,X-Apig-RateLimit-App,X-Apig-RateLimit-Ip,X-Apig-RateLimit-Api-Allenv',
  ],
  ['Access-Control-Allow-Methods', 'GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH'],
  ['Access-Control-Max-Age', '172800'],
];

const strict = definePlugin({
  name: 'auth-strict',
  summary: 'Knows nobody.',
  bind: () => ({ auth: { stage: 'authenticate', handle: () => refuse('not-authenticated') } }),
});

function start(own: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
  const backend = { type: 'http', address: 'http://backend' };
  const api = (method: string, path: string, more: object = {}) => ({
    request: { method, path },
    auth: 'none',
    cors: true,
    backend,
    ...more,
  });
  return testGateway({
    plugins: [plugin, strict],
    backends: { '*': () => reply(200, { 'Content-Type': 'application/json', ...own }, '{"status":"200"}') },
    config: {
      groups: { test: { domains: ['www.test.com'] } },
      apis: {
        'test/simple': api('GET', '/simple'),
        'test/put': api('PUT', '/simple'),
        'test/off': api('GET', '/off', { cors: false }),
        'test/unsaid': { request: { method: 'GET', path: '/unsaid' }, auth: 'none', backend },
        'test/closed': api('GET', '/closed', { auth: 'strict' }),
        'test/preflight': {
          request: { method: 'OPTIONS', path: '/', match: 'prefix' },
          auth: 'none',
          cors: true,
          backend: { type: 'mock', status: 200 },
        },
        'test/passed-on': api('OPTIONS', '/passed-on'),
      },
    },
  });
}

function corsFields(flat: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return flat.filter(([name]) => name.startsWith('Access-Control-'));
}

function send(
  gateway: TestGateway,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = origin,
) {
  return gateway.request(method, `http://www.test.com${path}`, { headers });
}

suite('simple requests', () => {
  test('scenario 1: the backend says nothing', async () => {
    const answer = await send(await start(), 'GET', '/simple', {
      ...origin,
      'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      Accept: 'application/json',
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '{"status":"200"}');
    assert.deepEqual(corsFields([...answer.headers]), [['Access-Control-Allow-Origin', '*']]);
  });

  test('scenario 2: what the backend says wins', async () => {
    const own = { 'access-control-allow-origin': 'http://www.cors.com' };
    const answer = await send(await start(own), 'GET', '/simple');
    assert.deepEqual(answer.headers.getAll('access-control-allow-origin'), ['http://www.cors.com']);
  });

  test('the request after a preflight', async () => {
    const answer = await send(await start(), 'PUT', '/simple');
    assert.deepEqual(corsFields([...answer.headers]), [['Access-Control-Allow-Origin', '*']]);
  });

  for (const path of ['/off', '/unsaid']) {
    test(`nothing is added where it is off: ${path}`, async () => {
      assert.deepEqual(corsFields([...(await send(await start(), 'GET', path)).headers]), []);
    });
  }
});

suite('preflights', () => {
  const asks = {
    ...origin,
    'Access-Control-Request-Method': 'PUT',
    'Access-Control-Request-Headers': 'X-Sdk-Date',
  };

  test('answered by a mock', async () => {
    const answer = await send(await start(), 'OPTIONS', '/', asks);
    assert.equal(answer.status, 200);
    assert.deepEqual(corsFields([...answer.headers]), preflightFields);
  });

  test('answered by a backend that says nothing', async () => {
    const answer = await send(await start(), 'OPTIONS', '/passed-on', asks);
    assert.deepEqual(corsFields([...answer.headers]), preflightFields);
  });

  test('each field that the backend sets itself wins', async () => {
    const own = {
      'Access-Control-Allow-Origin': 'http://www.cors.com',
      'Access-Control-Allow-Methods': 'GET',
      'Access-Control-Max-Age': '5',
    };
    const answer = await send(await start(own), 'OPTIONS', '/passed-on', asks);
    for (const [name, value] of Object.entries(own)) assert.deepEqual(answer.headers.getAll(name), [value]);
    for (const [name = '', value] of preflightFields) {
      if (!(name in own)) assert.deepEqual(answer.headers.getAll(name), [value]);
    }
  });

  test('OPTIONS that asks for no method is an ordinary request', async () => {
    const answer = await send(await start(), 'OPTIONS', '/passed-on');
    assert.deepEqual(corsFields([...answer.headers]), [['Access-Control-Allow-Origin', '*']]);
  });

  test('another method is no preflight, whatever it asks', async () => {
    const answer = await send(await start(), 'GET', '/simple', asks);
    assert.deepEqual(corsFields([...answer.headers]), [['Access-Control-Allow-Origin', '*']]);
  });
});

test('a page may read why the gateway refused', async () => {
  const answer = await send(await start(), 'GET', '/closed');
  assert.equal(answer.status, 401);
  assert.deepEqual(corsFields([...answer.headers]), [['Access-Control-Allow-Origin', '*']]);
  assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0305');
});

test('options that do not exist are refused', async () => {
  const config = {
    groups: { test: { domains: ['*'] } },
    apis: {
      'test/api': {
        request: { method: 'GET', path: '/' },
        auth: 'none',
        cors: { origin: '*' },
        backend: { type: 'mock' },
      },
    },
  };
  await assert.rejects(
    testGateway({ plugins: [plugin], config }),
    /apis\["test\/api"\]\.cors\.origin|unknown field/,
  );
});
