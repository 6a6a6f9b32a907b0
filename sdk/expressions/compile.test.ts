import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileCondition, ExpressionError, parseParameters } from './index.ts';
import type { ConditionOptions, ParameterScope, Value } from './index.ts';

/** Values by the name that the expression uses. */
type Values = Readonly<Record<string, Value>>;

const scope = parseParameters(
  Object.fromEntries(['aa', 'bb', 'ip', 'net', 'status', 'ver'].map((name) => [name, `Header:${name}`])),
  { phase: 'request' },
);

function optionsFor(used: ParameterScope): ConditionOptions<Values> {
  return { scope: used, resolve: (parameter) => (values) => values[parameter.name] };
}

const undeclared: [text: string, offsets: number[], suggestions: string[]][] = [
  ['$stats = 1', [0], ['status']],
  ['1 = ${STATUS}', [4], ['status']],
  ["$aa = 1 and $caappid = 'x'", [12], ['CaAppId']],
  ['$zzzzzzzzzzzz = 1', [0], []],
  ['$aa = $xxxxxx or $yyyyyy = $xxxxxx', [6, 17, 27], []],
  [`$${'n'.repeat(500)} = 1`, [0], []],
  ['$constructor = 1', [0], []],
  ['$__proto__ = 1', [0], []],
];

suite('compileCondition', () => {
  for (const [text, offsets, suggestions] of undeclared) {
    test(`refuses ${text.slice(0, 60)}`, () => {
      assert.throws(
        () => compileCondition(text, optionsFor(scope)),
        (error) => {
          assert.ok(error instanceof ExpressionError);
          assert.deepEqual(
            error.problems.map((problem) => problem.offset),
            offsets,
          );
          assert.deepEqual(error.suggestions, suggestions);
          assert.match(
            error.message,
            /is not declared.* declared are aa, bb, ip, net, status, ver; always there are Ca/,
          );
          return true;
        },
      );
    });
  }

  test('says so when nothing is declared', () => {
    const empty = parseParameters({}, { phase: 'request' });
    assert.throws(() => compileCondition('$aa = 1', optionsFor(empty)), /nothing is declared/);
  });

  test('resolves each used parameter once, and only while compiling', () => {
    const resolved: string[] = [];
    const condition = compileCondition<Values>('$aa = 1 or $aa = 2 or $CaAppId = 3', {
      scope,
      resolve(parameter) {
        resolved.push(`${parameter.location} ${parameter.name}`);
        return (values) => values[parameter.name];
      },
    });
    assert.equal(condition({ aa: '2' }), true);
    assert.equal(condition({ CaAppId: '3' }), true);
    assert.deepEqual(resolved, ['Header aa', 'System CaAppId']);
  });

  test('evaluates from left to right and stops when the answer is known', () => {
    const read: string[] = [];
    const run = (text: string) => {
      read.length = 0;
      const resolve = ({ name }: { readonly name: string }) => {
        return () => {
          read.push(name);
          return 1;
        };
      };
      compileCondition(text, { scope, resolve })({});
      return read.join(' ');
    };
    assert.equal(run('$aa = 2 and $bb = 1'), 'aa');
    assert.equal(run('$aa = 1 or $bb = 1'), 'aa');
    assert.equal(run('$aa = 2 or $bb = 1 and $ip = 1'), 'aa bb ip');
  });

  test('Random() takes the given source anew each time', () => {
    const numbers = [0, 0.05, 0.049, 0.999];
    const condition = compileCondition('Random() < 0.05', {
      ...optionsFor(scope),
      random: () => numbers.shift() ?? 1,
    });
    assert.deepEqual(
      [1, 2, 3, 4].map(() => condition({})),
      [true, false, true, false],
    );
  });

  test('Random() is at least 0 and below 1 by default', () => {
    const condition = compileCondition('Random() >= 0 and Random() < 1', optionsFor(scope));
    for (let round = 0; round < 1000; round++) assert.equal(condition({}), true);
  });

  test('what a reader throws is passed on', () => {
    const resolve = () => () => {
      throw new RangeError('no value');
    };
    assert.throws(() => compileCondition('$aa = 1', { scope, resolve })({}), RangeError);
  });
});
