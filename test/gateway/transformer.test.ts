import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw } from './support/raw-client.ts';

const plugins = {
  requests: {
    type: 'alibaba/transformer',
    config: {
      putRequestParameter: [
        { name: 'X-Source', value: 'gateway', location: 'header' },
        { name: 'mode', value: 'a b', location: 'query' },
        { name: 'added', value: 'yes', location: 'form' },
      ],
      removeRequestParameter: [{ name: 'debug', location: 'query' }],
      putResponseHeader: [{ name: 'X-Served-By', value: 'gw' }],
      removeResponseHeader: [{ name: 'X-Powered-By' }],
    },
  },
  answers: {
    type: 'huawei/set_resp_headers',
    config: {
      response_headers: [
        { name: 'X-Served-By', value: 'b', value_type: 'custom_value', action: 'append' },
        { name: 'Vary', value: 'Accept', action: 'add' },
      ],
    },
  },
  map: {
    type: 'alibaba/errorMapping',
    config: {
      parameters: { st: 'StatusCode', by: 'Header:X-Served-By' },
      errorCondition: '$st = 500 and $by = null',
      mappings: [{ condition: '$st = 500', statusCode: 409, responseHeaders: { 'X-Powered-By': 'map' } }],
    },
  },
};
// Error mapping is bound last, and would run first, were it not for its step.
const root = {
  plugins,
  bindings: ['map', 'answers', 'requests'].map((plugin) => ({ plugin, apis: ['*'] })),
};

test('requests and answers are changed over the wire, answers behind error mapping', async () => {
  await using backend = await httpBackend((_request, response) => {
    response.writeHead(500, { Vary: 'Origin', 'X-Powered-By': 'php' }).end('x');
  });
  await using gateway = await startGateway({ 'main/a': passTo(backend.port) }, { root });
  const body = 'one=1&added=no&two=%C3%BC';
  const answer = await exchangeRaw(
    gateway.port,
    `POST /p?debug=1&x=1 HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const [seen] = backend.seen;
  assert.equal(seen?.url, '/p?x=1&mode=a%20b');
  assert.equal(seen?.body.toString(), 'one=1&two=%C3%BC&added=yes');
  assert.deepEqual(seen?.values('content-length'), ['26']);
  assert.deepEqual(seen?.values('x-source'), ['gateway']);
  assert.equal(answer.status, 409);
  assert.deepEqual(answer.getAll('x-served-by'), ['gw,b']);
  assert.deepEqual(answer.getAll('vary'), ['Origin', 'Accept']);
  assert.equal(answer.get('x-powered-by'), undefined);
});

test('content that is no form streams as it came', async () => {
  await using backend = await httpBackend();
  await using gateway = await startGateway({ 'main/a': passTo(backend.port) }, { root });
  const answer = await exchangeRaw(
    gateway.port,
    'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n',
  );
  assert.equal(answer.status, 200);
  assert.equal(backend.seen[0]?.body.toString(), 'a=1');
});
