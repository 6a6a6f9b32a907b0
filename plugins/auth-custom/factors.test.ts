import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiOf, codeOf, echoed, gatewayOf } from './testing.ts';

const appCode = `aA9+${'x'.repeat(80)}`;
const apps = {
  caller: { key: 'app-key-0001', secret: 'app-secret-0001', appCodes: [appCode], apis: ['g/api'] },
};

test('with two factors both must pass, and the first says who calls', async (t) => {
  const api = { authorizer: 'token', auth: { type: 'app', appCode: true } };
  // However the fields are ordered.
  const root = { apps, apis: { 'g/api': apiOf('/', api) } };
  const gateway = await gatewayOf(t, { root });
  const call = (token: string | undefined, code: string | undefined) =>
    gateway.request('GET', 'https://test/', {
      headers: {
        ...(token === undefined ? {} : { 'x-token': token }),
        ...(code === undefined ? {} : { 'x-apig-appcode': code }),
      },
    });
  assert.deepEqual(codeOf(await call('let-me-in', undefined)), [401, 'APIG.0303']);
  assert.deepEqual(codeOf(await call('let-me-in', `${appCode}x`)), [401, 'APIG.0303']);
  assert.deepEqual(codeOf(await call(undefined, appCode)), [401, 'APIG.0305']);
  assert.deepEqual(codeOf(await call('wrong', appCode)), [401, 'APIG.0305']);
  assert.equal(gateway.backendRequests.length, 0);
  const answer = await call('let-me-in', appCode);
  // One call for the wrong token, one for this: nobody was asked about callers that the first factor refused.
  assert.equal(echoed(answer)['x-calls'], '2');
  assert.equal(echoed(answer)['x-user'], 'alice');
  assert.equal(gateway.completed.at(-1)?.exchange?.identity?.app?.id, 'caller');
});

for (const both of [
  { type: 'authorizer', config: 'token' },
  { type: 'auth-custom', config: { authorizer: 'token' } },
]) {
  test(`a second factor can be bound to several APIs: ${both.type}`, async (t) => {
    const root = {
      plugins: { both },
      bindings: [{ plugin: 'both', apis: ['g/*'] }],
      apps,
      apis: { 'g/api': apiOf('/', { auth: { type: 'app', appCode: true } }) },
    };
    const gateway = await gatewayOf(t, { root });
    const call = (headers: Record<string, string>) => gateway.request('GET', 'https://test/', { headers });
    const first = { 'x-apig-appcode': appCode };
    assert.deepEqual(codeOf(await call(first)), [401, 'APIG.0305']);
    assert.deepEqual(codeOf(await call({ 'x-token': 'let-me-in' })), [401, 'APIG.0303']);
    assert.equal(echoed(await call({ ...first, 'x-token': 'let-me-in' }))['x-calls'], '1');
    assert.equal(gateway.completed.at(-1)?.exchange?.identity?.type, 'app');
    assert.match(
      gateway.describe('GET', 'https://test/').join('\n'),
      /both: second factor: authorizer token/,
    );
  });
}

/** Lets the gateway in at backends of which it knows the password; counts its calls. */
const source = `let calls = 0;
exports.handler = ({ user_data, headers }) => ({ statusCode: 200, body: JSON.stringify({
  status: user_data === 'known' ? 'allow' : 'deny',
  context: { pass: user_data + (calls += 1), of: String(headers && headers['x-token']) },
}) });`;
const mapped = ['pass', 'of'].map((key) => ({
  name: `x-${key}`,
  in: 'header',
  from: `authorizer.backend.${key}`,
}));
const partner = { type: 'backend', function: 'check', userData: 'known' };
const stranger = { type: 'backend', function: 'check', userData: 'unknown' };

/** An API behind `/`, open to everybody, with a backend authorizer. */
const settingOf = (authorizer: object, more: object = {}, policies: readonly object[] = []) => ({
  source,
  authorizers: { partner: { ...partner, ...authorizer }, stranger },
  api: {
    auth: 'none',
    backend: { type: 'http', address: 'http://backend', parameters: mapped, authorizer: 'partner', ...more },
    policies,
  },
});

