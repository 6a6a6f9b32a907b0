import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { suite, test } from 'node:test';
import { readPlainRequest } from './request.ts';

const head = 'GET /a?b=c HTTP/1.1\r\nHost: x\r\n';

function read(text: string) {
  return readPlainRequest(Buffer.from(text, 'latin1'));
}

test('what is plain is read as it was sent', () => {
  const found = read(
    'POST /a%20b?c HTTP/1.1\r\nHost: x\r\nX-A:\t 1 2 \r\nx-a:\xe9\r\nContent-Length: 2\r\n\r\nhi',
  );
  assert.deepEqual(
    { ...found, content: found?.content?.toString() },
    {
      method: 'POST',
      target: '/a%20b?c',
      flat: ['Host', 'x', 'X-A', '1 2', 'x-a', '\xe9', 'Content-Length', '2'],
      content: 'hi',
      isKept: true,
    },
  );
  assert.equal(read(`${head}Connection: Close\r\n\r\n`)?.isKept, false);
  assert.equal(read(`${head}Content-Length: 0\r\n\r\n`)?.content, null);
});

suite('everything else is left to Node', () => {
  for (const [name, text] of Object.entries({
    'half a head': head,
    'two requests': `${head}\r\n${head}\r\n`,
    'content that is not all here': `${head}Content-Length: 3\r\n\r\nhi`,
    'more than the content': `${head}Content-Length: 1\r\n\r\nhi`,
    chunks: `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'an upgrade': `${head}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    'an upgrade without Connection': `${head}Upgrade: h2c\r\n\r\n`,
    'an expectation': `${head}Expect: 100-continue\r\n\r\n`,
    'a nominated field': `${head}Connection: close, X-A\r\nX-A: 1\r\n\r\n`,
    'two lengths': `${head}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`,
    'a signed length': `${head}Content-Length: +0\r\n\r\n`,
    'HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
    'the absolute form': 'GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n',
    CONNECT: 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'an unknown method': 'GRAB / HTTP/1.1\r\nHost: x\r\n\r\n',
    'a blank in the target': 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n',
    'a byte beyond ASCII in the target': 'GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n',
    'a folded line': `${head}X-A: 1\r\n 2\r\n\r\n`,
    'a blank before the colon': `${head}X-A : 1\r\n\r\n`,
    'a name that is none': `${head}X(A): 1\r\n\r\n`,
    'no name': `${head}: 1\r\n\r\n`,
    'no colon': `${head}X-A\r\n\r\n`,
    'no colon, as the last line': `${head}X-A\r\nX-B: 1\r\n\r\n`,
    'a control character': `${head}X-A: \x01\r\n\r\n`,
    'a bare line feed': `${head}X-A: 1\nX-B: 2\r\n\r\n`,
    'a bare carriage return': `${head}X-A: 1\rX-B: 2\r\n\r\n`,
    'an empty line first': `\r\n${head}\r\n`,
    'a long head': `${head}X-A: ${'a'.repeat(20_000)}\r\n\r\n`,
  }))
    test(name, () => assert.equal(read(text), undefined));
});

const seeds = [
  `${head}Accept: */*\r\nConnection: keep-alive\r\nX-Marker:here\r\n\r\n`,
  `POST /path HTTP/1.1\r\nHost: fuzz.example\r\nX-Marker: here \r\nContent-Length: 11\r\n\r\nhello world`,
  `DELETE /a%2Fb/../c;d#e HTTP/1.1\r\nHost: fuzz.example:80\r\nCookie: a=b; c=d\r\nTE: trailers\r\n\r\n`,
];
const spices = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '#',
  '\x7f',
  '\xff',
  '\x0b',
  '0',
  '+',
  ',',
  ';',
  '"',
  '{',
];
const lines = [
  'Content-Length: 0\r\n',
  'Content-Length:\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: b\r\n',
  'Connection: close\r\n',
  'Connection:\r\n',
  'Keep-Alive: 5\r\n',
  'Trailer: X-A\r\n',
  'Expect: x\r\n',
  ' folded: 1\r\n',
  'X-Empty:\r\n',
];

/** The same numbers for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    return state % below;
  };
}

function mutate(text: string, random: (below: number) => number): string {
  const at = random(text.length + 1);
  const spice = spices[random(spices.length)] ?? '';
  const line = lines[random(lines.length)] ?? '';
  switch (random(5)) {
    case 0:
      return text.slice(0, at) + spice + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random(4));
    case 2:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 3:
      return text.replace(/\r\n\r\n/, `\r\n${line}\r\n`);
    default:
      return text.replace('\r\n', `\r\n${line}`);
  }
}

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly flat: string[];
  readonly content: string;
  readonly isKept: boolean;
}

test('whatever is taken for plain, Node reads in the same way', async () => {
  let told = (_seen: Seen | string): void => undefined;
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    let content = '';
    request.setEncoding('latin1');
    request.on('data', (piece: string) => (content += piece));
    request.on('end', () => {
      const { method, url, rawHeaders } = request;
      told({ method, url, flat: rawHeaders, content, isKept: response.shouldKeepAlive });
      response.end();
    });
  });
  server.on('clientError', (error, socket) => {
    told(error.message);
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  let plain = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const random = generator(seed);
    let text = seeds[random(seeds.length)] ?? '';
    for (let count = random(3); count >= 0; count--) text = mutate(text, random);
    const found = read(text);
    if (found === undefined) continue;
    plain += 1;
    const seen = new Promise<Seen | string>((resolve) => {
      told = resolve;
    });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(Buffer.from(text, 'latin1'));
    const { method, target, flat, content, isKept } = found;
    const expected = { method, url: target, flat, content: content?.toString('latin1') ?? '', isKept };
    assert.deepEqual(await seen, expected, JSON.stringify(text));
    socket.destroy();
  }
  assert.ok(plain > 300, `only ${plain} of them were plain`);
  await new Promise((resolve) => server.close(resolve));
});
