import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, reply } from '#sdk';
import { byToken, gated, service } from './testing.ts';

const alibaba = {
  parameters: { statusCode: 'StatusCode' },
  authUriType: 'HTTP',
  authUri: { address: service, path: '/check', method: 'POST', timeout: 3000 },
  passThroughBody: false,
  passThroughPath: true,
  cachedTimeBySecond: 60,
  trimAuthorizationHeaderPrefix: 'Bearer',
  authParameters: [
    {
      sourceParameterName: 'Authorization',
      sourceLocation: 'header',
      targetParameterName: 'token',
      targetLocation: 'query',
    },
  ],
  successCondition: '${statusCode} = 200',
  errorStatusCode: 401,
  errorMessage: 'refused',
  errorPassThroughHeaderList: 'X-Why, X-More',
};

test('alibaba/remoteAuth: a whole document does what it says', async () => {
  const { gateway, asked } = await gated(
    alibaba,
    ({ rawQuery }) => (rawQuery === 'token=good' ? reply(200) : reply(202, { 'x-why': 'because' })),
    { type: 'alibaba/remoteAuth' },
  );
  const call = (authorization: string) => gateway.request('GET', '/orders', { headers: { authorization } });
  assert.equal((await call('Bearer good')).status, 200);
  assert.equal((await call('bearer good')).status, 200);
  assert.equal(asked.length, 1, 'the answer is kept');
  assert.deepEqual(
    [asked[0]?.method, asked[0]?.path, asked[0]?.headers.get('x-ca-remote-auth-raw-path')],
    ['POST', '/check', '/orders'],
  );
  const refused = await call('Bearer bad');
  assert.deepEqual(
    [refused.status, refused.headers.get('x-ca-error-message'), refused.headers.get('x-why')],
    [401, 'refused', 'because'],
  );
});

test('alibaba/remoteAuth: wrong documents are refused', async () => {
  const bad = (changes: object) =>
    gated({ ...alibaba, ...changes }, () => reply(200), { type: 'alibaba/remoteAuth' });
  await assert.rejects(
    bad({ authUri: { path: '/' } }),
    /gateway\.yaml:\d+:\d+ plugins\.under-test\.config\.authUri: "address" is missing, which HTTP needs/,
  );
  await assert.rejects(
    bad({ authUri: { ...alibaba.authUri, timeout: 10_001 } }),
    /authUri\.timeout: found 10001/,
  );
  await assert.rejects(
    bad({ authUri: { ...alibaba.authUri, method: 'TRACE' } }),
    /authUri\.method: found TRACE/,
  );
  await assert.rejects(bad({ cachedTimeBySecond: 601 }), /cachedTimeBySecond: found 601/);
  await assert.rejects(
    bad({ authParameters: [] }),
    /cachedTimeBySecond: answers are kept by `authParameters`/,
  );
  await assert.rejects(bad({ authUriType: 'HTTPS' }), /authUriType/);
  await assert.rejects(
    bad({ succesCondition: 'x' }),
    /succesCondition: unknown field; .*did you mean "successCondition"/,
  );
  await assert.rejects(bad({ successCondition: '${code} = 200' }), /parameter \$code is not declared/);
});

const huawei = {
  auth_request: {
    method: 'GET',
    protocol: 'HTTP',
    url_domain: 'auth.internal:8080',
    path: '/check',
    timeout: 5000,
    vpc_channel_enabled: false,
    vpc_channel_info: null,
  },
  custom_forbid_limit: 2,
  carry_body: { enabled: true, max_body_size: 1000 },
  auth_downgrade_enabled: false,
  carry_path_enabled: true,
  return_resp_body_enabled: true,
  carry_resp_headers: ['X-User'],
  simple_auth_mode_enabled: true,
  match_auth: null,
  rule_enabled: true,
  rule_type: 'allow',
  identities: { headers: [{ name: 'X-Token', essential: true }], queries: [{ name: 'q', essential: false }] },
  parameters: [{ type: 'path', name: 'reqPath', value: 'reqPath' }],
  rules: [{ rule_name: 'open', match_regex: '["reqPath","~~","/open/*"]' }],
};

