import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../architecture/sources.ts';
import { callOf, lots, openQueue, startStore, take } from './support.ts';

const file = join(root, 'plugins/backend-function/dead-letters.ts');

function script(store: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, QUEUE_STORE: store };
    execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test('dead letters in Redis can be listed, shown, re-queued and deleted while gateways run', async (t) => {
  const { server } = await startStore(t);
  const { queue } = openQueue(t, server.port, { prefix: 'own:' });
  const ran = (...args: string[]) => script(server.url, ...args, '--prefix', 'own:');
  const listed = async (): Promise<unknown[]> => {
    const { code, stdout, stderr } = await ran('list', 'env:QUEUE_STORE');
    assert.equal(code, 0, stderr);
    const lines = stdout.split('\n').slice(0, -1);
    return lines.map((line) => (JSON.parse(line) as { requestId: string }).requestId);
  };
  for (let turn = 0; turn < 250; turn += 1)
    await queue.add(callOf({ requestId: `r${turn}`, event: '{"secret":"hidden"}' }), lots);
  const { calls } = await take(queue, 250);
  for (const { id } of calls)
    await queue.settle(id, { kind: 'dead', at: Date.now(), attempts: 4, reason: 'failed: no' });
  assert.equal((await listed()).length, 250);
  const first = (await ran('list', 'env:QUEUE_STORE')).stdout.split('\n')[0] ?? '';
  const { acceptedAt, deadAt, ...rest } = JSON.parse(first) as Record<string, unknown>;
  assert.deepEqual(rest, {
    id: calls[0]?.id,
    requestId: calls[0]?.requestId,
    function: 'f',
    api: 'g/api',
    environment: 'RELEASE',
    attempts: 4,
    reason: 'failed: no',
    bytes: 1019,
  });
  assert.ok(Date.parse(String(acceptedAt)) <= Date.parse(String(deadAt)));
  assert.match((await ran('show', 'env:QUEUE_STORE', '2')).stdout, /"requestId": "r1"[^]*"secret": "hidden"/);
  assert.equal((await ran('requeue', 'env:QUEUE_STORE', '2')).stdout, '1\n');
  assert.equal((await ran('show', 'env:QUEUE_STORE', '2')).code, 1);
  const again = await take(queue);
  assert.deepEqual(
    again.calls.map(({ requestId, attempts }) => [requestId, attempts]),
    [['r1', 0]],
  );
  assert.equal((await ran('delete', 'env:QUEUE_STORE', '1')).stdout, '1\n');
  assert.equal((await ran('requeue', 'env:QUEUE_STORE', 'all')).stdout, '248\n');
  assert.deepEqual(await listed(), []);
  assert.equal((await take(queue, 300)).calls.length, 248);
});

test('what is wrong is told, and never the password', async (t) => {
  const { server, redis } = await startStore(t);
  await redis.config('SET', 'requirepass', 'right');
  const wrong = await script(`redis://:hunter2@127.0.0.1:${server.port}`, 'list', 'env:QUEUE_STORE');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /WRONGPASS/);
  const mapping = { address: `127.0.0.1:${server.port}`, password: 'right' };
  const right = await script(JSON.stringify(mapping), 'list', 'env:QUEUE_STORE');
  assert.deepEqual(right, { code: 0, stdout: '', stderr: '' });
  const cases: readonly (readonly [store: string, expected: RegExp])[] = [
    ['http://:hunter2@a', /QUEUE_STORE holds no store/],
    [JSON.stringify({ ...mapping, password: 'hunter2', passwort: 1 }), /QUEUE_STORE holds no store/],
    ['{"password":"hunter2"}', /found 0 of "address", "sentinels" and "cluster"/],
    ['redis://:hunter2%zz@a', /this is no URL/],
  ];
  for (const [store, expected] of cases) {
    const { code, stderr } = await script(store, 'list', 'env:QUEUE_STORE');
    assert.equal(code, 1);
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /hunter2/);
  }
  assert.equal((await script(server.url, 'requeue', 'env:QUEUE_STORE', '7')).code, 1);
  assert.equal((await script(server.url, 'requeue', 'env:QUEUE_STORE')).code, 2);
  assert.equal((await script(server.url, 'list', 'env:QUEUE_STORE', '--colour')).code, 2);
});
