import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, type TestGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

const order = {
  type: 'object',
  required: ['id', 'items'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', format: 'uuid' },
    state: { enum: ['open', 'closed'] },
    items: { type: 'array', minItems: 1, items: { $ref: '#/$defs/item' } },
  },
  $defs: {
    item: {
      type: 'object',
      required: ['sku', 'quantity'],
      properties: {
        sku: { type: 'string', pattern: '^[A-Z]{3}-\\d+$' },
        quantity: { type: 'integer', minimum: 1 },
      },
      unevaluatedProperties: false,
    },
  },
};
const id = '2f1acc6c-7f3a-4b0a-9c5e-0c5dfb3f7f10';
const good = { id, items: [{ sku: 'ABC-1', quantity: 2 }] };

const started = (config: object, root: object = {}): Promise<TestGateway> =>
  testPlugin(plugin, { config, root: root as Record<string, unknown> });

const withOrder = (more: object = {}): Promise<TestGateway> =>
  started({ content: { 'application/json': { schema: order } }, ...more });

const post = (
  gateway: TestGateway,
  body: unknown,
  headers: Record<string, string | string[]> = { 'content-type': 'application/json' },
): Promise<Answer> =>
  gateway.request('POST', '/', {
    headers,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });

const messageOf = (answer: Answer): string => (answer.json() as { error_msg: string }).error_msg;

test('content that is what the schema asks for passes as it was sent', async () => {
  const gateway = await withOrder();
  const body = `  ${JSON.stringify(good)}\n`;
  const answer = await post(gateway, body);
  assert.equal(answer.status, 200);
  assert.equal(gateway.backendRequests[0]?.body.toString(), body);
});

test('what is refused is told with the place and the rule, and reaches no backend', async () => {
  const gateway = await withOrder();
  for (const [body, message] of [
    [{ ...good, id: 'x' }, 'The content of the request is not valid: /id must match format "uuid".'],
    [{ id }, "The content of the request must have required property 'items'."],
    [{ ...good, more: 1 }, 'The content of the request must NOT have additional properties, such as "more".'],
    [
      { ...good, state: 'x' },
      'The content of the request is not valid: /state must be equal to one of the allowed values: "open", "closed".',
    ],
    [{ id, items: [] }, 'The content of the request is not valid: /items must NOT have fewer than 1 items.'],
    [
      { id, items: [{ sku: 'abc', quantity: 1 }] },
      'The content of the request is not valid: /items/0/sku must match pattern "^[A-Z]{3}-\\d+$".',
    ],
    [
      { id, items: [{ sku: 'ABC-1', quantity: 0 }] },
      'The content of the request is not valid: /items/0/quantity must be >= 1.',
    ],
    [
      { id, items: [{ sku: 'ABC-1', quantity: 1, extra: true }] },
      'The content of the request is not valid: /items/0 must NOT have unevaluated properties, such as "extra".',
    ],
    ['{"id": 1', 'The content of the request is not JSON.'],
    ['', 'The content of the request is not JSON.'],
    [Buffer.from([0x22, 0xff, 0x22]), 'The content of the request is not UTF-8.'],
    ['null', 'The content of the request must be object.'],
    ['{"id":1,"\\u0069d":2}', 'The content of the request has an object with a member twice.'],
    ['[{"a":{}},{"b":[{"c":1,"c":1}]}]', 'The content of the request has an object with a member twice.'],
  ] as const) {
    const answer = await post(gateway, body);
    assert.deepEqual([answer.status, messageOf(answer)], [400, message]);
    assert.equal((answer.json() as { error_code: string }).error_code, 'APIG.0201');
  }
  assert.equal(gateway.backendRequests.length, 0);
});

test('with `details: false` the caller is not told what the schema asks for', async () => {
  const gateway = await withOrder({ details: false });
  assert.equal(messageOf(await post(gateway, { id })), 'The content of the request is not valid.');
});