test('huawei/third_auth: a whole document does what it says', async () => {
  const { gateway, asked, served } = await gated(huawei, byToken, { type: 'huawei/third_auth' });
  const call = (path: string, headers: Record<string, string>, clientAddress = '192.0.2.9') =>
    gateway.request('POST', path, { headers, body: 'b', clientAddress });
  assert.equal((await call('/x?q=1&r=2', { 'x-token': 'good', 'x-user': 'root' })).status, 200);
  assert.deepEqual(
    [asked[0]?.path, asked[0]?.rawQuery, asked[0]?.body.toString(), served[0]?.headers.getAll('x-user')],
    ['/check/x', 'q=1', 'b', ['alice']],
  );
  assert.equal((await call('/open/x', {})).status, 200);
  assert.equal(asked.length, 1);
  assert.equal((await call('/x', {})).status, 401);
  const first = await call('/x', { 'x-token': 'bad' });
  assert.deepEqual([first.status, first.text], [403, '{"ok":false}']);
  assert.equal((await call('/x', { 'x-token': 'bad' })).status, 403);
  const blocked = await call('/x', { 'x-token': 'good' });
  assert.equal((blocked.json() as { error_code: string }).error_code, 'APIG.0314');
  assert.equal((await call('/x', { 'x-token': 'good' }, '192.0.2.10')).status, 200);
});

test('huawei/third_auth: a field that must match, a downgrade, and `query` for `queries`', async () => {
  const { identities: _all, ...rest } = huawei;
  const document = {
    ...rest,
    custom_forbid_limit: null,
    rule_enabled: false,
    simple_auth_mode_enabled: false,
    match_auth: { key: 'X-Pass', value: 'yes' },
    auth_downgrade_enabled: true,
    identities: { query: [{ name: 't', essential: true }] },
  };
  const type = 'huawei/third_auth';
  const { gateway } = await gated(
    document,
    ({ rawQuery }) => reply(200, { 'x-pass': rawQuery === 't=1' ? 'yes' : 'no' }),
    { type },
  );
  assert.equal((await gateway.request('GET', '/?t=1')).status, 200);
  assert.equal((await gateway.request('GET', '/?t=2')).status, 401);
  assert.equal((await gateway.request('GET', '/')).status, 401);
  const down = await gated(document, () => refuse('backend-unavailable'), { type });
  assert.equal((await down.gateway.request('GET', '/?t=2')).status, 200);
});

test('huawei/third_auth: wrong documents are refused', async () => {
  const bad = (changes: object) =>
    gated({ ...huawei, ...changes }, () => reply(200), { type: 'huawei/third_auth' });
  await assert.rejects(bad({ simple_auth_mode_enabled: false }), /"match_auth" is missing/);
  await assert.rejects(bad({ rules: [] }), /config\.rules: found no rule/);
  await assert.rejects(bad({ rules: [{ rule_name: 'r', match_regex: '["x"' }] }), /under-test\.config/);
  const { url_domain: _domain, ...asked } = huawei.auth_request;
  await assert.rejects(bad({ auth_request: asked }), /"url_domain" is missing/);
  await assert.rejects(bad({ auth_request: { ...asked, vpc_channel_enabled: true } }), /"vpc_id" is missing/);
  await assert.rejects(
    bad({ auth_request: { ...huawei.auth_request, timeout: 60_001 } }),
    /auth_request\.timeout: found 60001/,
  );
  const headers = Array.from({ length: 11 }, (_each, index) => ({ name: `h${index}` }));
  await assert.rejects(bad({ identities: { headers } }), /config\.identities/);
  await assert.rejects(bad({ carry_resp_headers: headers.map(({ name }) => name) }), /carry_resp_headers/);
});
