import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import path from 'node:path';
import { type ConnectionOptions, type TLSSocket, connect } from 'node:tls';
import { test } from 'node:test';
import { readConfig } from '../../core/config/read.ts';
import { ConfigError } from '../../core/config/problems.ts';
import { watchConfig } from '../../core/config/watch.ts';
import { Gateway } from '../../core/gateway.ts';
import { type Pair, createAuthority, createPair, writeFiles } from './support/certificates.ts';
import { Http2Client } from './support/http2-client.ts';
import { RawClient } from './support/raw-client.ts';
import { pause, within } from './support/within.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

const api = `
apis:
  shop/all:
    request: { method: ANY, path: /, match: prefix }
    auth: none
    backend: { type: mock, body: hello }
`;

/** A gateway that listens as a file on disk says; `port` is that of its first listener. */
async function start(yaml: string, files: Readonly<Record<string, string>> = {}) {
  const folder = writeFiles({ ...files, 'gateway.yaml': yaml + api });
  const file = path.join(folder, 'gateway.yaml');
  const gateway = new Gateway({ log: silent });
  await gateway.apply(readConfig(file, {}), { listen: true });
  return {
    gateway,
    folder,
    file,
    port: gateway.listeners[0]?.port ?? 0,
    apply: (changed: string) => {
      writeFileSync(file, changed + api);
      return gateway.apply(readConfig(file, {}), { listen: true });
    },
    [Symbol.asyncDispose]: () => gateway.close(),
  };
}

async function problemsOf(yaml: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  try {
    await (await start(yaml, files)).gateway.close();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  throw new Error('the configuration was accepted');
}

async function openTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  await within(
    Promise.race([
      once(socket, 'secureConnect'),
      once(socket, 'close').then(() => Promise.reject(new Error('closed'))),
    ]),
    'a TLS connection',
  );
  return socket;
}

async function subjectFor(port: number, servername?: string): Promise<string> {
  const socket = await openTls(port, servername === undefined ? {} : { servername });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

/** The status of a request for a host on a TLS connection of its own. */
async function statusFor(port: number, host: string, options: ConnectionOptions = {}): Promise<number> {
  const socket = await openTls(port, { servername: host, ...options });
  try {
    return await statusOn(new RawClient(socket), host);
  } finally {
    socket.destroy();
  }
}

async function statusOn(client: RawClient, host: string): Promise<number> {
  return (await client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).answer()).status;
}

const listener = 'listeners: [{ port: 0, host: 127.0.0.1, tls: selfsigned }]\n';
const anyDomain = "groups: { shop: { domains: ['*'] } }\n";

test('tls: selfsigned speaks HTTP/1.1 and HTTP/2, as the client asks', async () => {
  await using running = await start(listener + anyDomain);
  for (const [offered, agreed] of [
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [undefined, false],
  ] as const) {
    const socket = await openTls(running.port, offered === undefined ? {} : { ALPNProtocols: [...offered] });
    assert.equal(socket.alpnProtocol, agreed);
    socket.destroy();
  }
  assert.equal(await statusFor(running.port, 'a'), 200);
  await using client = await Http2Client.open(running.port);
  assert.equal((await client.request()).body.toString(), 'hello');
});

test('the development certificate is good for the domains, and a reload keeps it', async () => {
  const yaml = `${listener}groups: { shop: { domains: [api.shop.test, '*.wild.test'], subdomain: abc.debug.test } }\n`;
  await using running = await start(yaml);
  const certificate = async (): Promise<string> => {
    const socket = await openTls(running.port);
    const found = socket.getPeerX509Certificate();
    socket.destroy();
    for (const name of ['api.shop.test', 'x.wild.test', 'abc.debug.test', 'localhost'])
      assert.equal(found?.checkHost(name) !== undefined, true, name);
    assert.equal(found?.checkIP('127.0.0.1'), '127.0.0.1');
    return found.fingerprint256;
  };
  const before = await certificate();
  await running.apply(`${yaml}environments: { TEST: {} }\n`);
  assert.equal(await certificate(), before);
});

