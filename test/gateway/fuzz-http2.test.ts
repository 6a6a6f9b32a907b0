import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { Http2Client } from './support/http2-client.ts';
import { generator } from './support/random.ts';
import { RawHttp2, endHeaders, endStream, fields, frame, types, uint32 } from './support/raw-http2.ts';
import { until } from './support/within.ts';

type Pair = [name: string, value: string];

const usual: readonly Pair[] = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':path', '/path?query=1'],
  [':authority', 'fuzz.example'],
  ['x-marker', 'here'],
];
const names = [
  ':method',
  ':path',
  ':authority',
  ':scheme',
  ':status',
  ':protocol',
  ':x',
  '',
  ' ',
  'X-Upper',
  'x y',
  'x\r\ny',
  'x\0',
  'x:y',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'te',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
  'expect',
  'cookie',
  'via',
  'trailer',
  'authorization',
  'x-forwarded-host',
  'x-forwarded-for',
  'constructor',
  '__proto__',
  'x-\xff',
  'x-apig-appcode',
];
const values = [
  '',
  ' ',
  'a',
  'a\r\nx: y',
  'a\n',
  '\0',
  '\x7f',
  '\xff',
  '\t',
  ' a ',
  'chunked',
  'trailers',
  'close',
  '*',
  '/',
  '/a b',
  '/a\r\nHost: x',
  '/#',
  '/\xff',
  '//evil.example/',
  'http://evil.example/x',
  'GET',
  'get',
  'G T',
  'CONNECT',
  'OPTIONS',
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'evil.example',
  'evil.example:99999',
  'a@b',
  '[::1]',
  'a,b',
  '%',
  '0',
  '5',
  '6',
  '-1',
  '+5',
  '5, 5',
  '0x5',
  '18446744073709551616',
  '100-continue',
  '200-ok',
  'x'.repeat(300),
  'SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=b',
  'https',
  'ftp',
];

/** The head of a request with something wrong about it, perhaps. */
function mutate(random: (below: number) => number): Pair[] {
  const pairs = usual.map(([name, value]): Pair => [name, value]);
  for (let count = 1 + random(3); count > 0; count -= 1) {
    const at = random(pairs.length + 1);
    const name = names[random(names.length)] ?? '';
    const value = values[random(values.length)] ?? '';
    const pair = pairs[at];
    const change = pair === undefined ? 0 : random(5);
    if (pair === undefined || change === 0) pairs.splice(at, 0, [name, value]);
    else if (change === 1) pairs.splice(at, 1);
    else if (change === 2) pairs.push([pair[0], value]);
    else if (change === 3) pair[0] = name;
    else pair[1] = value;
  }
  return pairs;
}

/** The frames of one request: the head in one or more pieces, then content that may not be what the head says. */
function framesOf(pairs: readonly Pair[], random: (below: number) => number): Buffer[] {
  const block = fields(pairs);
  const isBare = random(3) === 0;
  const cut = random(4) === 0 ? random(block.length) : block.length;
  const frames = [
    frame(
      types.headers,
      (isBare ? endStream : 0) | (cut === block.length ? endHeaders : 0),
      1,
      block.subarray(0, cut),
    ),
  ];
  if (cut < block.length) frames.push(frame(types.continuation, endHeaders, 1, block.subarray(cut)));
  if (isBare) return frames;
  const content = Buffer.from('hello world GET / HTTP/1.1').subarray(0, random(3) === 0 ? 5 : random(20));
  frames.push(frame(types.data, random(4) === 0 ? 0 : endStream, 1, content));
  if (random(6) === 0) frames.push(frame(types.reset, 0, 1, uint32(random(14))));
  if (random(6) === 0)
    frames.push(
      frame(
        types.headers,
        endHeaders | endStream,
        1,
        fields([
          ['x-t', 'a'],
          ['host', 'b'],
        ]),
      ),
    );
  if (random(10) === 0)
    frames.push(Buffer.from(String.fromCharCode(random(256)).repeat(random(30)), 'latin1'));
  return frames;
}

test('mutated HTTP/2 requests end, and the backend gets nothing ambiguous', async () => {
  const problems: string[] = [];
  await using backend = await streamBackend((request, response) => {
    const { rawHeaders, method = '', url = '' } = request;
    const sent = rawHeaders.filter((_each, index) => index % 2 === 0).map((name) => name.toLowerCase());
    const count = (name: string): number => sent.filter((each) => each === name).length;
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method) || !url.startsWith('/'))
      problems.push(`${method} ${url}`);
    if (count('host') !== 1 || count('via') < 1 || count('x-forwarded-host') > 1) problems.push(sent.join());
    if (count('content-length') + count('transfer-encoding') > 1) problems.push(sent.join());
    for (const name of ['expect', 'upgrade', 'te', 'http2-settings', 'proxy-connection', 'keep-alive'])
      if (sent.includes(name)) problems.push(sent.join());
    if (sent.some((name) => !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))) problems.push(sent.join());
    for (const value of rawHeaders)
      if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) problems.push(JSON.stringify(value));
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  backend.server.on(
    'clientError',
    (error: Error & { code?: string; reason?: string }, socket: { destroy(): void }) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE')
        problems.push(`${error.code} ${error.reason}`);
      socket.destroy();
    },
  );
  await using running = await startGateway(
    {
      'main/all': passTo(backend.port),
      'main/app': { ...passTo(backend.port, { request: { path: '/app' } }), auth: 'app' },
    },
    {
      limits: { headersTimeoutMs: 1000, bodyTimeoutMs: 300, keepAliveTimeoutMs: 300 },
      root: { listeners: [{ port: 0, host: '127.0.0.1', tls: 'selfsigned' }] },
    },
  );
  const one = async (seed: number): Promise<void> => {
    const random = generator(seed);
    for (let warm = 0; warm < 8; warm += 1) random(2);
    await using client = await RawHttp2.open(running.port);
    const pairs = mutate(random);
    client.send(...framesOf(pairs, random));
    const isOver = (): boolean =>
      client.socket.destroyed ||
      client.of(types.reset, 1).length > 0 ||
      client.frames.some(({ stream, flags, type }) => stream === 1 && type <= 1 && (flags & endStream) !== 0);
    await until(isOver, `seed ${seed}: ${JSON.stringify(pairs)}`);
  };
  const rounds = 400;
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= rounds) await one(next++);
  };
  await Promise.all(Array.from({ length: 40 }, worker));
  assert.deepEqual(problems, []);
  const statuses = new Set(running.completed.map(({ status }) => status));
  for (const status of [200, 400, 408, 417])
    assert.ok(statuses.has(status), `no ${status} among ${[...statuses].join()}`);
  assert.equal(statuses.has(500), false);
  await using client = await Http2Client.open(running.port);
  assert.equal((await client.request()).body.toString(), 'ok');
  assert.deepEqual(running.log, []);
});
