import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin } from '#sdk';
import { type Backend, answerEach, httpBackend, rawBackend, streamBackend } from './support/backend.ts';
import { type RunOptions, passTo, startGateway } from './support/gateway.ts';
import { type RawAnswer, exchangeRaw, openRaw } from './support/raw-client.ts';
import { until } from './support/within.ts';

const megabyte = 1024 * 1024;

/** `/self/...` calls `inner.example` of the same gateway, which calls the backend; `/net/...` calls a second gateway that does. */
async function twoWays(backend: Backend, inner: Record<string, unknown> = {}, options: RunOptions = {}) {
  const groups = { main: { domains: ['outer.example'] }, inner: { domains: ['inner.example'] } };
  const innerApi = passTo(backend.port, inner);
  const other = await startGateway(
    { 'inner/all': innerApi },
    { ...options, root: { ...options.root, groups } },
  );
  const self = (address: string, path: string) => ({
    request: { method: 'ANY', path, match: 'prefix' },
    auth: 'none',
    backend: { type: 'http', address, path: '/', hostHeader: 'inner.example', timeoutMs: 2000 },
  });
  const running = await startGateway(
    {
      'main/self': self('http://inner.example', '/self/'),
      'main/net': self(`http://127.0.0.1:${other.port}`, '/net/'),
      'inner/all': innerApi,
    },
    { ...options, root: { ...options.root, groups } },
  );
  return {
    running,
    other,
    async [Symbol.asyncDispose]() {
      await running.gateway.close();
      await other.gateway.close();
    },
  };
}

/** What may differ: who is asked when, and how its connection is kept. */
function comparable({ status, headers, body, trailers, interim }: RawAnswer) {
  const kept = headers.filter(([name]) => !['x-request-id', 'date'].includes(name.toLowerCase()));
  const normal = kept.map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort();
  return {
    status,
    headers: normal,
    body: body.toString('latin1').replace(/[0-9a-f-]{36}/, 'ID'),
    trailers,
    interim: interim.map((each) => each.status),
  };
}

test('an answer is the same through the gateway itself as through another one', async () => {
  const answers: Record<string, string> = {
    '/sized':
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nabc',
    '/chunked':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
    '/none': 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n',
    '/same': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n',
    '/early': 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    '/error': 'HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno',
    '/garbage': 'garbage\r\n\r\n',
  };
  await using backend = await rawBackend((socket) => {
    answerEach(socket, (head) => answers[head.split(' ', 2)[1] ?? ''] ?? answers['/none'] ?? '');
  });
  await using gateways = await twoWays(backend);
  const { port } = gateways.running;
  for (const path of Object.keys(answers)) {
    const ask = (way: string) =>
      exchangeRaw(port, `GET /${way}${path} HTTP/1.1\r\nHost: outer.example\r\n\r\n`);
    assert.deepEqual(comparable(await ask('self')), comparable(await ask('net')), path);
  }
});