test('each domain shows its own certificate, others that of the listener', async () => {
  const pairs = await Promise.all(
    ['default.test', 'api.shop.test', 'any.wild.test'].map((name) => createPair(name)),
  );
  const [own, exact, wild] = pairs as [Pair, Pair, Pair];
  const files = {
    'own.pem': own.cert,
    'own.key': own.key,
    'exact.pem': exact.cert,
    'exact.key': exact.key,
    'wild.pem': wild.cert,
    'wild.key': wild.key,
  };
  const yaml = `
listeners: [{ port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key } }]
groups:
  shop:
    domains:
      - { name: API.shop.test, certificate: exact.pem, key: exact.key }
      - { name: '*.wild.test', certificate: wild.pem, key: wild.key }
      - other.test
`;
  await using running = await start(yaml, files);
  for (const [name, subject] of [
    ['api.shop.test', 'api.shop.test'],
    ['a.wild.test', 'any.wild.test'],
    ['a.b.wild.test', 'any.wild.test'],
    ['wild.test', 'default.test'],
    ['other.test', 'default.test'],
    [undefined, 'default.test'],
  ] as const) {
    assert.equal(await subjectFor(running.port, name), subject, String(name));
  }
});

test('a certificate that is replaced on disk is shown to new connections, and no connection is dropped', async () => {
  const [first, second] = await Promise.all([createPair('first.test'), createPair('second.test')]);
  const yaml = `
listeners: [{ port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key } }]
groups: { shop: { domains: [{ name: api.shop.test, certificate: own.pem, key: own.key }, a] } }
`;
  await using running = await start(yaml, { 'own.pem': first.cert, 'own.key': first.key });
  const watcher = watchConfig(running.file, running.gateway, silent);
  try {
    const kept = new RawClient(await openTls(running.port));
    await using client = await Http2Client.open(running.port);
    assert.equal(await statusOn(kept, 'a'), 200);
    // Half of a change is no pair, and refused.
    writeFileSync(path.join(running.folder, 'own.pem'), second.cert);
    writeFileSync(path.join(running.folder, 'own.key'), second.key);
    const isRenewed = async (): Promise<void> => {
      while ((await subjectFor(running.port)) !== 'second.test') await pause(5);
    };
    await within(isRenewed(), 'the new certificate');
    assert.equal(await subjectFor(running.port, 'api.shop.test'), 'second.test');
    assert.equal(await statusOn(kept, 'a'), 200);
    assert.equal((await client.request()).status, 200);
    kept.socket.destroy();
  } finally {
    watcher.close();
  }
});

