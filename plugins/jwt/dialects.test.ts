import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { echoed, gatewayOf, lone, makeKey, none, notValid, now, outcome, sign, usual } from './testing.ts';

const alibaba = (t: Parameters<typeof gatewayOf>[0], document: object, more: object = {}) =>
  gatewayOf(t, { type: 'alibaba/jwtAuth', config: { jwk: lone.jwk, ...document }, ...more });
const huawei = (t: Parameters<typeof gatewayOf>[0], document: object) =>
  gatewayOf(t, {
    type: 'huawei/jwt_auth',
    config: { jwks: JSON.stringify({ keys: [lone.jwk] }), ...document },
  });

test('alibaba: the token is read with and without the bearer prefix, and goes on', async (t) => {
  const gateway = await alibaba(t, { parameter: 'Authorization', parameterLocation: 'header' });
  const token = await sign();
  for (const authorization of [token, `bearer ${token}`, `Bearer ${token}`]) {
    const answer = await gateway.request('GET', '/', { headers: { authorization } });
    assert.equal(echoed(answer).headers['authorization'], authorization);
  }
  assert.equal(outcome(await gateway.ask(undefined)), none);
});

test('alibaba: claims go to all four places', async (t) => {
  const claimParameters = [
    { claimName: 'aud', parameterName: 'X-Aud', location: 'header' },
    { claimName: 'userId', parameterName: 'userId', location: 'query' },
    { claimName: 'sub', parameterName: 'owner', location: 'path' },
    { claimName: 'iss', parameterName: 'issuer', location: 'formData' },
  ];
  const backend = { type: 'http', address: 'http://backend', path: '/of/[owner]' };
  const gateway = await alibaba(
    t,
    { parameter: 'X-Token', parameterLocation: 'header', claimParameters },
    { api: { request: { method: 'ANY', path: '/' }, backend } },
  );
  const headers = {
    'x-token': await sign({ ...usual, userId: 7 }),
    'content-type': 'application/x-www-form-urlencoded',
  };
  const got = echoed(await gateway.request('POST', '/?userId=1', { headers, body: 'a=b' }));
  assert.equal(got.headers['x-aud'], 'shop');
  assert.equal(got.url, '/of/alice?userId=7');
  assert.equal(got.body, 'a=b&issuer=https%3A%2F%2Fissuer');
});

test('alibaba: several keys, as a list and as a set, beside one alone', async (t) => {
  const [a, b, c] = ['a', 'b', 'c'].map((kid) => makeKey('ES256', kid)) as [
    typeof lone,
    typeof lone,
    typeof lone,
  ];
  for (const document of [{ jwks: [b.jwk, c.jwk] }, { jwks: { keys: [b.jwk, c.jwk] } }]) {
    const gateway = await alibaba(t, { parameter: 'Authorization', jwk: a.jwk, ...document });
    for (const [key, kid] of [
      [a, 'a'],
      [b, 'b'],
      [c, 'c'],
    ] as const)
      assert.equal(outcome(await gateway.ask(await sign(usual, key, { kid }))), '200');
    assert.equal(outcome(await gateway.ask(await sign(usual, a, { kid: 'b' }))), notValid);
  }
});

test('alibaba: replay, empty tokens, expiry and a data set', async (t) => {
  const parameter = 'Authorization';
  const once = await alibaba(t, { parameter, preventJtiReplay: true });
  const token = await sign({ ...usual, jti: 'j' });
  assert.deepEqual([(await once.ask(token)).status, (await once.ask(token)).status], [200, 401]);
  const open = await alibaba(t, { parameter, bypassEmptyToken: true, ignoreExpirationCheck: true });
  assert.equal(outcome(await open.ask(undefined)), '200');
  assert.equal(outcome(await open.ask(await sign({ exp: now - 1 }))), '200');
  const root = { dataSets: { gone: { type: 'JWT_BLOCKING', items: ['alice'] } } };
  const claimParameters = [{ claimName: 'sub', parameterName: 'X-User', location: 'header' }];
  for (const blockClaimParameterName of ['sub', 'X-User']) {
    const blocking = await alibaba(
      t,
      { parameter, claimParameters, blockByDataSet: 'gone', blockClaimParameterName },
      { root },
    );
    assert.equal(outcome(await blocking.ask(await sign())), '401 the token is not accepted.');
    assert.equal(outcome(await blocking.ask(await sign({ ...usual, sub: 'bob' }))), '200');
  }
});

