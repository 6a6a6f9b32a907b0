import { createServer as createHttpServer } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';

/** A server that gets batches over HTTP; answers what the list says, then 204. */
export async function collector(answers: number[] = []) {
  const requests: { readonly headers: Readonly<Record<string, unknown>>; readonly body: string }[] = [];
  const server = createHttpServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      requests.push({ headers: request.headers, body });
      response.writeHead(answers.shift() ?? 204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Waits until it is so; the test's own time ends it otherwise. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
