// Stands in for nginx as the backend where nginx is not installed: `node bare-backend.ts PORT BODY`.
import { createServer } from 'node:http';

const [port, body = ''] = process.argv.slice(2);
const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))];

createServer({ keepAliveTimeout: 0 }, (_request, response) =>
  response.writeHead(200, headers).end(body),
).listen(Number(port), '127.0.0.1');
