import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { broker } from '../../plugins/log-sink/broker-testing.ts';
import { httpBackend } from './support/backend.ts';
import { callerOf } from './support/caller.ts';
import { passTo, startGateway } from './support/gateway.ts';

/** As an operator pastes it. */
const logMask = {
  rules: [
    { name: 'auth', location: 'REQUEST_HEADER', parameters: ['X-Session'], policy: 'KEEP_LEFT:6' },
    { name: 'phone', location: 'REQUEST_BODY', matchMode: 'D:11', policy: 'KEEP_RIGHT:4' },
    { name: 'token', location: 'REQUEST_QUERY', parameters: ['token'] },
    { name: 'mail', location: 'RESPONSE_BODY', matchMode: 'EMAIL' },
    { name: 'id', location: 'RESPONSE_HEADER', parameters: ['X-Customer'], policy: 'KEEP_CENTER:1,2' },
  ],
};
const everything = {
  log_request_header: true,
  request_header_filter: 'X-*',
  log_request_query_string: true,
  log_request_body: true,
  log_response_header: true,
  response_header_filter: 'X-Customer',
  log_response_body: true,
};

test(
  'huawei/kafka_log and alibaba/logMask over sockets: what is hidden reaches no log',
  { timeout: 120_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tapgate-logs-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'access.jsonl');
    await using kafka = await broker({ sasl: ['gateway', 'sesame'] });
    await using backend = await httpBackend((_request, response) => {
      response.writeHead(200, { 'X-Customer': 'abcdef' }).end('{"mail":"alice@example.com"}');
    });
    const kafkaLog = {
      broker_list: [`127.0.0.1:${kafka.port}`],
      topic: 'gateway',
      sasl_config: {
        security_protocol: 'SASL_PLAINTEXT',
        sasl_mechanisms: 'PLAIN',
        sasl_username: 'gateway',
        sasl_password: 'sesame',
      },
      meta_config: { call_data: everything },
    };
    const running = await startGateway(
      { 'main/api': passTo(backend.port) },
      {
        root: {
          accessLog: { file, headers: ['x-session'] },
          plugins: {
            log: { type: 'huawei/kafka_log', config: kafkaLog },
            hide: { type: 'alibaba/logMask', config: logMask },
          },
          bindings: [
            { plugin: 'log', apis: ['*'] },
            { plugin: 'hide', apis: ['*'] },
          ],
        },
      },
    );
    await using caller = callerOf('HTTP/1.1', running.port);
    const answer = await caller.call('POST', '/orders?token=t0p&page=2', {
      headers: { 'X-Session': 'secret-session' },
      body: '{"phone":"13800138000"}',
    });
    // The caller and the backend see what they always saw.
    assert.equal(answer.text, '{"mail":"alice@example.com"}');
    assert.equal(backend.seen[0]?.body.toString(), '{"phone":"13800138000"}');
    await running[Symbol.asyncDispose]();
    const [line = {}] = kafka.produced.map(({ value }) => JSON.parse(value) as Record<string, unknown>);
    assert.deepEqual(line['request_headers'], { 'x-session': 'secret********' });
    assert.deepEqual(line['request_query'], { token: '***', page: '2' });
    assert.equal(line['request_body'], '{"phone":"*******8000"}');
    assert.deepEqual(line['response_headers'], { 'x-customer': '*bc***' });
    assert.equal(line['response_body'], '{"mail":"*****************"}');
    assert.equal(line['upstream_addr'], `127.0.0.1:${backend.port}`);
    assert.match(readFileSync(file, 'utf8'), /"header\.x-session":"secret\*{8}"/);
  },
);

test(
  'an answer that is larger than a log looks at passes whole, and so does what streams',
  { timeout: 120_000 },
  async () => {
    await using kafka = await broker();
    await using backend = await httpBackend((request, response) => {
      if (request.url === '/large') response.setHeader('Content-Length', 300_000);
      response.write(Buffer.alloc(100_000, 'x'));
      response.end(Buffer.alloc(200_000, 'x'));
    });
    const config = {
      kafka: { brokers: [`127.0.0.1:${kafka.port}`], topic: 't' },
      fields: ['uri'],
      include: { responseBody: true },
    };
    const running = await startGateway(
      { 'main/api': passTo(backend.port) },
      {
        root: { plugins: { log: { type: 'log-sink', config } }, bindings: [{ plugin: 'log', apis: ['*'] }] },
      },
    );
    await using caller = callerOf('HTTP/1.1', running.port);
    for (const path of ['/large', '/unknown'])
      assert.equal((await caller.call('GET', path)).text.length, 300_000);
    await running[Symbol.asyncDispose]();
    assert.deepEqual(
      kafka.produced.map(({ value }) => JSON.parse(value) as unknown),
      [
        { uri: '/large', response_body: { omitted: 'longer than 65536 bytes' } },
        { uri: '/unknown', response_body: { omitted: 'longer than 65536 bytes, or incomplete' } },
      ],
    );
  },
);
