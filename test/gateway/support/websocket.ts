import { once } from 'node:events';
import { type RequestListener, type Server, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate } from 'selfsigned';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { type RawClient, openRaw } from './raw-client.ts';
import { within } from './within.ts';

/** The head of a handshake; further lines end with CRLF each. */
export function handshake(lines = '', target = '/'): string {
  return (
    `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines}\r\n`
  );
}

/** What a raw backend answers to agree. */
export const agreed = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** Sends a handshake on a connection of its own, and expects it to be agreed to. */
export async function openTunnel(port: number): Promise<RawClient> {
  const client = await openRaw(port);
  const { status } = await client.send(handshake()).head();
  if (status !== 101) throw new Error(`answered ${status}`);
  return client;
}

/** A server that sends back each message. */
export interface EchoServer extends AsyncDisposable {
  readonly port: number;
  readonly sockets: Socket[];
  readonly peers: WebSocketServer;
}

const plain: RequestListener = (_request, response) => {
  response.end('plain');
};

export async function echoServer(server: Server = createServer(plain)): Promise<EchoServer> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  const peers = new WebSocketServer({ server, handleProtocols: (names) => [...names].at(-1) ?? false });
  peers.on('connection', (peer) => {
    peer.on('error', () => undefined);
    peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    peers,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An HTTPS server whose certificate this process takes for good, as `NODE_EXTRA_CA_CERTS` would have it. */
export async function secureEchoServer(): Promise<EchoServer> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  setDefaultCACertificates([...getCACertificates('default'), cert]);
  return echoServer(createSecureServer({ key, cert }, plain));
}

/** A client whose handshake was agreed to. */
export async function openWebSocket(
  port: number,
  protocols: string[] = [],
  options: ClientOptions = {},
): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, options);
  await within(once(client, 'open'), 'the handshake');
  return client;
}

/** Sends one message and answers the next that comes. */
export async function echoed(client: WebSocket, message: string | Buffer): Promise<string | Buffer> {
  const next = once(client, 'message') as Promise<[data: Buffer, isBinary: boolean]>;
  client.send(message);
  const [data, isBinary] = await within(next, 'a message');
  return isBinary ? data : data.toString();
}

/** Ends it as WebSocket does, and waits until it has. */
export async function closeWebSocket(client: WebSocket): Promise<void> {
  const closed = once(client, 'close');
  client.close();
  await within(closed, 'the close');
}
