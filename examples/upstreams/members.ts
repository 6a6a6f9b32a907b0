import { type Server, createServer } from 'node:http';

/**
 * A member of the channel: answers with its port, with the request as it got it, and at `/healthz` with how it is.
 * `/sick` and `/well`, asked for directly, change that.
 */
export async function startMember(port: number): Promise<Server> {
  let isWell = true;
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    if (url === '/sick' || url === '/well') isWell = url === '/well';
    const status = url === '/healthz' && !isWell ? 503 : 200;
    response.writeHead(status, { 'content-type': 'application/json', 'x-member': String(port) });
    response.end(`${JSON.stringify({ member: port, isWell, method, url, headers })}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}
