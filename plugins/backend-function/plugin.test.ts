import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TestGateway, testGateway } from '#sdk/testing';
import { replyOf } from './answer.ts';
import { gatewayOf } from './testing.ts';

const echo = `exports.handler = (event) => ({ statusCode: 200, headers: {}, isBase64Encoded: false, body: JSON.stringify(event) })`;

interface Event {
  readonly body: string;
  readonly isBase64Encoded: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

test("the event is that of FunctionGraph's APIG trigger", async (t) => {
  const gateway = await gatewayOf(t, echo);
  const answer = await gateway.request('POST', 'https://shop.test/api/a%20b%2Fc?x=1&y=%C3%A9&x=2&flag', {
    headers: {
      'X-One': ['1', '2'],
      cookie: ['a=1', 'b=2'],
      'X-Forwarded-For': '198.51.100.7',
      'X-Real-Ip': 'forged',
      'X-Name': Buffer.from('é').toString('latin1'),
    },
    body: 'h€',
    clientAddress: '192.0.2.9',
  });
  const { headers, ...event } = answer.json() as Event;
  const requestId = answer.headers.get('x-request-id');
  assert.deepEqual(event, {
    body: Buffer.from('h€').toString('base64'),
    isBase64Encoded: true,
    httpMethod: 'POST',
    path: '/api/a%20b%2Fc',
    pathParameters: { name: 'a b/c' },
    queryStringParameters: { x: ['1', '2'], y: 'é', flag: '' },
    requestContext: { apiId: 'g/api', requestId, stage: 'RELEASE' },
  });
  const {
    host,
    cookie,
    'x-one': one,
    'x-name': name,
    'x-real-ip': realIp,
    'content-length': length,
  } = headers;
  assert.deepEqual(
    [host, cookie, one, name, realIp, length],
    ['shop.test', 'a=1; b=2', '1, 2', 'é', '192.0.2.9', undefined],
  );
  const { 'x-forwarded-for': chain, 'x-forwarded-proto': proto, 'x-forwarded-port': port } = headers;
  assert.deepEqual([chain, proto, port], ['198.51.100.7, 192.0.2.9', 'https', '443']);
});

test('without a body there is an empty one; names of Object are names like others', async (t) => {
  const gateway = await gatewayOf(t, echo);
  const event = (await gateway.request('GET', '/api/x?__proto__=1&constructor=2')).json() as Event;
  assert.deepEqual([event.body, event.isBase64Encoded], ['', true]);
  assert.equal(JSON.stringify(event['queryStringParameters']), '{"__proto__":"1","constructor":"2"}');
});

test('base64Body: false passes JSON as text, and nothing else', async (t) => {
  const gateway = await gatewayOf(t, echo, { backend: { base64Body: false } });
  const send = async (type: string): Promise<unknown[]> => {
    const answer = await gateway.request('POST', '/api/x', { headers: { 'content-type': type }, body: '{}' });
    const { body, isBase64Encoded } = answer.json() as Event;
    return [body, isBase64Encoded];
  };
  assert.deepEqual(await send('application/json; charset=utf-8'), ['{}', false]);
  assert.deepEqual(await send('application/jsonp'), ['e30=', true]);
});

test('parameters are mapped as for HTTP backends', async (t) => {
  const gateway = await gatewayOf(t, echo, {
    backend: { parameters: [{ name: 'x-env', in: 'header', from: 'system.stage' }] },
  });
  const { headers } = (
    await gateway.request('GET', '/api/x', { headers: { 'x-env': 'forged' } })
  ).json() as Event;
  assert.equal(headers['x-env'], 'RELEASE');
});

test('4 MB go in, 6 MB come out, and no more', async (t) => {
  const gateway = await gatewayOf(
    t,
    `exports.handler = (event) => ({ statusCode: 200, body: 'x'.repeat(Number(event.pathParameters.name) || event.body.length) })`,
  );
  const most = 4 * 1024 * 1024;
  const answer = await gateway.request('POST', '/api/x', { body: Buffer.alloc(most) });
  assert.deepEqual([answer.status, answer.body.length], [200, Math.ceil(most / 3) * 4]);
  assert.equal((await gateway.request('POST', '/api/x', { body: Buffer.alloc(most + 1) })).status, 413);
  assert.equal((await gateway.request('GET', `/api/${6 * 1024 * 1024 - 100}`)).status, 200);
  await refused(gateway, `/api/${6 * 1024 * 1024}`, 500, /^too-large/);
});

async function refused(gateway: TestGateway, path: string, status: number, detail: RegExp): Promise<void> {
  const before = gateway.log.length;
  const answer = await gateway.request('GET', path, { headers: { 'x-secret': 'hidden' } });
  const line = gateway.log[before];
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.text, /"error_code":"APIG.0201"/);
  assert.match(String(line?.fields['detail']), detail);
  assert.equal(line?.fields['function'], 'f');
  assert.doesNotMatch(answer.text, /on purpose|example\.com/);
  assert.doesNotMatch(JSON.stringify(gateway.log), /hidden/);
}

