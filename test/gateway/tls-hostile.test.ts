import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectPlain, createServer } from 'node:net';
import path from 'node:path';
import {
  type ConnectionOptions,
  type TLSSocket,
  connect,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls';
import { test } from 'node:test';
import { readConfig } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { type Pair, createAuthority, createPair, writeFiles } from './support/certificates.ts';
import { RawClient } from './support/raw-client.ts';
import { within } from './support/within.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

const api = `
apis:
  shop/all:
    request: { method: ANY, path: /, match: prefix }
    auth: none
    backend: { type: mock, body: hello }
`;

async function start(yaml: string, files: Readonly<Record<string, string>>) {
  const folder = writeFiles({ ...files, 'gateway.yaml': yaml + api });
  const file = path.join(folder, 'gateway.yaml');
  const gateway = new Gateway({ log: silent });
  await gateway.apply(readConfig(file, {}), { listen: true });
  return {
    gateway,
    folder,
    file,
    port: gateway.listeners[0]?.port ?? 0,
    plainPort: gateway.listeners[1]?.port ?? 0,
    apply: (changed: string) => {
      writeFileSync(file, changed + api);
      return gateway.apply(readConfig(file, {}), { listen: true });
    },
    [Symbol.asyncDispose]: () => gateway.close(),
  };
}

async function openTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  await within(once(socket, 'secureConnect'), 'a TLS connection');
  return socket;
}

/** The status of a request for a host on a connection of its own. */
async function statusFor(port: number, host: string, options: ConnectionOptions): Promise<number> {
  const socket = await openTls(port, options);
  try {
    return await statusOn(socket, host);
  } finally {
    socket.destroy();
  }
}

async function statusOn(socket: TLSSocket, host: string, target = '/'): Promise<number> {
  const client = new RawClient(socket);
  return (await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).answer()).status;
}

interface Mutual {
  readonly files: Readonly<Record<string, string>>;
  /** A client of the authority `ours`, and one of an authority that everybody trusts. */
  readonly good: ConnectionOptions;
  readonly known: ConnectionOptions;
}

const [ours, theirs, server] = await Promise.all([
  createAuthority('Ours'),
  createAuthority('Theirs'),
  createPair('server.test'),
]);

async function mutual(): Promise<Mutual> {
  const [good, known] = await Promise.all([createPair('client', ours), createPair('client', theirs)]);
  const options = ({ cert, key }: Pair): ConnectionOptions => ({ cert, key });
  const files = {
    'own.pem': server.cert,
    'own.key': server.key,
    'ours.pem': ours.cert,
    'theirs.pem': theirs.cert,
  };
  return { files, good: options(good), known: options(known) };
}

const listeners = `
listeners:
  - { port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key } }
  - { port: 0, host: localhost }
`;

// Where no authorities are given, Node checks against those that everybody trusts.
const before = getCACertificates('default');
setDefaultCACertificates([...before, theirs.cert]);
test.after(() => setDefaultCACertificates(before));

