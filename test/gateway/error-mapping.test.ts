import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { httpBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';

const document = {
  parameters: { rc: 'BodyJsonField:$.result_code', ec: 'ErrorCode' },
  errorCondition: "$rc <> 'OK' or $ec = 'D504TO' or $ec = 'D504CO'",
  errorCode: 'rc',
  mappings: [
    { code: 'NOT_FOUND', statusCode: 404, errorMessage: 'none: ${rc}', responseBody: '{"c":"${rc}"}' },
  ],
  defaultMapping: { statusCode: 599, errorMessage: 'failed' },
};

const root = {
  plugins: { map: { type: 'alibaba/errorMapping', config: document } },
  bindings: [{ plugin: 'map', apis: ['*'] }],
};

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

test('answers of a backend are mapped over the wire, whatever their framing and coding', async () => {
  const body = '{"result_code":"NOT_FOUND"}';
  await using backend = await httpBackend(({ url }, response) => {
    response.setHeader('Content-Type', 'application/json');
    if (url === '/br') response.setHeader('Content-Encoding', 'br').end(brotliCompressSync(body));
    else if (url === '/chunked') {
      response.write(body.slice(0, 5));
      response.end(body.slice(5));
    } else if (url === '/ok') response.end('{"result_code":"OK"}');
    else response.end(body);
  });
  await using gateway = await startGateway({ 'main/a': passTo(backend.port) }, { root });
  for (const path of ['/plain', '/chunked', '/br']) {
    const answer = await exchangeRaw(gateway.port, get(path));
    assert.deepEqual([answer.status, answer.text], [404, '{"c":"NOT_FOUND"}'], path);
    assert.equal(answer.get('x-ca-error-message'), 'none: NOT_FOUND');
    assert.deepEqual(answer.getAll('content-length'), ['17'], path);
    assert.equal(answer.get('content-encoding'), undefined);
  }
  const fine = await exchangeRaw(gateway.port, get('/ok'));
  assert.deepEqual([fine.status, fine.text], [200, '{"result_code":"OK"}']);
  // A HEAD has no content to look at.
  const head = await exchangeRaw(gateway.port, get('/plain').replace('GET', 'HEAD'));
  assert.equal(head.status, 200);
});

test('what is large, streams or breaks off passes as it is', async () => {
  const large = JSON.stringify({ result_code: 'NOT_FOUND', text: 'x'.repeat(1_000_000) });
  let finish = (): void => undefined;
  await using backend = await streamBackend(({ url }, response) => {
    if (url === '/large') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(large);
    } else if (url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: 1\n\n');
      finish = () => response.end('data: 2\n\n');
    } else {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write('{"result_code":');
      setImmediate(() => response.destroy());
    }
  });
  await using gateway = await startGateway({ 'main/a': passTo(backend.port) }, { root });
  const whole = await exchangeRaw(gateway.port, get('/large'));
  assert.deepEqual([whole.status, whole.text.length], [200, large.length]);

  // The first event is there while the backend holds back the second.
  const client = await openRaw(gateway.port);
  client.send(get('/events'));
  assert.equal((await client.head()).status, 200);
  finish();
  client.socket.destroy();

  const broken = await exchangeRaw(gateway.port, get('/broken')).catch((error: unknown) => error);
  const isWhole =
    typeof broken === 'object' && broken !== null && 'isWhole' in broken && broken.isWhole === true;
  assert.equal(isWhole, false, 'it must not look complete');
  assert.equal(gateway.log.filter(({ message }) => message === 'a plugin failed').length, 0);
});

test('a backend that is not there is mapped by its error code', async () => {
  const gone = await httpBackend();
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using gateway = await startGateway({ 'main/a': passTo(port) }, { root });
  const answer = await exchangeRaw(gateway.port, get('/'));
  assert.equal(answer.status, 599);
  assert.equal(answer.get('x-ca-error-message'), 'failed');
  assert.equal(answer.json()['error_msg'], 'failed');
});
