import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { after, before, test } from 'node:test';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { silentLog } from '../../core/commands/log.ts';
import { startEcho } from './echo.ts';

const gateway = new Gateway({ log: silentLog });
const backends = await Promise.all([startEcho(0), startEcho(0)]);
// They must not keep the run alive when the gateway does not start.
for (const { server } of backends) server.unref();
const [first, second] = backends;

before(async () => {
  const yaml = readFileSync(new URL('gateway.yaml', import.meta.url), 'utf8');
  const text = yaml
    .replace('port: 8080', 'port: 0')
    .replace('127.0.0.1:9101', `127.0.0.1:${first.port}`)
    .replace('127.0.0.1:9102', `127.0.0.1:${second.port}`);
  await gateway.apply(readConfigText({ 'gateway.yaml': text }, {}), { listen: true });
});

after(() => gateway.close());

interface Seen {
  url: string;
  headers: Record<string, string>;
}

async function get(host: string, path: string): Promise<{ answer: IncomingMessage; body: string }> {
  const port = gateway.listeners[0]?.port;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { Host: host } }, resolve)
      .on('error', reject)
      .end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { answer, body: Buffer.concat(chunks).toString('utf8') };
}

for (const [target, index, path] of [
  ['resource1', 0, '/business1'],
  ['resource2', 1, '/business2'],
] as const) {
  test(`target=${target} reaches its backend through both APIs`, async () => {
    const { answer, body } = await get('17ff4c91.example.com', `/distributeAPI?target=${target}`);
    assert.equal(answer.statusCode, 200, body);
    assert.equal(answer.headers['x-backend-port'], String(backends[index].port));
    const { url, headers } = JSON.parse(body) as Seen;
    assert.equal(url, `${path}?target=${target}`);
    assert.equal(headers['x-forwarded-for'], '127.0.0.1, 127.0.0.1');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.equal(headers['x-ca-request-id'], answer.headers['x-request-id']);
    assert.equal(headers['via']?.split(',').length, 2);
    assert.equal(
      headers['x-ca-signature'],
      undefined,
      'the signature is for the gateway, not for the backend',
    );
  });
}

test('another target gets the mock', async () => {
  const { answer, body } = await get('17ff4c91.example.com', '/distributeAPI?target=other');
  assert.equal(answer.statusCode, 404);
  assert.deepEqual(JSON.parse(body), { message: 'no such target' });
});

test('a business API does not answer who has not signed', async () => {
  const { answer, body } = await get('business1.example.com', '/business1');
  assert.equal(answer.statusCode, 401);
  assert.equal((JSON.parse(body) as { error_code: string }).error_code, 'APIG.0303');
  assert.match(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/);
});
