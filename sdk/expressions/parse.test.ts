import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ExpressionError } from './index.ts';
import { maxDepth, maxExpressionLength, parseExpression, type Expression, type Operand } from './parse.ts';

/** Writes a tree with every comparison as it is and every joint in brackets. */
function show(expression: Expression): string {
  if (expression.kind !== 'comparison') {
    return `[${expression.parts.map(show).join(` ${expression.kind} `)}]`;
  }
  return `${showOperand(expression.left)} ${expression.operator} ${showOperand(expression.right)}`;
}

function showOperand(operand: Operand): string {
  if (operand.kind === 'variable') return `$${operand.name}`;
  return operand.kind === 'random' ? 'Random()' : JSON.stringify(operand.value);
}

const accepted: [string, string][] = [
  ['$a1 = 1', '$a1 = 1'],
  ['${a1}==1', '$a1 = 1'],
  ['$a1!="x"', '$a1 <> "x"'],
  ["$a1<>'x'", '$a1 <> "x"'],
  ['1<2', '1 < 2'],
  ['1<=-2', '1 <= -2'],
  ['1>0.10', '1 > 0.1'],
  ['007 >= 100.0', '7 >= 100'],
  ["$v LIKE'%0'", '$v like "%0"'],
  ["$v !Like '%0'", '$v !like "%0"'],
  ["$ip IN_CIDR '10.0.0.0/8'", '$ip in_cidr "10.0.0.0/8"'],
  ["$ip !in_cidr '::1'", '$ip !in_cidr "::1"'],
  ["'::1' in_cidr $net", '"::1" in_cidr $net'],
  ['$ip in_cidr null', '$ip in_cidr null'],
  ['null = NULL', 'null = null'],
  ['True = false', 'true = false'],
  ['random( ) < 0.05', 'Random() < 0.05'],
  ['\'\' = ""', '"" = ""'],
  [String.raw`'a\' = "it's"`, String.raw`"a\\" = "it's"`],
  ["'and' = '$x'", '"and" = "$x"'],
  ['$user_id = $_', '$user_id = $_'],
  ['\t1\n=\r\n1 ', '1 = 1'],
  ['1=1 or 2=2 and 3=3', '[1 = 1 or [2 = 2 and 3 = 3]]'],
  ['1=1 and 2=2 or 3=3', '[[1 = 1 and 2 = 2] or 3 = 3]'],
  ['1=1 AND (2=2 Or 3=3)', '[1 = 1 and [2 = 2 or 3 = 3]]'],
  ['1=1 or 2=2 or 3=3', '[1 = 1 or 2 = 2 or 3 = 3]'],
  ['((1=1))and(2=2)', '[1 = 1 and 2 = 2]'],
  ['123456789012345 = 1', '123456789012345 = 1'],
  ['0.00000000000001 = 0', '1e-14 = 0'],
];

