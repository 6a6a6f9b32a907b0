import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from 'js-yaml';
import { formatProblem } from './problems.ts';
import { readConfigText } from './read.ts';

function read(text: string) {
  return readConfigText({ 'a.yaml': text }, {});
}

/** Mappings have no prototype; deepEqual minds. */
function plain(value: unknown): unknown {
  return structuredClone(value);
}

const sameAsLoad: Record<string, string> = {
  scalars:
    'a: 1\nb: -0x1F\nc: 0o17\nd: 1.5e3\ne: true\nf: False\ng: ~\nh:\ni: null\nj: .inf\nk: yes\nl: 2001-01-01\nm: 1_000\n',
  quoted: `a: "1"\nb: 'it''s'\nc: "tab\\t\\u00e9\\x41"\nd: ""\ne: ''\n`,
  'multi-line': 'a: one\n  two\n\n  three\nb: "one\n  two"\nc: \'one\n\n  two\'\n',
  blocks: 'a: |\n  x\n   y\n\nb: >-\n  x\n  y\nc: |+\n  x\n\nd: |2\n   x\ne: |\nf: >\n  x\n\n  y\n',
  flow: 'a: [1, {b: c, "d": [e]}, [], {}, f: g]\nh: {i, j: , k: v}\n',
  nested: 'a:\n- b\n- - c\n  - d\n- e: f\n  g: h\n-\n- null\n',
  'explicit keys': '? a\n: b\n? c\n',
  anchors: 'a: &x {k: [1, 2]}\nb: *x\nc: &y text\nd: [*y, *y]\n',
  tags: 'a: !!str 1\nb: !!int "7"\nc: ! 5\nd: !!float 3\ne: !!seq [1]\nf: !!map {g: h}\ni: !<tag:yaml.org,2002:str> 1\nj: !!bool "true"\n',
  'start and end marks': '# hello\n---\na: 1\n...\n',
  directive: '%YAML 1.2\n---\na: 1\n',
  CRLF: 'a: 1\r\nb:\r\n  - x\r\n  - |\r\n    t\r\n    u\r\nc: "x\r\n  y"\r\n',
  comments: 'a: 1 # one\n# two\nb: "#" # three\n',
};
for (const [name, text] of Object.entries(sameAsLoad)) {
  test(`values are those of js-yaml: ${name}`, () => {
    const { root, problems } = read(text);
    assert.deepEqual(problems.map(formatProblem), []);
    assert.deepEqual(plain(root), load(text));
  });
}

const values: [name: string, text: string, expected: unknown][] = [
  [
    'keys become texts as written',
    '1: a\n0x10: b\ntrue: c\n~: d\n1.0: e\n',
    { '1': 'a', '0x10': 'b', true: 'c', '~': 'd', '1.0': 'e' },
  ],
  [
    'merge, own key wins',
    'a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a, z: 4}\nc:\n  <<: *a\n  x: 9\n',
    { a: { x: 1, y: 2 }, b: { y: 3, x: 1, z: 4 }, c: { x: 9, y: 2 } },
  ],
  [
    'merge list, first wins',
    'a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b, {z: 3}]}\n',
    { a: { x: 1 }, b: { x: 2, y: 2 }, c: { x: 1, y: 2, z: 3 } },
  ],
  [
    'a quoted or tagged << is a name',
    'a: {"<<": {x: 1}}\nb: {!!str <<: 1}\n',
    { a: { '<<': { x: 1 } }, b: { '<<': 1 } },
  ],
  ['a later anchor of the same name counts', 'a: &x 1\nb: *x\nc: &x 2\nd: *x\n', { a: 1, b: 1, c: 2, d: 2 }],
  ['a byte order mark', '\uFEFFa: 1\n', { a: 1 }],
];
for (const [name, text, expected] of values) {
  test(`values: ${name}`, () => {
    const { root, problems } = read(text);
    assert.deepEqual(problems.map(formatProblem), []);
    assert.deepEqual(plain(root), expected);
  });
}

test('names of Object.prototype are names like any other', () => {
  const { root } = read(
    '__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 2}}\na: {<<: {__proto__: {x: 1}}}\n',
  );
  assert.deepEqual(Object.keys(root), ['__proto__', 'constructor', 'a']);
  assert.equal(Object.getPrototypeOf(root), null);
  assert.equal('polluted' in {}, false);
  assert.equal(root['toString'], undefined);
});

test('each use of an alias has its own copy', () => {
  const { root } = read('a: &x {k: []}\nb: *x\n');
  assert.notEqual(root['a'], root['b']);
});

