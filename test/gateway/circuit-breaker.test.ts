import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { httpBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

const rootOf = (type: string, config: object) => ({
  plugins: { breaker: { type, config } },
  bindings: [{ plugin: 'breaker', apis: ['*'] }],
});

test('a backend that gives no answer in time is left alone, and something else answers', async () => {
  await using backend = await streamBackend(() => undefined);
  const root = rootOf('alibaba/circuitBreaker', {
    timeoutThreshold: 2,
    windowInSeconds: 90,
    openTimeoutSeconds: 300,
    downgradeBackend: { type: 'mock', statusCode: 200, body: '{"fallback":true}' },
  });
  const api = passTo(backend.port, { backend: { timeoutMs: 100 } });
  await using gateway = await startGateway({ 'main/a': api }, { root });
  const statuses = [];
  for (let index = 0; index < 4; index += 1)
    statuses.push((await exchangeRaw(gateway.port, get('/'))).status);
  assert.deepEqual(statuses, [504, 504, 200, 200]);
  assert.equal(gateway.log.filter(({ message }) => message === 'a circuit opened').length, 1);
});

test('calls that their callers abandon count as nothing', async () => {
  let isSlow = true;
  const waiting: ServerResponse[] = [];
  await using backend = await streamBackend((_request, response) => {
    if (isSlow) {
      waiting.push(response);
      backend.server.emit('came');
    } else response.end('ok');
  });
  const root = rootOf('huawei/breaker', {
    breaker_condition: {
      breaker_type: 'condition',
      unhealthy_condition: '["$context.statusCode","in","502,503,504"]',
      unhealthy_threshold: 1,
      time_window: 60,
      open_breaker_time: 60,
    },
  });
  await using gateway = await startGateway({ 'main/a': passTo(backend.port) }, { root });
  for (let index = 0; index < 3; index += 1) {
    const came = once(backend.server, 'came');
    const client = await openRaw(gateway.port);
    client.send(get('/'));
    await came;
    const closed = once(waiting.at(-1) ?? assert.fail('nobody came'), 'close');
    client.socket.destroy();
    // The gateway has let go of the backend when this has happened.
    await closed;
  }
  isSlow = false;
  assert.equal((await exchangeRaw(gateway.port, get('/'))).status, 200);
  assert.equal(gateway.log.filter(({ message }) => message.startsWith('a circuit')).length, 0);
});

test('a backend that is not there opens it for its status; then 503 and Retry-After', async () => {
  const gone = await httpBackend();
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  const root = rootOf('huawei/breaker', {
    breaker_condition: {
      breaker_type: 'condition',
      unhealthy_condition: '["$context.statusCode","==","502"]',
      unhealthy_threshold: 2,
      time_window: 60,
      open_breaker_time: 60,
    },
  });
  await using gateway = await startGateway({ 'main/a': passTo(port) }, { root });
  const answers = [];
  for (let index = 0; index < 3; index += 1) answers.push(await exchangeRaw(gateway.port, get('/')));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [502, 502, 503],
  );
  assert.equal(answers[2]?.json()['error_code'], 'APIG.0202');
  assert.ok(Number(answers[2]?.get('retry-after')) > 50);
});

test('a function stands in for the backend', async () => {
  const answer = { statusCode: 230, body: 'hello', headers: {}, isBase64Encoded: false };
  await using functions = await httpBackend((_request, response) => {
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
  });
  await using backend = await httpBackend((_request, response) => {
    response.writeHead(500).end();
  });
  const urn = 'urn:fss:cn-north-4:project:function:default:hello:latest';
  const root = {
    ...rootOf('huawei/breaker', {
      breaker_condition: {
        breaker_type: 'condition',
        unhealthy_condition: '["$context.statusCode","==","500"]',
        unhealthy_threshold: 1,
        time_window: 60,
        open_breaker_time: 60,
      },
      downgrade_default: { type: 'function', func_info: { function_urn: urn, timeout: 5000 } },
    }),
    functions: { hello: { url: `http://127.0.0.1:${functions.port}/` } },
  };
  await using gateway = await startGateway({ 'main/a': passTo(backend.port) }, { root });
  assert.equal((await exchangeRaw(gateway.port, get('/'))).status, 500);
  const instead = await exchangeRaw(gateway.port, get('/'));
  assert.deepEqual([instead.status, instead.text], [230, 'hello']);
});