test('a request is the same through the gateway itself as through another one', async () => {
  await using backend = await httpBackend((_request, response, { method, url, rawHeaders, body }) => {
    response.end(JSON.stringify({ method, url, rawHeaders, body: body.toString('latin1') }));
  });
  await using gateways = await twoWays(backend);
  const { running, other } = gateways;
  const requests: [method: string, target: string, rest: string][] = [
    ['GET', '/a?b=c&d', 'X-Twice: 1\r\nX-Twice: 2\r\n\r\n'],
    ['GET', '/a%2Fb//c?', '\r\n'],
    ['POST', '/p', 'Content-Length: 3\r\nContent-Type: text/plain\r\n\r\nabc'],
    ['POST', '/p', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'],
    ['POST', '/p', 'Content-Length: 0\r\n\r\n'],
    ['HEAD', '/h', '\r\n'],
    ['DELETE', '/d', 'Connection: X-Mine\r\nX-Mine: 1\r\n\r\n'],
  ];
  for (const [method, target, rest] of requests) {
    const seen = [];
    for (const way of ['self', 'net']) {
      await exchangeRaw(
        running.port,
        `${method} /${way}${target} HTTP/1.1\r\nHost: outer.example\r\n${rest}`,
      );
      const last = backend.seen.at(-1);
      assert.ok(last);
      const headers = [];
      for (let index = 0; index < last.rawHeaders.length; index += 2) {
        const value = (last.rawHeaders[index + 1] ?? '')
          .replace(/tapgate-\w+/g, 'GATEWAY')
          .replace(/[0-9a-f-]{36}/, 'ID')
          // The gateway believes its own word for where the request came from; another gateway does not.
          .replace(/^(outer|inner)\.example$/, 'HOST')
          .replace(new RegExp(`\\b(${running.port}|${other.port})\\b`), 'PORT');
        headers.push(`${(last.rawHeaders[index] ?? '').toLowerCase()}: ${value}`);
      }
      seen.push({ method: last.method, url: last.url, body: last.body.toString(), headers: headers.sort() });
    }
    assert.deepEqual(seen[0], seen[1], `${method} ${target}`);
  }
});

test('each pass adds its Via entry, and the inner one is seen to come from 127.0.0.1', async () => {
  await using backend = await httpBackend();
  await using gateways = await twoWays(backend);
  await exchangeRaw(
    gateways.running.port,
    'GET /self/x HTTP/1.1\r\nHost: outer.example\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n',
  );
  const [seen] = backend.seen;
  const { pseudonym } = gateways.running.gateway;
  assert.deepEqual(seen?.values('via'), [`1.1 ${pseudonym}`, `1.1 ${pseudonym}`]);
  assert.deepEqual(seen?.values('x-forwarded-for'), ['192.0.2.1, 127.0.0.1, 127.0.0.1']);
  assert.deepEqual(
    gateways.running.completed.map(({ exchange }) => exchange?.api.name),
    ['inner/all', 'main/self'],
  );
});

test('content streams through both passes, in both directions', async () => {
  const size = 32 * megabyte;
  await using backend = await streamBackend((request, response) => {
    if (request.method === 'GET') {
      const chunk = Buffer.alloc(megabyte, 'x');
      let left = size / megabyte;
      const go = (): void => {
        while (left-- > 0) {
          if (!response.write(chunk)) {
            response.once('drain', go);
            return;
          }
        }
        response.end();
      };
      go();
      return;
    }
    let received = 0;
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    request.on('end', () => response.end(String(received)));
  });
  await using gateways = await twoWays(backend, {}, { limits: { bodyBytes: size } });
  const { port } = gateways.running;
  const client = await openRaw(port);
  client.send(`POST /self/up HTTP/1.1\r\nHost: outer.example\r\nContent-Length: ${size}\r\n\r\n`);
  for (let sent = 0; sent < size; sent += megabyte) client.send(Buffer.alloc(megabyte, 'x'));
  assert.equal((await client.answer('POST', 30_000)).text, String(size));
  client.send('GET /self/down HTTP/1.1\r\nHost: outer.example\r\n\r\n');
  const down = await client.answer('GET', 30_000);
  assert.equal(down.body.length, size);
  assert.ok(down.isWhole);
  client.socket.destroy();
  await until(() => gateways.running.completed.length === 4, 'all passes are completed');
  assert.deepEqual(
    gateways.running.completed.map(({ bytesReceived, bytesSent, outcome }) => [
      bytesReceived,
      bytesSent,
      outcome,
    ]),
    [
      [size, 8, 'answered'],
      [size, 8, 'answered'],
      [0, size, 'answered'],
      [0, size, 'answered'],
    ],
  );
});

test('a caller that does not read stops the backend behind both passes, and one that leaves aborts it', async () => {
  let written = 0;
  let isAborted = false;
  await using backend = await streamBackend((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const go = (): void => {
      while (!response.destroyed) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', go);
          return;
        }
      }
    };
    response.on('close', () => {
      isAborted = true;
    });
    go();
  });
  await using gateways = await twoWays(backend);
  const client = await openRaw(gateways.running.port);
  await client.send('GET /self/x HTTP/1.1\r\nHost: outer.example\r\n\r\n').head();
  client.socket.pause();
  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
  }
  assert.ok(written < 24 * megabyte, String(written));
  client.socket.destroy();
  await until(() => isAborted, 'the backend sees the end', 1000);
  await until(() => gateways.running.completed.length === 2, 'both passes are completed');
  assert.deepEqual(
    gateways.running.completed.map(({ status, outcome }) => `${status} ${outcome}`),
    ['200 client-gone', '200 client-gone'],
  );
});

