import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiskQueue } from './disk-queue.ts';
import { callOf, newFolder } from './testing.ts';

const wanted = { now: 1000, functions: ['f'], concurrency: 1000 };

test('calls that come together are kept together, and closing loses none', async (t) => {
  const folder = join(newFolder(t), 'deep', 'calls');
  const queue = new DiskQueue(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const adds = Array.from({ length: 500 }, (_each, index) =>
    queue.add(callOf({ requestId: `r${index}` }), 1e9),
  );
  const closed = queue.close();
  assert.deepEqual(new Set(await Promise.all(adds)), new Set([true]));
  await closed;
  await assert.rejects(queue.add(callOf(), 1e9), /closed/);
  assert.equal(existsSync(join(folder, 'gateway.pid')), false);
  const next = new DiskQueue(folder);
  const { calls } = await next.take(wanted);
  assert.equal(new Set(calls.map(({ requestId }) => requestId)).size, 500);
  await next.close();
});

test('what the store cannot do rejects, and nothing else does', async (t) => {
  const queue = new DiskQueue(newFolder(t));
  const broken = callOf({ event: null as unknown as string });
  await assert.rejects(queue.add(broken, 1e9));
  assert.equal(await queue.add(callOf(), 1e9), true);
  await queue.close();
});

test('a folder has one owner, until its process is gone', async (t) => {
  const folder = newFolder(t);
  const module = new URL('./folder-lock.ts', import.meta.url).href;
  const program = `import { FolderLock } from ${JSON.stringify(module)};
    globalThis.kept = new FolderLock(${JSON.stringify(folder)}); console.log('locked'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.throws(() => new DiskQueue(folder), {
    message: `the folder ${folder} is in use by another gateway (process ${child.pid})`,
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await new DiskQueue(folder).close();
});

test('a folder that cannot be trusted or used is refused', async (t) => {
  const open = newFolder(t);
  chmodSync(open, 0o777);
  assert.throws(() => new DiskQueue(open), /others than its owner may write to the folder/);
  const foreign = newFolder(t);
  writeFileSync(join(foreign, 'calls.db'), 'x'.repeat(5000));
  assert.throws(() => new DiskQueue(foreign), /not a database/);
  const file = join(newFolder(t), 'file');
  writeFileSync(file, '');
  assert.throws(() => new DiskQueue(file), /EEXIST|ENOTDIR/);
  // What was refused has not kept the lock.
  const mended = newFolder(t);
  mkdirSync(join(mended, 'calls.db'));
  assert.throws(() => new DiskQueue(mended));
  const twice = newFolder(t);
  const queue = new DiskQueue(twice);
  assert.throws(() => new DiskQueue(twice), /in use by another gateway/);
  await queue.close();
});