const refused: [text: string, ...expected: string[]][] = [
  ['', 'a.yaml:1:1: cannot be used: there is nothing in it'],
  ['# only this\n', 'a.yaml:1:1: cannot be used: there is nothing in it'],
  ['---\n', 'a.yaml:1:1: cannot be used: there is nothing in it'],
  ['~\n', 'a.yaml:1:1: cannot be used: there is nothing in it'],
  ['- a\n', 'a.yaml:1:1: a file must be a mapping'],
  ['\n  text\n', 'a.yaml:2:3: a file must be a mapping'],
  ['a: [1, 2\nb: 3\n', 'a.yaml:2:1: not valid YAML: deficient indentation'],
  ['a: [1,', 'a.yaml:1:7: not valid YAML: unexpected end of the stream within a flow collection'],
  [
    'a: 1\n b: 2\n',
    'a.yaml:2:3: not valid YAML: bad indentation of a mapping entry (a value that contains ": " must be quoted; else look at the indentation)',
  ],
  ['a:\n\tb: 1\n', 'a.yaml:2:1: not valid YAML: tab characters must not be used in indentation'],
  [
    'a: b: c\n',
    'a.yaml:1:5: not valid YAML: bad indentation of a mapping entry (a value that contains ": " must be quoted; else look at the indentation)',
  ],
  [
    'a: @b\n',
    'a.yaml:1:4: not valid YAML: bad indentation of a mapping entry (a value that starts with @, ` or % must be quoted)',
  ],
  [
    'a: {b: ${env:X}}\n',
    'a.yaml:1:9: not valid YAML: missed comma between flow collection entries (inside { } and [ ] a value with ${…} must be quoted)',
  ],
  ['a: \0\n', 'a.yaml:1:4: not valid YAML: null byte is not allowed in input'],
  [
    '\uFEFFa: 1\r\n  b: 2\r\n',
    'a.yaml:2:4: not valid YAML: bad indentation of a mapping entry (a value that contains ": " must be quoted; else look at the indentation)',
  ],
  ['a: 1\n---\nb: 2\n', 'a.yaml:2:1: a second YAML document begins here; a file holds one'],
  ['---\na: 1\n---\nb: 2\n', 'a.yaml:3:1: a second YAML document begins here; a file holds one'],
  ['a: 1\n---\n', 'a.yaml:2:1: a second YAML document begins here; a file holds one'],
  ['%TAG ! tag:x,2000:\n---\na: 1\n', 'a.yaml:1:1: %TAG directives are not supported'],
  ['a: 1\nb: 2\na: 3\n', 'a.yaml:3:1 a: this key is already written at a.yaml:1:1'],
  [
    'a: {b: 1, "b": 2, b: 3}\n',
    'a.yaml:1:11 a.b: this key is already written at a.yaml:1:5',
    'a.yaml:1:19 a.b: this key is already written at a.yaml:1:5',
  ],
  ['a:\n  <<: {b: 1}\n  b: 2\n  b: 3\n', 'a.yaml:4:3 a.b: this key is already written at a.yaml:3:3'],
  ['a: *b\n', 'a.yaml:1:4 a: the anchor &b is not defined above'],
  ['a: [&b [x, *b]]\n', 'a.yaml:1:12 a[0][1]: the alias *b stands inside its own anchor'],
  ['a: &b c\n*b : d\n', 'a.yaml:2:1: a key must be a text, not an alias, a list or a mapping'],
  ['a:\n  ? [b]\n  : c\n', 'a.yaml:2:5 a: a key must be a text, not an alias, a list or a mapping'],
  ['a: {<<: [1, {b: 2}]}\n', 'a.yaml:1:10 a["<<"]: << takes a mapping or a list of mappings'],
  [
    'a: !secret b\n',
    'a.yaml:1:12 a: the tag !secret is not supported; allowed here: !!str, !!int, !!float, !!bool, !!null',
  ],
  ['a: !!set {b}\n', 'a.yaml:1:10 a: the tag !!set is not supported; allowed here: !!map'],
  ['a: !!int b\n', 'a.yaml:1:10 a: the value does not fit its tag !!int'],
  ['a: 12345678901234567890\n', 'a.yaml:1:4 a: a number of so many digits is not kept exactly; quote it'],
  [
    'a: *x\nb: !y z\nc: 1\nc: 2\n',
    'a.yaml:1:4 a: the anchor &x is not defined above',
    'a.yaml:2:7 b: the tag !y is not supported; allowed here: !!str, !!int, !!float, !!bool, !!null',
    'a.yaml:4:1 c: this key is already written at a.yaml:3:1',
  ],
];
for (const [text, ...expected] of refused) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(read(text).problems.map(formatProblem), expected);
  });
}

test('aliases of aliases are refused before they fill the memory', () => {
  const names = 'abcdefghijklmnop'.split('');
  const lines = names.map(
    (name, index) => `${name}: &${name} [${`${index === 0 ? 'x' : `*${names[index - 1]}`},`.repeat(9)}]`,
  );
  const messages = read(lines.join('\n')).problems.map((problem) => problem.message);
  assert.deepEqual(messages, ['aliases such as *f make this file too large or too deep']);
});

test('aliases cannot make a document deeper than it may be written', () => {
  const deep = (content: string): string => '['.repeat(60) + content + ']'.repeat(60);
  const messages = read(`a: &a ${deep('x')}\nb: ${deep('*a')}\n`).problems.map((problem) => problem.message);
  assert.deepEqual(messages, ['aliases such as *a make this file too large or too deep']);
});
