import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Served, get, mock, newFolder, run, write } from './cli.ts';

/** Replaces a file at once, as editors and deployments do. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

test('start: serves, says where, and ends with 0 on SIGTERM and SIGINT', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const served = await Served.start(join(newFolder({ 'gateway.yaml': mock('hello') }), 'gateway.yaml'));
    assert.match(served.stdout, /^listening on http:\/\/127\.0\.0\.1:\d+\n$/);
    assert.deepEqual(await served.get('/'), { status: 200, body: 'hello' });
    assert.deepEqual(await served.end(signal), [0, null]);
    assert.deepEqual(
      served.log.map(({ msg }) => msg),
      ['stopping: requests in flight may finish'],
    );
  }
});

test('start: a request in flight is answered before the process ends; new connections are not taken', async () => {
  const waiting = Promise.withResolvers<ServerResponse>();
  const backend = createServer((_request: IncomingMessage, response) => waiting.resolve(response)).listen(
    0,
    '127.0.0.1',
  );
  await once(backend, 'listening');
  after(() => backend.close());
  const { port } = backend.address() as AddressInfo;
  const yaml = mock('x').replace(
    'type: mock, body: x',
    `type: http, address: "127.0.0.1:${port}", timeoutMs: 60000`,
  );
  const served = await Served.start(newFolder({ 'gateway.yaml': yaml }));
  const slow = served.get('/');
  const response = await waiting.promise;
  served.kill('SIGTERM');
  await served.logged('stopping');
  await assert.rejects(served.get('/'), /ECONNREFUSED|ECONNRESET/);
  response.end('late');
  assert.deepEqual(await slow, { status: 200, body: 'late' });
  assert.deepEqual(await served.end(), [0, null]);
});

test('start: a bad configuration, and a port that is taken, exit with 1 and say why', async () => {
  const folder = newFolder({ 'gateway.yaml': mock('x').replace('auth:', 'ath:') });
  const bad = await run(['start', '-c', folder]);
  assert.deepEqual([bad.code, bad.stdout], [1, '']);
  assert.match(bad.stderr, /unknown field; .*did you mean "auth"\?[^]*1 problem in the configuration/);

  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  write(folder, { 'gateway.yaml': mock('x').replace('port: 0', `port: ${port}`) });
  const busy = await run(['start', '-c', folder]);
  assert.deepEqual([busy.code, busy.stdout], [1, '']);
  assert.match(busy.stderr, /gateway\.yaml:1:21 listeners\[0\]\.port: cannot listen: .*EADDRINUSE/);
});

test('reload: written in place, replaced, broken, truncated, emptied, removed and mended', async () => {
  const file = join(newFolder({ 'gateway.yaml': mock('one') }), 'gateway.yaml');
  const served = await Served.start(file);
  await served.answers('/', '200 one');
  writeFileSync(file, mock('two'));
  await served.answers('/', '200 two');
  replace(file, mock('three'));
  await served.answers('/', '200 three');
  replace(file, mock('four'));
  await served.answers('/', '200 four');

  writeFileSync(file, mock('five').replace('auth:', 'ath:'));
  await served.logged('is refused');
  assert.deepEqual(await served.get('/'), { status: 200, body: 'four' });
  const [first] = served.refused;
  assert.match(String(first?.['problems']), /gateway\.yaml:7:5 apis\.g\/a\.ath: unknown field/);
  // The same problem again is no news: what counts it is the end of this test.
  // In one step: on a busy machine a file that is written in place may be seen while it is empty.
  replace(file, `${mock('five').replace('auth:', 'ath:')}# still\n`);

  const broken: [() => void, RegExp][] = [
    [() => truncateSync(file, 60), /./],
    [() => truncateSync(file, 0), /there is nothing in it/],
    [() => unlinkSync(file), /ENOENT/],
    [() => writeFileSync(file, 'groups: {{'), /not valid YAML/],
  ];
  for (const [breaks, expected] of broken) {
    const before = served.refused.length;
    breaks();
    await served.logged('is refused', before + 1);
    assert.match(String(served.refused.at(-1)?.['problems']), expected);
    assert.deepEqual(await served.get('/'), { status: 200, body: 'four' });
  }
  writeFileSync(file, mock('six'));
  await served.answers('/', '200 six');
  assert.equal(served.refused.length, 1 + broken.length, 'each problem is logged once');
  assert.deepEqual(await served.end('SIGTERM'), [0, null]);
});

test('reload: a listener is added and taken away; one that cannot be had refuses the change', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  after(() => taken.close());
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');

  const file = join(newFolder({ 'gateway.yaml': mock('one') }), 'gateway.yaml');
  const served = await Served.start(file);
  const withPort = (body: string, extra: number): string =>
    mock(body).replace('127.0.0.1 }]', `127.0.0.1 }, { port: ${extra}, host: 127.0.0.1 }]`);
  writeFileSync(file, withPort('two', (taken.address() as AddressInfo).port));
  await served.logged('is refused');
  assert.match(String(served.refused[0]?.['problems']), /listeners\[1\]\.port: cannot listen/);
  assert.deepEqual(await served.get('/'), { status: 200, body: 'one' });
  writeFileSync(file, withPort('three', port));
  await served.answers('/', '200 three');
  assert.deepEqual(await get(port, '/'), { status: 200, body: 'three' });
  writeFileSync(file, mock('four'));
  await served.answers('/', '200 four');
  await assert.rejects(get(port, '/'), /ECONNREFUSED|ECONNRESET/);
});

const api = (name: string, body: string): string =>
  `apis:\n  g/${name}:\n    request: { method: GET, path: /${name} }\n    auth: none\n    backend: { type: mock, body: ${body} }\n`;

test('reload: files come into a folder, into a folder in it, and go', async () => {
  const folder = newFolder({ 'gateway.yaml': mock('root') });
  const served = await Served.start(folder);
  await served.answers('/', '200 root');
  write(folder, { 'b.yaml': api('b', 'two') });
  await served.answers('/b', '200 two');
  mkdirSync(join(folder, 'more'));
  write(folder, { 'more/c.yaml': api('c', 'three') });
  await served.answers('/c', '200 three');
  write(folder, { 'more/c.yaml': api('c', 'four') });
  await served.answers('/c', '200 four');
  const before = served.refused.length;
  write(folder, { 'more/d.yaml': api('c', 'again') });
  await served.logged('is refused', before + 1);
  assert.match(
    String(served.refused.at(-1)?.['problems']),
    /more\/d\.yaml:2:3 apis\.g\/c: this is already defined at .*more\/c\.yaml:2:3/,
  );
  rmSync(join(folder, 'more'), { recursive: true });
  write(folder, { 'b.yaml': api('b', 'five') });
  await served.answers('/b', '200 five');
  assert.equal((await served.get('/c')).status, 404);
});

const extension = (text: string): string => `
import { definePlugin, reply } from 'tapgate/sdk';
import { words } from './words.ts';

export default definePlugin({
  name: 'says',
  summary: 'Says something.',
  bind: () => ({ preAuth: () => reply(200, {}, ${text}) }),
});
`;

test('reload: an extension changes, its helper file too, breaks, and is mended', async () => {
  const bound =
    'extensions: { says: { source: ../says } }\nplugins: { mine: { type: says } }\nbindings: [{ plugin: mine, apis: ["*"] }]\n';
  const folder = newFolder({
    'config/gateway.yaml': mock('mock', bound),
    'says/plugin.ts': extension("'one'"),
    'says/words.ts': "export const words = 'helper one';\n",
  });
  const served = await Served.start(join(folder, 'config'));
  await served.answers('/', '200 one');
  write(folder, { 'says/plugin.ts': extension('words') });
  await served.answers('/', '200 helper one');
  write(folder, { 'says/words.ts': "export const words = 'helper two';\n" });
  await served.answers('/', '200 helper two');
  write(folder, { 'says/words.ts': "export const words = '';\nthrow new Error('broken on purpose');\n" });
  await served.logged('is refused');
  assert.match(
    String(served.refused[0]?.['problems']),
    /extensions\.says\.source: the extension cannot be loaded: broken on purpose/,
  );
  assert.deepEqual(await served.get('/'), { status: 200, body: 'helper two' });
  replace(join(folder, 'says/words.ts'), "export const words = 'helper three';\n");
  await served.answers('/', '200 helper three');
  write(folder, { 'says/words.ts': "export const words = 'helper one';\n" });
  await served.answers('/', '200 helper one');
});

test('reload: an extension that was named before it could be loaded is picked up when it can', async () => {
  const folder = newFolder({
    'config/gateway.yaml': mock('mock'),
    'says/plugin.ts': 'nonsense(',
    'says/words.ts': 'export const words = "";\n',
  });
  const served = await Served.start(join(folder, 'config'));
  const bound =
    'extensions: { says: { source: ../says } }\nplugins: { mine: { type: says } }\nbindings: [{ plugin: mine, apis: ["*"] }]\n';
  write(folder, { 'config/gateway.yaml': mock('mock', bound) });
  await served.logged('is refused');
  write(folder, { 'says/plugin.ts': extension("'mended'") });
  await served.answers('/', '200 mended');
});

test('reload: a secret file changes, is replaced, and is never logged', async () => {
  const folder = newFolder({
    'gateway.yaml': mock('"${file:secrets/word}"'),
    'secrets/word': 'hunter-one\n',
  });
  const served = await Served.start(join(folder, 'gateway.yaml'));
  await served.answers('/', '200 hunter-one');
  write(folder, { 'secrets/word': 'hunter-two\n' });
  await served.answers('/', '200 hunter-two');
  replace(join(folder, 'secrets/word'), 'hunter-three');
  await served.answers('/', '200 hunter-three');
  unlinkSync(join(folder, 'secrets/word'));
  await served.logged('is refused');
  assert.deepEqual(await served.get('/'), { status: 200, body: 'hunter-three' });
  write(folder, { 'secrets/word': 'hunter-four' });
  await served.answers('/', '200 hunter-four');
  assert.doesNotMatch(JSON.stringify(served.log), /hunter/);
});

/** Puts another version in the place of a link at once, as Kubernetes does with a ConfigMap. */
function swap(folder: string, version: string, text: string): void {
  write(folder, { [`..${version}/gateway.yaml`]: text });
  symlinkSync(`..${version}`, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

test('reload: a ConfigMap is swapped under its links, named by folder or by file', async () => {
  for (const name of ['', 'gateway.yaml']) {
    const folder = newFolder();
    swap(folder, 'v1', mock('one'));
    symlinkSync('..data/gateway.yaml', join(folder, 'gateway.yaml'));
    const served = await Served.start(join(folder, name));
    await served.answers('/', '200 one');
    for (const version of ['two', 'three', 'four']) {
      swap(folder, version, mock(version));
      await served.answers('/', `200 ${version}`);
    }
    rmSync(join(folder, '..v1'), { recursive: true });
    swap(folder, 'five', mock('five'));
    await served.answers('/', '200 five');
    await served.end('SIGTERM');
  }
});

test("reload: the configuration's folder is a link to a release, and is swapped whole", async () => {
  const folder = newFolder({ 'r1/gateway.yaml': mock('one'), 'r2/gateway.yaml': mock('two') });
  const link = (release: string): void => {
    symlinkSync(release, join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, 'current'));
  };
  link('r1');
  const served = await Served.start(join(folder, 'current'));
  await served.answers('/', '200 one');
  link('r2');
  await served.answers('/', '200 two');
  write(folder, { 'r2/gateway.yaml': mock('three') });
  await served.answers('/', '200 three');
});

test('reload: a folder that something else writes to all the time does not keep changes from being seen', async () => {
  const folder = newFolder({ 'gateway.yaml': mock('one') });
  const served = await Served.start(folder);
  const noise = setInterval(() => writeFileSync(join(folder, 'noise.log'), String(Math.random())), 5);
  after(() => clearInterval(noise));
  try {
    write(folder, { 'gateway.yaml': mock('two') });
    await served.answers('/', '200 two');
  } finally {
    clearInterval(noise);
  }
});

test('start: a promise that a plugin does not wait for ends no process', async () => {
  const folder = newFolder({
    'careless/plugin.ts': `import { definePlugin } from 'tapgate/sdk';
export default definePlugin({
  name: 'careless',
  summary: 'Reads and does not wait.',
  bind: () => ({
    preAuth(exchange) {
      void exchange.readBody();
      void Promise.reject(new Error('nobody waits'));
      return undefined;
    },
  }),
});
`,
    'gateway.yaml': mock(
      'still here',
      'extensions: { careless: { source: ./careless } }\nplugins: { mine: { type: careless } }\nbindings: [{ plugin: mine, apis: ["*"] }]',
    ),
  });
  const served = await Served.start(folder);
  const socket = connect({ port: served.port, host: '127.0.0.1' });
  socket.write('GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nabc');
  await once(socket, 'data');
  socket.destroy();
  await served.logged('nobody waits for', 2);
  assert.deepEqual(await served.get('/'), { status: 200, body: 'still here' });
  assert.deepEqual(await served.end('SIGTERM'), [0, null]);
});
