import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BodyStream, Fields, Reply, cacheStatus, definePlugin, refuse, reply } from '#sdk';
import { type TestGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';
import { collector, until } from './testing.ts';

type Line = Record<string, unknown>;
const soon = { batchMs: 1 };

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-sink-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A gateway whose lines go to a file, which `lines` reads when it is closed. */
async function toFile(t: TestContext, config: object, more: object = {}) {
  const path = join(scratch(t), 'deep', 'log.jsonl');
  const gateway = await testPlugin(plugin, { config: { file: { path }, buffer: soon, ...config }, ...more });
  return {
    gateway,
    lines: async (): Promise<Line[]> => {
      await gateway.close();
      return readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
    },
  };
}

test('a line tells what happened, in the words of the vendor', async (t) => {
  const { gateway, lines } = await toFile(t, { labels: { site: 'one' } });
  await gateway.request('GET', '/orders/7?secret=1', {
    headers: { 'user-agent': 'test', 'x-forwarded-for': '203.0.113.1', host: 'api.example' },
  });
  const [line = {}] = await lines();
  assert.equal(line['site'], 'one');
  assert.deepEqual(
    ['http_status', 'request_method', 'host', 'uri', 'client_ip', 'scheme', 'api_id', 'environment'].map(
      (name) => line[name],
    ),
    [200, 'GET', 'api.example', '/orders/7', '192.0.2.1', 'http', 'test/api', 'RELEASE'],
  );
  assert.deepEqual(
    [
      'upstream_addr',
      'upstream_status',
      'http_user_agent',
      'http_x_forwarded_for',
      'error_type',
      'outcome',
      'refusal',
    ].map((name) => line[name]),
    ['backend', 200, 'test', '203.0.113.1', 0, 'answered', null],
  );
  assert.equal(typeof line['upstream_response_time'], 'number');
  assert.doesNotMatch(JSON.stringify(line), /secret/);
});

test('a refusal tells its kind, and that no backend was asked', async (t) => {
  const refusing = definePlugin({
    name: 'refusing',
    summary: 'Refuses.',
    setup: () => ({}),
    bindRest: () => ({ preAuth: () => refuse('throttled', { cause: 'why' }) }),
  });
  const fields = [
    'http_status',
    'refusal',
    'refusal_cause',
    'error_type',
    'response_source',
    'upstream_addr',
    'apig_err_code',
    'plugin',
  ];
  const path = join(scratch(t), 'log.jsonl');
  const { testGateway } = await import('#sdk/testing');
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/' },
          auth: 'none',
          backend: { type: 'http', address: 'http://b' },
        },
      },
      plugins: { log: { type: 'log-sink', config: { file: { path }, fields } } },
      bindings: [{ plugin: 'log', apis: ['*'] }],
    },
    plugins: [refusing],
  });
  await gateway.request('GET', '/');
  await gateway.close();
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    http_status: 429,
    refusal: 'throttled',
    refusal_cause: 'why',
    error_type: 1,
    response_source: 'local',
    upstream_addr: null,
    apig_err_code: 'APIG.0308',
    plugin: 'refusing',
  });
});

test('fields, parameters and content are told by name, credentials never', async (t) => {
  const include = {
    requestHeaders: ['x-*', 'authorization', 'cookie'],
    query: ['a*z', 'plain'],
    requestBody: true,
    responseHeaders: ['*'],
    responseBody: true,
  };
  const { gateway, lines } = await toFile(
    t,
    {
      include,
      fields: ['request_id'],
      custom: [
        { in: 'cookie', name: 'c' },
        { in: 'header', name: 'Authorization' },
      ],
    },
    {
      backend: () => reply(201, { 'X-Answer': '1', 'set-cookie': 's=1' }, 'answered'),
    },
  );
  await gateway.request('POST', '/?abz=1&abz=2&az=3&a=4&plain=5&more=6', {
    headers: { 'X-One': '1', authorization: 'Bearer t', cookie: 'c=1', accept: '*/*' },
    body: 'content',
  });
  const [line = {}] = await lines();
  assert.deepEqual(line['request_headers'], {
    'x-one': '1',
    authorization: '[redacted]',
    cookie: '[redacted]',
  });
  assert.deepEqual(line['request_query'], { abz: '1, 2', az: '3', plain: '5' });
  assert.equal(line['request_body'], 'content');
  assert.equal(line['response_body'], 'answered');
  const answered = line['response_headers'] as Record<string, string>;
  assert.deepEqual([answered['x-answer'], answered['set-cookie']], ['1', '[redacted]']);
  assert.deepEqual([line['custom_data_log01'], line['custom_data_log02']], ['1', '[redacted]']);
});

