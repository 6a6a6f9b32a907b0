import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type Socket, connect } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Fleet, ask } from './support.ts';

const whoami = `import { definePlugin, reply } from 'tapgate/sdk';
export default definePlugin({
  name: 'whoami',
  summary: 'Says what is known of the connection.',
  bind: () => ({
    preAuth: ({ clientAddress, scheme, httpVersion, port }) =>
      reply(200, {}, JSON.stringify({ clientAddress, scheme, httpVersion, port, pid: process.pid })),
  }),
});
`;

const fleet = await Fleet.start(
  {
    workers: 2,
    listeners: [
      { port: 0, host: '127.0.0.1' },
      { port: 0, host: 'localhost', tls: 'selfsigned' },
    ],
    extensions: { whoami: { source: './whoami' } },
    plugins: { whoami: { type: 'whoami' } },
    bindings: [{ plugin: 'whoami', apis: ['g/*'] }],
  },
  { 'whoami/plugin.ts': whoami },
);
const securePort = Number(/https:\/\/\S+:(\d+)/.exec(fleet.served.stdout)?.[1]);

interface Told {
  readonly clientAddress: string;
  readonly scheme: string;
  readonly httpVersion: string;
  readonly port: number;
  readonly pid: number;
}

test('the listeners are told once, with the ports that were free', () => {
  assert.match(
    fleet.served.stdout,
    /^listening on http:\/\/127\.0\.0\.1:\d+\nlistening on https:\/\/localhost:\d+\nmanagement at http:\/\/127\.0\.0\.1:\d+\n$/,
  );
});

test('plain HTTP: the address of the caller and the port are those of the connection', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(fleet.port, '/')));
  const told = answers.map(({ body }) => JSON.parse(body) as Told);
  assert.equal(new Set(told.map(({ pid }) => pid)).size, 2);
  for (const { clientAddress, scheme, port } of told)
    assert.deepEqual([clientAddress, scheme, port], ['127.0.0.1', 'http', fleet.port]);
});

test('a caller that ends its side of the connection gets its answer', async () => {
  const socket = connect({ port: fleet.port, host: '127.0.0.1' });
  socket.end('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
  assert.match(await read(socket), /^HTTP\/1\.1 200 OK\r\n/);
});

test('TLS: every worker shows the same certificate, and HTTP/2 is spoken', async () => {
  const shown = new Set<string>();
  const pids = new Set<number>();
  for (let turn = 0; turn < 12; turn += 1) {
    const socket = connectTls({ port: securePort, host: 'localhost', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    shown.add(socket.getPeerCertificate().fingerprint256);
    socket.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
    const [, body = ''] = (await read(socket)).split('\r\n\r\n');
    const told = JSON.parse(body) as Told;
    assert.deepEqual([told.scheme, told.httpVersion], ['https', '1.1']);
    pids.add(told.pid);
  }
  assert.equal(shown.size, 1);
  assert.ok(pids.size >= 1);
  const session = connectHttp2(`https://localhost:${securePort}`, { rejectUnauthorized: false });
  const stream = session.request({ ':path': '/', ':authority': 'test' });
  let body = '';
  for await (const chunk of stream.setEncoding('utf8')) body += String(chunk);
  session.close();
  const told = JSON.parse(body) as Told;
  assert.deepEqual([told.scheme, told.httpVersion], ['https', '2.0']);
});

async function read(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += String(chunk);
  return text;
}
