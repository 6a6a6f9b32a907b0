import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from './problems.ts';
import { readConfigText } from './read.ts';

const ENV = {
  PORT: '9000',
  EMPTY: '',
  NAME: 'n${env:PORT}',
  LONG: 'two\nlines: x',
  DIGITS: '12345678901234567890',
};
const FILES = {
  'd/key.txt': 'k3y\n',
  'd/crlf.txt': 'x\r\n',
  'd/two.txt': 'a\n\n',
  'e.txt': 'e',
  '/etc/abs': 'abs',
};

function read(line: string) {
  return readConfigText({ 'd/a.yaml': `a: ${line}\n`, ...FILES }, ENV);
}

const followed: [line: string, expected: unknown, isSecret: boolean][] = [
  ['${env:PORT}', 9000, true],
  ['"${env:PORT}"', '9000', true],
  ["'${env:PORT}'", '9000', true],
  ['${env:PORT:-8080}', 9000, true],
  ['${env:UNSET:-8080}', 8080, true],
  ['${env:UNSET:-true}', true, true],
  ['${env:UNSET:-}', null, true],
  ['"${env:UNSET:-}"', '', true],
  ['${env:EMPTY:-x}', 'x', true],
  ['"${env:EMPTY}"', '', true],
  ['"${env:UNSET:-a:-b}"', 'a:-b', true],
  ['!!str ${env:PORT}', '9000', true],
  ['!!int "${env:PORT}"', 9000, true],
  ['1${env:PORT}', '19000', true],
  ['http://${env:UNSET:-h}:${env:PORT}/x', 'http://h:9000/x', true],
  ['${env:PORT}${env:PORT}', '90009000', true],
  ['${env:NAME}', 'n${env:PORT}', true],
  ['${env:LONG}', 'two\nlines: x', true],
  ['${file:key.txt}', 'k3y', true],
  ['${file:./crlf.txt}', 'x', true],
  ['"${file:two.txt}"', 'a\n', true],
  ['${file:../e.txt}', 'e', true],
  ['${file:/etc/abs}', 'abs', true],
  ['|\n  x ${env:PORT}\n  y', 'x 9000\ny\n', true],
  ['$${env:PORT}', '${env:PORT}', false],
  ['"$$${env:PORT}"', '$${env:PORT}', false],
  ['$${file:x} ${env:PORT}', '${file:x} 9000', true],
  ['${rc}', '${rc}', false],
  [
    '$context.x ${statusCode} $${x} $env:PORT {env:PORT}',
    '$context.x ${statusCode} $${x} $env:PORT {env:PORT}',
    false,
  ],
  ['${ENV:PORT}', '${ENV:PORT}', false],
];
for (const [line, expected, isSecret] of followed) {
  test(`secrets: ${JSON.stringify(line)}`, () => {
    const { root, problems, locate } = read(line);
    assert.deepEqual(problems.map(formatProblem), []);
    assert.equal(root['a'], expected);
    assert.equal(locate.isSecret(['a']), isSecret);
  });
}

const refused: [line: string, ...expected: string[]][] = [
  ['${env:UNSET}', 'd/a.yaml:1:4 a: the environment variable UNSET is not set'],
  [
    '[x, "${env:U1} ${env:U2}"]',
    'd/a.yaml:1:8 a[1]: the environment variable U1 is not set',
    'd/a.yaml:1:8 a[1]: the environment variable U2 is not set',
  ],
  ['${env:constructor}', 'd/a.yaml:1:4 a: the environment variable constructor is not set'],
  ['${env:}', 'd/a.yaml:1:4 a: a variable is referred to as ${env:NAME} or ${env:NAME:-default}'],
  ['${env:A-B}', 'd/a.yaml:1:4 a: a variable is referred to as ${env:NAME} or ${env:NAME:-default}'],
  ['${env:PORT', 'd/a.yaml:1:4 a: a reference that starts with ${env: has no closing }'],
  ['${file:gone}', 'd/a.yaml:1:4 a: the secret file d/gone cannot be read: no such file'],
  ['${env:DIGITS}', 'd/a.yaml:1:4 a: a number of so many digits is not kept exactly; quote it'],
  ['!!bool ${env:PORT}', 'd/a.yaml:1:11 a: the value does not fit its tag !!bool'],
];
for (const [line, ...expected] of refused) {
  test(`secrets refused: ${JSON.stringify(line)}`, () => {
    const { problems, locate } = read(line);
    assert.deepEqual(problems.map(formatProblem), expected);
    assert.equal(locate.isSecret(['a']), true);
  });
}

test('keys are left alone, and a problem in an anchor is told once', () => {
  const text = 'a: &a {"${env:UNSET}": 1, b: "${env:UNSET}"}\nc: *a\nd: {<<: *a}\n';
  const { root, problems } = readConfigText({ 'a.yaml': text }, {});
  assert.deepEqual(Object.keys(root['c'] ?? {}), ['${env:UNSET}', 'b']);
  assert.deepEqual(problems.map(formatProblem), [
    'a.yaml:1:30 a.b: the environment variable UNSET is not set',
  ]);
});

test('what is secret is known below, above, through aliases and merges, and nowhere else', () => {
  const text = 'a: &a {k: &k "${env:PORT}", o: 1}\nb: *a\nc: {<<: *a}\nd: [x, *k]\ne: x\n';
  const { locate } = readConfigText({ 'a.yaml': text }, ENV);
  for (const path of [[], ['a'], ['a', 'k'], ['a', 'k', 'x'], ['b', 'k'], ['c', 'k'], ['d', 1], ['d']]) {
    assert.equal(locate.isSecret(path), true, JSON.stringify(path));
  }
  for (const path of [['a', 'o'], ['d', 0], ['e'], ['c', 'o']]) {
    assert.equal(locate.isSecret(path), false, JSON.stringify(path));
  }
});

test('no problem ever tells a value', () => {
  const text = 'a: &x "${env:S}"\n*x : 1\nb: !!int "${env:S}"\nc: !!int ${file:s.txt}\nd: {<<: *x}\n';
  const { problems } = readConfigText({ 'a.yaml': text, 's.txt': 'hunter2' }, { S: 'hunter2' });
  assert.equal(problems.length, 4);
  assert.doesNotMatch(problems.map(formatProblem).join('\n'), /hunter2/);
});

test('secret files are watched, missing ones too', () => {
  const { files } = readConfigText(
    { 'd/a.yaml': 'a: ["${file:k}", "${file:k}", "${file:gone}"]', 'd/k': 'v' },
    {},
  );
  assert.deepEqual(files, ['d/a.yaml', 'd/k', 'd/gone']);
});

test('a secret file larger than a megabyte is refused', () => {
  const { problems } = readConfigText({ 'a.yaml': 'a: ${file:k}', k: 'x'.repeat(1024 * 1024 + 1) }, {});
  assert.match(
    problems.map(formatProblem).join(),
    /the secret file k cannot be read: larger than 1048576 bytes/,
  );
});
