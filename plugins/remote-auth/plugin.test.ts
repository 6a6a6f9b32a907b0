import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, reply } from '#sdk';
import { byToken, gated, service } from './testing.ts';

const token = { in: 'header', name: 'X-Token', required: true } as const;
const good = { headers: { 'x-token': 'good' } };

test('who the service lets in gets through; who it does not is refused, and reaches no backend', async () => {
  const { gateway, asked, served } = await gated(
    { address: service, path: '/check', identities: [token] },
    byToken,
  );
  assert.equal((await gateway.request('GET', '/', good)).text, 'served');
  const refused = await gateway.request('GET', '/', { headers: { 'x-token': 'bad' } });
  assert.deepEqual(
    [refused.status, (refused.json() as { error_code: string }).error_code],
    [401, 'APIG.0312'],
  );
  const missing = await gateway.request('GET', '/');
  assert.deepEqual(
    [missing.status, (missing.json() as { error_code: string }).error_code],
    [401, 'APIG.0313'],
  );
  const empty = await gateway.request('GET', '/', { headers: { 'x-token': '' } });
  assert.equal(empty.status, 401);
  assert.deepEqual([asked.length, served.length], [2, 1]);
  assert.deepEqual(asked.map(({ method, path, host }) => [method, path, host])[0], [
    'GET',
    '/check',
    'auth.internal:8080',
  ]);
});

test('the service is told what the list names, where it wants it', async () => {
  const { gateway, asked } = await gated(
    {
      address: service,
      method: 'POST',
      identities: [
        { in: 'header', name: 'Authorization', stripPrefix: 'Bearer', as: { in: 'query', name: 'token' } },
        { in: 'query', name: 'q', as: { in: 'header', name: 'X-Q' } },
        { in: 'cookie', name: 'session', as: { in: 'form', name: 's' } },
        { in: 'form', name: 'user', as: { in: 'form', name: 'u' } },
        { in: 'query', name: 'absent' },
      ],
    },
    () => reply(204),
  );
  await gateway.request('POST', '/x?q=a%20b&q=%E4%BD%A0&other=1', {
    headers: {
      authorization: 'bearer t&=',
      cookie: 'session=1; more=2',
      'content-type': 'application/x-www-form-urlencoded',
      'x-private': 'p',
    },
    body: 'user=j%26',
  });
  const [seen] = asked;
  assert.ok(seen);
  assert.equal(seen.rawQuery, 'token=t%26%3D');
  assert.deepEqual(seen.headers.getAll('x-q'), ['a b', encodeURIComponent('你')]);
  assert.equal(seen.body.toString(), 's=1&u=j%26');
  assert.equal(seen.headers.get('content-type'), 'application/x-www-form-urlencoded');
  for (const name of ['authorization', 'cookie', 'x-private'])
    assert.equal(seen.headers.has(name), false, name);
});

test('without a list the service is told all fields and the query, but no framing', async () => {
  const { gateway, asked } = await gated({ address: service }, () => reply(204));
  await gateway.request('POST', '/x?a=1&b=%20', {
    headers: { 'x-one': '1', connection: 'close', 'content-type': 'text/plain' },
    body: 'content',
  });
  const [seen] = asked;
  assert.equal(seen?.rawQuery, 'a=1&b=%20');
  assert.equal(seen?.headers.get('x-one'), '1');
  for (const name of ['connection', 'content-length', 'content-type', 'host'])
    assert.equal(seen?.headers.has(name), false, name);
  assert.equal(seen?.body.length, 0);
});

test('the content goes along where it is wanted, and still reaches the backend', async () => {
  const config = { address: service, method: 'POST', body: { maxBytes: 8 }, identities: [token] };
  const { gateway, asked, served } = await gated(config, byToken);
  const headers = { 'x-token': 'good', 'content-type': 'text/plain' };
  await gateway.request('POST', '/', { headers, body: '12345678' });
  assert.deepEqual(
    [asked[0]?.body.toString(), asked[0]?.headers.get('content-type'), served[0]?.body.toString()],
    ['12345678', 'text/plain', '12345678'],
  );
  const large = await gateway.request('POST', '/', { headers, body: '123456789' });
  assert.equal(large.status, 413);
  assert.equal(asked.length, 1);
});

