import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Batches } from './batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapgate-batches-'));
after(() => rmSync(folder, { recursive: true }));

const lines = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index} ${'ü'.repeat(50)}\n`);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for what comes about behind the back of whoever waits. */
async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !isSo(); await turn()) assert.ok(Date.now() < deadline);
}

/** A pipe of 64 KiB that answers EAGAIN when it is full; what is read of it, and both of its ends. */
function openPipe(name: string) {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(4096);
  const read = (): string => {
    try {
      return buffer.toString('latin1', 0, readSync(reader, buffer));
    } catch {
      return '';
    }
  };
  return { reader, writer, read };
}

function isOpen(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    return false;
  }
}

test('lines are written in their order, and the last of them when the file is closed', async () => {
  const file = join(folder, 'order');
  const batches = new Batches(openSync(file, 'a'), assert.fail);
  const all = lines(1000);
  for (const line of all) batches.write(line);
  batches.end();
  batches.end();
  await until(() => readFileSync(file, 'utf8') === all.join(''));
});

test('a line that is longer than a batch stands where it belongs', async () => {
  const file = join(folder, 'long');
  const batches = new Batches(openSync(file, 'a'), assert.fail);
  const all = lines(200).flatMap((line, index) => [line, `${'\u20ac'.repeat(index * 40)}\n`]);
  const text = all.join('');
  for (const line of all) batches.write(line);
  batches.end();
  await until(() => statSync(file).size >= Buffer.byteLength(text));
  assert.ok(readFileSync(file, 'utf8') === text);
});

test('few lines do not wait for more', async () => {
  const file = join(folder, 'few');
  const batches = new Batches(openSync(file, 'a'), assert.fail);
  batches.write('one\n');
  await until(() => readFileSync(file, 'utf8') === 'one\n');
  batches.write('two\n');
  await until(() => readFileSync(file, 'utf8') === 'one\ntwo\n');
  batches.end();
});

test('a reader who is slow gets every byte once', async () => {
  const { reader, writer, read } = openPipe('slow');
  const batches = new Batches(writer, assert.fail);
  const all = lines(3000);
  for (const line of all) batches.write(line);
  batches.end();
  let got = '';
  await until(() => {
    got += read();
    return got.length >= Buffer.byteLength(all.join(''));
  });
  assert.equal(Buffer.from(got, 'latin1').toString('utf8'), all.join(''));
  closeSync(reader);
});

test('nothing is told, and nothing kept, when nobody reads any more', async () => {
  const { reader, writer } = openPipe('gone');
  const batches = new Batches(writer, assert.fail);
  closeSync(reader);
  for (const line of lines(3000)) batches.write(line);
  await until(() => !isOpen(writer));
  batches.write('one\n');
  batches.end();
});

test('a disk that is full is told, and does not take the lines with it', async () => {
  const told: string[] = [];
  const batches = new Batches(openSync('/dev/full', 'a'), (error) => told.push(error.message));
  for (const line of lines(200)) batches.write(line);
  // Told again: they are tried again.
  await until(() => told.length >= 2);
  assert.match(told[0] ?? '', /ENOSPC/);
  batches.end();
});

test('a process that ends by itself or by its own word leaves no line behind', () => {
  for (const [name, end] of [
    ['exit', 'process.exit(0)'],
    ['over', ''],
  ] as const) {
    const file = join(folder, name);
    const program = `
      import { openSync } from 'node:fs';
      import { Batches } from ${JSON.stringify(new URL('batches.ts', import.meta.url).href)};
      const batches = new Batches(openSync(${JSON.stringify(file)}, 'a'), () => undefined);
      batches.write('one\\n');
      batches.write('two\\n');
      ${end}`;
    execFileSync(process.execPath, ['--input-type=module', '-e', program]);
    assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n');
  }
});

test('a process that ends waits for a reader who is slow, as long as it reads', async () => {
  const path = join(folder, 'last');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // More than tries of 64 KiB take. Of lines that are longer than a batch, so that none is being written when it ends.
  const program = `
    import { constants, openSync } from 'node:fs';
    import { Batches } from ${JSON.stringify(new URL('batches.ts', import.meta.url).href)};
    const batches = new Batches(openSync(${JSON.stringify(path)}, constants.O_WRONLY | constants.O_NONBLOCK), () => undefined);
    for (let count = 0; count < 50; count += 1) batches.write('x'.repeat(29_999) + '\\n');
    process.exit(0);`;
  const writer = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  const buffer = Buffer.alloc(64 * 1024);
  const read = (): number => {
    try {
      return readSync(reader, buffer);
    } catch {
      return 0;
    }
  };
  let got = 0;
  for (let count = 0; writer.exitCode === null || count > 0; got += count) {
    // Slower than it is written, or the pipe would seldom be full.
    await setTimeout(40);
    count = read();
  }
  assert.equal(got, 1_500_000);
  closeSync(reader);
});

test('a file that does not let itself be closed is told', async () => {
  const descriptor = openSync(join(folder, 'closed'), 'a');
  const told: string[] = [];
  const batches = new Batches(descriptor, (error) => told.push(error.message));
  closeSync(descriptor);
  batches.end();
  await until(() => told.length > 0);
  assert.match(told[0] ?? '', /EBADF/);
});
