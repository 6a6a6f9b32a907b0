import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { formatProblem } from './problems.ts';
import { readConfig, readConfigText } from './read.ts';

function plain(value: unknown): unknown {
  return structuredClone(value);
}

/** Writes files below a new folder; `-> target` makes a link. */
function folder(context: TestContext, files: Record<string, string | Uint8Array>): string {
  const root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'tapgate-config-'));
  context.after(() => fs.rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const full = path.join(root, name);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) fs.symlinkSync(content.slice(3), full);
    else fs.writeFileSync(full, content);
  }
  return root;
}

function names(root: string, files: readonly string[]): string[] {
  return files.map((file) => path.relative(root, file));
}

test('files are merged section by section, in order of their names', () => {
  const { root, problems, locate } = readConfigText(
    {
      'b.yaml': 'apis:\n  two: {p: 2}\nlisteners: [2, 3]\napps:\ngroups: {g: 1}\n',
      'a.yml': 'listeners: [1]\napis:\n  one: {p: 1}\napps: {x: y}\ngroups:\n',
      'c.yaml': '',
      'd.txt': 'not: [yaml',
    },
    {},
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(plain(root), {
    listeners: [1, 2, 3],
    apis: { one: { p: 1 }, two: { p: 2 } },
    apps: { x: 'y' },
    groups: { g: 1 },
  });
  assert.deepEqual(locate.positionOf(['apis', 'two', 'p']), { file: 'b.yaml', line: 2, column: 12 });
  assert.deepEqual(locate.positionOf(['listeners', 1]), { file: 'b.yaml', line: 3, column: 13 });
  assert.equal(locate.fileOf(['listeners', 0]), 'a.yml');
  assert.equal(locate.fileOf(['apis', 'two', 'p']), 'b.yaml');
  assert.equal(locate.fileOf(['groups', 'g']), 'b.yaml');
});

const conflicts: [name: string, files: Record<string, string>, ...expected: string[]][] = [
  [
    'a name twice',
    { 'a.yaml': 'apis:\n  x: 1\n', 'b.yaml': 'apis: {y: 1, x: 2}\n' },
    'b.yaml:1:14 apis.x: this is already defined at a.yaml:2:3',
  ],
  [
    'a scalar twice',
    { 'a.yaml': 'v: 1\n', 'b.yaml': 'v: 1\n' },
    'b.yaml:1:1 v: this is already defined at a.yaml:1:1',
  ],
  [
    'different kinds',
    { 'a.yaml': 'v: [1]\n', 'b.yaml': '\nv: {a: 1}\n' },
    'b.yaml:2:1 v: this is already defined at a.yaml:1:1',
  ],
  [
    'three files',
    { 'a.yaml': 's: {x: 1}\n', 'b.yaml': 's: {x: 1}\n', 'c.yaml': 's: {x: 1}\n' },
    'b.yaml:1:5 s.x: this is already defined at a.yaml:1:5',
    'c.yaml:1:5 s.x: this is already defined at a.yaml:1:5',
  ],
  [
    'all files go on',
    { 'a.yaml': 'v: [\n', 'b.yaml': '- 1\n', 'c.yaml': 'v: *x\n' },
    'a.yaml:2:1: not valid YAML: deficient indentation',
    'b.yaml:1:1: a file must be a mapping',
    'c.yaml:1:4 v: the anchor &x is not defined above',
  ],
  [
    'nothing but empty files',
    { 'a.yaml': '', 'b.yaml': '---\n' },
    'a.yaml:1:1: cannot be used: there is nothing in it',
  ],
  ['no files', {}, '.:1:1: cannot be used: there is nothing in it'],
];
for (const [name, files, ...expected] of conflicts) {
  test(`merging: ${name}`, () => {
    assert.deepEqual(readConfigText(files, {}).problems.map(formatProblem), expected);
  });
}

test('merging leaves what an alias shares alone', () => {
  const files = { 'a.yaml': 'x: &x {p: 1}\ny: *x\nl: &l [1]\nm: *l\n', 'b.yaml': 'x: {q: 2}\nl: [2]\n' };
  assert.deepEqual(plain(readConfigText(files, {}).root), {
    x: { p: 1, q: 2 },
    y: { p: 1 },
    l: [1, 2],
    m: [1],
  });
});

test('one file is read whatever its name', (context) => {
  const root = folder(context, {
    'c.conf': 'source: ./f.js\nk: ${file:secret}\n',
    secret: 'v\n',
    'o.yaml': 'no: 1',
  });
  const file = path.join(root, 'c.conf');
  const { root: value, files, problems, locate } = readConfig(file, {});
  assert.deepEqual(problems, []);
  assert.deepEqual(plain(value), { source: './f.js', k: 'v' });
  assert.deepEqual(files, [file, path.join(root, 'secret')]);
  assert.equal(locate.fileOf(['source']), file);
});

test('a folder gives its YAML files, deep ones too, without hidden ones', (context) => {
  const root = folder(context, {
    'b.yaml': 'b: 1',
    'a/z.yml': 'z: 1',
    'a/n.json': '{',
    'c.yaml/d.yaml': 'd: 1',
    '.hidden.yaml': '[',
    '.git/x.yaml': '[',
    'e.yaml~': '[',
  });
  const { files, problems, root: value } = readConfig(root, {});
  assert.deepEqual(problems, []);
  assert.deepEqual(names(root, files), ['a/z.yml', 'b.yaml', 'c.yaml/d.yaml']);
  assert.deepEqual(plain(value), { z: 1, b: 1, d: 1 });
});

test('a Kubernetes ConfigMap mount gives each file once', (context) => {
  const root = folder(context, {
    '..2026_01_01/gateway.yaml': 'a: 1',
    '..2026_01_01/key': 'k',
    '..data': '-> ..2026_01_01',
    'gateway.yaml': '-> ..data/gateway.yaml',
    key: '-> ..data/key',
  });
  const { files, problems } = readConfig(root, {});
  assert.deepEqual(problems, []);
  assert.deepEqual(names(root, files), ['gateway.yaml']);
});

test('links are followed once, and a link that leads nowhere is a problem', (context) => {
  const root = folder(context, {
    'a.yaml': 'a: 1',
    'again.yaml': '-> a.yaml',
    'loop/up': '-> ..',
    'loop/self': '-> .',
    'gone.yaml': '-> nowhere.yaml',
    'round.yaml': '-> round.yaml',
  });
  const { files, problems } = readConfig(root, {});
  assert.deepEqual(names(root, files), ['a.yaml']);
  assert.equal(problems.length, 2);
  assert.match(
    problems.map(formatProblem).join('\n'),
    /gone.yaml:1:1: .*ENOENT.*\n.*round.yaml:1:1: .*ELOOP/,
  );
});

test('a folder may itself be a link', (context) => {
  const root = folder(context, { 'real/a.yaml': 'a: 1', link: '-> real' });
  const { files, problems } = readConfig(path.join(root, 'link'), {});
  assert.deepEqual(problems, []);
  assert.deepEqual(names(root, files), ['link/a.yaml']);
});

test('what is not there or not text is a problem, not an exception', (context) => {
  const root = folder(context, { 'e/readme': '', 'bad.yaml': new Uint8Array([0x61, 0x3a, 0x20, 0xff]) });
  const messages = (name: string): string =>
    readConfig(path.join(root, name), {}).problems.map(formatProblem).join('\n');
  assert.match(messages('gone.yaml'), /gone\.yaml:1:1: cannot be used: ENOENT/);
  assert.match(messages('e'), /e:1:1: cannot be used: there is nothing in it/);
  assert.match(messages('bad.yaml'), /bad\.yaml:1:1: cannot be used: .*utf-8/i);
  assert.match(messages('a\0b'), /cannot be used/);
});

test('a byte order mark on disk does not shift columns', (context) => {
  const root = folder(context, { 'a.yaml': '\uFEFFa: *x', 'b.yaml': 'k: ${file:s}', s: '\uFEFFv' });
  const { problems, root: value } = readConfig(root, {});
  assert.deepEqual(
    problems.map((problem) => problem.at?.column),
    [4],
  );
  assert.equal(value['k'], 'v');
});

test('a secret must be a file', (context) => {
  const root = folder(context, { 'a.yaml': 'k: ${file:d}', 'd/x': '' });
  assert.match(
    readConfig(root, {}).problems.map(formatProblem).join(),
    /the secret file .*d cannot be read: not a file/,
  );
});