test('the path goes along appended or as a field', async () => {
  const appended = await gated({ address: service, path: '/check/', originalPath: 'append' }, () =>
    reply(204),
  );
  await appended.gateway.request('GET', '/a%2Fb?x=1');
  assert.equal(appended.asked[0]?.path, '/check/a%2Fb');
  const inField = await gated({ address: service, path: '/check', originalPath: 'header' }, () => reply(204));
  await inField.gateway.request('GET', '/a%2Fb?x=1');
  assert.deepEqual(
    [inField.asked[0]?.path, inField.asked[0]?.headers.get('x-ca-remote-auth-raw-path')],
    ['/check', '/a%2Fb'],
  );
});

test('fields of the answer reach the backend, and nobody else can send them', async () => {
  const config = {
    address: service,
    identities: [{ ...token, required: false }],
    forwardHeaders: ['X-User', 'X-None'],
  };
  const { gateway, served } = await gated(config, byToken);
  await gateway.request('GET', '/', {
    headers: { 'x-token': 'good', 'x-user': 'root', 'x-none': 'root', X_User: 'root', X_NONE: 'root' },
  });
  assert.deepEqual(served[0]?.headers.getAll('x-user'), ['alice']);
  assert.equal(served[0]?.headers.has('x-none'), false);
  // Many backends read both as HTTP_X_USER.
  assert.deepEqual([served[0]?.headers.has('x_user'), served[0]?.headers.has('x_none')], [false, false]);
  const outage = await gated({ ...config, onOutage: 'admit' }, () => refuse('backend-timeout'));
  await outage.gateway.request('GET', '/', { headers: { 'x-user': 'root' } });
  assert.equal(outage.served[0]?.headers.has('x-user'), false);
});

test('success is a condition on the answer, a field of it, or both', async () => {
  const condition = "$statusCode = 200 and $code = 'OK' and $flag = 'yes'";
  const parameters = { code: 'BodyJsonField:$.result.code', flag: 'Header:X-Flag' };
  const answers: [number, Record<string, string>, string, number][] = [
    [200, { 'x-flag': 'yes' }, '{"result":{"code":"OK"}}', 200],
    [200, { 'x-flag': 'no' }, '{"result":{"code":"OK"}}', 401],
    [200, { 'x-flag': 'yes' }, '{"result":{"code":"NO"}}', 401],
    [200, { 'x-flag': 'yes' }, 'OK', 401],
    [201, { 'x-flag': 'yes' }, '{"result":{"code":"OK"}}', 401],
  ];
  for (const [status, fields, body, expected] of answers) {
    const { gateway } = await gated({ address: service, parameters, success: { condition } }, () =>
      reply(status, fields, body),
    );
    assert.equal((await gateway.request('GET', '/')).status, expected, body);
  }
  const byField = { address: service, success: { header: { name: 'X-Auth', value: 'pass' } } };
  for (const [value, expected] of [
    ['pass', 200],
    ['Pass', 401],
    [undefined, 401],
  ] as const) {
    const { gateway } = await gated(byField, () =>
      reply(302, value === undefined ? {} : { 'x-auth': value }),
    );
    assert.equal((await gateway.request('GET', '/')).status, expected, String(value));
  }
});

test('a refusal is what the operator says, with fields of the answer or all of it', async () => {
  const refusal = {
    status: 418,
    message: 'No tea.',
    headers: { 'x-hint': 'milk' },
    passHeaders: ['X-Why', 'X-Gone'],
  };
  const own = await gated({ address: service, refusal }, byToken);
  const answer = await own.gateway.request('GET', '/');
  assert.deepEqual(
    [
      answer.status,
      (answer.json() as { error_msg: string }).error_msg,
      answer.headers.get('x-hint'),
      answer.headers.get('x-why'),
    ],
    [418, 'No tea.', 'milk', 'no token'],
  );
  assert.equal(answer.headers.has('x-gone'), false);
  const whole = await gated({ address: service, refusal: { passBody: true } }, byToken);
  const passed = await whole.gateway.request('GET', '/');
  assert.deepEqual(
    [passed.status, passed.text, passed.headers.get('content-type')],
    [403, '{"ok":false}', 'application/json'],
  );
  assert.equal(whole.gateway.completed[0]?.refusal?.kind, 'third-auth-failed');
  const seeming = await gated(
    { address: service, success: { header: { name: 'x', value: 'y' } }, refusal: { passBody: true } },
    () => reply(200, {}, 'hello'),
  );
  assert.equal((await seeming.gateway.request('GET', '/')).status, 401);
});