test('a certificate from an authority that everybody trusts does not stand for one of the authority that a domain names', async () => {
  const { files, good, known } = await mutual();
  const yaml = `${listeners}
groups:
  shop:
    domains:
      - { name: '*.pay.test', certificate: own.pem, key: own.key, clientCertificates: ours.pem }
      - { name: open.pay.test, certificate: own.pem, key: own.key }
      - other.test
`;
  await using running = await start(yaml, files);
  const { port, plainPort } = running;
  assert.equal(await statusFor(port, 'a.pay.test', { servername: 'a.pay.test', ...good }), 200);
  assert.equal(await statusFor(port, 'a.pay.test', { servername: 'a.pay.test', ...known }), 403);
  for (const servername of ['open.pay.test', 'other.test', undefined]) {
    const options = servername === undefined ? known : { servername, ...known };
    assert.equal(await statusFor(port, 'a.pay.test', options), 421, String(servername));
    assert.equal(await statusFor(port, 'open.pay.test', options), 200, String(servername));
  }
  // What a domain with a certificate of its own says holds for it alone, on a plain connection too.
  for (const [host, status] of [
    ['a.pay.test', 403],
    ['open.pay.test', 200],
  ] as const) {
    const plain = new RawClient(connectPlain(plainPort, 'localhost'));
    assert.equal(
      (await plain.send(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`).answer()).status,
      status,
    );
    plain.socket.destroy();
  }
});

test('a client that tells no name is not taken for one that was checked for every name', async () => {
  const { files, good, known } = await mutual();
  const yaml = `${listeners}
groups:
  shop:
    domains: [{ name: '*', certificate: own.pem, key: own.key, clientCertificates: ours.pem }]
`;
  await using running = await start(yaml, files);
  assert.equal(await statusFor(running.port, 'a.test', { servername: 'a.test', ...good }), 200);
  assert.equal(await statusFor(running.port, 'a.test', { servername: 'a.test', ...known }), 403);
  for (const host of ['a.test', '', '127.0.0.1', 'a.test.', '[::1]'])
    assert.equal(await statusFor(running.port, host, known), 421, host);
});

test('no way of writing a host gets around its client certificate', async () => {
  const { files, good } = await mutual();
  const yaml = `${listeners}
groups:
  shop: { domains: [{ name: pay.test, certificate: own.pem, key: own.key, clientCertificates: ours.pem }, open.test] }
`;
  await using running = await start(yaml, files);
  const served = async (host: string, target: string, options: ConnectionOptions): Promise<number> => {
    const socket = await openTls(running.port, options);
    const status = await statusOn(socket, host, target);
    socket.destroy();
    return status;
  };
  for (const host of ['PAY.test', 'pay.test:443', 'pay.test:', 'Pay.Test:99999'])
    assert.equal(await served(host, '/', { servername: 'open.test', ...good }), 421, host);
  for (const host of [
    'pay.test.',
    'pay.test..',
    'pay%2etest',
    'x@pay.test',
    'pay.test,open.test',
    'pay.test\t',
  ])
    assert.notEqual(await served(host, '/', { servername: 'open.test', ...good }), 200, host);
  for (const target of ['http://pay.test/', 'HTTPS://PAY.TEST:1/', 'https://pay.test?x'])
    assert.equal(await served('open.test', target, { servername: 'open.test', ...good }), 421, target);
  for (const target of [
    'http://open.test@pay.test/',
    'http://pay.test\\@open.test/',
    '//pay.test/',
    'pay.test/',
  ])
    assert.notEqual(await served('pay.test', target, { servername: 'open.test', ...good }), 200, target);
  const upgrade =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  assert.equal(await served(`pay.test\r\n${upgrade}`, '/', { servername: 'open.test', ...good }), 421);
  for (const servername of ['PAY.TEST', 'Pay.test'])
    assert.equal(await served('pay.test', '/', { servername, ...good }), 200, servername);
});

test('a handshake that begins before a reload is not taken for one under the new rules', async () => {
  const { files, known, good } = await mutual();
  const yaml = (ca: string): string => `
listeners: [{ port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key, clientCertificates: ${ca} } }]
groups: { shop: { domains: ['*'] } }
`;
  await using running = await start(yaml('theirs.pem'), files);
  assert.equal(await statusFor(running.port, 'a', known), 200);
  // The connection is there, and its handshake comes later.
  const plain = connectPlain(running.port, '127.0.0.1');
  await once(plain, 'connect');
  // Connections are accepted in order.
  assert.equal(await statusFor(running.port, 'a', known), 200);
  await running.apply(yaml('ours.pem'));
  const socket = connect({ socket: plain, rejectUnauthorized: false, ...known });
  socket.on('error', () => undefined);
  await within(once(socket, 'secureConnect'), 'a TLS connection');
  assert.equal(await statusOn(socket, 'a'), 421);
  socket.destroy();
  assert.equal(await statusFor(running.port, 'a', known), 403);
  assert.equal(await statusFor(running.port, 'a', good), 200);
});

test('files that are empty for a moment, or encrypted, are refused, and what was in force stays', async () => {
  const yaml = (key: string, certificate = 'own.pem'): string => `
listeners: [{ port: 0, host: 127.0.0.1, tls: { certificate: ${certificate}, key: ${key} } }]
groups: { shop: { domains: ['*'] } }
`;
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const { files } = await mutual();
  await using running = await start(yaml('own.key'), {
    ...files,
    'empty.pem': '\n',
    'encrypted.key': privateKey,
  });
  for (const [changed, expected] of [
    [yaml('empty.pem'), /listeners\[0\]\.tls\.certificate: .*the key is empty/],
    [yaml('own.key', 'empty.pem'), /the certificate is empty/],
    [yaml('empty.pem', 'empty.pem'), /the certificate is empty/],
    [yaml('encrypted.key'), /the key is encrypted; allowed: one without a passphrase/],
  ] as const) {
    await assert.rejects(running.apply(changed), expected);
    assert.equal(await statusFor(running.port, 'a', {}), 200);
  }
});

test('a configuration that cannot have its ports leaves the rules of the open ones as they were', async () => {
  const { files, known, good } = await mutual();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const yaml = (ca: string, more = ''): string => `
listeners:
  - { port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key, clientCertificates: ${ca} } }
${more}
groups: { shop: { domains: ['*'] } }
`;
  await using running = await start(yaml('ours.pem'), files);
  const other = `  - { port: ${(taken.address() as AddressInfo).port}, host: 127.0.0.1 }`;
  await assert.rejects(running.apply(yaml('theirs.pem', other)), /cannot listen/);
  taken.close();
  assert.equal(await statusFor(running.port, 'a', good), 200);
  assert.equal(await statusFor(running.port, 'a', known), 403);
});

test('of two configurations applied at once the later one is in force, whichever is built first', async () => {
  const { files, known, good } = await mutual();
  // A development certificate for new names takes a while to make.
  const slow = `
listeners: [{ port: 0, host: 127.0.0.1, tls: selfsigned }]
groups: { shop: { domains: [${Array.from({ length: 5 }, (_, index) => `n${index}.test`).join(', ')}] } }
`;
  const quick = `
listeners: [{ port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key, clientCertificates: ours.pem } }]
groups: { shop: { domains: ['*'] } }
`;
  await using running = await start(quick, files);
  await Promise.all([running.apply(slow), running.apply(quick)]);
  assert.equal(await statusFor(running.port, 'n1.test', known), 403);
  assert.equal(await statusFor(running.port, 'x.test', good), 200);
});
