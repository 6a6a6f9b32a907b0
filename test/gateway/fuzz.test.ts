import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { generator } from './support/random.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';
import { within } from './support/within.ts';

const marker = 'X-Marker: here\r\n';
const seeds = [
  `GET /path?query=1 HTTP/1.1\r\nHost: fuzz.example\r\n${marker}Accept: */*\r\n\r\n`,
  `POST /path HTTP/1.1\r\nHost: fuzz.example\r\n${marker}Content-Length: 11\r\n\r\nhello world`,
  `POST /path HTTP/1.1\r\nHost: fuzz.example\r\n${marker}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n`,
  `PUT /a%2Fb/../c HTTP/1.1\r\nHost: fuzz.example:80\r\n${marker}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
  `GET http://fuzz.example/x HTTP/1.1\r\nHost: other\r\n${marker}Connection: close, X-A\r\nX-A: 1\r\n\r\n`,
  `OPTIONS * HTTP/1.1\r\nHost: fuzz.example\r\n${marker}\r\n`,
  `GET / HTTP/1.0\r\n${marker}Connection: keep-alive\r\n\r\n`,
  `GET /1 HTTP/1.1\r\nHost: fuzz.example\r\n${marker}\r\nGET /2 HTTP/1.1\r\nHost: fuzz.example\r\n${marker}\r\n`,
];
const spices = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '#',
  '?',
  '%',
  '\xff',
  '\x7f',
  '\x0b',
  '0',
  '-1',
  '+5',
  '0x5',
  'ffffffffffffffff',
  'Content-Length: 5\r\n',
  'Content-Length: 6\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Host: evil.example\r\n',
  'Host:\r\n',
  'Expect: 100-continue\r\n',
  'Connection: upgrade\r\nUpgrade: h2c\r\n',
  'Connection: Host, Content-Length\r\n',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/9.9',
  'GET ',
  'CONNECT x:1 HTTP/1.1\r\n',
  ' folded: 1\r\n',
  '0\r\n\r\n',
  'Via: 1.1 x\r\n',
  'TE: trailers\r\n',
];

function mutate(text: string, random: (below: number) => number): string {
  let result = text;
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(result.length + 1);
    const spice = spices[random(spices.length)] ?? '';
    const length = random(6);
    switch (random(6)) {
      case 0:
        result = result.slice(0, at) + spice + result.slice(at);
        break;
      case 1:
        result = result.slice(0, at) + result.slice(at + length);
        break;
      case 2:
        result = result.slice(0, at) + String.fromCharCode(random(256)) + result.slice(at + 1);
        break;
      case 3:
        result = result.slice(0, at) + result.slice(at, at + length * 5) + result.slice(at);
        break;
      case 4: {
        const lines = result.split('\r\n');
        lines.splice(random(lines.length), 0, spice.trim());
        result = lines.join('\r\n');
        break;
      }
      default:
        result = result.slice(0, Math.max(1, at));
    }
    if (result === '') return spice;
  }
  return result;
}

const methods = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|[A-Z-]+)$/;

test('mutated requests: each connection ends in an answer or a close, and the backend gets nothing ambiguous', async () => {
  const problems: string[] = [];
  const statuses = new Set<string>();
  await using backend = await streamBackend((request, response) => {
    const { rawHeaders, method = '', url = '' } = request;
    const names = rawHeaders.filter((_each, index) => index % 2 === 0).map((name) => name.toLowerCase());
    const count = (name: string): number => names.filter((each) => each === name).length;
    if (!methods.test(method) || !url.startsWith('/')) problems.push(`${method} ${url}`);
    if (count('host') !== 1 || count('via') < 1 || count('x-forwarded-host') > 1) problems.push(names.join());
    if (count('content-length') + count('transfer-encoding') > 1) problems.push(names.join());
    if (names.includes('expect') || names.includes('upgrade') || names.includes('te'))
      problems.push(names.join());
    for (const value of rawHeaders)
      if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) problems.push(JSON.stringify(value));
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  // A request that breaks off is what the gateway makes of one that turned out wrong.
  // Bytes that the parser behind the gateway does not take either would show here.
  backend.server.on(
    'clientError',
    (error: Error & { code?: string; reason?: string; rawPacket?: Buffer }, socket: { destroy(): void }) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE')
        problems.push(`${error.code} ${error.reason} ${error.rawPacket?.toString('latin1').slice(0, 1000)}`);
      socket.destroy();
    },
  );
  await using running = await startGateway(
    { 'main/all': passTo(backend.port) },
    { limits: { headersTimeoutMs: 1000, bodyTimeoutMs: 500, keepAliveTimeoutMs: 500 } },
  );
  const one = async (seed: number): Promise<void> => {
    const random = generator(seed);
    for (let warm = 0; warm < 8; warm++) random(2);
    const bytes = mutate(seeds[random(seeds.length)] ?? '', random);
    const label = `seed ${seed}: ${JSON.stringify(bytes)}`;
    const client = await openRaw(running.port);
    client.send(bytes);
    // Some callers say that they are done; others just wait.
    if (random(2) === 0) client.socket.end();
    await within(client.reader.end(), label, 15_000);
    const answers = client.reader.waiting;
    statuses.add(answers.slice(9, 12));
    if (answers !== '' && !/^HTTP\/1\.1 \d{3} /.test(answers)) problems.push(`${label} got ${answers}`);
    client.socket.destroy();
  };
  const rounds = 1500;
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= rounds) await one(next++);
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  assert.deepEqual(problems, []);
  for (const status of ['200', '400', '404', '408', '417'])
    assert.ok(statuses.has(status), `no ${status} among them`);
  const answer = await exchangeRaw(running.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(answer.text, 'ok');
  assert.deepEqual(
    running.log.filter(({ level }) => level === 'error'),
    [],
  );
});