test('trouble of the service is no fault of the caller, and closes unless the operator opens', async () => {
  for (const [answer, code] of [
    [() => refuse('backend-unavailable'), 'APIG.0616'],
    [() => refuse('backend-timeout'), 'APIG.0616'],
    [() => refuse('backend-no-member'), 'APIG.0615'],
    [() => reply(503), 'APIG.0617'],
  ] as const) {
    const closed = await gated({ address: service, refusal: { status: 401 } }, answer);
    const answered = await closed.gateway.request('GET', '/');
    assert.deepEqual([answered.status, (answered.json() as { error_code: string }).error_code], [500, code]);
    const open = await gated({ address: service, onOutage: 'admit' }, answer);
    assert.equal((await open.gateway.request('GET', '/')).status, 200);
  }
  const refused = await gated({ address: service, onOutage: 'admit' }, byToken);
  assert.equal((await refused.gateway.request('GET', '/')).status, 401);
});

test('who was let in is not asked about again for a while; who was not is, each time', async () => {
  const config = { address: service, identities: [token], cacheSeconds: 60, forwardHeaders: ['x-user'] };
  const { gateway, asked, served, clock } = await gated(config, byToken);
  for (let call = 0; call < 3; call += 1) await gateway.request('GET', '/', good);
  assert.equal(asked.length, 1);
  assert.equal(served[2]?.headers.get('x-user'), 'alice');
  for (let call = 0; call < 2; call += 1)
    await gateway.request('GET', '/', { headers: { 'x-token': 'bad' } });
  assert.equal(asked.length, 3);
  clock.advance(60_000);
  await gateway.request('GET', '/', good);
  assert.equal(asked.length, 4);
});

test('what is kept is kept for the path too where the service is told it', async () => {
  const config = { address: service, identities: [token], cacheSeconds: 60, originalPath: 'header' };
  const { gateway, asked } = await gated(config, byToken);
  for (const path of ['/a', '/a', '/b']) await gateway.request('GET', path, good);
  assert.equal(asked.length, 2);
});

test('what is kept is kept for what the condition looks at in the request', async () => {
  const config = {
    address: service,
    identities: [token],
    cacheSeconds: 60,
    success: { condition: "$statusCode = 200 and $CaClientUa = 'inside'" },
  };
  const { gateway, asked } = await gated(config, byToken);
  const from = async (agent: string) =>
    (await gateway.request('GET', '/', { headers: { 'x-token': 'good', 'user-agent': agent } })).status;
  assert.deepEqual([await from('inside'), await from('inside'), await from('outside')], [200, 200, 401]);
  assert.equal(asked.length, 2);
});

test('callers who come at once with the same identities are asked about once', async () => {
  let answerNow = (): void => assert.fail('not asked');
  const held = new Promise<void>((resolve) => (answerNow = resolve));
  const config = { address: service, identities: [token], cacheSeconds: 60 };
  const { gateway, asked } = await gated(config, async (request) => {
    await held;
    return byToken(request);
  });
  const calls = Array.from({ length: 20 }, () => gateway.request('GET', '/', good));
  const other = gateway.request('GET', '/', { headers: { 'x-token': 'bad' } });
  answerNow();
  for (const answer of await Promise.all(calls)) assert.equal(answer.status, 200);
  assert.equal((await other).status, 401);
  assert.equal(asked.length, 2);
});

test('an address that was refused too often is blocked for the rest of five minutes', async () => {
  const config = { address: service, identities: [{ ...token, required: false }], block: { failures: 3 } };
  const { gateway, clock, asked } = await gated(config, byToken);
  const from = async (clientAddress: string, value: string): Promise<number> =>
    (await gateway.request('GET', '/', { headers: { 'x-token': value }, clientAddress })).status;
  assert.deepEqual(
    [await from('192.0.2.1', 'bad'), await from('192.0.2.1', 'bad'), await from('192.0.2.1', 'bad')],
    [401, 401, 401],
  );
  assert.equal(await from('192.0.2.1', 'good'), 403);
  assert.equal(asked.length, 3);
  assert.equal(await from('192.0.2.2', 'good'), 200);
  clock.advance(300_000);
  assert.equal(await from('192.0.2.1', 'good'), 200);
});

