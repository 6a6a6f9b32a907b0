import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { definePlugin, refuse } from '#sdk';
import { VirtualClock, testGateway } from '#sdk/testing';

const folder = mkdtempSync(join(tmpdir(), 'tapgate-access-log-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = (): string => {
  files += 1;
  return join(folder, 'made', 'on', 'demand', `${files}.jsonl`);
};

type Line = Record<string, unknown>;

/** The lines of a log once there are that many; the log is written behind the requests. */
async function linesOf(file: string, count: number): Promise<Line[]> {
  for (const deadline = Date.now() + 10_000; ; await new Promise((resolve) => setImmediate(resolve))) {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    if (lines.length >= count || Date.now() > deadline) {
      assert.equal(lines.length, count);
      return lines.map((line) => JSON.parse(line) as Line);
    }
  }
}

const api = (path: string, backend: object = { type: 'mock', body: 'four' }) => ({
  request: { method: 'ANY', path },
  environments: ['RELEASE', 'TEST'],
  auth: 'none',
  backend,
});

const base = {
  environments: { TEST: {} },
  groups: { g: { domains: ['g'] } },
  apis: { 'g/a': api('/a'), 'g/b': api('/b', { type: 'http', address: 'http://backend' }) },
};

test('a line says what happened to a request', async () => {
  const file = newFile();
  const clock = new VirtualClock(Date.UTC(2024, 1, 29, 12));
  const gateway = await testGateway({ config: { ...base, accessLog: { file } }, clock });
  const answer = await gateway.request('POST', 'http://g/b?token=secret', {
    body: '12345',
    clientAddress: '198.51.100.7',
  });
  const [line] = await linesOf(file, 1);
  assert.ok(line);
  const { durationMs, backendMs, bytesSent, ...rest } = line;
  assert.ok(typeof durationMs === 'number' && typeof backendMs === 'number' && durationMs >= backendMs);
  assert.equal(bytesSent, answer.body.length);
  assert.deepEqual(rest, {
    time: '2024-02-29T12:00:00.000Z',
    requestId: answer.headers.get('x-request-id'),
    client: '198.51.100.7',
    method: 'POST',
    scheme: 'http',
    host: 'g',
    path: '/b',
    status: 200,
    outcome: 'answered',
    bytesReceived: 5,
    api: 'g/b',
    environment: 'RELEASE',
  });
  assert.doesNotMatch(readFileSync(file, 'utf8'), /secret/);
});

test("a request that found no API is told too, with the clock's time and the refusal", async () => {
  const file = newFile();
  const clock = new VirtualClock(0);
  const gateway = await testGateway({ config: { ...base, accessLog: { file } }, clock });
  await gateway.request('GET', 'http://nobody/');
  const [line] = await linesOf(file, 1);
  const { time, status, refusal, api: name } = line ?? {};
  assert.deepEqual([time, status, refusal, name], ['1970-01-01T00:00:00.000Z', 404, 'not-found', undefined]);
});

test('chosen fields are told, credentials never', async () => {
  const file = newFile();
  const headers = [
    'User-Agent',
    'Authorization',
    'cookie',
    'X-Apig-AppCode',
    'X-Ca-Signature',
    'X-Auth-Token',
    'absent',
  ];
  const gateway = await testGateway({ config: { ...base, accessLog: { file, headers } } });
  const secrets = Object.fromEntries(headers.slice(1, -1).map((name) => [name, `secret-${name}`]));
  await gateway.request('GET', 'http://g/a', {
    headers: { 'user-agent': ['one', 'two'], 'x-other': 'other', ...secrets },
  });
  const [line] = await linesOf(file, 1);
  const told = Object.fromEntries(Object.entries(line ?? {}).filter(([name]) => name.startsWith('header.')));
  assert.deepEqual(told, {
    'header.user-agent': 'one, two',
    'header.authorization': '[redacted]',
    'header.cookie': '[redacted]',
    'header.x-apig-appcode': '[redacted]',
    'header.x-ca-signature': '[redacted]',
    'header.x-auth-token': '[redacted]',
  });
  assert.doesNotMatch(readFileSync(file, 'utf8'), /secret-|other/);
});

test('what a caller sends cannot forge a line', async () => {
  const file = newFile();
  const gateway = await testGateway({ config: { ...base, accessLog: { file, headers: ['x-a'] } } });
  await gateway.request('GET', 'http://g/a"}{"b', { headers: { 'x-a': '"}\t{"status":200,' } });
  const [line] = await linesOf(file, 1);
  assert.deepEqual([line?.['path'], line?.['header.x-a']], ['/a"}{"b', '"}\t{"status":200,']);
});

test('a line is what JSON.stringify makes of what it says, whatever stands in it', async () => {
  const file = newFile();
  const texts = [
    'plain',
    'quo"te',
    'back\\slash',
    '\u0000\u001f\n',
    '\u007f\u0080ÿ',
    'ключ',
    '\ud83d\ude00',
    '\ud800',
    '\udc00x',
  ];
  const gateway = await testGateway({
    config: {
      ...base,
      accessLog: { file },
      bindings: [{ plugin: 'odd', apis: ['g/a'] }],
      plugins: { odd: { type: 'odd' } },
    },
    plugins: [
      definePlugin({
        name: 'odd',
        summary: 'Refuses callers with odd names for odd reasons.',
        bind: () => ({
          preAuth(exchange) {
            const id = texts[Number(exchange.query.get('n'))] ?? '';
            exchange.identity = { type: 'odd', id };
            // As a plugin without types may.
            Object.assign(exchange, { scheme: id });
            return refuse('access-denied', { cause: id });
          },
        }),
      }),
    ],
  });
  for (const [index] of texts.entries()) await gateway.request('GET', `http://g/a?n=${index}`);
  const lines = await linesOf(file, texts.length);
  assert.deepEqual(
    lines.map(({ identity, cause, scheme }) => [identity, cause, scheme]),
    texts.map((text) => [text, text, text]),
  );
  const written = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  assert.deepEqual(
    written,
    lines.map((line) => JSON.stringify(line)),
  );
});

test('the time of a line has its milliseconds, within a second and behind it', async () => {
  const file = newFile();
  const clock = new VirtualClock(Date.UTC(2024, 11, 31, 23, 59, 58, 7));
  const gateway = await testGateway({ config: { ...base, accessLog: { file } }, clock });
  const times: string[] = [];
  for (const step of [0, 1, 92, 899, 1, 999, 1]) {
    clock.advance(step);
    times.push(new Date(clock.now()).toISOString());
    await gateway.request('GET', 'http://g/a');
  }
  assert.deepEqual(
    (await linesOf(file, times.length)).map(({ time }) => time),
    times,
  );
  assert.equal(times.at(-1), '2025-01-01T00:00:00.000Z');
});

const bound = (files: readonly string[], bindings: readonly object[]) => ({
  ...base,
  plugins: Object.fromEntries(
    files.map((file, index) => [`log-${index}`, { type: 'access-log', config: { file } }]),
  ),
  bindings,
});

test('two bindings may share a file; what is bound is left out of the common log', async () => {
  const [own, common] = [newFile(), newFile()];
  const config = bound(
    [own, own],
    [
      { plugin: 'log-0', apis: ['g/a'] },
      { plugin: 'log-1', apis: ['g/b'] },
    ],
  );
  const gateway = await testGateway({ config: { ...config, accessLog: { file: common } } });
  await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      gateway.request('GET', `http://g/${index % 2 === 0 ? 'a' : 'b'}`),
    ),
  );
  await gateway.request('GET', 'http://g/none');
  const lines = await linesOf(own, 200);
  assert.equal(lines.filter((line) => line['api'] === 'g/a').length, 100);
  assert.deepEqual(
    (await linesOf(common, 1)).map((line) => line['path']),
    ['/none'],
  );
});

