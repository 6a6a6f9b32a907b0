import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw } from './support/raw-client.ts';
import { within } from './support/within.ts';

const rootOf = (port: number, more: object = {}) => ({
  plugins: {
    mirror: {
      type: 'huawei/proxy_mirror',
      config: {
        protocol: 'HTTP',
        host: `127.0.0.1:${port}`,
        path: '/shadow',
        path_concat_mode: 'prefix',
        ...more,
      },
    },
  },
  bindings: [{ plugin: 'mirror', apis: ['*'] }],
});

const post = (body: string): string =>
  `POST /orders?x=1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('a copy arrives over the wire, and nothing of its answer', async () => {
  const arrived = Promise.withResolvers<string>();
  await using mirror = await httpBackend((_request, response, seen) => {
    arrived.resolve(`${seen.method} ${seen.url} ${seen.body.toString()} ${seen.values('via').length}`);
    response.writeHead(500, { 'X-Mirror': '1' }).end('x'.repeat(100_000));
  });
  await using backend = await httpBackend();
  await using gateway = await startGateway({ 'main/a': passTo(backend.port) }, { root: rootOf(mirror.port) });
  const answer = await exchangeRaw(gateway.port, post('hello'));
  assert.deepEqual([answer.status, answer.text, answer.get('x-mirror')], [200, 'ok', undefined]);
  assert.equal(await within(arrived.promise, 'the copy'), 'POST /shadow/orders?x=1 hello 1');
  assert.equal(backend.seen[0]?.url, '/orders?x=1');
});

test('a mirror that says nothing, and one that is not there, change nothing', async () => {
  await using silent = await streamBackend(() => undefined);
  const gone = await httpBackend();
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using backend = await httpBackend();
  for (const mirror of [silent.port, port]) {
    await using gateway = await startGateway(
      { 'main/a': passTo(backend.port) },
      { root: rootOf(mirror, { timeout: 200 }) },
    );
    for (let index = 0; index < 5; index += 1)
      assert.equal((await exchangeRaw(gateway.port, post('x'))).status, 200);
  }
});
