import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readKeeping } from './copies.ts';
import { Known } from './known.ts';
import { type ConfigText, readConfig } from './read.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapgate-known-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Reads one text after the other from the same file. */
async function readAll(texts: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ConfigText[]> {
  count += 1;
  const file = join(folder, `${count}.yaml`);
  const known = new Known();
  const all: ConfigText[] = [];
  for (const text of texts) {
    writeFileSync(file, text);
    all.push(await readKeeping(file, env, known));
    // Read without knowing anything it is the same.
    const { root, problems, hashes, files } = readConfig(file, env);
    const last = all.at(-1);
    assert.deepEqual(last?.root, root);
    assert.deepEqual(last?.problems, problems);
    assert.deepEqual(last?.hashes, hashes);
    assert.deepEqual(last?.files, files);
  }
  return all;
}

/** The names that the last of several texts has changed, by section. */
async function changesOf(...texts: string[]): Promise<Record<string, unknown[]>> {
  const all = await readAll(texts);
  const { names, since } = all.at(-1)?.reading?.changes ?? assert.fail('nothing was compared');
  assert.equal(since, all.at(-2)?.reading?.id);
  return Object.fromEntries(Array.from(names, ([section, each]) => [section, [...each]]));
}

const apis = (...lines: string[]): string => `apis:\n${lines.map((line) => `  ${line}\n`).join('')}`;
const a = 'g/a: { x: 1 }';
const b = 'g/b:\n    x: [1, two]\n    y:\n      - text';

test('an entry that is written as before is the same value, wherever it has moved to', async () => {
  const [first, second] = await readAll([apis(a, b), `# more\nlimits: { a: 1 }\n${apis(b, a, 'g/c: {}')}`]);
  const [before, now] = [first, second].map((text) => text?.root['apis'] as Record<string, object>);
  assert.equal(now?.['g/a'], before?.['g/a']);
  assert.equal(now?.['g/b'], before?.['g/b']);
  assert.deepEqual(second?.locate.positionOf(['apis', 'g/b', 'x', 1]).line, 5);
});

const cases: Record<string, [before: string, now: string, expected: Record<string, unknown[]>]> = {
  nothing: [apis(a, b), apis(a, b), {}],
  'a comment and blank lines before': [apis(a, b), `# c\n\n${apis(a, b)}`, {}],
  'a value': [apis(a, b), apis(a.replace('1', '2'), b), { apis: ['g/a'] }],
  'one more': [apis(a), apis(a, b), { apis: ['g/b'] }],
  'one less': [apis(a, b), apis(b), { apis: ['g/a'] }],
  'a name': [apis(a), apis(a.replace('g/a', 'g/z')), { apis: ['g/z', 'g/a'] }],
  'a key without a value that gets one': [
    apis('g/a:', '  x:'),
    apis('g/a:', '  x:', '    1'),
    { apis: ['g/a'] },
  ],
  'an item that becomes a mapping': [
    apis('g/a:', '  x:', '  - a'),
    apis('g/a:', '  x:', '  - a:'),
    { apis: ['g/a'] },
  ],
  'how deep it stands': [
    apis('g/a:', '  x: |1', '    1'),
    apis('g/a:', '   x: |1', '    1'),
    { apis: ['g/a'] },
  ],
  'a tag': [apis('g/a: {x: 1}'), apis('g/a: !!map {x: 1}'), { apis: ['g/a'] }],
  'a scalar of a section': ['limits: { a: 1, b: 2 }\n', 'limits: { a: 1, b: 3 }\n', { limits: ['b'] }],
  'the type of a scalar': ['limits: { a: 1 }\n', 'limits: { a: "1" }\n', { limits: ['a'] }],
  'a section that is a scalar': ['workers: 1\n', 'workers: 2\n', { workers: [undefined] }],
  'an item of a list': ['list: [{a: 1}, {b: 1}]\n', 'list: [{a: 1}, {b: 2}]\n', { list: [1] }],
  'a section that is empty': [apis(a), `${apis(a)}more: {}\n`, { more: [undefined] }],
  'a section that becomes empty': [apis(a), 'apis: {}\n', { apis: ['g/a'] }],
  'a mapping that becomes a list': ['x: {}\n', 'x: []\n', { x: [undefined] }],
  'a blank that is text': [apis('g/a:', '  x: y'), apis('g/a:', '  x: y\u00a0'), { apis: ['g/a'] }],
  'a section that is gone': [`${apis(a)}more: { a: { b: 1 } }\n`, apis(a), { more: ['a', undefined] }],
};

for (const [name, [before, now, expected]] of Object.entries(cases)) {
  test(`what has changed is told: ${name}`, async () => {
    assert.deepEqual(await changesOf(before, now), expected);
    assert.deepEqual(await changesOf(now, before, before), {});
  });
}

test('what depends on other places counts as changed', async () => {
  const base = 'base: &base { x: 1 }\n';
  const merged = `${base}apis:\n  g/a: { <<: *base }\n  g/b: { y: 1 }\n`;
  assert.deepEqual(await changesOf(merged, merged.replace('x: 1', 'x: 2')), {
    base: ['x'],
    apis: ['g/a'],
  });
  const whole = `${base}apis: *base\n`;
  assert.deepEqual((await changesOf(whole, whole))['apis'], [undefined]);
  const mergedSection = `${base}apis: { <<: *base, g/b: { y: 1 } }\n`;
  assert.deepEqual((await changesOf(mergedSection, mergedSection))['apis'], [undefined, '<<']);
  assert.deepEqual((await changesOf(mergedSection, `${base}apis: { g/b: { y: 1 } }\n`))['apis'], [
    undefined,
    'g/b',
    '<<',
  ]);
  assert.deepEqual((await changesOf(whole, `${base}apis: { g/b: { y: 1 } }\n`))['apis'], [undefined, 'g/b']);
  const root = `base: &base\n  apis: { g/b: { y: 1 } }\n<<: *base\n`;
  assert.notDeepEqual(await changesOf(root, root), {});
});

test('what does not follow from a text alone counts as changed, and is read', async () => {
  const tagged = (x: number): string => apis(`g/a: !!map { x: ${x} }`, 'g/b: ! { y: 1 }');
  assert.deepEqual(await changesOf(tagged(1), tagged(2)), { apis: ['g/a', 'g/b'] });
  const anchored = apis('g/a: &a { x: 1 }', 'g/b: { y: 1 }');
  assert.deepEqual(await changesOf(anchored, apis('g/b: { y: 1 }')), { apis: ['g/a'] });
  assert.deepEqual(await changesOf(tagged(1), apis('g/b: { y: 1 }')), { apis: ['g/b', 'g/a'] });
  const pair = 'list: [a: b ]\n';
  const item = 'list:\n     - a: b ]\n';
  assert.deepEqual(await changesOf(pair, item), { list: [0] });
  assert.deepEqual(await changesOf(item, pair), { list: [0] });
});

test('a second document is told as when nothing is known', async () => {
  const two = `${apis(a)}---\n${apis(b)}`;
  const [, last] = await readAll([apis(a), two]);
  assert.match(last?.problems[0]?.message ?? '', /second YAML document/);
});

test('what stands in a mapping that is merged into the root is found in several files', async () => {
  const place = join(folder, 'merged');
  mkdirSync(place);
  writeFileSync(join(place, '1.yaml'), `<<: { apis: { ${a} } }\n`);
  writeFileSync(join(place, '2.yaml'), apis('g/c: {}'));
  const { locate, root } = await readKeeping(place, {}, new Known());
  assert.deepEqual(Object.keys(root['apis'] ?? {}), ['g/a', 'g/c']);
  assert.equal(locate.positionOf(['apis', 'g/none']).line, 1);
});

test('a reading in which nothing has changed stands for the one before, and knows the same files', async () => {
  const file = join(folder, 'same.yaml');
  const other = join(folder, 'other');
  writeFileSync(file, apis(a));
  writeFileSync(other, 'one');
  const known = new Known();
  const first = await readKeeping(file, {}, known);
  // As building does.
  first.read(other, 10);
  const second = await readKeeping(file, {}, known);
  assert.equal(second.reading?.id, first.reading?.id);
  writeFileSync(other, 'two');
  const third = await readKeeping(file, {}, known);
  assert.notEqual(third.reading?.changes.since, first.reading?.id);
  assert.deepEqual(third.reading?.changes.names.get('apis'), new Set(['g/a', undefined]));
});

test('where extensions have changed, no value is one that the earlier ones have filled in', async () => {
  const file = join(folder, 'extensions.yaml');
  const known = new Known();
  const read = async (source: string): Promise<Record<string, object>> => {
    writeFileSync(file, `${apis(a)}extensions: { e: { source: ${source} } }\n`);
    const { root, reading } = await readKeeping(file, {}, known);
    assert.ok(reading?.changes.names.has('apis'));
    return root['apis'] as Record<string, object>;
  };
  const first = await read('./one');
  Object.assign(first['g/a'] ?? {}, { limit: 5 });
  assert.deepEqual({ ...(await read('./two'))['g/a'] }, { x: 1 });
});

test('blanks behind a block are part of it', async () => {
  const block = (behind: string): string => `apis:\n  g/a:\n    x: |+\n      text\n${behind}  g/b: {}\n`;
  assert.deepEqual(await changesOf(block(''), block('\n')), { apis: ['g/a'] });
});

test('a changed secret file forgets all values, and a variable is told as secret though it is not read again', async () => {
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'one');
  const file = join(folder, 'with-secret.yaml');
  const known = new Known();
  const env = { KEY: 'hidden' };
  const read = (): Promise<ConfigText> => readKeeping(file, env, known);
  writeFileSync(file, `apps:\n  a: { secret: "\${file:${secret}}" }\n  b: { secret: "\${env:KEY}" }\n`);
  const first = await read();
  const second = await read();
  const appsOf = ({ root }: ConfigText) => root['apps'] as Record<string, { secret: string }>;
  assert.equal(second.reading?.changes.names.size, 0);
  await second.complete?.();
  assert.deepEqual([...(second.reading?.changes.names.get('apps') ?? [])], ['a']);
  assert.equal(appsOf(second)['b'], appsOf(first)['b']);
  assert.equal(second.locate.isSecret(['apps', 'b', 'secret']), true);
  assert.equal(second.locate.redact(['apps'], 'it is "hidden"'), 'it is "[secret]"');
  assert.deepEqual(second.hashes, first.hashes);
  writeFileSync(secret, 'two');
  const third = await read();
  assert.equal(appsOf(third)['a']?.secret, 'two');
  assert.notEqual(appsOf(third)['b'], appsOf(first)['b']);
  assert.notEqual(third.reading?.changes.since, second.reading?.id);
});

