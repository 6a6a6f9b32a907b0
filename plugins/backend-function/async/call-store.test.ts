import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCallFile, prepareCallFile } from './call-file.ts';
import { CallStore } from './call-store.ts';
import type { DueCall, Outcome, Taken, Tidied } from './queue.ts';
import { callOf, newFolder } from './testing.ts';

const lots = 1e9;

interface Opened {
  readonly folder: string;
  readonly store: CallStore;
}

function open(t: { after(work: () => void): void }, folder = newFolder(t)): Opened {
  prepareCallFile(folder);
  const store = new CallStore(folder);
  t.after(() => {
    store.close();
  });
  return { folder, store };
}

const add = (store: CallStore, more: Parameters<typeof callOf>[0] = {}, maxBytes = lots): unknown =>
  store.run([{ kind: 'add', call: callOf(more), maxBytes }])[0];
const take = (store: CallStore, now: number, concurrency = 100, functions = ['f']): Taken =>
  store.run([{ kind: 'take', wanted: { now, concurrency, functions } }])[0] as Taken;
const settle = (store: CallStore, id: number, outcome: Outcome): unknown =>
  store.run([{ kind: 'settle', id, outcome }]);
const ids = ({ calls }: Taken): readonly string[] => calls.map(({ requestId }) => requestId);

test('a call comes back as it went in, once until it is settled', (t) => {
  const { store } = open(t);
  const call = callOf({ requestId: 'é', event: '{"a":"\\u0000é€😀"}', timeoutMs: 5 });
  assert.equal(add(store, call), true);
  const { calls, nextDueAt } = take(store, 1000);
  assert.deepEqual(calls, [{ ...call, id: 1, attempts: 0 }] satisfies DueCall[]);
  assert.equal(nextDueAt, undefined);
  assert.deepEqual(ids(take(store, 1000)), []);
  settle(store, 1, { kind: 'again', at: 3000, attempts: 1, reason: 'x' });
  assert.deepEqual(take(store, 2999), { calls: [], nextDueAt: 3000 });
  assert.deepEqual(
    take(store, 3000).calls.map(({ attempts }) => attempts),
    [1],
  );
  settle(store, 1, { kind: 'done' });
  assert.deepEqual(ids(take(store, lots)), []);
});

test('of each function as many as may run beside those that run; others wait for nobody', (t) => {
  const { store } = open(t);
  for (let turn = 0; turn < 5; turn += 1) add(store, { requestId: `f${turn}` });
  add(store, { requestId: 'g', function: 'g' });
  add(store, { requestId: 'gone', function: 'gone' });
  assert.deepEqual(ids(take(store, 1000, 2, ['f', 'g'])), ['f0', 'f1', 'g']);
  assert.deepEqual(ids(take(store, 1000, 2, ['f', 'g'])), []);
  settle(store, 1, { kind: 'done' });
  assert.deepEqual(ids(take(store, 1000, 2, ['f', 'g'])), ['f2']);
  assert.deepEqual(ids(take(store, 1000, 2, ['gone'])), ['gone']);
});

test('what was taken and not settled is there for the next process', (t) => {
  const { store, folder } = open(t);
  add(store, { requestId: 'a' });
  add(store, { requestId: 'b' });
  take(store, 1000);
  settle(store, 1, { kind: 'done' });
  assert.deepEqual(ids(take(open(t, folder).store, 1000)), ['b']);
});

test('no more than fits is taken in; what is done makes room', (t) => {
  const { store } = open(t);
  const call = { event: JSON.stringify('x'.repeat(1000)) };
  const room = 3500;
  assert.equal(add(store, call, room), true);
  assert.equal(add(store, call, room), true);
  assert.equal(add(store, call, room), false);
  assert.equal(add(store, {}, room), false);
  take(store, 1000);
  settle(store, 1, { kind: 'done' });
  assert.equal(add(store, call, room), true);
  // Several at once count against each other.
  const works = [1, 2, 3, 4].map(
    () => ({ kind: 'add', call: callOf(call), maxBytes: 2 * 1502 + 1 }) as const,
  );
  assert.deepEqual(open(t).store.run(works), [true, true, false, false]);
});

test('a batch that fails has done nothing', (t) => {
  const { store } = open(t);
  add(store, { requestId: 'a' });
  take(store, 1000);
  const broken = callOf({ event: undefined as unknown as string });
  assert.throws(() =>
    store.run([
      { kind: 'settle', id: 1, outcome: { kind: 'done' } },
      { kind: 'add', call: callOf({ requestId: 'b' }), maxBytes: lots },
      { kind: 'add', call: broken, maxBytes: lots },
    ]),
  );
  assert.deepEqual(ids(take(store, 1000)), [], 'it is still taken');
  settle(store, 1, { kind: 'again', at: 0, attempts: 0, reason: '' });
  assert.deepEqual(ids(take(store, 1000)), ['a']);
});

test('old calls become dead letters, but for those being made; dead letters are bounded', (t) => {
  const { store, folder } = open(t);
  for (const name of ['a', 'b', 'c', 'd']) add(store, { requestId: name, acceptedAt: 1000 });
  add(store, { requestId: 'young', acceptedAt: 5000 });
  take(store, 1000, 1);
  const tidy = (now: number, more: object = {}): unknown =>
    store.run([
      { kind: 'tidy', bounds: { now, bornAfter: 2000, deadAfter: 0, deadBytes: lots, ...more } },
    ])[0];
  assert.deepEqual(tidy(6000), { expired: 3, dropped: 0 } satisfies Tidied);
  assert.deepEqual(ids(take(store, 6000)), ['young']);
  assert.deepEqual(
    listed(folder).map(({ requestId, reason }) => [requestId, reason]),
    [
      ['b', 'too old'],
      ['c', 'too old'],
      ['d', 'too old'],
    ],
  );
  assert.deepEqual(tidy(7000, { deadBytes: 1100 }), { expired: 0, dropped: 1 });
  assert.deepEqual(
    listed(folder).map(({ requestId }) => requestId),
    ['c', 'd'],
  );
  assert.deepEqual(tidy(8000, { deadAfter: 7000 }), { expired: 0, dropped: 2 });
  assert.deepEqual(listed(folder), []);
});