test('what is wrong with certificates is told with file and line, and never shows a key', async () => {
  const [one, two] = await Promise.all([createPair('one.test'), createPair('two.test')]);
  const files = { 'one.pem': one.cert, 'one.key': one.key, 'two.key': two.key, 'text.pem': 'nothing\n' };
  const domain = (fields: string): string => `${listener}groups:\n  shop:\n    domains:\n      - ${fields}\n`;
  for (const [yaml, expected] of [
    [
      `listeners:\n  - { port: 0, tls: { certificate: one.pem, key: two.key } }\n${anyDomain}`,
      /gateway\.yaml:2:\d+ listeners\[0\]\.tls\.certificate: .*the key is not that of the certificate/,
    ],
    [
      `listeners:\n  - { port: 0, tls: { certificate: none.pem, key: one.key } }\n${anyDomain}`,
      /gateway\.yaml:2:\d+ listeners\[0\]\.tls\.certificate: the file \S+none\.pem cannot be read: no such file/,
    ],
    [
      `listeners:\n  - { port: 0, tls: self-signed }\n${anyDomain}`,
      /gateway\.yaml:2:\d+ listeners\[0\]\.tls: found "self-signed"; allowed: selfsigned; did you mean/,
    ],
    [
      `listeners:\n  - { port: 0, tls: { certificate: one.pem, key: one.key, minVersion: '1.1' } }\n${anyDomain}`,
      /listeners\[0\]\.tls\.minVersion: found "1\.1"; allowed: 1\.2, 1\.3/,
    ],
    [
      domain('{ name: a, certificate: one.pem }'),
      /gateway\.yaml:5:\d+ groups\.shop\.domains\[0\]: "key" is missing/,
    ],
    [domain('{ name: a, clientCertificates: one.pem }'), /domains\[0\]: "certificate" is missing/],
    [
      domain('{ name: a, certificat: one.pem }'),
      /domains\[0\]\.certificat: unknown field; .*did you mean "certificate"/,
    ],
    [
      domain('{ name: a, certificate: text.pem, key: one.key }'),
      /domains\[0\]\.certificate: this certificate and key/,
    ],
    [
      domain('{ name: a, certificate: one.pem, key: one.key, clientCertificates: one.pem }'),
      /domains\[0\]\.clientCertificates: one\.pem cannot be used: its first certificate is not that of an authority/,
    ],
    [
      `${listener}groups:\n  shop:\n    domains: [a, b, c, d, e, f]\n`,
      /gateway\.yaml:4:\d+ groups\.shop\.domains: found a list of 6; allowed: a list of at most 5/,
    ],
    [
      domain('{ name: a }\n      - A'),
      /gateway\.yaml:6:\d+ groups\.shop\.domains\[1\]: "A" belongs to the group "shop"/,
    ],
  ] as const) {
    const text = await problemsOf(yaml, files);
    assert.match(text, expected);
    assert.doesNotMatch(text, /PRIVATE|BEGIN/);
  }
});

test('minVersion 1.3 refuses a client that speaks 1.2 only, on the certificates of domains too', async () => {
  const pair = await createPair('a.test');
  const yaml = (version: string): string => `
listeners: [{ port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key, minVersion: '${version}' } }]
groups: { shop: { domains: [{ name: a.test, certificate: own.pem, key: own.key }, b.test] } }
`;
  await using running = await start(yaml('1.3'), { 'own.pem': pair.cert, 'own.key': pair.key });
  for (const servername of ['a.test', 'b.test']) {
    await assert.rejects(openTls(running.port, { servername, maxVersion: 'TLSv1.2' }), servername);
    assert.equal(await statusFor(running.port, servername), 200);
  }
  await running.apply(yaml('1.2'));
  assert.equal(await statusFor(running.port, 'a.test', { maxVersion: 'TLSv1.2' }), 200);
  assert.equal(await statusFor(running.port, 'b.test', { maxVersion: 'TLSv1.2' }), 200);
});