const refused: [string, number, RegExp][] = [
  ['', 0, /found the end of the expression where \$name, a quoted text, a number/],
  ['   ', 3, /the end/],
  ['$a1', 3, /found the end of the expression where an operator \(=, ==/],
  ['$a1 =', 5, /the end/],
  ['= 1', 0, /found = where/],
  ['$a1 = = 1', 6, /found = where/],
  ['$a1 1', 4, /found 1 where an operator/],
  ['$a1 = 1 1', 8, /found 1 where and, or/],
  ['$a1 = 1 = 1', 8, /found = where and, or/],
  ['$a1 = 1 and', 11, /the end/],
  ['and 1 = 1', 0, /found and where/],
  ['1 = or', 4, /found or where/],
  ['1 = 1 or or 1 = 1', 9, /found or where/],
  ['tenant = 1', 0, /found tenant where .*a parameter is \$tenant, a text is 'tenant'/],
  ['$a1 = GET', 6, /a text is 'GET'/],
  ['$a1 is null', 4, /found is where an operator/],
  ['not $a1 = 1', 0, /found not where/],
  ['(1 = 1', 6, /found the end of the expression where and, or or "\)"/],
  ['1 = 1)', 5, /found \) where and, or or the end/],
  ['()', 1, /found \) where/],
  ['($a1) = 1', 4, /found \) where an operator/],
  ['1 = (1)', 4, /found \( where/],
  ['(1 = 1) (2 = 2)', 8, /found \( where and, or/],
  ["$a1 = 'x", 6, /not closed with '/],
  ['$a1 = "x', 6, /not closed with "/],
  ["'it''s' = 1", 4, /found 's' where an operator/],
  ['$ = 1', 0, /"\$" without a name/],
  ['$1a = 1', 0, /without a name/],
  ['${a1 = 1', 0, /without a name/],
  ['${} = 1', 0, /without a name/],
  ['${a b} = 1', 0, /without a name/],
  ['$a-b = 1', 2, /found "-" and no number/],
  ['$a1.x = 1', 3, /found "\."/],
  ['$a1 ! = 1', 4, /!=, !like and !in_cidr/],
  ["$a1 !liked 'x'", 4, /!=, !like/],
  ['1 = 1 && 2 = 2', 6, /with the words and, or/],
  ['1 = 1 || 2 = 2', 6, /with the words and, or/],
  ['$a1 = 1.2.3', 6, /needs quotes/],
  ['$a1 = 1.', 6, /no number/],
  ['$a1 = .5', 6, /no number/],
  ['$a1 = +5', 6, /no number/],
  ['$a1 = - 5', 6, /no number/],
  ['$a1 = 1e5', 6, /no number/],
  ['$a1 = 5and 1 = 1', 6, /no number/],
  ['$a1 = 1234567890123456', 6, /more than 15 digits/],
  ['$a1 = -0.1234567890123456', 6, /more than 15 digits/],
  ['$a1 = “x”', 6, /found "“", which begins no/],
  ['$a1 = 😀', 6, /found "😀"/],
  ['$a1 + 1', 4, /found "\+"/],
  ['$a1 => 1', 5, /found > where/],
  ['$a1 = 1;', 7, /found ";"/],
  ['Random < 1', 7, /found < where "\(\)" after Random/],
  ['Random(1) < 1', 7, /takes nothing/],
  ["$ip in_cidr '10.0.0.0/33'", 12, /on the right of in_cidr, where an IP address or CIDR block/],
  ["$ip !in_cidr 'localhost'", 13, /on the right of !in_cidr/],
  ['$ip in_cidr 10', 12, /found 10 on the right/],
  ['$ip in_cidr true', 12, /found true on the right/],
  ['$ip in_cidr Random()', 12, /found "Random\(\)" on the right/],
  ["'10.0.0.0/8' in_cidr $ip", 0, /on the left of in_cidr, where an IP address is/],
];

function offsetOf(text: string, message = /./): number {
  try {
    parseExpression(text);
  } catch (error) {
    assert.ok(error instanceof ExpressionError, String(error));
    assert.match(error.message, message);
    return error.offset;
  }
  return assert.fail('nothing was thrown');
}

suite('parseExpression', () => {
  for (const [text, expected] of accepted) {
    test(`parses ${JSON.stringify(text)}`, () => assert.equal(show(parseExpression(text)), expected));
  }

  for (const [text, offset, message] of refused) {
    test(`refuses ${JSON.stringify(text)} at ${offset}`, () => assert.equal(offsetOf(text, message), offset));
  }

  test('notes where each operand begins', () => {
    const tree = parseExpression(' $a1  = Random()');
    assert.ok(tree.kind === 'comparison');
    assert.deepEqual([tree.left.offset, tree.right.offset], [1, 8]);
  });

  test('bounds the length', () => {
    const long = `1 = 1${' '.repeat(maxExpressionLength - 5)}`;
    parseExpression(long);
    assert.equal(offsetOf(`${long} `, /has 513 characters, allowed are 512/), 512);
  });

  test('bounds the depth', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}1 = 1${')'.repeat(depth)}`;
    parseExpression(nested(maxDepth));
    parseExpression(Array.from({ length: 60 }, () => '(1=1)').join('or'));
    assert.equal(offsetOf(nested(maxDepth + 1), /nested deeper than 32/), maxDepth);
    assert.equal(offsetOf('('.repeat(512)), maxDepth);
  });
});
