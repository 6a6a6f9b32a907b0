import assert from 'node:assert/strict';
import { type KeyObject, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { CompactSign } from 'jose';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { type Backend, httpBackend, streamBackend } from './support/backend.ts';
import { callerOf } from './support/caller.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { until } from './support/within.ts';

interface Key {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
}

function makeKey(kid: string): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' } };
}

function sign(key: Key, claims: object): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'ES256', kid: key.kid })
    .sign(key.privateKey);
}

const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600;

/** A server that publishes keys, which a test changes. */
async function keyServer(...first: Key[]) {
  const state = { keys: first, body: undefined as string | undefined, status: 200 };
  const server = await httpBackend((_request, response) => {
    response.statusCode = state.status;
    response.end(state.body ?? JSON.stringify({ keys: state.keys.map(({ jwk }) => jwk) }));
  });
  return { state, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function withKeysOf(server: Backend, backend: Backend, service: object = {}) {
  return startGateway(
    { 'main/api': passTo(backend.port) },
    {
      root: {
        plugins: {
          token: {
            type: 'jwt',
            config: {
              service: { url: `http://127.0.0.1:${server.port}/keys`, ...service },
              claims: [{ claim: 'sub', name: 'x-user' }],
            },
          },
        },
        bindings: [{ plugin: 'token', apis: ['*'] }],
      },
    },
  );
}

test('keys change under load without a failed request, and what was signed with one that is gone is refused', async () => {
  await using backend = await httpBackend();
  await using service = await keyServer(makeKey('k0'));
  const { state, server } = service;
  await using running = await withKeysOf(server, backend);
  const rotations = 3;
  const statuses = new Map<number, number>();
  let current = state.keys[0] as Key;
  const progress = { isOver: false };
  const load = async (name: string): Promise<void> => {
    await using caller = callerOf('HTTP/1.1', running.port);
    for (let count = 0; !progress.isOver; count += 1) {
      const token = await sign(current, { sub: `${name}-${count % 5}`, exp: inAnHour() });
      const { status } = await caller.call('GET', '/', { headers: { authorization: `Bearer ${token}` } });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const loads = Array.from({ length: 6 }, (_, index) => load(String(index)));
  const answered = (): number => [...statuses.values()].reduce((sum, count) => sum + count, 0);
  await until(() => answered() > 60, 'the load began');
  const first = await sign(current, { sub: 'first', exp: inAnHour() });
  for (let round = 1; round <= rotations; round += 1) {
    const next = makeKey(`k${round}`);
    // As issuers do it: the new key is published, then signs; the old one stays for a while.
    state.keys = [next, current];
    current = next;
    const before = answered();
    await until(() => answered() > before + 60, 'the load went on');
  }
  progress.isOver = true;
  await Promise.all(loads);
  assert.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]));
  assert.ok(
    server.seen.length > rotations && server.seen.length <= 2 * rotations + 2,
    `${server.seen.length} fetches`,
  );
  await using caller = callerOf('HTTP/1.1', running.port);
  const { status } = await caller.call('GET', '/', { headers: { authorization: `Bearer ${first}` } });
  assert.equal(status, 401);
});

test('a token that is kept is refused when its key is gone', async () => {
  await using backend = await httpBackend();
  const [old, fresh] = [makeKey('old'), makeKey('fresh')];
  await using service = await keyServer(old);
  await using running = await withKeysOf(service.server, backend);
  await using caller = callerOf('HTTP/1.1', running.port);
  const ask = async (key: Key) =>
    (await caller.call('GET', '/', { headers: { authorization: `Bearer ${tokens.get(key) ?? ''}` } })).status;
  const tokens = new Map<Key, string>();
  for (const key of [old, fresh]) tokens.set(key, await sign(key, { sub: 'a', exp: inAnHour() }));
  assert.deepEqual([await ask(old), await ask(old)], [200, 200]);
  service.state.keys = [fresh];
  assert.equal(await ask(fresh), 200);
  assert.equal(await ask(old), 401);
  assert.equal(backend.seen.length, 3);
});

test('whatever the key server answers, the last good keys stay; without any, nobody is let in', async () => {
  await using backend = await httpBackend();
  const key = makeKey('k');
  await using service = await keyServer(key);
  await using running = await withKeysOf(service.server, backend, { timeoutMs: 300, host: 'keys.example' });
  await using caller = callerOf('HTTP/1.1', running.port);
  const ask = async (token: string) =>
    (await caller.call('GET', '/', { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await ask(await sign(key, { sub: 'a' })), 200);
  assert.deepEqual(service.server.seen[0]?.values('host'), ['keys.example']);
  const bodies: [number, string][] = [
    [500, 'broken'],
    [200, '<html>'],
    [200, JSON.stringify({ keys: [] })],
    [200, JSON.stringify({ keys: [key.jwk], filler: 'x'.repeat(60_000) })],
    [302, ''],
  ];
  for (const [status, body] of bodies) {
    Object.assign(service.state, { status, body });
    const before = service.server.seen.length;
    const unknown = ask(await sign(makeKey(`made-up-${status}`), { sub: 'a' }));
    assert.equal(await ask(await sign(key, { sub: `b ${body.length}` })), 200);
    assert.equal(await unknown, 401);
    if (service.server.seen.length === before) break;
  }
  assert.ok(running.log.some(({ message }) => message.startsWith('the keys for tokens cannot be fetched')));

  await using silent = await streamBackend(() => undefined);
  await using closed = await withKeysOf(silent, backend, { timeoutMs: 200 });
  await using other = callerOf('HTTP/1.1', closed.port);
  const answer = await other.call('GET', '/', {
    headers: { authorization: `Bearer ${await sign(key, { sub: 'a' })}` },
  });
  assert.equal(answer.status, 503);
  assert.match(answer.text, /tokens cannot be verified at the moment/);
});

test('a reload keeps what is known of keys; other keys are another matter', async () => {
  await using backend = await httpBackend();
  const [a, b] = [makeKey('a'), makeKey('b')];
  await using first = await keyServer(a);
  await using second = await keyServer(b);
  const gateway = new Gateway({
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await using _closing = { [Symbol.asyncDispose]: () => gateway.close() };
  const apply = (port: number) =>
    gateway.apply(
      readConfigText(
        {
          'gateway.yaml': JSON.stringify({
            listeners: [{ port: 0, host: '127.0.0.1' }],
            groups: { main: { domains: ['*'] } },
            apis: { 'main/api': passTo(backend.port) },
            plugins: { token: { type: 'jwt', config: { service: { url: `http://127.0.0.1:${port}/` } } } },
            bindings: [{ plugin: 'token', apis: ['*'] }],
          }),
        },
        {},
      ),
      { listen: true },
    );
  await apply(first.server.port);
  await using caller = callerOf('HTTP/1.1', gateway.listeners[0]?.port ?? 0);
  const ask = async (key: Key) =>
    (await caller.call('GET', '/', { headers: { authorization: `Bearer ${await sign(key, { sub: 'a' })}` } }))
      .status;
  assert.equal(await ask(a), 200);
  await apply(first.server.port);
  assert.equal(await ask(a), 200);
  assert.equal(first.server.seen.length, 1);
  await apply(second.server.port);
  assert.deepEqual([await ask(b), await ask(a)], [200, 401]);
});

const yamlOf = (port: number, type: string, document: string): string => `
listeners: [{ port: 0, host: 127.0.0.1 }]
throttling: { defaultPerSecond: 0 }
groups: { main: { domains: ['*'] } }
apis:
  main/api:
    request: { method: ANY, path: /, match: prefix }
    auth: none
    backend: { type: http, address: 'http://127.0.0.1:${port}' }
plugins:
  token:
    type: ${type}
    config:
${document.replaceAll(/^/gm, '      ')}
bindings: [{ plugin: token, apis: ['*'] }]
`;

async function startYaml(yaml: string) {
  const gateway = new Gateway({
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await gateway.apply(readConfigText({ 'gateway.yaml': yaml }, {}), { listen: true });
  const caller = callerOf('HTTP/1.1', gateway.listeners[0]?.port ?? 0);
  return {
    call: caller.call.bind(caller),
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]();
      await gateway.close();
    },
  };
}

test('a whole alibaba/jwtAuth document, pasted', async () => {
  await using backend = await httpBackend();
  const key = makeKey('k1');
  const { x, y } = key.jwk as { x: string; y: string };
  const document = `---
parameter: X-Token
parameterLocation: header
preventJtiReplay: true
bypassEmptyToken: false
ignoreExpirationCheck: false
claimParameters:
- claimName: aud
  parameterName: X-Aud
  location: header
- claimName: userId
  parameterName: userId
  location: query
jwk:
  kty: EC
  crv: P-256
  use: sig
  kid: k1
  alg: ES256
  x: ${x}
  y: ${y}`.replace('---\n', '');
  await using running = await startYaml(yamlOf(backend.port, 'alibaba/jwtAuth', document));
  const token = await sign(key, { aud: 'shop', userId: 'u 1', jti: 'one', exp: inAnHour() });
  const call = (value: string) =>
    running.call('GET', '/orders?userId=forged', { headers: { 'X-Token': value, 'x-aud': 'forged' } });
  assert.equal((await call(token)).status, 200);
  assert.deepEqual(backend.seen[0]?.values('x-aud'), ['shop']);
  assert.equal(backend.seen[0]?.url, '/orders?userId=u%201');
  const again = await call(token);
  assert.equal(again.status, 401);
  assert.match(again.text, /the token was used before/);
  assert.equal((await running.call('GET', '/orders')).status, 401);
  assert.equal(backend.seen.length, 1);
});

test("the example of Huawei's guide, whole: the service wins over a `jwks` that is for encryption", async () => {
  await using backend = await httpBackend();
  const key = makeKey('k1');
  await using service = await keyServer(key);
  const document = `{
  "jwks_service": {
    "uri": "http://127.0.0.1:${service.server.port}",
    "timeout": 5000,
    "ttl": 7200,
    "custom_host": "xxx.xxx"
  },
  "jwks": "{\\"keys\\":[{\\"kty\\": \\"EC\\",\\"crv\\": \\"P-256\\",\\"x\\": \\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\\",\\"y\\": \\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\\",\\"use\\": \\"enc\\",\\"kid\\": \\"1\\"}] }",
  "token_location": "header",
  "token_name": "Authorization",
  "token_prefix": "Bearer",
  "token_expiration_tolerance": 0,
  "token_pass_through_enabled": true,
  "missing_token_skip_auth_enabled": false,
  "ignore_expiration_validation_enabled": false,
  "claims_to_headers": [
    { "claim": "iat", "header": "iat_value", "is_override": true },
    { "claim": "sub", "header": "sub_value", "is_override": false }
  ],
  "blacklist": [
    { "claim": "iat", "value": "" },
    { "claim": "sub", "value": "test" }
  ]
}`;
  await using running = await startYaml(yamlOf(backend.port, 'huawei/jwt_auth', document));
  const iat = Math.floor(Date.now() / 1000);
  const ask = async (claims: object) =>
    running.call('GET', '/', {
      headers: {
        Authorization: `Bearer ${await sign(key, { iat, ...claims })}`,
        iat_value: '1',
        sub_value: 'own',
      },
    });
  assert.equal((await ask({ sub: 'alice', exp: iat + 60 })).status, 200);
  assert.deepEqual(service.server.seen[0]?.values('host'), ['xxx.xxx']);
  assert.deepEqual(backend.seen[0]?.values('iat_value'), [String(iat)]);
  assert.deepEqual(backend.seen[0]?.values('sub_value'), ['own', 'alice']);
  assert.equal(backend.seen[0]?.values('authorization').length, 1);
  assert.equal((await ask({ sub: 'test', exp: iat + 60 })).status, 401);
  const expired = await ask({ sub: 'alice', exp: iat });
  assert.equal(expired.status, 401);
  assert.match(expired.text, /"error_code":"APIG.0305".*the token has expired/);
  assert.equal((await running.call('GET', '/')).status, 401);
});
