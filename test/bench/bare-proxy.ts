// The least that a proxy in Node can do: `node bare-proxy.ts PORT UPSTREAM_PORT CONNECTIONS`.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';

const [port, upstreamPort, connections] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: connections ?? 64, pipelining: 1 });
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade']);

const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, forward);
server.listen(port, '127.0.0.1');
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));

function forward(request: IncomingMessage, response: ServerResponse): void {
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const options: Dispatcher.DispatchOptions = {
    method: request.method as Dispatcher.HttpMethod,
    path: request.url ?? '/',
    headers: endToEnd(request.rawHeaders),
    body: hasBody ? request : null,
  };
  pool.dispatch(options, answerInto(response));
}

function answerInto(response: ServerResponse): Dispatcher.DispatchHandler {
  let held: Buffer | undefined;
  return {
    onRequestStart(controller) {
      response.once('close', () => {
        if (!response.writableFinished) controller.abort(new Error('caller went away'));
      });
    },
    onResponseStart(controller, status) {
      response.writeHead(status, endToEnd(toStrings(controller.rawHeaders)));
    },
    onResponseData(controller, chunk) {
      // The first chunk waits for the second, so that a short answer is one write.
      const previous = held;
      held = chunk;
      if (previous === undefined || response.write(previous)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd() {
      response.end(held);
    },
    onResponseError() {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
}

function endToEnd(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (!HOP_BY_HOP.has(name.toLowerCase())) kept.push(name, headers[index + 1] ?? '');
  }
  return kept;
}

function toStrings(headers: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(headers)) throw new TypeError('undici gave no raw headers');
  return headers.map((item: Buffer | string) => (typeof item === 'string' ? item : item.toString('latin1')));
}