test('huawei: defaults by place, and only its algorithms', async (t) => {
  const token = await sign();
  const ask = async (document: object, url: string, headers: Record<string, string> = {}) =>
    outcome(await (await huawei(t, document)).request('GET', url, { headers }));
  assert.equal(await ask({}, '/', { authorization: `bearer ${token}` }), '200');
  assert.equal(await ask({}, '/', { authorization: token }), notValid);
  assert.equal(await ask({ token_prefix: 'JWT' }, '/', { authorization: `JWT ${token}` }), '200');
  assert.equal(await ask({ token_location: 'query' }, `/?access_token=${token}`), '200');
  assert.equal(
    await ask({ token_location: 'cookie', token_name: 'T' }, '/', { cookie: `t=${token}` }),
    '200',
  );
  const ed = makeKey('EdDSA');
  assert.equal(
    await ask({ jwks: JSON.stringify([ed.jwk]) }, '/', {
      authorization: `Bearer ${await sign(usual, ed, { alg: 'EdDSA' })}`,
    }),
    notValid,
  );
});

test('huawei: claims, payload, lists, tolerance', async (t) => {
  const gateway = await huawei(t, {
    token_expiration_tolerance: '30',
    carry_payload: { enabled: true, header: 'X-Payload' },
    claims_to_headers: [
      { claim: 'iss', header: 'iss_value' },
      { claim: 'sub', header: 'sub_value', is_override: false },
    ],
    blacklist: [
      { claim: 'sub', value: 'mallory' },
      { claim: 'level', value: 0 },
    ],
    whitelist: [
      { claim: 'aud', value: 'shop' },
      { claim: 'aud', value: 'store' },
    ],
  });
  const headers = { iss_value: 'forged', sub_value: 'own' };
  const answer = await gateway.ask(await sign({ ...usual, exp: now - 29 }), { headers });
  assert.equal(echoed(answer).headers['iss_value'], 'https://issuer');
  assert.equal(echoed(answer).headers['authorization'], undefined);
  assert.match(echoed(answer).headers['x-payload'] ?? '', /^ey/);
  assert.deepEqual(gateway.backendRequests[0]?.headers.getAll('sub_value'), ['own', 'alice']);
  const refused = '401 the token is not accepted.';
  assert.equal(
    outcome(await gateway.ask(await sign({ ...usual, exp: now - 30 }))),
    '401 the token has expired.',
  );
  assert.equal(outcome(await gateway.ask(await sign({ ...usual, sub: 'mallory' }))), refused);
  assert.equal(outcome(await gateway.ask(await sign({ ...usual, level: 0 }))), refused);
  assert.equal(outcome(await gateway.ask(await sign({ ...usual, aud: 'other' }))), refused);
  assert.equal(outcome(await gateway.ask(await sign({ ...usual, aud: 'store' }))), '200');
});

test('huawei: pass-through, missing tokens and expiry, if it says so', async (t) => {
  const gateway = await huawei(t, {
    token_pass_through_enabled: true,
    missing_token_skip_auth_enabled: true,
    ignore_expiration_validation_enabled: true,
    carry_payload: { enabled: false },
  });
  assert.equal(outcome(await gateway.ask(undefined)), '200');
  const token = await sign({ exp: 1 });
  assert.equal(echoed(await gateway.ask(token)).headers['authorization'], `Bearer ${token}`);
});

