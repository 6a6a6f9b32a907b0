import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A backend that answers with the request as it got it, and with its own port in `x-backend-port`. */
export async function startEcho(port: number): Promise<{ port: number; server: Server }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      const body = Buffer.concat(chunks).toString('utf8');
      const own = (server.address() as AddressInfo | null)?.port ?? port;
      response.writeHead(200, { 'content-type': 'application/json', 'x-backend-port': String(own) });
      response.end(`${JSON.stringify({ method, url, headers, body }, null, 2)}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, server };
}
