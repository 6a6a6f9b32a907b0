import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { KeyedHash } from './keyed-hash.ts';
import { SharedMemoryUnavailable, attachSharedMemory, openSharedMemory } from './shared-memory.ts';
import { attachSharedState, openSharedState } from './shared-state.ts';

const clock = new VirtualClock(1000);
const sizes = { counts: 20, values: 20 };

test('what is written in one place is read in the other', () => {
  const { fd, buffer } = openSharedMemory(8192);
  const other = attachSharedMemory(fd, 8192);
  fs.closeSync(fd);
  new Int32Array(buffer)[2000] = 7;
  assert.equal(Atomics.add(new Int32Array(other), 2000, 1), 7);
  assert.equal(new Int32Array(buffer)[2000], 8);
});

test('memory of another size, and what is none, is refused', () => {
  const { fd } = openSharedMemory(8192);
  assert.throws(() => attachSharedMemory(fd, 4096), SharedMemoryUnavailable);
  fs.closeSync(fd);
  assert.throws(() => attachSharedMemory(fd, 8192), SharedMemoryUnavailable);
});

test('where there is no memory without a name, it is a file without one', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tapgate-shared-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  t.mock.method(os, 'tmpdir', () => folder);
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  t.after(() => Object.defineProperty(process, 'platform', { value: platform }));
  const { fd, state } = openSharedState(clock, sizes);
  assert.deepEqual(fs.readdirSync(folder), []);
  assert.equal(state.values.claim('a', 1000), true);
  assert.equal(attachSharedState(fd, clock).values.claim('a', 1000), false);
  fs.closeSync(fd);
});

test('without node:ffi it is said so', (t) => {
  t.mock.method(process, 'getBuiltinModule', () => undefined);
  assert.throws(() => openSharedMemory(8192), /node:ffi \(Node 26\)/);
});

test('a process that lays memory out in another way does not take part', () => {
  const { fd } = openSharedState(clock, sizes);
  const attach = (): unknown => attachSharedState(fd, clock);
  attach();
  const header = new Int32Array(attachSharedMemory(fd, fs.fstatSync(fd).size), 0, 8);
  const wrong: [number, RegExp][] = [
    [0, /no shared state/],
    [1, /layout/],
    [2, /bytes/],
  ];
  for (const [word, message] of wrong) {
    const right = header[word] ?? 0;
    header[word] = right + 1;
    assert.throws(attach, message);
    assert.throws(attach, SharedMemoryUnavailable);
    header[word] = right;
  }
  attach();
  fs.ftruncateSync(fd, 100);
  assert.throws(attach, /no shared state/);
  fs.closeSync(fd);
});

test('the hash depends on the key, on both numbers and on every unit of the text', () => {
  const [one, other] = [new KeyedHash(1, 2), new KeyedHash(1, 3)];
  const seen = new Set<string>();
  let count = 0;
  const add = (hash: KeyedHash): void => {
    seen.add(`${hash.first} ${hash.second}`);
    count += 1;
  };
  for (const hash of [one, other])
    for (const text of ['', 'a', 'b', 'ab', 'ba', 'a\0', 'ü', '\u6161', 'a'.repeat(2000), 'a'.repeat(2001)]) {
      hash.digest(text);
      add(hash);
      for (const number of [0, 1, 2 ** 32, 2 ** 32 + 1, 2 ** 42])
        for (const second of [0, 1, 2 ** 32]) {
          hash.digestWith(number, second, text);
          add(hash);
        }
    }
  assert.equal(seen.size, count);
  one.digest('same');
  const { first, second } = one;
  new KeyedHash(1, 2).digest('other');
  one.digestWith(1, 1, 'same');
  one.digest('same');
  assert.deepEqual([one.first, one.second], [first, second]);
});