function script(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const file = join(import.meta.dirname, '../dead-letters.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

function listed(folder: string): Record<string, unknown>[] {
  const { code, stdout, stderr } = script('list', folder);
  assert.equal(code, 0, stderr);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('dead letters can be listed, shown, re-queued and deleted while the store is open', (t) => {
  const { store, folder } = open(t);
  for (const name of ['a', 'b', 'c']) add(store, { requestId: name, event: '{"secret":"hidden"}' });
  take(store, 1000);
  for (const id of [1, 2, 3])
    settle(store, id, { kind: 'dead', at: 2000 + id, attempts: 4, reason: 'failed: no' });
  const all = listed(folder);
  assert.deepEqual(all[0], {
    id: 1,
    requestId: 'a',
    function: 'f',
    api: 'g/api',
    environment: 'RELEASE',
    attempts: 4,
    reason: 'failed: no',
    bytes: 519,
    acceptedAt: '1970-01-01T00:00:01.000Z',
    deadAt: '1970-01-01T00:00:02.001Z',
  });
  assert.equal(all.length, 3);
  assert.match(script('show', folder, '2').stdout, /"requestId": "b"[^]*"secret": "hidden"/);
  assert.deepEqual(ids(take(store, lots * lots)), []);
  assert.equal(script('requeue', folder, '2').stdout, '1\n');
  const again = take(store, Date.now() + lots).calls;
  assert.deepEqual(
    again.map(({ requestId, attempts }) => [requestId, attempts]),
    [['b', 0]],
  );
  assert.equal(script('delete', folder, '1').stdout, '1\n');
  assert.equal(script('requeue', folder, 'all').stdout, '1\n');
  assert.deepEqual(listed(folder), []);
  for (const wrong of [
    ['requeue', folder, '99'],
    ['list', join(folder, 'no')],
  ])
    assert.equal(script(...wrong).code, 1);
  for (const wrong of [
    [],
    ['list'],
    ['delete', folder],
    ['show', folder, 'all'],
    ['requeue', folder, '1; DROP'],
  ])
    assert.equal(script(...wrong).code, 2);
});

test('nobody but the owner may read any of it', (t) => {
  const { store, folder } = open(t);
  add(store);
  const names = readdirSync(folder).sort();
  assert.deepEqual(names, ['calls.db', 'calls.db-shm', 'calls.db-wal']);
  for (const name of names) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
});

/** The folder as a machine leaves it that loses power now. */
function crashed(t: { after(work: () => void): void }, folder: string): { copy: string; log: string } {
  const copy = newFolder(t);
  for (const name of ['calls.db', 'calls.db-wal']) cpSync(join(folder, name), join(copy, name));
  return { copy, log: join(copy, 'calls.db-wal') };
}

test('a last write that is torn, or garbled, is left out, and all before it is there', (t) => {
  const { store, folder } = open(t);
  const event = JSON.stringify('x'.repeat(10_000));
  for (const name of ['a', 'b', 'c']) add(store, { requestId: name, event });
  const whole = crashed(t, folder);
  assert.deepEqual(ids(take(open(t, whole.copy).store, 1000)), ['a', 'b', 'c']);
  for (const cut of [1, 4000, 9000]) {
    const { copy, log } = crashed(t, folder);
    truncateSync(log, statSync(log).size - cut);
    assert.deepEqual(ids(take(open(t, copy).store, 1000)), ['a', 'b'], `${cut} bytes less`);
  }
  const { copy, log } = crashed(t, folder);
  const bytes = readFileSync(log);
  bytes.fill(0x5a, bytes.length - 3000, bytes.length - 2000);
  writeFileSync(log, bytes);
  const { store: opened } = open(t, copy);
  assert.deepEqual(ids(take(opened, 1000)), ['a', 'b']);
  add(opened, { requestId: 'd' });
  assert.deepEqual(ids(take(opened, 1000)), ['d']);
});

test('a commit is on the disk when it returns', (t) => {
  const folder = newFolder(t);
  prepareCallFile(folder);
  const db = openCallFile(folder);
  const full = 2;
  assert.equal(db.prepare('PRAGMA synchronous').get()?.['synchronous'], full);
  assert.equal(db.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal');
  db.close();
});

test('space is given back', (t) => {
  const folder = newFolder(t);
  prepareCallFile(folder);
  const store = new CallStore(folder);
  const event = JSON.stringify('x'.repeat(100_000));
  const works = Array.from(
    { length: 200 },
    () => ({ kind: 'add', call: callOf({ event }), maxBytes: lots }) as const,
  );
  store.run(works);
  const { calls } = take(store, 1000, 200);
  store.run(calls.map(({ id }) => ({ kind: 'settle', id, outcome: { kind: 'done' } }) as const));
  const bounds = { now: 0, bornAfter: 0, deadAfter: 0, deadBytes: lots };
  for (let turn = 0; turn < 3; turn += 1) store.run([{ kind: 'tidy', bounds }]);
  store.close();
  assert.ok(statSync(join(folder, 'calls.db')).size < 12 * 1024 * 1024);
});
