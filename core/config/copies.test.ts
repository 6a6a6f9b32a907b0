import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { changeOf, copyOf, keptOf, readChanged, readCopy, readKeeping } from './copies.ts';
import { Known } from './known.ts';
import { type ConfigText, readConfig } from './read.ts';

const top = mkdtempSync(join(tmpdir(), 'tapgate-copies-'));
after(() => rmSync(top, { recursive: true, force: true }));

const apis = (names: readonly string[], x: string | number): string =>
  `apis:\n${names.map((name) => `  g/${name}:\n    x: ${x}\n`).join('')}`;

/** Folders of configurations, one for each test. */
class Folder {
  readonly path = mkdtempSync(join(top, 'config-'));
  readonly known = new Known();

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text);
  }

  read(): Promise<ConfigText> {
    return readKeeping(this.path, {}, this.known);
  }
}

const isAlone = ({ reading }: ConfigText): boolean => reading?.moved !== undefined;

const assertSame = (text: ConfigText, folder: Folder): void => {
  const fresh = readConfig(folder.path, {});
  assert.deepEqual(text.root, fresh.root);
  assert.deepEqual(text.hashes, fresh.hashes);
  assert.deepEqual(text.files, fresh.files);
};

test('of several files the one that has changed is read, and of that what has changed', async () => {
  const folder = new Folder();
  folder.write('1.yaml', `\uFEFF# ü\n${apis(['a', 'b'], 1)}`);
  folder.write('2.yaml', `${apis(['c', 'd'], 1)}limits: {}\n`);
  await folder.read();
  for (const [file, text] of [
    ['2.yaml', `${apis(['c', 'd', 'e'], '"ü"')}limits: {}\n`],
    ['1.yaml', `\uFEFF# ü\n${apis(['a'], 1)}`],
    ['1.yaml', `\uFEFF# ü\n${apis(['a', ...Array.from({ length: 200 }, (_, index) => `n${index}`)], 1)}`],
    ['2.yaml', `${apis(['d'], 2)}limits: {}\n`],
  ] as const) {
    folder.write(file, text);
    const read = await folder.read();
    assert.ok(isAlone(read), `${file}: ${text}`);
    assertSame(read, folder);
  }
  // The same API in both is found by whoever reads all.
  folder.write('2.yaml', `${apis(['a'], 2)}limits: {}\n`);
  const twice = await folder.read();
  assert.ok(!isAlone(twice));
  assert.match(twice.problems[0]?.message ?? '', /already defined/);
});

test('what is not a change of APIs in one file is read with all the rest', async () => {
  const folder = new Folder();
  const texts = ['a', 'b'].map((name) => apis([name], 1));
  const reset = async (): Promise<void> => {
    folder.write('1.yaml', `${texts[0]}limits: {}\n`);
    folder.write('2.yaml', texts[1] ?? '');
    await folder.read();
  };
  const cases: readonly (() => void)[] = [
    () => folder.write('1.yaml', `${texts[0]}limits: { x: 1 }\n`),
    () => folder.write('1.yaml', `# c\n${texts[0]}limits: {}\n`),
    () => {
      folder.write('1.yaml', `${apis(['a'], 2)}limits: {}\n`);
      folder.write('2.yaml', apis(['b'], 2));
    },
  ];
  for (const change of cases) {
    await reset();
    change();
    const read = await folder.read();
    assert.ok(!isAlone(read), String(change));
    assertSame(read, folder);
  }
  await reset();
  writeFileSync(join(folder.path, '1.yaml'), Buffer.from(`${apis(['a'], '"\xFC"')}limits: {}\n`, 'latin1'));
  const broken = await folder.read();
  assert.ok(!isAlone(broken));
  assert.match(broken.problems[0]?.message ?? '', /cannot be used/);
});

