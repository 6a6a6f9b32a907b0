import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Place, codeFrame, placeOf, visible, yamlLine } from './code-frame.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapgate-frame-'));
after(() => rmSync(folder, { recursive: true }));

function newFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const here = '/plugins/mine/plugin.ts';
const url = 'file:///plugins/mine/plugin.ts?tapgate-version=00ff';

const stacks: [what: string, stack: string, expected: Place | undefined][] = [
  [
    'what cannot be stripped of types',
    `${here}:3\n\nconst a = ;\n          ^^\n\nSyntaxError [X]: Expression expected\n    at parse (node:internal/x:61:36)`,
    { file: here, line: 3, column: 11 },
  ],
  [
    'an import of what is not exported',
    `${url}:1\nimport { a } from './b.ts';\n         ^\nSyntaxError: no`,
    { file: here, line: 1, column: 10 },
  ],
  [
    'a file that ends too soon',
    `${here}:1\nx(\n\nSyntaxError [X]: Expression expected\n    at parse (node:internal/x:61:36)`,
    { file: here, line: 1, column: 0 },
  ],
  [
    'a stack',
    `TypeError: x\n    at go (${url}:2:23)\n    at ${url}:3:1\n    at node:internal/a:1:1`,
    { file: here, line: 2, column: 23 },
  ],
  ['an async frame', `Error: x\n    at async Object.handle (${url}:9:5)`, { file: here, line: 9, column: 5 }],
  [
    'a library below the extension',
    `Error: x\n    at check (file:///lib/node_modules/x/index.js:1:1)\n    at Object.preAuth (${url}:7:9)`,
    { file: here, line: 7, column: 9 },
  ],
  [
    'a plugin of the gateway',
    'Error: x\n    at f (file:///gate/plugins/cors/plugin.ts:5:6)',
    { file: '/gate/plugins/cors/plugin.ts', line: 5, column: 6 },
  ],
  ['the kernel alone', `Error: x\n    at f (${import.meta.url}:1:1)\n    at node:net:1:1`, undefined],
  [
    'JSON',
    'SyntaxError: /a/b.json: Expected "," in JSON at position 9 (line 2 column 4)\n    at parse',
    { file: '/a/b.json', line: 2, column: 4 },
  ],
  ['no code', 'Error: x\n    at f (/etc/passwd:1:1)', undefined],
  ['a head that a message only quotes', `Error: x\n${here}:3\na\n^\n`, undefined],
  ['nothing', '', undefined],
];
for (const [what, stack, expected] of stacks) {
  test(`the place of ${what}`, () => {
    assert.deepEqual(placeOf(stack), expected);
  });
}

test('an import of what is not there is found by the line that names it', () => {
  const file = newFile('from.ts', "import 'node:fs';\nimport { a } from './lib/a.ts';\n");
  const stack = `Error: Cannot find module '/x/lib/a.ts' imported from ${file}\n    at f (node:a:1:1)`;
  assert.deepEqual(placeOf(stack), { file, line: 2, column: 19 });
  assert.equal(placeOf(stack.replace('/x/lib/a.ts', '/x/lib/b.ts')), undefined);
});

test('a long text costs no time', () => {
  const start = performance.now();
  placeOf(`Error: ${'(/a'.repeat(100_000)}\n${'    at ('.repeat(100_000)}`);
  assert.ok(performance.now() - start < 2000);
});

test('a folder with spaces is a place too', () => {
  const file = join(tmpdir(), 'a b', 'spaced.ts');
  const stack = `Error: x\n    at f (${pathToFileURL(file).href}?tapgate-version=ab:1:2)`;
  assert.deepEqual(placeOf(stack), { file, line: 1, column: 2 });
});

test('a frame has the lines around and a marker, tabs kept; none when there is no such line', () => {
  const file = newFile('frame.ts', 'one\ntwo\n\tthree(x)\nfour\nfive\nsix\n');
  assert.deepEqual(codeFrame({ file, line: 3, column: 8 }), [
    '  1 | one',
    '  2 | two',
    '> 3 | \tthree(x)',
    '    | \t      ^',
    '  4 | four',
    '  5 | five',
  ]);
  assert.deepEqual(codeFrame({ file, line: 1, column: 0 }), ['> 1 | one', '  2 | two', '  3 | \tthree(x)']);
  assert.deepEqual(codeFrame({ file, line: 99, column: 1 }), []);
  assert.deepEqual(codeFrame({ file: join(folder, 'none.ts'), line: 1, column: 1 }), []);
});

test('a line of a configuration shows nothing that may be a secret', () => {
  const file = newFile(
    'a.yaml',
    [
      "- { name: app, secret: 'hunter, 2', key: hunter2, size: 3 }",
      'password: hunter two # why',
      '"appCode": "hunter"',
      'url: ${env:A}',
    ].join('\n'),
  );
  const shown = [1, 2, 3, 4].flatMap((line) => yamlLine({ file, line, column: 0 }));
  assert.deepEqual(shown, [
    '> 1 | - { name: app, secret: ***, key: ***, size: 3 }',
    '> 2 | password: ***# why',
    '> 3 | "appCode": ***',
    '> 4 | url: ${env:A}',
  ]);
});

test('text steers no terminal', () => {
  assert.equal(visible('a\x1b[2J\r\nb\x9b\u202e\tc'), 'a\\u001b[2J\\u000d\\u000ab\\u009b\\u202e\tc');
});