test('a caller that leaves before the head, and a backend that dies behind it, are seen through both passes', async () => {
  let open = 0;
  let kill = (): void => undefined;
  await using backend = await streamBackend((request, response) => {
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
    if (request.url === '/die') {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('some');
      kill = () => request.socket.destroy();
    }
  });
  await using gateways = await twoWays(backend);
  const { port, completed } = gateways.running;
  const leaver = await openRaw(port);
  leaver.send('GET /self/wait HTTP/1.1\r\nHost: outer.example\r\n\r\n');
  await until(() => open === 1, 'the request is under way');
  leaver.socket.destroy();
  await until(() => open === 0, 'the backend sees the end', 1000);
  await until(() => completed.length === 2, 'both passes are completed');
  assert.deepEqual(
    completed.map(({ status, outcome }) => `${status} ${outcome}`),
    ['499 client-gone', '499 client-gone'],
  );
  const client = await openRaw(port);
  const answering = client.send('GET /self/die HTTP/1.1\r\nHost: outer.example\r\n\r\n').answer();
  await until(() => client.reader.received > 0, 'the answer begins');
  kill();
  assert.equal((await answering).isWhole, false);
  await until(() => completed.length === 4, 'both passes are completed');
  assert.deepEqual(
    completed.slice(2).map(({ outcome }) => outcome),
    ['cut', 'cut'],
  );
});

test('an API that calls itself makes ten passes and ends in a 500, and nothing is left of it', async () => {
  await using running = await startGateway(
    {
      'loop/all': {
        request: { method: 'ANY', path: '/', match: 'prefix' },
        auth: 'none',
        backend: { type: 'http', address: 'http://loop.example', timeoutMs: 5000 },
      },
    },
    { root: { groups: { loop: { domains: ['loop.example'] } } } },
  );
  for (const request of [
    'GET /x HTTP/1.1\r\nHost: loop.example\r\n\r\n',
    `POST /x HTTP/1.1\r\nHost: loop.example\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`,
  ]) {
    running.completed.length = 0;
    const answer = await exchangeRaw(running.port, request);
    assert.equal(answer.status, 500);
    assert.equal(answer.json()['error_code'], 'APIG.0612');
    assert.equal(running.completed.length, 11);
    assert.equal(running.completed.filter(({ refusal }) => refusal?.kind === 'self-call-loop').length, 1);
  }
  // Over the network, too, where the Via entries tell.
  const via = Array.from({ length: 9 }, () => `1.1 ${running.gateway.pseudonym}`).join(', ');
  running.completed.length = 0;
  const late = await exchangeRaw(
    running.port,
    `GET /x HTTP/1.1\r\nHost: loop.example\r\nVia: ${via}\r\n\r\n`,
  );
  assert.equal(late.json()['error_code'], 'APIG.0612');
  assert.equal(running.completed.length, 2);
});

test('inner refusals reach the caller as they are; limits of both APIs hold', async () => {
  await using backend = await httpBackend();
  await using gateways = await twoWays(backend, { request: { path: '/inner', maxBodyBytes: 1000 } });
  const ask = (rest: string) => exchangeRaw(gateways.running.port, rest);
  const missing = await ask('GET /self/unknown HTTP/1.1\r\nHost: outer.example\r\n\r\n');
  assert.equal(missing.status, 404);
  assert.equal(missing.json()['error_code'], 'APIG.0101');
  const head = 'POST /self/inner HTTP/1.1\r\nHost: outer.example\r\n';
  const large = await ask(`${head}Content-Length: 2000\r\n\r\n${'x'.repeat(2000)}`);
  assert.equal(large.status, 413);
  const counted = await ask(
    `${head}Transfer-Encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`,
  );
  assert.equal(counted.status, 413);
  assert.deepEqual(backend.seen, []);
});