test('whoever asks for the rest has it as it was then, whatever the disk holds by now', async () => {
  const folder = new Folder();
  folder.write('1.yaml', `${apis(['a', 'b'], 1)}limits:\n  x: 1\n`);
  await folder.read();
  folder.write('1.yaml', `${apis(['a', 'b'], 2)}limits:\n  x: 1\n`);
  const read = await folder.read();
  assert.ok(isAlone(read));
  assert.equal(read.locate.hasMissed, false);
  assert.throws(() => read.locate.positionOf(['limits', 'x']));
  assert.equal(read.locate.hasMissed, true);
  rmSync(join(folder.path, '1.yaml'));
  await read.complete?.();
  assert.equal(read.locate.positionOf(['limits', 'x']).line, 7);
  assert.deepEqual(structuredClone(read.root), {
    apis: { 'g/a': { x: 2 }, 'g/b': { x: 2 } },
    limits: { x: 1 },
  });
});

test('a copy is what was read, after any number of changes', async () => {
  const folder = new Folder();
  folder.write('1.yaml', `# ü\n${apis(['a', 'b'], 0)}`);
  await folder.read();
  for (let turn = 1; turn <= 70; turn += 1) {
    folder.write('1.yaml', `# ü\n${apis(['a', 'b', ...(turn % 2 === 0 ? ['c'] : [])], `"ü${turn}"`)}`);
    const read = await folder.read();
    assert.ok(isAlone(read));
    const copy = await readCopy(copyOf(keptOf(read)), {}, {}, new Known());
    assert.deepEqual(copy.root, read.root);
    assert.deepEqual(copy.hashes, read.hashes);
  }
});

test('another process needs what has changed alone, if it has read what was there before', async () => {
  const folder = new Folder();
  folder.write('1.yaml', apis(['a', 'b'], 0));
  const there = new Known();
  await readCopy(copyOf(keptOf(await folder.read())), {}, {}, there);
  const send = async (): Promise<ConfigText | undefined> => {
    const change = changeOf(keptOf(await folder.read())) ?? assert.fail('all was read');
    return readChanged(structuredClone(change), {}, {}, there);
  };
  folder.write('1.yaml', apis(['a', 'ü', 'b'], 1));
  const first = await send();
  assert.ok(first !== undefined && isAlone(first));
  assertSame(first, folder);
  // Nothing has.
  const second = await send();
  assert.equal(second?.reading?.id, first.reading?.id);
  folder.write('1.yaml', apis(['a'], 2));
  await folder.read();
  folder.write('1.yaml', apis(['a'], 3));
  // It has not heard of the change between.
  assert.equal(await send(), undefined);
  const third = await readCopy(copyOf(keptOf(await folder.read())), {}, {}, there);
  assertSame(third, folder);
  folder.write('1.yaml', apis(['a'], 4));
  assertSame((await send()) ?? assert.fail('not read'), folder);
});

test('however many comments stand before an anchor, they are read in a moment', async () => {
  const folder = new Folder();
  folder.write('1.yaml', `apis:\r\n${'  # c\r\n'.repeat(100)}  &x\r\n  g/a: { x: 1 }\r\n`);
  const read = await folder.read();
  assert.deepEqual(read.problems, []);
  folder.write('1.yaml', `apis:\r\n${'  # c\r\n'.repeat(100)}  &x\r\n  g/a: { x: 2 }\r\n`);
  const changed = await folder.read();
  assert.ok(!isAlone(changed));
  assertSame(changed, folder);
});

test('a pipe in the place of a file is refused, not waited for', async () => {
  const folder = new Folder();
  folder.write('1.yaml', apis(['a'], 1));
  await folder.read();
  const file = join(folder.path, '1.yaml');
  rmSync(file);
  execFileSync('mkfifo', [file]);
  const { problems } = await folder.read();
  assert.match(problems[0]?.message ?? '', /not a file/);
});

test('a reading in which lines have only moved is another one: whoever passes it over does not know where they are', async () => {
  const folder = new Folder();
  folder.write('1.yaml', apis(['a', 'b'], 1));
  const first = await folder.read();
  folder.write('1.yaml', apis(['a', 'b'], 1).replace('  g/b', '  # c\n  g/b'));
  const moved = await folder.read();
  assert.ok(isAlone(moved));
  assert.notEqual(moved.reading?.id, first.reading?.id);
});