test('a binding for one environment leaves the others in the common log', async () => {
  const [own, common] = [newFile(), newFile()];
  const config = bound([own], [{ plugin: 'log-0', apis: ['g/a'], environments: ['TEST'] }]);
  const gateway = await testGateway({ config: { ...config, accessLog: { file: common } } });
  await gateway.request('GET', 'http://g/a');
  await gateway.request('GET', 'http://g/a', { headers: { 'x-stage': 'TEST' } });
  assert.deepEqual(
    (await linesOf(own, 1)).map((line) => line['environment']),
    ['TEST'],
  );
  assert.deepEqual(
    (await linesOf(common, 1)).map((line) => line['environment']),
    ['RELEASE'],
  );
});

test('no line is lost or torn over reloads, with and without a change of file', async () => {
  const [first, second] = [newFile(), newFile()];
  const configFor = (file: string) => ({ ...base, accessLog: { file } });
  const gateway = await testGateway({ config: configFor(first) });
  for (let count = 0; count < 20; count += 1) {
    await gateway.request('GET', 'http://g/a');
    await gateway.reload(configFor(first));
  }
  await gateway.reload(configFor(second));
  await gateway.request('GET', 'http://g/a');
  await gateway.reload(configFor(first));
  await gateway.request('GET', 'http://g/a');
  await gateway.close();
  assert.equal((await linesOf(first, 21)).length, 21);
  assert.equal((await linesOf(second, 1)).length, 1);
});

test('a file that cannot be written refuses the configuration, and the one in force goes on', async () => {
  const file = newFile();
  const gateway = await testGateway({ config: { ...base, accessLog: { file } } });
  await gateway.request('GET', 'http://g/a');
  await linesOf(file, 1);
  const inside = join(file, 'log');
  await assert.rejects(
    gateway.reload({ ...base, accessLog: { file: inside } }),
    /accessLog\.file: the file cannot be written/,
  );
  const config = bound([inside], [{ plugin: 'log-0', apis: ['*'] }]);
  await assert.rejects(gateway.reload(config), /plugins\.log-0\.config\.file: the file cannot be written/);
  await gateway.request('GET', 'http://g/a');
  await linesOf(file, 2);
});

test('nothing is made before there is a line to write', async () => {
  const file = newFile();
  const gateway = await testGateway({ config: { accessLog: { file } } });
  assert.equal(existsSync(file), false);
  await gateway.request('GET', '/nothing');
  assert.equal((await linesOf(file, 1)).length, 1);
  await gateway.close();
});

test('a folder that cannot be made is told in the log, and requests go on', async () => {
  const gateway = await testGateway({ config: { accessLog: { file: '/proc/tapgate/access.jsonl' } } });
  assert.equal((await gateway.request('GET', '/nothing')).status, 404);
  assert.ok(gateway.log.some(({ message }) => message === 'cannot write the access log'));
  await gateway.close();
});