test('plain HTTP, garbage and silence on a TLS port end the connection and nothing else', async () => {
  await using running = await start(`${listener}limits: { headersTimeoutMs: 300 }\n${anyDomain}`);
  for (const bytes of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\xff\xff\xff\xff', '']) {
    const socket = connectPlain(running.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('data', (data) => assert.doesNotMatch(data.toString('latin1'), /HTTP/));
    if (bytes !== '') socket.write(bytes, 'latin1');
    await within(once(socket, 'close'), 'the end of the connection');
  }
  assert.equal(await statusFor(running.port, 'a'), 200);
});

test('a port that is open cannot change between HTTP and HTTPS; what was in force stays', async () => {
  await using running = await start(listener + anyDomain);
  const plain = 'listeners:\n  - { port: 0, host: 127.0.0.1 }\n';
  await assert.rejects(
    running.apply(plain + anyDomain),
    /listeners\[0\]\.port: an open port cannot change between/,
  );
  assert.equal(await statusFor(running.port, 'a'), 200);
});

interface Mutual {
  readonly files: Readonly<Record<string, string>>;
  readonly good: ConnectionOptions;
  readonly alien: ConnectionOptions;
}

async function mutual(): Promise<Mutual> {
  const [ours, theirs, server] = await Promise.all([
    createAuthority('Ours'),
    createAuthority('Theirs'),
    createPair('server.test'),
  ]);
  const [good, alien] = await Promise.all([createPair('client', ours), createPair('client', theirs)]);
  return {
    files: {
      'own.pem': server.cert,
      'own.key': server.key,
      'ours.pem': ours.cert,
      'theirs.pem': theirs.cert,
    },
    good: { cert: good.cert, key: good.key },
    alien: { cert: alien.cert, key: alien.key },
  };
}

const guarded = (ca: string): string => `
listeners:
  - { port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key } }
  - { port: 0, host: localhost }
groups:
  shop:
    domains:
      - { name: pay.test, certificate: own.pem, key: own.key, clientCertificates: ${ca} }
      - open.test
`;

test('a domain with client certificates is served to clients that show one of its authorities', async () => {
  const { files, good, alien } = await mutual();
  await using running = await start(guarded('ours.pem'), files);
  assert.equal(await statusFor(running.port, 'pay.test', good), 200);
  assert.equal(await statusFor(running.port, 'pay.test', alien), 403);
  assert.equal(await statusFor(running.port, 'pay.test'), 403);
  assert.equal(await statusFor(running.port, 'open.test'), 200);
  for (const [options, status] of [
    [good, 200],
    [alien, 403],
  ] as const) {
    await using client = await Http2Client.open(running.port, { servername: 'pay.test', ...options });
    assert.equal((await client.request({ ':authority': 'pay.test' })).status, status);
  }
});

test('a connection for another domain, a plain one, or a resumed one does not get around the client certificate', async () => {
  const { files, good } = await mutual();
  await using running = await start(guarded('ours.pem'), files);
  assert.equal(
    await statusOn(
      new RawClient(await openTls(running.port, { servername: 'open.test', ...good })),
      'pay.test',
    ),
    421,
  );
  assert.equal(await statusOn(new RawClient(await openTls(running.port)), 'pay.test'), 421);
  await using client = await Http2Client.open(running.port, { servername: 'open.test', ...good });
  assert.equal((await client.request({ ':authority': 'pay.test' })).status, 421);
  assert.equal((await client.request({ ':authority': 'open.test' })).status, 200);
  const plain = connectPlain(running.gateway.listeners[1]?.port ?? 0, 'localhost');
  assert.equal(await statusOn(new RawClient(plain), 'pay.test'), 403);
  plain.destroy();
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await openTls(running.port, { servername: 'pay.test', maxVersion });
    let session = first.getSession();
    first.on('session', (later) => {
      session = later;
    });
    assert.equal(await statusOn(new RawClient(first), 'pay.test'), 403);
    first.destroy();
    const again = await openTls(running.port, { servername: 'pay.test', maxVersion, session });
    assert.equal(
      await statusOn(new RawClient(again), 'pay.test'),
      403,
      `${maxVersion}, resumed: ${again.isSessionReused()}`,
    );
    again.destroy();
  }
});

test('a connection that was made before the authorities changed has to be made again', async () => {
  const { files, good, alien } = await mutual();
  await using running = await start(guarded('ours.pem'), files);
  const kept = new RawClient(await openTls(running.port, { servername: 'pay.test', ...good }));
  assert.equal(await statusOn(kept, 'pay.test'), 200);
  await running.apply(guarded('theirs.pem'));
  assert.equal(await statusOn(kept, 'pay.test'), 421);
  assert.equal(await statusFor(running.port, 'pay.test', good), 403);
  assert.equal(await statusFor(running.port, 'pay.test', alien), 200);
});

test('a listener with client certificates requires them for every domain, from the reload on that says so', async () => {
  const { files, good } = await mutual();
  const yaml = (more: string): string =>
    `listeners: [{ port: 0, host: 127.0.0.1, tls: { certificate: own.pem, key: own.key${more} } }]\n${anyDomain}`;
  await using running = await start(yaml(''), files);
  const kept = new RawClient(await openTls(running.port, { servername: 'a' }));
  assert.equal(await statusOn(kept, 'a'), 200);
  await running.apply(yaml(', clientCertificates: ours.pem'));
  assert.equal(await statusFor(running.port, 'a'), 403);
  assert.equal(await statusFor(running.port, 'a', good), 200);
  assert.equal(await statusOn(kept, 'a'), 421);
});
