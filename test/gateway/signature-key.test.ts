import assert from 'node:assert/strict';
import { createDecipheriv, createHash } from 'node:crypto';
import { test } from 'node:test';
import { definePlugin } from '#sdk';
import { type Backend, httpBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { type Wire, canonicalRequest, doubt, only } from './support/huawei-verifier.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';

const key = 'gateway-key-01';
const secret = 'gateway-secret-0000001';
const aesKey = '0123456789abcdef0123456789abcdef';
const vector = 'fedcba9876543210';

const doubtOf = (request: Wire) => doubt(request, { key, secret, now: Date.now() });

const bound = (config: Readonly<Record<string, string>>) => ({
  plugins: { sign: { type: 'signature-key', config } },
  bindings: [{ plugin: 'sign', apis: ['main/*'] }],
});

function start(backend: Backend, config: Readonly<Record<string, string>>) {
  const to = (path: string, backendPath: string) =>
    passTo(backend.port, {
      request: { path, maxBodyBytes: 32 * 1024 * 1024 },
      backend: { path: backendPath },
    });
  return startGateway(
    { 'main/all': to('/', '/'), 'main/prefix': to('/from/', '/to%2F%C3%A9/') },
    { root: bound(config) },
  );
}

const head = 'Host: api.example';
const forged = 'Authorization: Basic Zm9yZ2Vk\r\nauthorization: again\r\nX-Sdk-Date: 20000101T000000Z';
const requests: readonly (readonly [title: string, text: string])[] = [
  ['a GET', `GET /plain HTTP/1.1\r\n${head}\r\n\r\n`],
  [
    'an odd query',
    `GET /q?b=2&a=1&a=0&B=&c&=x&%E5%90%8D=%e5%80%bc&d=1+2&e=%2B&f=a%20b*!'()~;/?:@&&g=%zz&h=a=b HTTP/1.1\r\n${head}\r\n\r\n`,
  ],
  ['a bare question mark', `GET /q? HTTP/1.1\r\n${head}\r\n\r\n`],
  [
    'JSON',
    `POST /orders HTTP/1.1\r\n${head}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 16\r\n\r\n{"name":"\xe5\xbc\xa0\xe4\xb8"}`,
  ],
  ['no content in a POST', `POST /orders HTTP/1.1\r\n${head}\r\nContent-Length: 0\r\n\r\n`],
  [
    'content of unknown length',
    `PUT /orders HTTP/1.1\r\n${head}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
  ],
  [
    'a prefix path with escapes',
    `GET /from/a%20b/%e5%90%8d/c%2Fd//e;f=g,h@i:j/%7Ek!*'() HTTP/1.1\r\n${head}\r\n\r\n`,
  ],
  [
    "the caller's own credentials, which are replaced",
    `DELETE /x HTTP/1.1\r\n${head}\r\n${forged}\r\nX-Sdk-Content-Sha256: UNSIGNED-PAYLOAD\r\n\r\n`,
  ],
  [
    'a field to sign that comes twice, and is sent once',
    `POST /x HTTP/1.1\r\n${head}\r\nContent-Type:  a/b \r\nContent-Type: c/d\r\nContent-Length: 1\r\n\r\nx`,
  ],
];
for (const [title, text] of requests) {
  test(`hmac: a verifier that shares no code with the signer believes ${title}`, async () => {
    await using backend = await httpBackend();
    await using running = await start(backend, { method: 'hmac', key, secret });
    assert.equal((await exchangeRaw(running.port, text)).status, 200);
    const [seen] = backend.seen;
    assert.ok(seen !== undefined);
    assert.equal(doubtOf(seen), undefined, canonicalRequest(seen, 'host;x-sdk-date'));
    // It doubts everything that was changed on the way.
    for (const changed of [
      { method: 'PATCH' },
      { url: `${seen.url}/x` },
      { url: seen.url.includes('?') ? `${seen.url}&x` : `${seen.url}?x` },
      { body: Buffer.concat([seen.body, Buffer.from('x')]) },
      { rawHeaders: seen.rawHeaders.map((value) => (value.startsWith('127.0.0.1:') ? 'other' : value)) },
    ]) {
      assert.equal(doubtOf({ ...seen, ...changed }), 'a wrong signature', Object.keys(changed).join());
    }
  });
}

test('hmac: content above 12 MiB streams, and is told to be unsigned', async () => {
  const size = 12 * 1024 * 1024 + 1;
  await using backend = await httpBackend();
  await using running = await start(backend, { method: 'hmac', key, secret });
  const client = await openRaw(running.port);
  client.send(`POST /up HTTP/1.1\r\n${head}\r\nContent-Length: ${size}\r\n\r\n`);
  client.send(Buffer.alloc(size, 'x'));
  assert.equal((await client.answer('POST', 30_000)).status, 200);
  client.socket.destroy();
  const [seen] = backend.seen;
  assert.ok(seen?.body.length === size);
  assert.equal(only(seen, 'x-sdk-content-sha256'), 'UNSIGNED-PAYLOAD');
  assert.equal(doubtOf(seen), undefined);
});

test('hmac: a call that the gateway makes to itself arrives signed', async () => {
  const seen: Wire[] = [];
  const witness = definePlugin({
    name: 'witness',
    summary: 'Notes what arrives.',
    bind: () => ({
      async preAuth(exchange) {
        const { method, path, rawQuery, headers } = exchange;
        const url = rawQuery === '' ? path : `${path}?${rawQuery}`;
        seen.push({ method, url, rawHeaders: headers.flat, body: await exchange.readBody() });
        return undefined;
      },
    }),
  });
  await using backend = await httpBackend();
  const inner = { ...passTo(backend.port), request: { method: 'ANY', path: '/in/', match: 'prefix' } };
  const outer = passTo(0, { backend: { address: 'http://inner.example', path: '/in/' } });
  const { plugins, bindings } = bound({ method: 'hmac', key, secret });
  await using running = await startGateway(
    { 'main/outer': outer, 'inner/all': inner },
    {
      plugins: [witness],
      root: {
        groups: { main: { domains: ['outer.example'] }, inner: { domains: ['inner.example'] } },
        plugins: { ...plugins, see: { type: 'witness' } },
        bindings: [...bindings, { plugin: 'see', apis: ['inner/*'] }],
      },
    },
  );
  const text = 'POST /a%2Fb?z&y=1 HTTP/1.1\r\nHost: outer.example\r\nContent-Length: 3\r\n\r\nabc';
  assert.equal((await exchangeRaw(running.port, text)).status, 200);
  const [call] = seen;
  assert.ok(call !== undefined && seen.length === 1);
  assert.equal(only(call, 'host'), 'inner.example');
  assert.equal(doubtOf(call), undefined);
});

for (const [cipher, length] of [
  ['aes-128-cfb', 16],
  ['aes-256-cfb', 32],
] as const) {
  test(`${cipher}: the backend decrypts the digest of what it got`, async () => {
    const secretKey = aesKey.slice(0, length);
    await using backend = await httpBackend();
    await using running = await start(backend, { method: 'aes', key: secretKey, secret: vector });
    for (const [, text] of requests) assert.equal((await exchangeRaw(running.port, text)).status, 200);
    assert.equal(backend.seen.length, requests.length);
    for (const seen of backend.seen) {
      const pattern = /^(AES-\d{3}-CFB) SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
      const [, name, names = '', signature = ''] = pattern.exec(only(seen, 'authorization')) ?? [];
      assert.equal(name, cipher.toUpperCase());
      const decryption = createDecipheriv(cipher, secretKey, vector);
      const digest = Buffer.concat([decryption.update(signature, 'hex'), decryption.final()]);
      const expected = createHash('sha256').update(canonicalRequest(seen, names)).digest();
      assert.deepEqual(digest, expected, seen.url);
      assert.ok(names.split(';').includes('x-sdk-date') && names.split(';').includes('host'));
      assert.ok(!seen.rawHeaders.join().includes(secretKey));
    }
  });
}

test('basic: key and secret, for every request', async () => {
  await using backend = await httpBackend();
  await using running = await start(backend, { method: 'basic', key: 'gateway', secret: 'pass!word' });
  for (const [, text] of requests) assert.equal((await exchangeRaw(running.port, text)).status, 200);
  assert.equal(backend.seen.length, requests.length);
  for (const seen of backend.seen) {
    const value = Buffer.from(only(seen, 'authorization').replace('Basic ', ''), 'base64').toString();
    assert.equal(value, 'gateway:pass!word');
  }
});