test('only the media types that are named are taken, each by its own rule', async () => {
  const gateway = await started({
    content: {
      'application/json': { schema: { type: 'object' } },
      'application/merge-patch+json': { schema: { type: 'object', maxProperties: 1 } },
      'text/*': {},
    },
  });
  const cases: [string | string[] | undefined, string, number][] = [
    ['application/json', '[]', 400],
    ['Application/JSON; charset=UTF-8', '{}', 200],
    ['application/json;charset="utf-8"', '{}', 200],
    ['application/json; charset=latin1', '{}', 415],
    ['application/json; charset=utf-8; charset=utf-16', '{}', 415],
    ['application/json; charset="utf-16', '{}', 415],
    ['application/json; charset=', '{}', 415],
    ['application/merge-patch+json', '{"a":1,"b":2}', 400],
    ['text/csv', 'a,b', 200],
    ['text/csv; charset=latin1', 'a,b', 200],
    ['application/xml', '<a/>', 415],
    ['application/json, text/csv', '[]', 415],
    [['application/json', 'text/csv'], '[]', 415],
    ['nothing', '{}', 415],
    [undefined, '{}', 415],
  ];
  for (const [type, body, status] of cases) {
    const answer = await post(gateway, body, type === undefined ? {} : { 'content-type': type });
    assert.equal(answer.status, status, String(type));
    if (status === 415)
      assert.equal(answer.headers.get('accept'), 'application/json, application/merge-patch+json, text/*');
  }
});

test('content in a coding is not let through unread', async () => {
  const gateway = await withOrder();
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  assert.equal((await post(gateway, JSON.stringify(good), headers)).status, 415);
  const plain = { 'content-type': 'application/json', 'content-encoding': 'identity' };
  assert.equal((await post(gateway, good, plain)).status, 200);
});

test('content that is too large is refused before it is looked into', async () => {
  const gateway = await withOrder({ maxBytes: 100 });
  assert.equal((await post(gateway, JSON.stringify(good).padEnd(101))).status, 413);
  assert.equal((await post(gateway, JSON.stringify(good).padEnd(100))).status, 200);
});

test('content may be left out where it is not required, and by methods that carry none', async () => {
  const gateway = await withOrder();
  assert.equal((await gateway.request('GET', '/')).status, 200);
  assert.equal((await gateway.request('DELETE', '/')).status, 200);
  for (const method of ['POST', 'PUT', 'PATCH'])
    assert.equal((await gateway.request(method, '/')).status, 400);
  const optional = await withOrder({ required: false });
  assert.equal((await optional.request('POST', '/')).status, 200);
  // Content of a GET is content.
  const headers = { 'content-type': 'application/json' };
  assert.equal((await gateway.request('GET', '/', { headers, body: '{}' })).status, 400);
});

test('a form is checked as an object of texts, in which numbers may be meant', async () => {
  const schema = {
    type: 'object',
    required: ['n'],
    properties: { n: { type: 'integer', maximum: 9 }, tag: { type: 'array', items: { type: 'string' } } },
    additionalProperties: false,
  };
  const gateway = await started({ content: { 'application/x-www-form-urlencoded': { schema } } });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const [body, status] of [
    ['n=9&tag=a&tag=b', 200],
    ['n=9&tag=a', 200],
    ['n=10', 400],
    ['n=x', 400],
    ['tag=a', 400],
    ['n=1&__proto__=2', 400],
    ['n=1&n=2', 400],
  ] as const)
    assert.equal((await post(gateway, body, headers)).status, status, body);
});

test('what every object has is no property of the content', async () => {
  const schema = { type: 'object', required: ['toString'] };
  const gateway = await started({ content: { 'application/json': { schema } } });
  assert.equal((await post(gateway, {})).status, 400);
  assert.equal((await post(gateway, { toString: 1 })).status, 200);
});

test('hostile content takes no longer, and nothing falls over', async () => {
  const list = { type: 'array', items: { $ref: '#' } };
  const nested = await started({ content: { 'application/json': { schema: list } }, maxBytes: 1_000_000 });
  const deep = 400_000;
  const answer = await post(nested, '['.repeat(deep) + ']'.repeat(deep));
  assert.deepEqual(
    [answer.status, messageOf(answer)],
    [400, 'The content of the request is nested too deeply.'],
  );
  const pattern = { type: 'string', pattern: '^(a+)+$' };
  const evil = await started({ content: { 'application/json': { schema: pattern } } });
  const startedAt = performance.now();
  assert.equal((await post(evil, JSON.stringify(`${'a'.repeat(1000)}!`))).status, 400);
  assert.ok(performance.now() - startedAt < 2000);
  assert.equal((await post(evil, JSON.stringify('a'.repeat(1000)))).status, 200);
  const address = { type: 'string', format: 'url' };
  const urls = await started({ content: { 'application/json': { schema: address } } });
  const sentAt = performance.now();
  assert.equal((await post(urls, JSON.stringify(`http://${':'.repeat(60_000)}`))).status, 400);
  assert.equal((await post(urls, JSON.stringify('http://user:password@shop.example/a?b'))).status, 200);
  assert.ok(performance.now() - sentAt < 2000);
  // Far more items than may be compared: refused for their number.
  const unique = { type: 'array', uniqueItems: true, maxItems: 1000 };
  const many = await started({ content: { 'application/json': { schema: unique } } });
  const items = Array.from({ length: 30_000 }, (_each, index) => ({ index }));
  const large = await post(many, items, { 'content-type': 'application/json' });
  assert.equal(large.status, 413);
  const fewer = await post(many, items.slice(0, 10_000));
  assert.match(messageOf(fewer), /must NOT have more than 1000 items/);
});