test('a service that keeps timing out is left alone for a while', async () => {
  const { gateway, asked, clock } = await gated({ address: service }, () => refuse('backend-timeout'));
  for (let call = 0; call < 1000; call += 1) await gateway.request('GET', '/');
  assert.equal((await gateway.request('GET', '/')).status, 500);
  assert.equal(asked.length, 1000);
  clock.advance(90_000);
  await gateway.request('GET', '/');
  assert.equal(asked.length, 1001);
});

test('rules say which requests the service is asked about', async () => {
  const rules = [{ name: 'open', when: '["OR",["reqPath","~~","^/public/"],["tenant","==","inner"]]' }];
  const parameters = [{ type: 'header', name: 'tenant', value: 'X-Tenant' }];
  const skip = await gated({ address: service, only: { mode: 'skip', parameters, rules } }, byToken);
  assert.equal((await skip.gateway.request('GET', '/public/x')).status, 200);
  assert.equal((await skip.gateway.request('GET', '/x', { headers: { 'x-tenant': 'inner' } })).status, 200);
  assert.equal((await skip.gateway.request('GET', '/x')).status, 401);
  assert.equal(skip.asked.length, 1);
  const ask = await gated({ address: service, only: { mode: 'ask', parameters, rules } }, byToken);
  assert.equal((await ask.gateway.request('GET', '/public/x')).status, 401);
  assert.equal((await ask.gateway.request('GET', '/x')).status, 200);
});

test('the caller is who the service says, beside another authenticator who that says', async () => {
  const config = { address: service, identities: [token], identityHeader: 'x-user' };
  const { gateway } = await gated(config, byToken);
  await gateway.request('GET', '/', good);
  assert.deepEqual(gateway.completed[0]?.exchange?.identity, { type: 'remote', id: 'alice' });
  const nameless = await gated({ address: service, identities: [token] }, byToken);
  await nameless.gateway.request('GET', '/', good);
  const somebody = { type: 'remote', id: 'remote', isShared: true };
  assert.deepEqual(nameless.gateway.completed[0]?.exchange?.identity, somebody);
});

test('the service may be one of the own APIs, and a call that is abandoned ends', async () => {
  const { gateway } = await gated(
    {
      address: 'http://own.example',
      path: '/check',
      only: { mode: 'skip', rules: [{ name: 'own', when: '["reqPath","==","/check"]' }] },
    },
    () => assert.fail('no socket'),
    {
      root: {
        groups: { test: { domains: ['*'] }, own: { domains: ['own.example'] } },
        apis: {
          'test/api': {
            request: { method: 'ANY', path: '/', match: 'prefix' },
            auth: 'none',
            backend: { type: 'mock', body: 'served' },
          },
          'own/check': {
            request: { method: 'GET', path: '/check' },
            auth: 'none',
            backend: { type: 'mock', status: 204 },
          },
        },
      },
    },
  );
  assert.equal((await gateway.request('GET', '/')).text, 'served');
});

test('mistakes are told where they are', async () => {
  const bad = (config: object) => gated(config, () => reply(204));
  await assert.rejects(bad({}), /a service must have "address" or "channel", one of them/);
  await assert.rejects(
    bad({ address: service, channel: 'c' }),
    /a service must have "address" or "channel", one of them/,
  );
  await assert.rejects(
    bad({ address: `${service}/path` }),
    /config\.address: found "http.*\/path"; allowed: scheme, host and port only/,
  );
  await assert.rejects(bad({ channel: 'c' }), /config\.channel: there is no channel "c"/);
  await assert.rejects(bad({ address: service, success: {} }), /config\.success: allowed: `condition`/);
  await assert.rejects(
    bad({ address: service, success: { condition: '$nix = 1' } }),
    /config\.success\.condition: parameter \$nix is not declared/,
  );
  await assert.rejects(
    bad({ address: service, cacheSeconds: 5 }),
    /config\.cacheSeconds: decisions are kept by identities/,
  );
  await assert.rejects(
    bad({
      address: service,
      method: 'POST',
      body: {},
      identities: [{ in: 'query', name: 'a', as: { in: 'form', name: 'a' } }],
    }),
    /config\.identities\[0\]\.as\.in: a form takes the place/,
  );
  await assert.rejects(bad({ address: service, method: 'HEAD', body: {} }), /config\.method: found HEAD/);
  await assert.rejects(
    bad({ address: service, only: { mode: 'skip', rules: [{ name: 'r', when: '["x","==","1"]' }] } }),
    /config\.only\.rules\[0\]\.when: /,
  );
});
