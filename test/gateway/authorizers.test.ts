import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientRequest, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Backend, httpBackend, rawBackend } from './support/backend.ts';
import { type Running, startGateway } from './support/gateway.ts';
import { until } from './support/within.ts';

const checkToken = `exports.handler = async (event) => {
  const allowed = event.headers['x-token'] === 'let-me-in';
  return {
    statusCode: 200,
    body: JSON.stringify({ status: allowed ? 'allow' : 'deny', context: { user: allowed ? 'alice' : '', realm: JSON.parse(event.user_data).realm } }),
  };
};`;

/** Asks a server, which the test holds in its hands, and lets in. */
const asking = `exports.handler = async (event) => {
  const answer = await fetch(event.user_data);
  return { statusCode: 200, body: JSON.stringify({ status: 'allow', context: { user: await answer.text() } }) };
};`;

function sourceOf(t: TestContext, source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-authorizers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'f.js'), source);
  return join(folder, 'f.js');
}

/** The API `store/private` in front of members of a channel. */
async function start(
  t: TestContext,
  functions: object,
  authorizer: object,
  backend: Backend,
): Promise<Running> {
  const api = {
    request: { method: 'GET', path: '/private' },
    auth: { type: 'custom', authorizer: 'token' },
    backend: {
      type: 'http',
      channel: 'orders-pool',
      path: '/private',
      parameters: [{ name: 'x-user', in: 'header', from: 'authorizer.frontend.user' }],
    },
  };
  const root = {
    groups: { store: { domains: ['*'] } },
    channels: { 'orders-pool': { port: 80, members: [{ address: '127.0.0.1', port: backend.port }] } },
    functions,
    authorizers: {
      token: { identities: [{ in: 'header', name: 'x-token' }], cacheSeconds: 60, ...authorizer },
    },
  };
  const running = await startGateway({ 'store/private': api }, { root });
  t.after(() => running[Symbol.asyncDispose]());
  return running;
}

interface Told {
  readonly status: number;
  readonly text: string;
}

function open(
  port: number,
  headers: Record<string, string>,
): { request: ClientRequest; told: Promise<Told> } {
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  const request = get({ host: '127.0.0.1', port, path: '/private', headers, agent: false }, (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
    );
  }).on('error', reject);
  return { request, told: promise };
}

const call = (port: number, headers: Record<string, string>): Promise<Told> => open(port, headers).told;

test('the token decides who calls, and the backend is told who it is', async (t) => {
  const backend = await httpBackend((_request, response) => void response.end('private'));
  t.after(() => backend[Symbol.asyncDispose]());
  const functions = { 'check-token': { source: sourceOf(t, checkToken), timeoutMs: 20_000 } };
  const token = { type: 'frontend', function: 'check-token', userData: '{"realm":"store"}' };
  const { port, log } = await start(t, functions, token, backend);
  const secret = 'let-me-in';
  for (let turn = 0; turn < 2; turn += 1)
    assert.deepEqual(await call(port, { 'x-token': secret, 'x-user': 'mallory' }), {
      status: 200,
      text: 'private',
    });
  for (const headers of [{ 'x-token': 'let-me-out' }, { 'x-token': '' }, {}] as Record<string, string>[]) {
    const { status, text } = await call(port, { ...headers, 'x-user': 'mallory' });
    assert.equal(status, 401);
    assert.equal((JSON.parse(text) as { error_code: string }).error_code, 'APIG.0305');
  }
  assert.deepEqual(
    backend.seen.map((each) => each.values('x-user')),
    [['alice'], ['alice']],
  );
  assert.doesNotMatch(JSON.stringify(log), /let-me/);
});

test('who waits for a decision gets it although the caller who was first has left', async (t) => {
  const backend = await httpBackend((_request, response) => void response.end('private'));
  t.after(() => backend[Symbol.asyncDispose]());
  const held = Promise.withResolvers<void>();
  const judge = await httpBackend((_request, response) => {
    void held.promise.then(() => response.end('ann'));
  });
  t.after(() => judge[Symbol.asyncDispose]());
  const host = `127.0.0.1:${judge.port}`;
  const functions = {
    asking: { source: sourceOf(t, asking), timeoutMs: 20_000, memoryMb: 64, allowHosts: [host] },
  };
  const token = { type: 'frontend', function: 'asking', userData: `http://${host}/` };
  const { port, completed } = await start(t, functions, token, backend);
  const headers = { 'x-token': 'one' };
  const first = open(port, headers);
  first.told.catch(() => undefined);
  await until(() => judge.seen.length === 1, 'the function asked');
  const others = [call(port, headers), call(port, headers)];
  first.request.destroy();
  await until(() => completed.some(({ outcome }) => outcome === 'client-gone'), 'the first caller left');
  held.resolve();
  for (const told of others) assert.equal((await told).status, 200);
  assert.equal((await call(port, headers)).status, 200);
  assert.equal(judge.seen.length, 1);
  assert.deepEqual(
    backend.seen.map((each) => each.values('x-user')),
    [['ann'], ['ann'], ['ann']],
  );
});

test('a service that is gone lets nobody in, but in relaxed mode', async (t) => {
  const backend = await httpBackend((_request, response) => void response.end('private'));
  t.after(() => backend[Symbol.asyncDispose]());
  // The port of a server that there was.
  const gone = await httpBackend();
  await gone[Symbol.asyncDispose]();
  const functions = { judge: { url: `http://127.0.0.1:${gone.port}/` } };
  const strict = await start(t, functions, { type: 'frontend', function: 'judge' }, backend);
  assert.equal((await call(strict.port, { 'x-token': 'one' })).status, 500);
  assert.equal(backend.seen.length, 0);
  const relaxed = await start(t, functions, { type: 'frontend', function: 'judge', relaxed: true }, backend);
  assert.equal((await call(relaxed.port, { 'x-token': 'one', 'x-user': 'root' })).status, 200);
  assert.deepEqual(backend.seen[0]?.values('x-user'), []);
  assert.equal((await call(relaxed.port, {})).status, 401);
});

test('relaxed mode lets through who could not be asked about, and nobody who broke what was asked', async (t) => {
  await using backend = await httpBackend();
  await using broken = await rawBackend((socket) => socket.once('data', () => socket.destroy()));
  const gone = await httpBackend();
  await gone[Symbol.asyncDispose]();
  const statusOf = async (port: number, status: number): Promise<void> => {
    const functions = { check: { url: `http://127.0.0.1:${port}/` } };
    const authorizer = { type: 'frontend', function: 'check', relaxed: true };
    const running = await start(t, functions, authorizer, backend);
    const answer = new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: running.port, path: '/private', agent: false };
      get({ ...options, headers: { 'x-token': 't' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    assert.equal(await answer, status);
  };
  await statusOf(gone.port, 200);
  await statusOf(broken.port, 500);
  assert.equal(backend.seen.length, 1);
});
