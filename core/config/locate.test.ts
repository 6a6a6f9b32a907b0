import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Path } from './problems.ts';
import { readConfigText } from './read.ts';

const TEXT = `# comment
defaults: &defaults
  timeout: 5
  list: [one, 'two', {k: "v"}]
apis:
  shop/a:
    <<: *defaults
    path: /a
    body: |
      hello
    empty:
    none: |
    tagged: !!str 5
    next: >-  # note

       folded
  shop/b: *defaults
  "quoted" : 'x'
items:
- first
- name: n
  deep: [[a, b]]
-   - x
`;

type Case = [path: Path, value: string, key?: string];
const cases: Case[] = [
  [[], '1:1', '1:1'],
  [['defaults'], '3:3', '2:1'],
  [['defaults', 'timeout'], '3:12', '3:3'],
  [['defaults', 'list'], '4:9', '4:3'],
  [['defaults', 'list', 1], '4:15', '4:15'],
  [['defaults', 'list', '1'], '4:15', '4:15'],
  [['defaults', 'list', 2], '4:22', '4:22'],
  [['defaults', 'list', 2, 'k'], '4:26', '4:23'],
  [['apis', 'shop/a'], '7:5', '6:3'],
  [['apis', 'shop/a', 'timeout'], '3:12', '3:3'],
  [['apis', 'shop/a', 'path'], '8:11', '8:5'],
  [['apis', 'shop/a', 'body'], '10:7', '9:5'],
  [['apis', 'shop/a', 'empty'], '11:5', '11:5'],
  [['apis', 'shop/a', 'none'], '12:5', '12:5'],
  [['apis', 'shop/a', 'tagged'], '13:19', '13:5'],
  [['apis', 'shop/a', 'next'], '16:8', '14:5'],
  [['apis', 'shop/b'], '17:11', '17:3'],
  [['apis', 'shop/b', 'timeout'], '3:12', '3:3'],
  [['apis', 'quoted'], '18:14', '18:3'],
  [['items'], '20:1', '19:1'],
  [['items', 0], '20:3', '20:3'],
  [['items', 1], '21:3', '21:3'],
  [['items', 1, 'deep', 0, 1], '22:14', '22:14'],
  [['items', 2, 0], '23:7', '23:7'],
  [['items', 9], '20:1', '19:1'],
  [['apis', 'shop/a', 'absent', 'x', 3], '7:5', '6:3'],
  [['apis', 'shop/a', 'path', 'length'], '8:11', '8:5'],
  [['absent'], '1:1', '1:1'],
  [['apis', 'constructor'], '6:3', '5:1'],
];
const eols: [string, (text: string) => string][] = [
  ['LF', (text) => text],
  ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
  ['CR', (text) => text.replaceAll('\n', '\r')],
  ['byte order mark', (text) => `\uFEFF${text}`],
];
for (const [name, convert] of eols) {
  const { locate, problems } = readConfigText({ 'a.yaml': convert(TEXT) }, {});
  assert.deepEqual(problems, []);
  for (const [path, value, key] of cases) {
    test(`position of ${JSON.stringify(path)} (${name})`, () => {
      const at = locate.positionOf(path);
      const keyAt = locate.positionOf(path, { key: true });
      assert.equal(`${at.line}:${at.column} ${keyAt.line}:${keyAt.column}`, `${value} ${key}`);
      assert.equal(at.file, 'a.yaml');
    });
  }
}

test('tabs and characters outside the basic plane count as an editor counts them', () => {
  const { locate } = readConfigText({ 'a.yaml': 'a:\n  "😀":\t1\n  b: { "😀": 1, c: 2 }\n' }, {});
  assert.equal(locate.positionOf(['a', '😀']).column, 9);
  assert.equal(locate.positionOf(['a', 'b', 'c'], { key: true }).column, 17);
});

test('10,000 APIs are read and located within reason', () => {
  const api = (index: number): string =>
    `  shop/a${index}:\n    <<: *defaults\n    request: { method: GET, path: /a${index} }\n    backend: { type: http, address: "http://x", timeoutMs: 100 }\n`;
  const text = `defaults: &defaults { auth: none, tags: [a, b] }\napis:\n${Array.from({ length: 10_000 }, (_, index) => api(index)).join('')}`;
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  const { locate, problems } = readConfigText({ 'a.yaml': text }, {});
  for (let index = 0; index < 10_000; index += 1) {
    const { line } = locate.positionOf(['apis', `shop/a${index}`, 'request', 'path']);
    assert.equal(line, 5 + index * 4);
  }
  assert.deepEqual(problems, []);
  assert.ok(performance.now() - start < 5000, 'five seconds');
  assert.ok(process.memoryUsage().heapUsed - before < 500e6, '500 MB, not yet collected garbage included');
});

const inside: [name: string, text: string, expected: Record<number, string>][] = [
  ['plain', 'a: b = c\n', { 0: '1:4', 2: '1:6', 5: '1:9', 99: '1:9' }],
  ['single quotes', "a: 'b ''c'' = d'\n", { 0: '1:5', 2: '1:7', 3: '1:9', 6: '1:13', 8: '1:15', 9: '1:16' }],
  [
    'double quotes',
    'a: "b \\"c\\x41\\U0001F600d"\n',
    { 0: '1:5', 2: '1:7', 3: '1:9', 4: '1:10', 7: '1:24', 8: '1:25' },
  ],
  ['folded lines', 'a: b\n  c\n\n  d\n', { 0: '1:4', 2: '2:3', 4: '4:3', 5: '4:4' }],
  ['a literal block', 'a: |\n  b c\n   d\n', { 0: '2:3', 2: '2:5', 4: '3:3', 5: '3:4' }],
  ['a folded block', 'a: >-\n  b c\n  d\n', { 0: '2:3', 2: '2:5', 4: '3:3', 5: '3:4' }],
  ['no text', "a: ''\n", { 0: '1:5', 3: '1:5' }],
  ['nothing at all', 'a:\n', { 0: '1:1', 3: '1:1' }],
  ['a number', 'a: 1234\n', { 0: '1:4', 3: '1:4' }],
  ['a secret', 'a: "x${env:S}y"\n', { 0: '1:4', 9: '1:4' }],
  ['a byte order mark', '\uFEFFa: bc\n', { 1: '1:5' }],
];
for (const [name, text, expected] of inside) {
  test(`places inside a text: ${name}`, () => {
    const { locate, problems } = readConfigText({ 'a.yaml': text }, { S: 'secret' });
    assert.deepEqual(problems, []);
    for (const [offset, place] of Object.entries(expected)) {
      const { line, column } = locate.positionOf(['a'], { offset: Number(offset) });
      assert.equal(`${line}:${column}`, place, `offset ${offset}`);
    }
  });
}
