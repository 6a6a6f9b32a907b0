import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type TLSSocket, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate } from 'selfsigned';
import { exchangeRaw } from './support/raw-client.ts';
import { type Running, startGateway } from './support/gateway.ts';

/** A server with a certificate for names and addresses that everybody here trusts. */
async function tlsServer(names: readonly string[], addresses: readonly string[] = []) {
  const { private: key, cert } = await generate([{ name: 'commonName', value: names[0] ?? 'test' }], {
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...addresses.map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  });
  setDefaultCACertificates([...getCACertificates('default'), cert]);
  const asked: string[] = [];
  const server = createServer({ key, cert }, (incoming, response) => {
    const { servername } = incoming.socket as TLSSocket & { servername: string | false };
    asked.push(`${servername === false ? 'no name' : servername} ${incoming.headers.host}`);
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function over(address: string, port: number, backend: Readonly<Record<string, unknown>>): Promise<Running> {
  return startGateway(
    {
      'main/all': {
        request: { method: 'GET', path: '/' },
        auth: 'none',
        backend: { type: 'http', scheme: 'https', channel: 'pool', ...backend },
      },
    },
    { root: { channels: { pool: { members: [{ address, port }] } } } },
  );
}

async function statusOf({ port }: Running, host: string): Promise<number> {
  return (await exchangeRaw(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status;
}

test('a member given by name is asked for that name, whatever the Host', async () => {
  await using server = await tlsServer(['localhost']);
  await using running = await over('localhost', server.port, {});
  assert.equal(await statusOf(running, 'www.example.com'), 200);
  assert.equal(await statusOf(running, 'other.example.com'), 200);
  assert.deepEqual(server.asked, ['localhost www.example.com', 'localhost other.example.com']);
});

test('a member given by address is asked for the hostHeader', async () => {
  await using server = await tlsServer(['orders.internal']);
  await using running = await over('127.0.0.1', server.port, { hostHeader: 'orders.internal' });
  assert.equal(await statusOf(running, 'www.example.com'), 200);
  assert.deepEqual(server.asked, ['orders.internal orders.internal']);
});

test('without a hostHeader its certificate must be for the address; the caller does not choose the name', async () => {
  await using named = await tlsServer(['orders.internal']);
  await using refused = await over('127.0.0.1', named.port, {});
  assert.equal(await statusOf(refused, 'orders.internal'), 502);
  assert.deepEqual(named.asked, []);
  await using addressed = await tlsServer(['other'], ['127.0.0.1']);
  await using running = await over('127.0.0.1', addressed.port, {});
  assert.equal(await statusOf(running, 'orders.internal'), 200);
  assert.deepEqual(addressed.asked, ['no name orders.internal']);
});

test('a certificate for another name is refused', async () => {
  await using server = await tlsServer(['elsewhere.example.com']);
  await using byName = await over('localhost', server.port, {});
  assert.equal(await statusOf(byName, 'elsewhere.example.com'), 502);
  await using byAddress = await over('127.0.0.1', server.port, { hostHeader: 'orders.internal' });
  assert.equal(await statusOf(byAddress, 'elsewhere.example.com'), 502);
  assert.deepEqual(server.asked, []);
});