test('a function that fails is told apart in the log, and to the caller is a 500 or 504', async (t) => {
  const gateway = await gatewayOf(
    t,
    `const ways = {
      throw: () => { throw new Error('on purpose'); },
      spin: () => { for (;;); },
      never: () => new Promise(() => {}),
      hungry: () => { const kept = []; for (;;) kept.push(new Array(100000).fill(1)); },
      rubbish: () => 'no object',
      fetch: () => fetch('http://example.com'),
    };
    exports.handler = (event) => ways[event.pathParameters.name]();`,
    { options: { timeoutMs: 300, memoryMb: 16 } },
  );
  await refused(gateway, '/api/throw', 500, /^threw: Error: on purpose/);
  await refused(gateway, '/api/spin', 504, /^timeout: it gave no answer within 300 ms/);
  await refused(gateway, '/api/never', 504, /^timeout/);
  await refused(gateway, '/api/rubbish', 500, /^its answer is no object/);
  await refused(gateway, '/api/fetch', 500, /fetch is not allowed/);
  // Within its time on a busy machine or not, it has no answer.
  const answer = await gateway.request('GET', '/api/hungry');
  assert.ok([500, 504].includes(answer.status), String(answer.status));
});

test('what concerns the connection is not the function’s to say', async (t) => {
  const gateway = await gatewayOf(
    t,
    `exports.handler = () => ({ statusCode: 201, isBase64Encoded: true, body: 'aGk=', headers: {
      Connection: 'close, X-Hop', 'X-Hop': '1', 'Content-Length': '99', 'Transfer-Encoding': 'chunked', Upgrade: 'x',
      'X-Request-Id': 'forged', 'Set-Cookie': ['a=1', 'b=2'], 'X-Number': 5 } })`,
  );
  const answer = await gateway.request('GET', '/api/x');
  assert.deepEqual([answer.status, answer.text], [201, 'hi']);
  for (const name of ['connection', 'x-hop', 'transfer-encoding', 'upgrade'])
    assert.equal(answer.headers.has(name), false, name);
  assert.notEqual(answer.headers.get('x-request-id'), 'forged');
  assert.deepEqual(answer.headers.getAll('set-cookie'), ['a=1', 'b=2']);
  assert.equal(answer.headers.get('x-number'), '5');
});

const rubbish: readonly (readonly [value: unknown, problem: RegExp])[] = [
  [null, /no object/],
  [[], /no object/],
  [{ body: '' }, /statusCode/],
  [{ statusCode: '200', body: '' }, /statusCode/],
  [{ statusCode: 100, body: '' }, /statusCode/],
  [{ statusCode: 600, body: '' }, /statusCode/],
  [{ statusCode: 200 }, /"body"/],
  [{ statusCode: 200, body: {} }, /"body"/],
  [{ statusCode: 200, body: '!', isBase64Encoded: true }, /base64/],
  [{ statusCode: 200, body: '', isBase64Encoded: 'false' }, /isBase64Encoded/],
  [{ statusCode: 200, body: '', headers: [] }, /"headers"/],
  [{ statusCode: 200, body: '', headers: { a: {} } }, /"headers"/],
  [{ statusCode: 200, body: '', headers: { 'a b': '1' } }, /"headers"/],
  [{ statusCode: 200, body: '', headers: { a: '1\r\nb: 2' } }, /"headers"/],
];
for (const [value, problem] of rubbish) {
  test(`no answer: ${JSON.stringify(value)}`, () => {
    const answer = replyOf(value);
    assert.ok(typeof answer === 'string' && problem.test(answer), JSON.stringify(answer));
  });
}

test('refused at load: a function that is not there, and no way to call one', async () => {
  const load = (functions: object, backend: object) =>
    testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        functions,
        apis: {
          'g/api': {
            request: { method: 'GET', path: '/' },
            auth: 'none',
            backend: { type: 'function', ...backend },
          },
        },
      },
    });
  const remote = { url: 'http://f' };
  await assert.rejects(
    load({ greet: remote }, { function: 'gret' }),
    /no function "gret"; allowed: greet; did you mean "greet"/,
  );
  await assert.rejects(load({}, { function: 'f' }), /the section "functions" names none/);
  await assert.rejects(load({ f: remote }, { function: 'f', invocation: 'later' }), /allowed: .*sync/);
});
