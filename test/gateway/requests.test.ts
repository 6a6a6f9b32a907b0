import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpBackend, streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { type RawAnswer, exchangeRaw, openRaw } from './support/raw-client.ts';
import { pause } from './support/within.ts';

function refused(answer: RawAnswer, status: number): void {
  assert.equal(answer.status, status);
  assert.deepEqual(answer.getAll('connection'), ['close']);
  assert.equal(answer.json()['request_id'], answer.get('x-request-id'));
}

test('content passes sized or chunked, as it came', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const big = 'x'.repeat(100_000);
  for (const content of ['abc', big]) {
    await exchangeRaw(
      running.port,
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
    );
    const sized = backend.seen.at(-1);
    assert.equal(sized?.body.toString(), content);
    assert.deepEqual(sized?.values('content-length'), [String(content.length)]);
    assert.deepEqual(sized?.values('transfer-encoding'), []);
    const size = content.length.toString(16);
    await exchangeRaw(
      running.port,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${size};x=y\r\n${content}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    );
    const chunked = backend.seen.at(-1);
    assert.equal(chunked?.body.toString(), content);
    assert.deepEqual(chunked?.values('content-length'), []);
    assert.deepEqual(chunked?.values('transfer-encoding'), ['chunked']);
  }
});

test('no content is told as such', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const requests = {
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n': ['0'],
    'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n': ['0'],
    'PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n': ['0'],
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n': ['0'],
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n': [],
    'DELETE / HTTP/1.1\r\nHost: a\r\n\r\n': [],
  };
  for (const [request, lengths] of Object.entries(requests)) {
    const answer = await exchangeRaw(running.port, request);
    assert.equal(answer.status, 200, request);
    const seen = backend.seen.at(-1);
    assert.deepEqual(seen?.values('content-length'), lengths, request);
    assert.deepEqual(seen?.values('transfer-encoding'), [], request);
    assert.equal(seen?.body.length, 0);
  }
});

test('content of methods that usually have none passes', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'QUERY', 'PROPFIND', 'REPORT']) {
    const answer = await exchangeRaw(
      running.port,
      `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`,
    );
    assert.equal(answer.status, 200, method);
    const seen = backend.seen.at(-1);
    assert.equal(seen?.method, method);
    assert.equal(seen?.body.toString(), 'abc', method);
  }
});

