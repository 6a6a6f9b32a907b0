import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, reply } from '#sdk';
import { type BackendRequest, testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

/** What the backend gets of a request. */
async function forwarded(
  options: object,
  url: string,
  request: object = { method: 'ANY', path: '/', match: 'prefix' },
  method = 'GET',
): Promise<BackendRequest> {
  const backend = { type: 'http', address: 'http://orders:8080', ...options };
  const gateway = await testPlugin(plugin, { api: { request, backend } });
  const answer = await gateway.request(method, url, { body: method === 'POST' ? 'content' : '' });
  const [got] = gateway.backendRequests;
  assert.ok(got, `the backend was called; the answer was ${answer.status} ${answer.text}`);
  return got;
}

test('without options the request goes on as it is', async () => {
  const { method, origin, host, path, rawQuery, body, headers } = await forwarded(
    {},
    '/a/%2f/b?x=1&x=%20',
    undefined,
    'POST',
  );
  assert.deepEqual(
    { method, origin, host, path, rawQuery, body: body.toString() },
    {
      method: 'POST',
      origin: 'http://orders:8080',
      host: 'orders:8080',
      path: '/a/%2f/b',
      rawQuery: 'x=1&x=%20',
      body: 'content',
    },
  );
  assert.equal(headers.get('x-forwarded-for'), '192.0.2.1');
});

test("addresses are normalized; a port that is the scheme's own is left out", async () => {
  const cases: [string, string][] = [
    ['orders', 'http://orders'],
    ['orders:81', 'http://orders:81'],
    ['http://ORDERS:80', 'http://orders'],
    ['https://orders:443', 'https://orders'],
    ['https://orders:8443', 'https://orders:8443'],
    ['[::1]:8080', 'http://[::1]:8080'],
    ['127.0.0.1', 'http://127.0.0.1'],
  ];
  for (const [address, origin] of cases)
    assert.equal((await forwarded({ address }, '/')).origin, origin, address);
});

test("method and Host are replaced when they are given; ANY is the caller's", async () => {
  assert.equal((await forwarded({ method: 'PUT' }, '/', undefined, 'POST')).method, 'PUT');
  assert.equal((await forwarded({ method: 'ANY' }, '/', undefined, 'POST')).method, 'POST');
  assert.equal((await forwarded({ hostHeader: 'inner.example.com' }, '/')).host, 'inner.example.com');
});

test('the path is filled with what the caller sent, byte for byte', async () => {
  const request = { method: 'ANY', path: '/x/{a}/{b+}' };
  assert.equal(
    (await forwarded({ path: '/v1/{b}/{a}/{a}' }, '/x/1%2F/2/%20', request)).path,
    '/v1/2/%20/1%2F/1%2F',
  );
  assert.equal((await forwarded({ path: '/v1/{b+}' }, '/x/1/2/3', request)).path, '/v1/2/3');
  assert.equal((await forwarded({ path: '/fixed' }, '/x/1/2', request)).path, '/fixed');
  // A value is no template and no replacement pattern.
  assert.equal((await forwarded({ path: '/v1/{a}' }, '/x/{b}/2', request)).path, '/v1/{b}');
  assert.equal((await forwarded({ path: '/v1/{a}' }, "/x/$&$'$1/2", request)).path, "/v1/$&$'$1");
});

test('what follows a prefix is put behind the path with one slash between them', async () => {
  const bare = { method: 'ANY', path: '/p', match: 'prefix' };
  const slash = { method: 'ANY', path: '/p/', match: 'prefix' };
  const cases: [object, string, string, string][] = [
    [bare, '/v', '/p', '/v'],
    [bare, '/v', '/p/', '/v/'],
    [bare, '/v', '/p/a/b', '/v/a/b'],
    [bare, '/v/', '/p/a', '/v/a'],
    [bare, '/', '/p', '/'],
    [slash, '/v', '/p/', '/v'],
    [slash, '/v', '/p/a', '/v/a'],
    [slash, '/v/', '/p/a/', '/v/a/'],
    [slash, '/', '/p/a', '/a'],
  ];
  for (const [request, path, url, expected] of cases) {
    assert.equal((await forwarded({ path }, url, request)).path, expected, `${path} ${url}`);
  }
  assert.equal((await forwarded({}, '/p/a', bare)).path, '/p/a', "without a path the caller's goes on whole");
});

test('the answer comes back as it is, a refusal too', async () => {
  const answered = await testPlugin(plugin, { backend: () => reply(418, { 'x-tea': 'pot' }, 'short') });
  const answer = await answered.request('GET', '/');
  assert.deepEqual([answer.status, answer.headers.get('x-tea'), answer.text], [418, 'pot', 'short']);
  const down = await testPlugin(plugin, { backend: () => refuse('backend-unavailable') });
  assert.equal((await down.request('GET', '/')).status, 502);
});

test("an address of the gateway's own is served in process through every hook", async () => {
  const inner = {
    request: { method: 'GET', path: '/in/{id}' },
    auth: 'none',
    backend: { type: 'http', address: 'http://orders' },
  };
  const outer = {
    ...inner,
    request: { method: 'GET', path: '/out/{id}' },
    backend: { type: 'http', address: 'inner.local', path: '/in/{id}' },
  };
  const gateway = await testGateway({
    config: {
      groups: { a: { domains: ['outer'] }, b: { internalDomains: ['inner.local'] } },
      apis: { 'a/out': outer, 'b/in': inner },
    },
  });
  const answer = await gateway.request('GET', 'http://outer/out/7?q=1');
  assert.equal(answer.status, 200);
  assert.deepEqual(
    gateway.completed.map(({ exchange }) => exchange?.api.name),
    ['b/in', 'a/out'],
  );
  assert.deepEqual(
    gateway.backendRequests.map(({ path, rawQuery }) => [path, rawQuery]),
    [['/in/7', 'q=1']],
  );
  assert.equal(answer.headers.getAll('x-request-id').length, 1);
});

test('what cannot work is refused at load', async () => {
  const wrong: [object, RegExp][] = [
    [{ address: undefined }, /backend: "address" is missing/],
    [{ address: 'ftp://x' }, /address: found "ftp:\/\/x"; allowed: http:\/\/host/],
    [{ address: 'http://x/path' }, /address: .*the path has a field of its own/],
    [{ address: 'http://user:password@x' }, /address: .*scheme, host and port only/],
    [{ address: 'http://' }, /address: found "http:\/\/"/],
    [{ path: 'v1' }, /path: found "v1"; allowed: a path, which starts with \//],
    [{ path: '/v1/{id}' }, /path: \{id\} is no parameter of the request path \//],
    [{ method: 'get' }, /method: found "get"; allowed: a method in upper case, or ANY/],
    [{ timeoutMs: 0 }, /timeoutMs: found 0; allowed: a whole number from 1 to 600000/],
    [{ timeout: 5 }, /timeout: unknown field; .*did you mean "timeoutMs"\?/],
  ];
  for (const [options, expected] of wrong) await assert.rejects(forwarded(options, '/'), expected);
});