test('linear patterns find what is anywhere in a text, one apart from the other', async () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string', pattern: 'b|c' }, d: { type: 'string', pattern: '^e' } },
  };
  const gateway = await started({ content: { 'application/json': { schema } } });
  for (const [body, status] of [
    [{ a: 'xxbxx' }, 200],
    [{ a: 'xx\ncxx' }, 200],
    [{ a: 'xx' }, 400],
    [{ d: 'ef' }, 200],
    [{ d: 'fe' }, 400],
  ] as const)
    assert.equal((await post(gateway, body)).status, status, JSON.stringify(body));
});

test('schemas of the section are named by `$ref`, from each other too, and come from files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-schemas-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'money.json'), JSON.stringify({ type: 'integer', minimum: 0 }));
  const root = {
    schemas: {
      money: { file: join(folder, 'money.json') },
      bill: { schema: { type: 'object', properties: { total: { $ref: 'money' } }, required: ['total'] } },
    },
  };
  const gateway = await started({ content: { 'application/json': { schema: { $ref: 'bill' } } } }, root);
  assert.equal((await post(gateway, { total: 1 })).status, 200);
  assert.match(messageOf(await post(gateway, { total: -1 })), /\/total must be >= 0/);
  writeFileSync(join(folder, 'money.json'), '[]');
  await assert.rejects(
    started({ content: { 'application/json': {} } }, root),
    /schemas\.money\.file: the file holds no schema/,
  );
  writeFileSync(join(folder, 'money.json'), '{');
  await assert.rejects(
    started({ content: { 'application/json': {} } }, root),
    /schemas\.money\.file: the file is not JSON/,
  );
});

test('a schema that cannot be used refuses the configuration', async () => {
  for (const [type, schema, message] of [
    [
      'application/json',
      { type: 'objekt' },
      /content\.application\/json\.schema: the schema cannot be used: schema is invalid/,
    ],
    ['application/json', { maximun: 1 }, /strict mode: unknown keyword: "maximun"/],
    ['application/json', { $ref: 'nowhere' }, /can't resolve reference nowhere/],
    ['application/json', { $async: true, type: 'object' }, /"\$async" is not allowed/],
    ['application/json', { type: 'string', pattern: '(?=a)' }, /groups such as \(\?=\.\.\.\)/],
    ['application/json', { type: 'string', pattern: 'a)|(b' }, /this is no regular expression/],
    ['application/json', { type: 'string', format: 'nonsense' }, /unknown format "nonsense"/],
    [
      'application/json',
      { type: 'array', uniqueItems: true },
      /`uniqueItems` at the top needs `maxItems` of at most 1000/,
    ],
    ['application/xml', {}, /only JSON .* have a schema/],
    ['application/*', {}, /only JSON .* have a schema/],
  ] as const)
    await assert.rejects(started({ content: { [type]: { schema } } }), message, JSON.stringify(schema));
  await assert.rejects(started({ content: {} }), /content/);
  await assert.rejects(started({ content: { 'Application/JSON': {} } }), /media type in lower case/);
  await assert.rejects(
    started({ content: { 'application/json': {} } }, { schemas: { a: { schema: { type: 1 } } } }),
    /schemas\.a: schema is invalid/,
  );
});

test('`patterns: backtracking` takes what linear matching does not, `formats: ignore` only notes them', async () => {
  const schema = { type: 'string', pattern: '^(?!x)', format: 'email' };
  const content = { 'application/json': { schema } };
  const gateway = await started({ content, patterns: 'backtracking', formats: 'ignore' });
  assert.equal((await post(gateway, '"no mail"')).status, 200);
  assert.equal((await post(gateway, '"x"')).status, 400);
});

test('explain tells what is taken', async () => {
  const gateway = await started({ content: { 'application/json': { schema: true }, 'text/csv': {} } });
  const lines = gateway.describe('POST', '/').filter((line) => line.startsWith('under-test'));
  assert.deepEqual(lines, ['under-test: application/json: by its schema', 'under-test: text/csv: anything']);
});
