import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Reply, refuse, reply } from '#sdk';
import { testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

/** The vendor's sample. */
const sample = {
  parameters: { status: 'StatusCode', rc: 'BodyJsonField:$.result_code' },
  errorCondition: "$status = 200 and $rc <> 'OK'",
  errorCode: 'rc',
  mappings: [
    {
      code: 'NOT_FOUND',
      statusCode: 404,
      errorMessage: 'no such thing (${rc})',
      responseBody: '{"code":"${rc}"}',
    },
    { condition: "$rc like 'AUTH%'", statusCode: 401, errorMessage: 'login needed' },
  ],
  defaultMapping: { statusCode: 500, errorMessage: 'backend failed: ${rc}' },
};

const json = (body: unknown, status = 200, more: Readonly<Record<string, string>> = {}): Reply =>
  reply(status, { 'content-type': 'application/json', ...more }, JSON.stringify(body));

function start(config: unknown, answer: () => Reply, api: Readonly<Record<string, unknown>> = {}) {
  return testPlugin(plugin, { type: 'alibaba/errorMapping', config, backend: answer, api });
}

async function mapped(config: unknown, answer: () => Reply) {
  const { status, headers, text } = await (await start(config, answer)).request('GET', '/');
  return { status, message: headers.get('x-ca-error-message'), text, headers };
}

suite("the vendor's sample", () => {
  test('a code that a mapping names', async () => {
    const answer = await mapped(sample, () => json({ result_code: 'NOT_FOUND' }, 200, { etag: '"1"' }));
    assert.equal(answer.status, 404);
    assert.equal(answer.message, 'no such thing (NOT_FOUND)');
    assert.equal(answer.text, '{"code":"NOT_FOUND"}');
    assert.equal(answer.headers.get('content-type'), 'application/json');
    assert.equal(answer.headers.get('etag'), undefined);
  });

  test('a condition that a mapping has; the body stays', async () => {
    const answer = await mapped(sample, () => json({ result_code: 'AUTH_7' }));
    assert.deepEqual([answer.status, answer.message], [401, 'login needed']);
    assert.equal(answer.text, '{"result_code":"AUTH_7"}');
  });

  test('any other error', async () => {
    const answer = await mapped(sample, () => json({ result_code: 'x\r\ny' }));
    assert.deepEqual([answer.status, answer.message], [500, 'backend failed: x%0D%0Ay']);
  });

  test('no error: nothing changes', async () => {
    for (const [reason, answer] of [
      ['the code is fine', json({ result_code: 'OK' })],
      ['another status', json({ result_code: 'NOT_FOUND' }, 201)],
      ['there is no code', json({ other: 1 })],
      ['it is no JSON', reply(200, { 'content-type': 'application/json' }, '{"result_code":"NOT_FOUND"')],
      ['it is another type', reply(200, { 'content-type': 'image/png' }, '{"result_code":"NOT_FOUND"}')],
      ['it is too large', json({ result_code: 'NOT_FOUND', text: 'x'.repeat(300_000) })],
      ['it is empty', reply(200, { 'content-type': 'application/json' })],
    ] as const) {
      const { status, message, text } = await mapped(sample, () => answer);
      assert.equal(status, answer.status, reason);
      assert.equal(message, undefined, reason);
      assert.equal(text, answer.body ?? '', reason);
    }
  });

  test('without a default mapping an error that none matches stays', async () => {
    const { defaultMapping: _default, ...rest } = sample;
    const answer = await mapped(rest, () => json({ result_code: 'ODD' }));
    assert.deepEqual([answer.status, answer.message], [200, undefined]);
  });

  test('a compressed body is read, and is sent as it was where it stays', async () => {
    const packed = (code: string) => (): Reply =>
      reply(
        200,
        { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        gzipSync(JSON.stringify({ result_code: code })),
      );
    const replaced = await mapped(sample, packed('NOT_FOUND'));
    assert.deepEqual([replaced.status, replaced.text], [404, '{"code":"NOT_FOUND"}']);
    assert.equal(replaced.headers.get('content-encoding'), undefined);
    const kept = await mapped(sample, packed('AUTH'));
    assert.deepEqual([kept.status, kept.headers.get('content-encoding')], [401, 'gzip']);
  });
});

test('codes that are numbers, and a mapping with a code and a condition', async () => {
  const config = {
    parameters: { rc: 'BodyJsonField:$.rc', kind: 'Header:x-kind' },
    errorCondition: '$rc <> 0',
    errorCode: 'rc',
    mappings: [
      { code: 1001, condition: "$kind = 'a'", statusCode: 401 },
      { code: '1001', statusCode: 402 },
      { condition: "$kind = 'b'", statusCode: 403, responseHeaders: { 'X-Why': '${rc}/${kind}' } },
    ],
  };
  const statusOf = async (rc: number, kind: string) =>
    (await mapped(config, () => json({ rc }, 200, { 'x-kind': kind }))).status;
  assert.deepEqual(
    [await statusOf(1001, 'a'), await statusOf(1001, 'b'), await statusOf(7, 'b'), await statusOf(7, 'c')],
    [401, 402, 403, 200],
  );
  const { headers } = await mapped(config, () => json({ rc: 7 }, 200, { 'x-kind': 'b' }));
  assert.equal(headers.get('x-why'), '7/b');
});

suite('refusals of the gateway', () => {
  const config = {
    parameters: { ec: 'ErrorCode', st: 'StatusCode' },
    errorCondition: '$ec <> null',
    errorCode: 'ec',
    mappings: [
      { code: 'D504TO', statusCode: 200, errorMessage: 'slow today', responseBody: '{"busy":true}' },
      { code: 'D504CO', statusCode: 530, errorMessage: 'gone: ${ec}' },
      { condition: '$st = 502', statusCode: 500 },
    ],
  };

  test('are mapped by their code; a backend’s own answers are not', async () => {
    const slow = await mapped(config, () => refuse('backend-timeout'));
    assert.deepEqual([slow.status, slow.message, slow.text], [200, 'slow today', '{"busy":true}']);
    const own = await mapped(config, () => json({}, 504));
    assert.deepEqual([own.status, own.message], [504, undefined]);
  });

  test('without a body have the form of the group, with the message', async () => {
    const gateway = await start(config, () => refuse('backend-unavailable'));
    const answer = await gateway.request('GET', '/');
    assert.equal(answer.status, 530);
    assert.equal((answer.json() as { error_msg: string }).error_msg, 'gone: D504CO');
    const notice = gateway.completed[0];
    assert.deepEqual([notice?.status, notice?.refusal?.kind], [530, 'backend-unavailable']);
  });

  test('of other plugins, such as a limit', async () => {
    const limits = { type: 'throttling', config: { period: { value: 1, unit: 'day' }, limits: { api: 1 } } };
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: { 'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
        plugins: {
          limits,
          mapping: {
            type: 'alibaba/errorMapping',
            config: { ...config, mappings: [{ code: 'T429PA', statusCode: 503, errorMessage: 'later' }] },
          },
        },
        bindings: [
          { plugin: 'limits', apis: ['*'] },
          { plugin: 'mapping', apis: ['*'] },
        ],
      },
      plugins: [plugin],
    });
    assert.equal((await gateway.request('GET', '/')).status, 200);
    const refused = await gateway.request('GET', '/');
    assert.deepEqual([refused.status, refused.headers.get('x-ca-error-message')], [503, 'later']);
  });
});

test('own options do the same; explain tells them', async () => {
  const gateway = await testPlugin(plugin, {
    config: {
      parameters: { st: 'StatusCode' },
      when: '$st >= 500',
      mappings: [{ when: '$st = 503', status: 429, headers: { 'Retry-After': '3' } }],
      otherwise: { status: 502, body: 'sorry' },
      maxBodyBytes: 10,
    },
    backend: ({ path }) => reply(Number(path.slice(1)), {}, 'secret'),
  });
  const seen = [];
  for (const status of [200, 503, 500]) {
    const answer = await gateway.request('GET', `/${status}`);
    seen.push([answer.status, answer.text, answer.headers.get('retry-after')]);
  }
  assert.deepEqual(seen, [
    [200, 'secret', undefined],
    [429, 'secret', '3'],
    [502, 'sorry', undefined],
  ]);
  assert.deepEqual(
    gateway.describe('GET', '/').filter((line) => line.startsWith('under-test')),
    [
      'under-test: an error: $st >= 500',
      'under-test: $st = 503: becomes 429',
      'under-test: other errors: becomes 502',
    ],
  );
});
