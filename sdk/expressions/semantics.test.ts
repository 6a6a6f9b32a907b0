import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileCondition, parseParameters, type Parameter, type Value } from './index.ts';

/** Values by the name that the expression uses. */
type Values = Readonly<Record<string, Value>>;

const scope = parseParameters(
  Object.fromEntries(['aa', 'bb', 'ip', 'net', 'status', 'ver'].map((name) => [name, `Header:${name}`])),
  { phase: 'request' },
);

function evaluate(text: string, values: Values): boolean {
  const resolve = ({ name }: Parameter) => {
    return (given: Values) => given[name];
  };
  return compileCondition(text, { scope, resolve })(values);
}

const cases: [text: string, values: Values, expected: boolean][] = [
  // Every operator on text.
  ["$aa = 'x'", { aa: 'x' }, true],
  ["$aa = 'X'", { aa: 'x' }, false],
  ["$aa == 'x'", { aa: 'x' }, true],
  ["$aa <> 'x'", { aa: 'y' }, true],
  ["$aa <> 'x'", { aa: 'x' }, false],
  ["$aa != 'x'", { aa: 'y' }, true],
  ["$aa < 'b'", { aa: 'a' }, true],
  ["$aa < 'b'", { aa: 'b' }, false],
  ["$aa <= 'b'", { aa: 'b' }, true],
  ["$aa <= 'b'", { aa: 'c' }, false],
  ["$aa > 'b'", { aa: 'c' }, true],
  ["$aa > 'b'", { aa: 'b' }, false],
  ["$aa >= 'b'", { aa: 'b' }, true],
  ["$aa >= 'b'", { aa: 'a' }, false],
  ["$aa like 'x%'", { aa: 'xyz' }, true],
  ["$aa like 'x%'", { aa: 'zyx' }, false],
  ["$aa !like 'x%'", { aa: 'zyx' }, true],
  ["$aa !like 'x%'", { aa: 'xyz' }, false],
  ["$aa like 'x_z'", { aa: 'xyz' }, false],
  ['$aa like 5', { aa: '5' }, true],
  ["$status like '5%'", { status: 503 }, true],
  ['$aa like $bb', { aa: 'xyz', bb: 'x%' }, true],
  ['$aa !like $bb', { aa: 'xyz', bb: 'y%' }, true],
  ['$aa like $bb', { aa: 'xyz', bb: '%'.repeat(513) }, false],
  ['$aa !like $bb', { aa: 'xyz', bb: 'x'.repeat(513) }, false],
  ["$ip in_cidr '10.0.0.0/8'", { ip: '10.1.2.3' }, true],
  ["$ip in_cidr '10.0.0.0/8'", { ip: '::ffff:10.1.2.3' }, true],
  ["$ip in_cidr '10.0.0.0/8'", { ip: '11.1.2.3' }, false],
  ["$ip !in_cidr '10.0.0.0/8'", { ip: '11.1.2.3' }, true],
  ["$ip !in_cidr '10.0.0.0/8'", { ip: '10.1.2.3' }, false],
  ["$ip in_cidr '10.0.0.0/8'", { ip: 'unknown' }, false],
  ["$ip !in_cidr '10.0.0.0/8'", { ip: 'unknown' }, false],
  ['$ip in_cidr $net', { ip: '2001:db8::1', net: '2001:db8::/32' }, true],
  ['$ip !in_cidr $net', { ip: '2001:db9::1', net: '2001:db8::/32' }, true],
  ['$ip !in_cidr $net', { ip: '2001:db9::1', net: 'nonsense' }, false],
  ["'10.1.1.1' in_cidr $net", { net: '10.0.0.0/8' }, true],
  // Numbers against text.
  ['$aa = 123456', { aa: '123456' }, true],
  ["$aa = '123456'", { aa: '123456' }, true],
  ['$aa = 1', { aa: '1.0' }, true],
  ["$aa = '1'", { aa: '1.0' }, false],
  ['$aa = 1', { aa: '01' }, true],
  ['$aa > 9', { aa: '10' }, true],
  ["$aa > '9'", { aa: '10' }, false],
  ['9 < $aa', { aa: '10' }, true],
  ['$aa > -2', { aa: '-1.5' }, true],
  ['$aa = 1', { aa: '1e0' }, false],
  ['$aa = 1', { aa: '+1' }, false],
  ['$aa = 1', { aa: ' 1' }, false],
  ['$aa = 0', { aa: '' }, false],
  ['$aa <> 0', { aa: '' }, true],
  ['$aa > 5', { aa: 'abc' }, true],
  ['$aa = 16', { aa: '0x10' }, false],
  ["$status = '200'", { status: 200 }, true],
  ["$status < '1000'", { status: 200 }, true],
  ['$status = $aa', { status: 200, aa: '200.0' }, true],
  ["$status = 'ok'", { status: 200 }, false],
  ['$aa = $bb', { aa: '10', bb: '10.0' }, false],
  ['$aa < $bb', { aa: '10', bb: '9' }, true],
  ['$aa < $bb', { aa: 10, bb: '9' }, false],
  ["1 = '1.0'", {}, true],
  ["'1' = '1.0'", {}, false],
  ['0 = -0', {}, true],
  ['0.1 = 0.10', {}, true],
  // Booleans are text.
  ['$aa = true', { aa: 'true' }, true],
  ['$aa = true', { aa: true }, true],
  ["$aa = 'true'", { aa: true }, true],
  ['$aa <> true', { aa: false }, true],
  ['$aa = true', { aa: 'TRUE' }, false],
  ['$aa = 1', { aa: true }, false],
  ['true = TRUE', {}, true],
  // Null.
  ['$aa = null', {}, true],
  ['$aa = null', { aa: null }, true],
  ['$aa = null', { aa: '' }, false],
  ['$aa = null', { aa: 0 }, false],
  ['$aa = null', { aa: false }, false],
  ['$aa = null', { aa: Number.NaN }, true],
  ['$aa == null', {}, true],
  ['null = $aa', {}, true],
  ['$aa != null', {}, false],
  ['$aa != null', { aa: '' }, true],
  ['$aa <> null', { aa: 'x' }, true],
  ['null <> $aa', { aa: 'x' }, true],
  ['null = null', {}, true],
  ['null <> null', {}, false],
  ["'x' = null", {}, false],
  ["'x' <> null", {}, true],
  ...['<', '<=', '>', '>=', 'like', '!like', 'in_cidr', '!in_cidr'].flatMap(
    (operator): [string, Values, boolean][] => [
      [`$aa ${operator} null`, { aa: '10.0.0.1' }, false],
      [`null ${operator} $aa`, { aa: '10.0.0.1' }, false],
      [`$aa ${operator} null`, {}, false],
    ],
  ),
  // A value that does not exist makes every comparison false.
  ...['=', '==', '<>', '!=', '<', '<=', '>', '>=', 'like', '!like', 'in_cidr', '!in_cidr'].flatMap(
    (operator): [string, Values, boolean][] => [
      [`$aa ${operator} '10.0.0.1'`, {}, false],
      [`'10.0.0.1' ${operator} $aa`, { aa: null }, false],
      [`$aa ${operator} $bb`, {}, false],
      [`$aa ${operator} $bb`, { aa: '10.0.0.1' }, false],
    ],
  ),
  // Joints and precedence.
  ['1 = 1', {}, true],
  ['1 = 1 and 1 = 2', {}, false],
  ['1 = 2 or 1 = 1', {}, true],
  ['1 = 2 or 1 = 3', {}, false],
  ['1 = 1 or 1 = 1 and 1 = 2', {}, true],
  ['(1 = 1 or 1 = 1) and 1 = 2', {}, false],
  ['1 = 2 and 1 = 2 or 1 = 1', {}, true],
  ['1 = 2 and (1 = 2 or 1 = 1)', {}, false],
  ['1 = 1 and 1 = 1 and 1 = 1', {}, true],
  ['1=2 OR 1=2 OR (1=1 AND 1=1)', {}, true],
];

suite('meaning of conditions', () => {
  for (const [text, values, expected] of cases) {
    test(`${text} with ${JSON.stringify(values).slice(0, 60)} is ${expected}`, () =>
      assert.equal(evaluate(text, values), expected));
  }
});