test('content that streams, is long or is coded is not held back, and the line says why it is not there', async (t) => {
  const include = { requestBody: true, responseBody: true };
  const { gateway, lines } = await toFile(
    t,
    { include, fields: [] },
    {
      backend: ({ path }: { path: string }) => {
        const body = new BodyStream();
        body.push(Buffer.from('piece'));
        body.end();
        const headers: Record<string, string> =
          path === '/coded'
            ? { 'content-encoding': 'gzip', 'content-length': '5' }
            : path === '/events'
              ? { 'content-type': 'text/event-stream' }
              : {};
        return new Reply(200, Fields.from(headers), body);
      },
    },
  );
  await gateway.request('POST', '/', { body: 'x'.repeat(70_000) });
  await gateway.request('POST', '/coded', { body: '\x1f', headers: { 'content-encoding': 'gzip' } });
  await gateway.request('GET', '/events');
  const [long = {}, coded = {}, events = {}] = await lines();
  assert.deepEqual(long['request_body'], { omitted: 'longer than 65536 bytes' });
  assert.equal(long['response_body'], 'piece');
  assert.deepEqual(events['response_body'], { omitted: 'a stream of events' });
  assert.deepEqual(coded['request_body'], { omitted: 'the coding gzip' });
  assert.deepEqual(coded['response_body'], { omitted: 'the coding gzip' });
  assert.equal(gateway.backendRequests[0]?.body.length, 70_000);
});

test('content that breaks off does so for the caller as it would without this', async (t) => {
  const path = join(scratch(t), 'log.jsonl');
  const gateway = await testPlugin(plugin, {
    config: { file: { path }, include: { responseBody: true }, fields: ['http_status'] },
    backend: () => {
      const body = new BodyStream();
      body.push(Buffer.from('abc'));
      setImmediate(() => body.fail(new Error('reset')));
      return reply(200, { 'content-length': '10' }, body);
    },
  });
  const answer = await gateway.request('GET', '/').catch((error: unknown) => error);
  await gateway.close();
  assert.ok(answer instanceof Error, 'it is cut');
  assert.deepEqual(gateway.log, []);
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    http_status: 200,
    response_body: { omitted: 'longer than 65536 bytes, or incomplete' },
  });
});

test('what is masked is masked before it is cut', async (t) => {
  const include = { requestBody: true, requestHeaders: ['x-phone'], query: ['q'] };
  const rules = [
    { location: 'REQUEST_BODY', matchMode: 'D:11' },
    { location: 'REQUEST_HEADER', parameters: ['x-phone'], policy: 'KEEP_RIGHT:2' },
    { location: 'REQUEST_QUERY', parameters: ['q'] },
  ];
  const path = join(scratch(t), 'log.jsonl');
  const gateway = await testPlugin(plugin, {
    config: { file: { path }, include, fields: [] },
    root: {
      plugins: {
        'under-test': { type: 'log-sink', config: { file: { path }, include, fields: [] } },
        hide: { type: 'log-mask', config: { rules } },
      },
      bindings: [
        { plugin: 'under-test', apis: ['*'] },
        { plugin: 'hide', apis: ['*'] },
      ],
    },
  });
  const body = `${'x'.repeat(4090)}13800138000 and more`;
  await gateway.request('POST', '/?q=abc', { body, headers: { 'x-phone': '12345' } });
  await gateway.close();
  const line = JSON.parse(readFileSync(path, 'utf8')) as Line;
  assert.equal(line['request_body'], `${'x'.repeat(4090)}******`);
  assert.deepEqual(line['request_headers'], { 'x-phone': '***45' });
  assert.deepEqual(line['request_query'], { q: '***' });
});

