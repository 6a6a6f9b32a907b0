import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, describeAllowed, formatPath, formatProblem, nearest, type Path } from './problems.ts';

const near: [word: string, known: string[], expected: string | undefined][] = [
  ['metod', ['method', 'path'], 'method'],
  ['pahts', ['paths', 'path'], 'paths'],
  ['timeout', ['timeoutMs', 'type'], 'timeoutMs'],
  ['TimeoutMS', ['timeoutMs'], 'timeoutMs'],
  ['ab', ['ba'], 'ba'],
  ['x', ['y'], undefined],
  ['', ['a'], undefined],
  ['banana', ['method', 'path'], undefined],
  ['shop/get-ordr', ['shop/get-orders', 'shop/get-order'], 'shop/get-order'],
  ['path', [], undefined],
  ['kitten', ['sitting'], undefined],
];
for (const [word, known, expected] of near) {
  test(`nearest to "${word}" of ${known.join(', ')} is ${expected}`, () => {
    assert.equal(nearest(word, known), expected);
  });
}

test('the nearest of 10,000 names is found quickly', () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `shop/operation-${index}`);
  const start = performance.now();
  assert.equal(nearest('shop/operatoin-777', names), 'shop/operation-777');
  assert.ok(performance.now() - start < 2000);
});

const paths: [Path, string][] = [
  [[], ''],
  [['apis'], 'apis'],
  [
    ['apis', 'shop/get-order', 'request', 'parameters', 0, 'name'],
    'apis.shop/get-order.request.parameters[0].name',
  ],
  [['groups', 'a.b', 'x'], 'groups["a.b"].x'],
  [['say "x"'], '["say \\"x\\""]'],
  [['', 'a'], '[""].a'],
  [['responses', '404'], 'responses.404'],
];
for (const [path, expected] of paths) {
  test(`the path ${JSON.stringify(path)} is written ${expected}`, () => {
    assert.equal(formatPath(path), expected);
  });
}

test('a problem is written with as much as is known of it', () => {
  const at = { file: 'a.yaml', line: 3, column: 7 };
  assert.equal(formatProblem({ at, path: 'apis', message: 'no' }), 'a.yaml:3:7 apis: no');
  assert.equal(formatProblem({ at, path: '', message: 'no' }), 'a.yaml:3:7: no');
  assert.equal(formatProblem({ at: undefined, path: 'apis', message: 'no' }), 'apis: no');
  assert.equal(formatProblem({ at: undefined, path: '', message: 'no' }), 'no');
});

test('the error has one line for each problem, in the order of the files', () => {
  const at = (file: string, line: number, column: number) => ({ file, line, column });
  const problems = [
    { at: undefined, path: '', message: 'last' },
    { at: at('b.yaml', 1, 1), path: 'y', message: 'four' },
    { at: at('a.yaml', 10, 1), path: 'x', message: 'three' },
    { at: at('a.yaml', 1, 20), path: 'x', message: 'two' },
    { at: at('a.yaml', 1, 2), path: 'x', message: 'one' },
  ];
  const error = new ConfigError(problems);
  const lines = [
    'a.yaml:1:2 x: one',
    'a.yaml:1:20 x: two',
    'a.yaml:10:1 x: three',
    'b.yaml:1:1 y: four',
    'last',
  ];
  assert.equal(error.message, lines.join('\n'));
  assert.equal(error.name, 'ConfigError');
  assert.deepEqual(error.problems, problems.toReversed());
});

test('what is allowed is listed, with the nearest name, and not without end', () => {
  assert.equal(describeAllowed(['method', 'path'], 'metod'), 'allowed: method, path; did you mean "method"?');
  assert.equal(describeAllowed(['method', 'path'], 'zzz'), 'allowed: method, path');
  assert.equal(describeAllowed([], 'zzz'), 'nothing is allowed here');
  const many = describeAllowed(
    Array.from({ length: 25 }, (_, index) => `n${index}`),
    'zzzz',
  );
  assert.match(many, /n19 and 5 more$/);
});

test('of one kind ten problems are told, and how many more; all of them are kept', () => {
  const problem = (line: number, path: string, message: string) => ({
    at: { file: 'a.yaml', line, column: 1 },
    path,
    message,
  });
  const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
  const problems = [
    ...numbers.map((line) =>
      problem(line, `apis.g/a${line}.auth`, `no plugin is called "x${line}"; allowed: app`),
    ),
    ...numbers.map((line) => problem(line + 100, `apis.g/a${line}`, '"auth" is missing')),
    ...numbers.map((line) =>
      problem(line + 200, `apis.g/a${line}.size`, `found "${line}"; allowed: a number`),
    ),
    problem(300, 'apis.g/a', '"backend" is missing'),
    problem(301, 'apis.g/a.wait', 'found "7"; allowed: a number'),
    problem(302, 'apis.g/a.sise', 'unknown field; allowed: size; did you mean "size"?'),
  ];
  const error = new ConfigError(problems);
  assert.equal(error.problems.length, 93);
  const lines = error.message.split('\n');
  assert.equal(lines.length, 3 * 11 + 3);
  for (const [index, line] of lines.entries())
    assert.equal(line === '  and 20 more like this', [10, 21, 32].includes(index), line);
  assert.match(lines.at(-3) ?? '', /"backend" is missing/);
  assert.match(lines.at(-2) ?? '', /wait: found "7"/);
  assert.match(lines.at(-1) ?? '', /unknown field/);
  assert.equal(new ConfigError(problems.slice(0, 10)).message.split('\n').length, 10);
});
