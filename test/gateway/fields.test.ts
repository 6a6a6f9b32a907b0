import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpBackend, rawBackend, answerEach } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw } from './support/raw-client.ts';

test('fields of the connection stay on it, those that Connection nominates too', async () => {
  await using backend = await httpBackend((_request, response) => {
    response.writeHead(200, [
      'Connection',
      'X-Hop, keep-alive',
      'X-Hop',
      '1',
      'Keep-Alive',
      'timeout=5',
      'Proxy-Connection',
      'x',
      'Upgrade',
      'h2c',
      'X-Stays',
      '1',
    ]);
    response.end('ok');
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await exchangeRaw(
    running.port,
    'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: X-Mine , keep-alive,x-other\r\nX-Mine: 1\r\nX-Other: 2\r\nX-Kept: 3\r\n' +
      'Keep-Alive: timeout=9\r\nTE: trailers\r\nTrailer: X\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\n' +
      'Upgrade: websocket\r\nHTTP2-Settings: x\r\n\r\n',
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.getAll('x-hop'), []);
  assert.deepEqual(answer.getAll('proxy-connection'), []);
  assert.deepEqual(answer.getAll('upgrade'), []);
  assert.deepEqual(answer.getAll('x-stays'), ['1']);
  assert.deepEqual(answer.getAll('connection'), ['keep-alive']);
  const [seen] = backend.seen;
  assert.ok(seen);
  for (const name of [
    'x-mine',
    'x-other',
    'keep-alive',
    'te',
    'trailer',
    'proxy-connection',
    'proxy-authorization',
    'upgrade',
    'http2-settings',
  ]) {
    assert.deepEqual(seen.values(name), [], name);
  }
  assert.deepEqual(seen.values('x-kept'), ['3']);
  assert.deepEqual(seen.values('connection'), ['keep-alive']);
});

test("Via is added; X-Forwarded-For is appended to; the other X-Forwarded fields are the gateway's own", async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  await exchangeRaw(
    running.port,
    'GET / HTTP/1.1\r\nHost: a.example:81\r\nVia: 1.0 other\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\n' +
      'X-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Host: evil.example\r\nX-Request-Id: mine\r\nX-Ca-Request-Id: mine\r\n' +
      'X_Forwarded_For: 192.0.2.9\r\nX_FORWARDED-PROTO: https\r\n\r\n',
  );
  const [seen] = backend.seen;
  assert.ok(seen);
  // Many backends take these for the ones with hyphens.
  assert.deepEqual([seen.values('x_forwarded_for'), seen.values('x_forwarded-proto')], [[], []]);
  assert.deepEqual(seen.values('via'), ['1.0 other', `1.1 ${running.gateway.pseudonym}`]);
  assert.deepEqual(seen.values('x-forwarded-for'), ['192.0.2.7, 192.0.2.8, 127.0.0.1']);
  assert.deepEqual(seen.values('x-forwarded-proto'), ['http']);
  assert.deepEqual(seen.values('x-forwarded-port'), [String(running.port)]);
  assert.deepEqual(seen.values('x-forwarded-host'), ['a.example:81']);
  assert.deepEqual(seen.values('host'), [`127.0.0.1:${backend.port}`]);
  const ids = [...seen.values('x-request-id'), ...seen.values('x-ca-request-id')];
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
  assert.match(ids[0] ?? '', /^[0-9a-f-]{36}$/);
});

test("X-Request-Id is on every answer, the gateway's and not the backend's", async () => {
  await using backend = await httpBackend((_request, response) => {
    response.writeHead(200, ['X-Request-Id', 'backend', 'X-Request-Id', 'twice']);
    response.end('ok');
  });
  await using running = await startGateway({
    'main/all': passTo(backend.port, { request: { path: '/known' } }),
  });
  const requests: Record<string, string> = {
    200: 'GET /known HTTP/1.1\r\nHost: a\r\n\r\n',
    404: 'GET /unknown HTTP/1.1\r\nHost: a\r\n\r\n',
    '400 no host': 'GET /known HTTP/1.1\r\n\r\n',
    '400 garbage': 'garbage\r\n\r\n',
    '400 connect': 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
    '404 asterisk': 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    '404 rare method': 'PROPFIND /unknown HTTP/1.1\r\nHost: a\r\n\r\n',
    '404 rarer method': 'M-SEARCH /unknown HTTP/1.1\r\nHost: a\r\n\r\n',
    '417': 'GET /known HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n',
    '414': `GET /${'x'.repeat(33_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    '494': `GET /known HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(33_000)}\r\n\r\n`,
  };
  for (const [name, request] of Object.entries(requests)) {
    const answer = await exchangeRaw(running.port, request);
    assert.equal(answer.status, Number.parseInt(name, 10), name);
    const ids = answer.getAll('x-request-id');
    assert.equal(ids.length, 1, name);
    assert.match(ids[0] ?? '', /^[0-9a-f-]{36}$/, name);
    if (answer.status === 200) continue;
    assert.equal(answer.json()['request_id'], ids[0], name);
    assert.match(String(answer.json()['error_code']), /^APIG\.\d{4}$/, name);
  }
  assert.equal(backend.seen.length, 1);
});

test('repeated fields stay apart, in order, both ways', async () => {
  await using backend = await httpBackend((_request, response) => {
    response.writeHead(200, [
      'Set-Cookie',
      'a=1',
      'X-Other',
      '1',
      'Set-Cookie',
      'b=2; Path=/',
      'Warning',
      'one',
      'Warning',
      'two',
    ]);
    response.end('ok');
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await exchangeRaw(
    running.port,
    'GET / HTTP/1.1\r\nHost: a\r\nX-Twice: 1\r\nCookie: a=1\r\nX-Twice: 2\r\nCookie: b=2\r\n\r\n',
  );
  assert.deepEqual(answer.getAll('set-cookie'), ['a=1', 'b=2; Path=/']);
  assert.deepEqual(answer.getAll('warning'), ['one', 'two']);
  const [seen] = backend.seen;
  assert.deepEqual(seen?.values('x-twice'), ['1', '2']);
  assert.deepEqual(seen?.values('cookie'), ['a=1', 'b=2']);
});

test('bytes beyond ASCII pass unchanged in fields, both ways; in a target, where they are not allowed, they are refused', async () => {
  const bytes = Array.from({ length: 128 }, (_each, index) => String.fromCharCode(128 + index)).join('');
  let head = '';
  await using backend = await rawBackend((socket) => {
    answerEach(socket, (text) => {
      head = text;
      return `HTTP/1.1 200 OK\r\nX-Bytes: ${bytes}\r\n__proto__: x\r\n12: y\r\nContent-Length: 2\r\n\r\nok`;
    });
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const answer = await exchangeRaw(running.port, `GET /p?q HTTP/1.1\r\nHost: a\r\nX-Bytes: ${bytes}\r\n\r\n`);
  assert.equal(answer.status, 200);
  // Whitespace around a value is no part of it (RFC 9110 section 5.5); neither 0x85 nor 0xA0 is whitespace there.
  assert.deepEqual(
    answer.getAll('x-bytes').map((value) => Buffer.from(value, 'latin1')),
    [Buffer.from(bytes, 'latin1')],
  );
  assert.deepEqual(answer.getAll('__proto__'), ['x']);
  assert.deepEqual(answer.getAll('12'), ['y']);
  assert.ok(head.includes(`X-Bytes: ${bytes}\r\n`));
  head = '';
  const refused = await exchangeRaw(running.port, 'GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(refused.status, 400);
  assert.equal(head, '');
});