test('what is masked is masked under every name that a line has it', async (t) => {
  const config = {
    file: { path: join(scratch(t), 'log.jsonl') },
    fields: ['http_user_agent', 'http_x_forwarded_for'],
    custom: [{ in: 'cookie', name: 'session' }],
  };
  const parameters = ['User-Agent', 'X-Forwarded-For', 'Cookie'];
  const rules = [{ location: 'REQUEST_HEADER', parameters, policy: 'KEEP_LEFT:2' }];
  const gateway = await testPlugin(plugin, {
    config,
    root: {
      plugins: { 'under-test': { type: 'log-sink', config }, hide: { type: 'log-mask', config: { rules } } },
      bindings: ['under-test', 'hide'].map((name) => ({ plugin: name, apis: ['*'] })),
    },
  });
  const headers = { 'user-agent': 'curl/8', 'x-forwarded-for': '192.0.2.7', cookie: 'session=abcd' };
  await gateway.request('GET', '/', { headers });
  await gateway.close();
  assert.deepEqual(JSON.parse(readFileSync(config.file.path, 'utf8')), {
    http_user_agent: 'cu****',
    http_x_forwarded_for: '19*******',
    custom_data_log01: 'ab**',
  });
});

test('a file that is moved away is made anew', async (t) => {
  const path = join(scratch(t), 'log.jsonl');
  const gateway = await testPlugin(plugin, {
    config: { file: { path }, buffer: { batchBytes: 1 }, fields: ['http_status'] },
  });
  const sent = () => (JSON.parse(statusText(gateway)) as { sent: number }[])[0]?.sent ?? 0;
  const statusText = (_gateway: TestGateway): string => JSON.stringify(statusOf());
  let status: unknown;
  const statusOf = (): unknown => status;
  const look = async (count: number): Promise<void> => {
    for (;;) {
      const { plugins } = JSON.parse((await gateway.manage('/status')).body) as {
        plugins: Record<string, unknown>;
      };
      status = plugins['log-sink'];
      if (sent() >= count) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await gateway.request('GET', '/');
  await look(1);
  renameSync(path, `${path}.1`);
  await gateway.request('GET', '/');
  await look(2);
  await gateway.close();
  assert.equal(readFileSync(path, 'utf8'), '{"http_status":200}\n');
  assert.equal(readFileSync(`${path}.1`, 'utf8'), '{"http_status":200}\n');
});

test('batches go over HTTP as lines or a list; 5xx is tried again, 4xx is not', async () => {
  for (const format of ['ndjson', 'json']) {
    await using server = await collector([503, 400]);
    const gateway = await testPlugin(plugin, {
      config: {
        http: { url: `http://127.0.0.1:${server.port}/in?token=t`, headers: { 'x-token': 'secret' }, format },
        fields: ['http_status'],
        buffer: { batchBytes: 1 },
        retries: { backoffMs: 1 },
      },
    });
    await gateway.request('GET', '/');
    await until(() => server.requests.length === 2);
    await gateway.request('GET', '/');
    await until(() => server.requests.length === 3);
    await gateway.close();
    const line = format === 'ndjson' ? '{"http_status":200}\n' : '[{"http_status":200}]';
    assert.deepEqual(
      server.requests.map(({ body }) => body),
      [line, line, line],
    );
    assert.equal(server.requests[0]?.headers['x-token'], 'secret');
    const told = gateway.log.map((each) => JSON.stringify(each)).join('\n');
    assert.match(told, /log lines are lost/);
    assert.doesNotMatch(told, /secret|token=t/);
  }
});

test('syslog over UDP: one datagram a line', async (t) => {
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const gateway = await testPlugin(plugin, {
    config: {
      syslog: { address: `udp://127.0.0.1:${server.address().port}`, facility: 1, appName: 'gw' },
      fields: ['http_status'],
      buffer: soon,
    },
  });
  const came = once(server, 'message') as Promise<[Buffer]>;
  await gateway.request('GET', '/');
  const [message] = await came;
  assert.match(
    message.toString(),
    /^<14>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ gw \d+ request - \{"http_status":200\}$/,
  );
  await gateway.close();
});

test('syslog over TCP: octets are counted, and a connection that broke is made again', async (t) => {
  const sockets: Socket[] = [];
  let text = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const gateway = await testPlugin(plugin, {
    config: {
      syslog: { address: `tcp://127.0.0.1:${port}` },
      fields: ['http_status'],
      buffer: { batchBytes: 1 },
      retries: { backoffMs: 1 },
    },
  });
  await gateway.request('GET', '/');
  await until(() => text.endsWith('}'));
  const [, length = '', message = ''] = /^(\d+) ([^]*)$/.exec(text) ?? [];
  assert.equal(Number(length), Buffer.byteLength(message));
  assert.match(message, /^<134>1 /);
  text = '';
  const ended = once(sockets[0] ?? assert.fail(), 'close');
  sockets[0]?.destroy();
  await ended;
  await until(() => {
    void gateway.request('GET', '/');
    return text.endsWith('}');
  });
  assert.ok(sockets.length >= 2);
  await gateway.close();
  for (const socket of sockets) socket.destroy();
});

test('a place that takes nothing holds up no request, and what waits is bounded', async () => {
  const gateway = await testPlugin(plugin, {
    config: {
      http: { url: 'http://127.0.0.1:1/receiver/hunter2?token=hunter2', timeoutMs: 1000 },
      fields: ['http_status'],
      buffer: { maxBytes: 65_536, batchBytes: 1000 },
      retries: { count: 0 },
    },
  });
  for (let index = 0; index < 200; index += 1) assert.equal((await gateway.request('GET', '/')).status, 200);
  const { plugins } = JSON.parse((await gateway.manage('/status')).body) as {
    plugins: { 'log-sink': { waitingBytes: number; sink: string }[] };
  };
  assert.ok((plugins['log-sink'][0]?.waitingBytes ?? Infinity) <= 65_536);
  // Of many collectors the path is the credential.
  assert.equal(plugins['log-sink'][0]?.sink, 'http http://127.0.0.1:1');
  assert.doesNotMatch(JSON.stringify(gateway.log), /hunter2/);
  await gateway.close();
});

test('what a cache did and who calls are told', async (t) => {
  const path = join(scratch(t), 'log.jsonl');
  const { testGateway } = await import('#sdk/testing');
  const caching = definePlugin({
    name: 'fake-cache',
    summary: 'Notes.',
    setup: () => ({}),
    bindRest: () => ({
      preAuth(exchange) {
        exchange.notes.set(cacheStatus, 'HIT');
        exchange.identity = { type: 'jwt', id: 'alice', claims: { sub: 'alice', n: { a: 1 }, secret: 's' } };
        return undefined;
      },
    }),
  });
  const config = {
    file: { path },
    fields: ['cache_status', 'identity', 'auth_type'],
    include: { tokenClaims: ['sub', 'n', 'none'] },
  };
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: { 'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
      plugins: { log: { type: 'log-sink', config } },
      bindings: [{ plugin: 'log', apis: ['*'] }],
    },
    plugins: [caching],
  });
  await gateway.request('GET', '/');
  await gateway.close();
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    cache_status: 'HIT',
    identity: 'alice',
    auth_type: 'jwt',
    token: { sub: 'alice', n: '{"a":1}' },
  });
});

test('mistakes are told', async () => {
  await assert.rejects(
    testPlugin(plugin, { config: {} }),
    /found none of file, http, syslog, kafka; one of them must have been given/,
  );
  await assert.rejects(
    testPlugin(plugin, { config: { file: { path: 'a' }, syslog: { address: 'udp://h:1' } } }),
    /found file and syslog/,
  );
  await assert.rejects(
    testPlugin(plugin, { config: { file: { path: 'a' }, fields: ['nonsense'] } }),
    /fields\[0\]: found "nonsense"; allowed: start_time/,
  );
  await assert.rejects(
    testPlugin(plugin, { config: { syslog: { address: 'http://h' } } }),
    /syslog\.address/,
  );
});
