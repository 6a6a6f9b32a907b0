import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { httpBackend } from './support/backend.ts';
import { callerOf } from './support/caller.ts';

async function start(port: number, root: string) {
  const yaml = `
listeners: [{ port: 0, host: 127.0.0.1 }]
throttling: { defaultPerSecond: 0 }
groups: { main: { domains: ['*'] } }
apis:
  main/api:
    request: { method: ANY, path: /, match: prefix }
    auth: none
    backend: { type: http, address: 'http://127.0.0.1:${port}' }
bindings: [{ plugin: users, apis: ['*'] }]
${root}`;
  const gateway = new Gateway({
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await gateway.apply(readConfigText({ 'gateway.yaml': yaml }, {}), { listen: true });
  const listener = gateway.listeners[0]?.port ?? 0;
  return { port: listener, [Symbol.asyncDispose]: () => gateway.close() };
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('a whole alibaba/basicAuth document, pasted', async () => {
  await using backend = await httpBackend();
  await using running = await start(
    backend.port,
    `
dataSets:
  42f224a17a3e4bd9b098XXXXXXXX3f: { type: BASIC_AUTH_ACCESS, items: ['erin:p@!<>#$%*'] }
plugins:
  users:
    type: alibaba/basicAuth
    config:
      users:
        - username: alice
          password: 123456
        - username: bob
          password: 666666
        - username: charlie
          password: 888888
        - username: dave
          password: 111111
      usersDatasetId: 42f224a17a3e4bd9b098XXXXXXXX3f # The dataset ID.
`,
  );
  await using caller = callerOf('HTTP/1.1', running.port);
  const ask = (text: string) => caller.call('GET', '/', { headers: { Authorization: basic(text) } });
  for (const text of ['alice:123456', 'bob:666666', 'charlie:888888', 'dave:111111', 'erin:p@!<>#$%*'])
    assert.equal((await ask(text)).status, 200, text);
  assert.ok(backend.seen.every((request) => request.values('authorization').length === 0));
  for (const text of ['alice:666666', 'mallory:123456', 'erin:'])
    assert.equal((await ask(text)).status, 401, text);
  const missing = await caller.call('GET', '/');
  assert.equal(missing.status, 401);
  assert.equal(missing.get('www-authenticate'), 'Basic realm="API", charset="UTF-8"');
  assert.equal(backend.seen.length, 5);
});

test('guesses at hashed passwords stop nobody who is let in already', async () => {
  await using backend = await httpBackend();
  const salt = Buffer.alloc(16, 7);
  const plain = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  const hash = plain(scryptSync('right', salt, 32, { cost: 2 ** 13, blockSize: 8, parallelization: 1 }));
  await using running = await start(
    backend.port,
    `
plugins:
  users:
    type: basic-auth
    config: { users: [{ name: alice, hash: '$scrypt$ln=13,r=8,p=1$${plain(salt)}$${hash}' }] }
`,
  );
  await using caller = callerOf('HTTP/1.1', running.port);
  const ask = async (by: typeof caller, text: string) =>
    (await by.call('GET', '/', { headers: { Authorization: basic(text) } })).status;
  assert.equal(await ask(caller, 'alice:right'), 200);
  const guessers = Array.from({ length: 12 }, () => callerOf('HTTP/1.1', running.port));
  const progress = { isOver: false };
  const statuses = new Set<number>();
  const guessing = guessers.map(async (guesser, index) => {
    for (let count = 0; !progress.isOver; count += 1)
      statuses.add(await ask(guesser, `name${index}-${count}:guess`));
  });
  for (let count = 0; count < 100; count += 1) assert.equal(await ask(caller, 'alice:right'), 200);
  progress.isOver = true;
  await Promise.all(guessing);
  for (const guesser of guessers) await guesser[Symbol.asyncDispose]();
  assert.ok(
    [...statuses].every((status) => status === 401 || status === 503),
    [...statuses].join(' '),
  );
});