test('100 Continue is sent when the content is wanted, and Expect is not passed on', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  for (const size of [10, 100_000]) {
    const client = await openRaw(running.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${size}\r\n\r\n`);
    const go = await client.head();
    assert.equal(go.status, 100);
    const answer = await client.send('x'.repeat(size)).answer();
    assert.equal(answer.text, 'ok');
    assert.deepEqual(backend.seen.at(-1)?.values('expect'), []);
    assert.equal(backend.seen.at(-1)?.body.length, size);
    // The connection goes on.
    assert.equal((await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').answer()).text, 'ok');
    client.socket.destroy();
  }
});

test('a refusal that comes before 100 Continue stands instead of it', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway(
    { 'main/small': passTo(backend.port, { request: { path: '/small', maxBodyBytes: 10 } }) },
    {},
  );
  for (const [path, status] of [
    ['/small', 413],
    ['/unknown', 404],
  ] as const) {
    const client = await openRaw(running.port);
    const answer = await client
      .send(`POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n`)
      .answer();
    refused(answer, status);
    assert.deepEqual(answer.interim, []);
    client.socket.end();
    assert.equal(await client.closed(), 'end');
  }
  assert.equal(backend.connections.length, 0);
});

test('no 100 Continue for a backend that cannot be reached', async () => {
  const backend = await httpBackend();
  await backend[Symbol.asyncDispose]();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const client = await openRaw(running.port);
  const answer = await client
    .send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n')
    .answer();
  assert.equal(answer.status, 502);
  assert.deepEqual(answer.interim, []);
  client.socket.destroy();
});

test('what is no request, or could be read as two, is refused and reaches nobody', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const host = 'Host: a\r\n';
  const requests: Record<string, string> = {
    'both framings': `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'both framings, other order': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    'two lengths': `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    'two equal lengths': `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    'list of lengths': `POST / HTTP/1.1\r\n${host}Content-Length: 3, 3\r\n\r\nabc`,
    'negative length': `POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\nabc`,
    'signed length': `POST / HTTP/1.1\r\n${host}Content-Length: +3\r\n\r\nabc`,
    'hexadecimal length': `POST / HTTP/1.1\r\n${host}Content-Length: 0x3\r\n\r\nabc`,
    'empty length': `POST / HTTP/1.1\r\n${host}Content-Length:\r\n\r\nabc`,
    'length beyond all bounds': `POST / HTTP/1.1\r\n${host}Content-Length: 99999999999999999999999\r\n\r\nabc`,
    'unknown coding': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip\r\n\r\nabc`,
    'coding behind chunked': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    'coding before chunked': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    identity: `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    'chunked twice': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'chunked with a control character': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    'chunked in quotes': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
    'chunked in HTTP/1.0': `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'blank before the colon': `POST / HTTP/1.1\r\n${host}Content-Length : 3\r\n\r\nabc`,
    'folded line': `GET / HTTP/1.1\r\n${host}X-A: 1\r\n 2\r\n\r\n`,
    'folded framing': `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
    'two Hosts': `GET / HTTP/1.1\r\n${host}Host: b\r\n\r\n`,
    'two equal Hosts': `GET / HTTP/1.1\r\n${host}${host}\r\n`,
    'no Host': 'GET / HTTP/1.1\r\nX-A: 1\r\n\r\n',
    'Host with a path': 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n',
    'Host with credentials': 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n',
    'Host with a blank': 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
    'Host with a strange port': 'GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n',
    'NUL in a value': `GET / HTTP/1.1\r\n${host}X-A: 1\x002\r\n\r\n`,
    'lone CR in a value': `GET / HTTP/1.1\r\n${host}X-A: 1\rX-B: 2\r\n\r\n`,
    'no colon': `GET / HTTP/1.1\r\n${host}X-A\r\n\r\n`,
    'blank in a name': `GET / HTTP/1.1\r\n${host}X A: 1\r\n\r\n`,
    'no name': `GET / HTTP/1.1\r\n${host}: 1\r\n\r\n`,
    'blank before the first field': `GET / HTTP/1.1\r\n ${host}\r\n`,
    'HTTP/2.0': `GET / HTTP/2.0\r\n${host}\r\n`,
    'a coding in HTTP/2.0': `POST / HTTP/2.0\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'HTTP/1.2': `GET / HTTP/1.2\r\n${host}\r\n`,
    'HTTP/0.9': 'GET /\r\n\r\n',
    'no version': `GET /\r\n${host}\r\n`,
    'lower-case method': `get / HTTP/1.1\r\n${host}\r\n`,
    'unknown method': `FROB / HTTP/1.1\r\n${host}\r\n`,
    fragment: `GET /a#b HTTP/1.1\r\n${host}\r\n`,
    'relative target': `GET a HTTP/1.1\r\n${host}\r\n`,
    'foreign scheme': `GET ftp://a/ HTTP/1.1\r\n${host}\r\n`,
    'absolute form with credentials': `GET http://u:p@a/ HTTP/1.1\r\n${host}\r\n`,
    'absolute form without a host': `GET http:///x HTTP/1.1\r\n${host}\r\n`,
    'asterisk for another method': `GET * HTTP/1.1\r\n${host}\r\n`,
    TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    'HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  };
  for (const [name, request] of Object.entries(requests)) {
    const client = await openRaw(running.port);
    client.send(request);
    const answer = await client.answer().catch((error: unknown) => error);
    if (answer instanceof Error) assert.match(answer.message, /ended without an answer/, name);
    else assert.equal((answer as RawAnswer).status, 400, name);
    client.socket.end();
    await client.closed();
    assert.equal(client.reader.waiting, '', name);
  }
  assert.deepEqual(backend.seen, []);
});

test('a broken chunk is a 400, and the backend never takes the request for whole', async () => {
  let isWhole = false;
  let reached = 0;
  await using backend = await streamBackend((request, response) => {
    reached += 1;
    request.on('end', () => {
      isWhole = true;
      response.end('ok');
    });
    request.resume();
  });
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const bodies = [
    'zz\r\nabc\r\n0\r\n\r\n',
    '3\r\nabcd\r\n0\r\n\r\n',
    '3\r\nabc\r\n-1\r\n\r\n',
    '3\r\nabc\r\n0x1\r\na\r\n0\r\n\r\n',
    'ffffffffffffffffffff\r\nabc',
  ];
  for (const body of bodies) {
    // Once in one piece, once with the mistake after the request was passed on.
    for (const gap of [0, 50]) {
      const client = await openRaw(running.port);
      client.send(`${head}4\r\n1234\r\n`);
      if (gap > 0) await pause(gap);
      const answer = await client.send(body).answer();
      refused(answer, 400);
      await client.closed();
      assert.equal(client.reader.waiting, '');
    }
  }
  assert.equal(isWhole, false);
  assert.ok(reached > 0);
  assert.deepEqual(
    new Set(running.completed.map(({ status, outcome }) => `${status} ${outcome}`)),
    new Set(['400 answered']),
  );
});

test('targets reach the backend as they were sent', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const targets = [
    '/',
    '//',
    '//a//b',
    '/%2F',
    '/%2f',
    '/a%2fb',
    '/%7e~',
    '/;p=1;q/b;r',
    '/a?',
    '/?',
    '/a?b?c',
    '/a??',
    '/a?%3d=%2B+&&=',
    '/%',
    '/%zz',
    "/a:b@c!$&'()*+,=",
    '/a?x=/../',
    '/a|b',
    '/a"<>^`{}',
  ];
  for (const target of targets) {
    const answer = await exchangeRaw(running.port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(answer.status, 200, target);
    assert.equal(backend.seen.at(-1)?.url, target);
  }
  const before = backend.seen.length;
  for (const target of [
    '/a/./b',
    '/a/../b',
    '/..',
    '/%2e%2e/x',
    '/a/%2E',
    '/a%2f..%2fb',
    '/..;/x',
    '/a\\..\\b',
  ]) {
    const answer = await exchangeRaw(running.port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(answer.status, 400, target);
  }
  assert.equal(backend.seen.length, before);
});

test('the absolute form is understood, and its authority stands above Host', async () => {
  await using one = await httpBackend();
  await using running = await startGateway(
    { 'named/all': passTo(one.port) },
    { root: { groups: { named: { domains: ['real.example'] } } } },
  );
  const cases = {
    'http://Real.Example:81/x?y': '/x?y',
    'HTTPS://real.example': '/',
    'http://real.example?q': '/?q',
  };
  for (const [target, url] of Object.entries(cases)) {
    const answer = await exchangeRaw(running.port, `GET ${target} HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    assert.equal(answer.status, 200, target);
    const seen = one.seen.at(-1);
    assert.equal(seen?.url, url);
    assert.match(seen?.values('x-forwarded-host')[0] ?? '', /^real\.example(:81)?$/i);
  }
  const wrong = await exchangeRaw(
    running.port,
    'GET http://other.example/ HTTP/1.1\r\nHost: real.example\r\n\r\n',
  );
  assert.equal(wrong.status, 404);
});

test('an HTTP/1.0 caller needs no Host, may keep the connection, and gets a sized answer', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  const plain = await exchangeRaw(running.port, 'GET / HTTP/1.0\r\n\r\n');
  assert.equal(plain.text, 'ok');
  assert.deepEqual(plain.getAll('connection'), ['close']);
  assert.deepEqual(backend.seen[0]?.values('via'), [`1.0 ${running.gateway.pseudonym}`]);
  assert.deepEqual(backend.seen[0]?.values('x-forwarded-host'), []);
  const client = await openRaw(running.port);
  for (let count = 0; count < 2; count++) {
    const answer = await client
      .send('POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc')
      .answer();
    assert.equal(answer.text, 'ok');
    assert.deepEqual(answer.getAll('content-length'), ['2']);
  }
  client.socket.destroy();
});

test('OPTIONS for an API is passed on; a tunnel is refused', async () => {
  await using backend = await httpBackend();
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  assert.equal((await exchangeRaw(running.port, 'OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal(backend.seen[0]?.method, 'OPTIONS');
  const client = await openRaw(running.port);
  const answer = await client.send('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01').answer();
  refused(answer, 400);
  client.socket.end();
  assert.equal(await client.closed(), 'end');
  assert.equal(backend.seen.length, 1);
});

test('every field of a request is seen, however many there are', async () => {
  const backend = { type: 'mock', body: 'hello' };
  const request = { method: 'POST', path: '/' };
  await using running = await startGateway({ 'main/all': { request, auth: 'none', backend } });
  const lines = Array.from({ length: 3000 }, (_each, index) => `X-N-${index}: 1\r\n`).join('');
  const content = 'Content-Length: 5\r\n\r\nhello';
  const answer = await exchangeRaw(running.port, `POST / HTTP/1.1\r\nHost: a\r\n${lines}${content}`);
  assert.equal(answer.status, 200);
  const [notice] = running.completed;
  assert.equal(notice?.arrival.headers.flat.length, 2 * 3002);
  // The length of the content stood behind all the others.
  assert.equal(notice.exchange?.hasBody, true);
});