test('a backend authorizer makes values for the request to the backend', async (t) => {
  const gateway = await gatewayOf(t, settingOf({}));
  const headers = echoed(await gateway.ask('t', { headers: { 'x-pass': 'forged' } }));
  assert.deepEqual([headers['x-pass'], headers['x-of']], ['known1', 't']);
  assert.equal(echoed(await gateway.ask('t'))['x-pass'], 'known2');
  assert.equal(gateway.completed[0]?.exchange?.identity, null);
});

test('a backend authorizer that denies or fails ends the request', async (t) => {
  const gateway = await gatewayOf(t, settingOf({}, { authorizer: 'stranger' }));
  assert.deepEqual(codeOf(await gateway.ask('t')), [401, 'APIG.0305']);
  await gateway.change({ source: 'exports.handler = () => 1' });
  assert.deepEqual(codeOf(await gateway.ask('t')), [500, 'APIG.0601']);
  await gateway.change({
    authorizers: { partner: { ...partner, needBody: true }, stranger },
    api: { ...settingOf({}).api, request: { method: 'ANY', path: '/', maxBodyBytes: 3 } },
  });
  const chunked = { headers: { 'x-token': 't' }, body: 'long' };
  assert.equal((await gateway.request('POST', '/', chunked)).status, 413);
  assert.equal(gateway.backendRequests.length, 0);
});

test('what is kept for everybody is made of nothing that one caller sent', async (t) => {
  const gateway = await gatewayOf(t, settingOf({ cacheSeconds: 60 }));
  for (const token of ['one', 'two']) {
    const headers = echoed(await gateway.ask(token));
    assert.deepEqual([headers['x-pass'], headers['x-of']], ['known1', 'undefined']);
  }
});

test('each backend has its own authorizer, and only that of the backend that is called is asked', async (t) => {
  const when = (value: string) => [{ source: 'parameter', parameter: 'to', type: 'equal', value }];
  const to = (value: string, backend: object) => ({
    name: value,
    match: 'all',
    conditions: when(value),
    backend: { type: 'http', address: `http://${value}`, parameters: mapped, ...backend },
  });
  const setting = settingOf({}, { authorizer: 'stranger' }, [
    to('own', { authorizer: 'partner' }),
    to('open', {}),
    to('closed', { authorizer: 'stranger' }),
  ]);
  const request = { method: 'ANY', path: '/', parameters: [{ name: 'to', in: 'query' }] };
  const gateway = await gatewayOf(t, { ...setting, api: { ...setting.api, request } });
  const call = (path: string) => gateway.request('GET', path);
  assert.equal(echoed(await call('/?to=own'))['x-pass'], 'known1');
  assert.equal(echoed(await call('/?to=open'))['x-pass'], undefined);
  assert.equal((await call('/?to=closed')).status, 401);
  assert.equal((await call('/')).status, 401);
  assert.deepEqual(
    gateway.backendRequests.map(({ origin }) => origin),
    ['http://own', 'http://open'],
  );
});

test('a route that adds header fields asks the authorizer of its backend, too', async (t) => {
  const setting = settingOf({}, { authorizer: 'stranger' });
  const root = {
    plugins: {
      routes: {
        type: 'backend-routing',
        config: {
          parameters: {},
          routes: [
            { name: 'all', when: '1 = 1', backend: { address: 'http://elsewhere' }, headers: { 'x-a': 'b' } },
          ],
        },
      },
    },
    bindings: [{ plugin: 'routes', apis: ['*'] }],
  };
  const gateway = await gatewayOf(t, { ...setting, api: { ...setting.api, policies: false }, root });
  assert.deepEqual(codeOf(await gateway.ask('t')), [401, 'APIG.0305']);
  assert.equal(gateway.backendRequests.length, 0);
});