test('a file that a refused reading did not come to is still watched for', async () => {
  const beside = join(folder, 'beside');
  const file = join(folder, 'with-beside.yaml');
  const known = new Known();
  const read = async (text: string): Promise<ConfigText> => {
    writeFileSync(file, text);
    return readKeeping(file, {}, known);
  };
  const valueOf = ({ root }: ConfigText) => (root['apis'] as Record<string, unknown>)['g/a'];
  writeFileSync(beside, 'one');
  const text = apis(a);
  const first = await read(text);
  // As building does.
  first.read(beside, 1000);
  assert.equal(valueOf(await read(`${text}more: 1\n`)), valueOf(first));
  writeFileSync(beside, 'two');
  const third = await read(text);
  assert.notEqual(valueOf(third), valueOf(first));
});

test('an entry may move from one file to another', async () => {
  const known = new Known();
  const place = join(folder, 'several');
  const write = (name: string, text: string): void => writeFileSync(join(place, name), text);
  mkdirSync(place);
  write('1.yaml', apis(a));
  write('2.yaml', apis('g/c: {}'));
  await readKeeping(place, {}, known);
  write('1.yaml', apis('g/d: {}'));
  write('2.yaml', apis('g/c: {}', a));
  const { root, reading } = await readKeeping(place, {}, known);
  assert.deepEqual(Object.keys(root['apis'] ?? {}), ['g/d', 'g/c', 'g/a']);
  assert.deepEqual(reading?.changes.names.get('apis'), new Set(['g/d', 'g/a']));
});