test("the outer API's limit of content holds within the inner one, which allows more", async () => {
  await using backend = await httpBackend();
  const groups = { main: { domains: ['outer.example'] }, inner: { domains: ['inner.example'] } };
  await using running = await startGateway(
    {
      'main/small': {
        ...passTo(0, { request: { maxBodyBytes: 1000 }, backend: { address: 'http://inner.example' } }),
      },
      'inner/all': passTo(backend.port),
    },
    { root: { groups } },
  );
  const answer = await exchangeRaw(
    running.port,
    `POST / HTTP/1.1\r\nHost: outer.example\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`,
  );
  assert.equal(answer.status, 413);
  assert.deepEqual(backend.seen, []);
});

test("the outer API's time applies, and what it called is aborted", async () => {
  let isAborted = false;
  await using backend = await streamBackend((_request, response) => {
    response.on('close', () => {
      isAborted = true;
    });
  });
  const groups = { main: { domains: ['outer.example'] }, inner: { domains: ['inner.example'] } };
  await using running = await startGateway(
    {
      'main/all': passTo(0, { backend: { address: 'http://inner.example', timeoutMs: 200 } }),
      'inner/all': passTo(backend.port, { backend: { timeoutMs: 60_000 } }),
    },
    { root: { groups } },
  );
  const start = performance.now();
  const answer = await exchangeRaw(running.port, 'GET / HTTP/1.1\r\nHost: outer.example\r\n\r\n');
  assert.equal(answer.status, 504);
  assert.ok(performance.now() - start < 2000);
  await until(() => isAborted, 'the backend sees the end', 1000);
  assert.deepEqual(running.completed.map(({ status }) => String(status)).sort(), ['499', '504']);
});

test("an upload may take longer than the outer API's time", async () => {
  await using backend = await httpBackend();
  const groups = { main: { domains: ['outer.example'] }, inner: { domains: ['inner.example'] } };
  await using running = await startGateway(
    {
      'main/all': passTo(0, { backend: { address: 'http://inner.example', timeoutMs: 300 } }),
      'inner/all': passTo(backend.port, { backend: { timeoutMs: 300 } }),
    },
    { root: { groups } },
  );
  const client = await openRaw(running.port);
  client.send('POST / HTTP/1.1\r\nHost: outer.example\r\nTransfer-Encoding: chunked\r\n\r\n');
  const timer = setInterval(() => client.send('1\r\nx\r\n'), 100);
  setTimeout(() => {
    clearInterval(timer);
    client.send('0\r\n\r\n');
  }, 900);
  assert.equal((await client.answer('POST')).text, 'ok');
  client.socket.destroy();
});

test('plugins of both passes run, each on its own request', async () => {
  const seen: string[] = [];
  const plugin = definePlugin({
    name: 'witness',
    summary: 'Notes whom it sees.',
    bind: (_config, kit) => ({
      preAuth({ clientAddress, host, headers }) {
        seen.push(
          `${kit.api.name} ${clientAddress} ${host} ${headers.get('host')} ${headers.get('content-length')}`,
        );
        return undefined;
      },
      response(inbound) {
        inbound.headers.append('X-Passed', kit.api.name);
        return undefined;
      },
    }),
  });
  await using backend = await httpBackend();
  await using gateways = await twoWays(
    backend,
    {},
    {
      plugins: [plugin],
      root: { plugins: { see: { type: 'witness' } }, bindings: [{ plugin: 'see', apis: ['*'] }] },
    },
  );
  const answer = await exchangeRaw(
    gateways.running.port,
    'POST /self/x HTTP/1.1\r\nHost: outer.example\r\nContent-Length: 3\r\n\r\nabc',
  );
  assert.deepEqual(seen, [
    'main/self 127.0.0.1 outer.example outer.example 3',
    'inner/all 127.0.0.1 inner.example inner.example 3',
  ]);
  assert.deepEqual(answer.getAll('x-passed'), ['inner/all', 'main/self']);
});
