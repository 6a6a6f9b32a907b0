import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPlugin } from '#sdk/testing';
import { broker } from './broker-testing.ts';
import plugin from './plugin.ts';
import { until } from './testing.ts';

const document = (port: number, more: object = {}) => ({
  broker_list: [`127.0.0.1:${port}`],
  topic: 'gateway',
  key: 'tapgate',
  max_retry_count: 5,
  retry_backoff: 1,
  meta_config: {
    system: { start_time: false, app_name: true },
    call_data: {
      log_request_header: true,
      request_header_filter: 'X-*',
      log_request_query_string: true,
      log_request_body: true,
      log_response_header: true,
      response_header_filter: 'content-type',
      log_response_body: true,
      custom_authorizer: { frontend: ['user'], backend: [] },
    },
  },
  ...more,
});

test('huawei/kafka_log: a whole document makes messages of a topic', { timeout: 60_000 }, async () => {
  await using kafka = await broker();
  const gateway = await testPlugin(plugin, { type: 'huawei/kafka_log', config: document(kafka.port) });
  for (let index = 0; index < 3; index += 1)
    await gateway.request('POST', `/x?n=${index}`, { headers: { 'x-one': '1', other: '2' }, body: 'sent' });
  await gateway.close();
  await until(() => kafka.produced.length === 3);
  assert.deepEqual(
    [...new Set(kafka.produced.map(({ topic, key }) => `${topic} ${key}`))],
    ['gateway tapgate'],
  );
  const [line = {}] = kafka.produced.map(({ value }) => JSON.parse(value) as Record<string, unknown>);
  assert.equal('start_time' in line, false);
  assert.deepEqual(
    ['http_status', 'request_method', 'uri', 'app_name'].map((name) => line[name]),
    [200, 'POST', '/x', null],
  );
  assert.deepEqual(line['request_headers'], { 'x-one': '1' });
  assert.deepEqual(line['request_query'], { n: '0' });
  assert.equal(line['request_body'], 'sent');
  assert.deepEqual(line['response_headers'], { 'content-type': 'application/json' });
  assert.match(String(line['response_body']), /"body":"sent"/);
  assert.deepEqual(line['authorizer_frontend'], { user: null });
});

test(
  'what a broker does not take is produced again; who is not let in is lost, without a word of the password',
  { timeout: 60_000 },
  async () => {
    await using kafka = await broker({ sasl: ['user', 'pass'], errors: [7, 6] });
    const sasl = (password: string) => ({
      kafka: { brokers: [`127.0.0.1:${kafka.port}`], topic: 't', sasl: { username: 'user', password } },
      fields: ['http_status'],
      buffer: { batchBytes: 1 },
      retries: { count: 5, backoffMs: 1 },
    });
    const gateway = await testPlugin(plugin, { config: sasl('pass') });
    await gateway.request('GET', '/');
    await until(() => kafka.produced.length === 1);
    assert.deepEqual(kafka.produced, [{ topic: 't', key: null, value: '{"http_status":200}' }]);
    assert.equal(kafka.requests, 3);
    await gateway.close();

    const wrong = await testPlugin(plugin, { config: { ...sasl('wrong-password'), retries: { count: 0 } } });
    await wrong.request('GET', '/');
    await until(() => wrong.log.some(({ message }) => message === 'log lines are lost'));
    assert.doesNotMatch(JSON.stringify(wrong.log), /wrong-password/);
    assert.equal(kafka.produced.length, 1);
    await wrong.close();
  },
);

test('huawei/kafka_log: wrong documents are refused with their line', async () => {
  const bad = (more: object) => testPlugin(plugin, { type: 'huawei/kafka_log', config: document(1, more) });
  await assert.rejects(
    bad({ broker_list: [] }),
    /gateway\.yaml:\d+:\d+ plugins\.under-test\.config\.broker_list/,
  );
  await assert.rejects(bad({ broker_list: ['host'] }), /broker_list\[0\]: .*allowed: host:port/);
  await assert.rejects(bad({ max_retry_count: 6 }), /max_retry_count: found 6/);
  await assert.rejects(bad({ retry_backoff: 11 }), /retry_backoff: found 11/);
  await assert.rejects(bad({ meta_config: { system: { nonsense: true } } }), /nonsense: unknown field/);
  await assert.rejects(
    bad({ sasl_config: { security_protocol: 'SASL_SSL' } }),
    /"sasl_username" is missing, which SASL_SSL needs/,
  );
  await assert.rejects(bad({ sasl_config: { sasl_mechanisms: 'GSSAPI' } }), /sasl_mechanisms/);
});