/** The lines of a document's problems, counted from its first. */
async function linesOf(type: string, document: string): Promise<string[]> {
  const yaml = `groups: { g: { domains: ['*'] } }
apis:
  g/a: { request: { method: GET, path: / }, auth: none, backend: { type: mock } }
bindings: [{ plugin: token, apis: ['*'] }]
plugins:
  token:
    type: ${type}
    config:
${document.replaceAll(/^/gm, '      ')}
`;
  try {
    await (await testGateway({ config: yaml, plugins: [plugin] })).close();
    return [];
  } catch (error) {
    const { problems } = error as { problems?: readonly { message: string; at?: { line: number } }[] };
    if (problems === undefined) throw error;
    return problems.map(({ message, at }) => `${(at?.line ?? 0) - 8}: ${message}`);
  }
}

test('a wrong document is refused with the line', async () => {
  const jwk = JSON.stringify(lone.jwk);
  const jwks = `jwks: '${JSON.stringify([lone.jwk])}'`;
  const cases: [string, string, RegExp][] = [
    [
      'alibaba/jwtAuth',
      `parameter: X\nparameterLocation: body\njwk: ${jwk}`,
      /^2: found "body"; allowed: header, query, cookie/,
    ],
    [
      'alibaba/jwtAuth',
      `parameter: X\njwks:\n  - ${jwk}\n  - ${jwk}`,
      /^3: of several keys each needs a "kid"/,
    ],
    ['alibaba/jwtAuth', `parameter: X\njwk:\n  kty: RSA\n  n: AA\n  e: AQAB`, /^[23]: (it is no key|it has)/],
    ['alibaba/jwtAuth', 'parameter: X', /"jwk" is missing/],
    [
      'alibaba/jwtAuth',
      `parameter: X\njwk: ${jwk}\npreventJtireplay: true`,
      /^3: unknown field; .*did you mean "preventJtiReplay"/,
    ],
    [
      'alibaba/jwtAuth',
      `parameter: X\njwk: ${jwk}\nblockClaimParameterName: a`,
      /^3: it means nothing without "blockByDataSet"/,
    ],
    [
      'alibaba/jwtAuth',
      `parameter: X\njwk: ${jwk}\nclaimParameters:\n  - { claimName: a, parameterName: b, location: body }`,
      /^4: found "body"; allowed: header, query, path, formData/,
    ],
    ['huawei/jwt_auth', 'token_location: header', /"jwks_service" is missing/],
    ['huawei/jwt_auth', 'jwks: "{}"', /^1: it is no JSON Web Key Set/],
    ['huawei/jwt_auth', `${jwks}\ntoken_location: cookie`, /"token_name" is missing/],
    [
      'huawei/jwt_auth',
      `${jwks}\ntoken_expiration_tolerance: "86401"`,
      /^2: found "86401"; allowed: "0" to "86400"/,
    ],
    ['huawei/jwt_auth', `${jwks}\ntoken_expiration_tolerance: 86401`, /^2: found 86401/],
    [
      'huawei/jwt_auth',
      `jwks_service:\n  uri: https://x\n  ttl: 599`,
      /^3: found 599; allowed: a whole number from 600 to 86400/,
    ],
    ['huawei/jwt_auth', `jwks_service:\n  uri: ftp://x`, /^2: found "ftp:\/\/x"; allowed: http/],
    ['huawei/jwt_auth', `${jwks}\ncarry_payload: { enabled: true }`, /^2: "header" is missing/],
    ['huawei/jwt_auth', `${jwks}\nblacklist:\n  - { claim: a }`, /^3: "value" is missing/],
    [
      'huawei/jwt_auth',
      `${jwks}\nclaims_to_headers: [${Array.from({ length: 17 }, () => '{ claim: a, header: b }').join(', ')}]`,
      /^2: .*at most 16/,
    ],
  ];
  for (const [type, document, expected] of cases) {
    const problems = await linesOf(type, document);
    assert.equal(problems.length, 1, `${document}\n${problems.join('\n')}`);
    assert.match(problems[0] ?? '', expected);
  }
});
