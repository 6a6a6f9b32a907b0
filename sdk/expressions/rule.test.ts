import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ExpressionError, compileRule, reportRule } from './index.ts';

type Target = Readonly<Record<string, string | number | undefined>>;

const names = new Map(
  ['Host', 'method', 'reqPath', '$context.statusCode', '$context.backendResponseTime'].map((name) => [
    name,
    (target: Target) => target[name],
  ]),
);

const holds = (rule: unknown, target: Target): boolean => {
  const text = typeof rule === 'string' ? rule : JSON.stringify(rule);
  return compileRule(text, names)(target);
};

suite('holds or not', () => {
  const cases: readonly [rule: unknown, target: Target, expected: boolean][] = [
    ['["Host","==","www.abc.com"]', { Host: 'www.abc.com' }, true],
    ['["Host","==","www.abc.com"]', { Host: 'www.ABC.com' }, false],
    ['["Host","==","www.abc.com"]', {}, false],
    ['["Host","==",""]', { Host: '' }, true],
    ['["Host","==",""]', {}, false],
    ['["Host","~=","a"]', { Host: 'b' }, true],
    ['["Host","~=","a"]', { Host: 'a' }, false],
    ['["Host","~=","a"]', {}, true],
    ['["reqPath","~~","/admin/*"]', { reqPath: '/v1/admin' }, true],
    ['["reqPath","~~","/admin/*"]', { reqPath: '/v1/adm' }, false],
    ['["reqPath","~~",""]', {}, false],
    ['["reqPath","~~","^/v\\\\d+$"]', { reqPath: '/v12' }, true],
    ['["reqPath","~~","^/v\\\\d+$"]', { reqPath: '/v12/x' }, false],
    ['["method","in","GET, HEAD"]', { method: 'HEAD' }, true],
    ['["method","in","GET,HEAD"]', { method: 'POST' }, false],
    ['["method","in","GET,HEAD"]', {}, false],
    ['["$context.statusCode","in","500,501,504"]', { '$context.statusCode': 504 }, true],
    ['["$context.statusCode","==",500]', { '$context.statusCode': 500 }, true],
    ['["$context.backendResponseTime",">",6000]', { '$context.backendResponseTime': 6001 }, true],
    ['["$context.backendResponseTime",">","6000"]', { '$context.backendResponseTime': 6000 }, false],
    ['["$context.backendResponseTime",">",-1.5]', { '$context.backendResponseTime': '-1' }, true],
    ['["Host",">","5"]', { Host: '10' }, true],
    ['["Host",">","5"]', { Host: '0x10' }, false],
    ['["Host",">","5"]', {}, false],
    [['AND', ['Host', '==', 'a'], ['method', '==', 'GET']], { Host: 'a', method: 'GET' }, true],
    [['AND', ['Host', '==', 'a'], ['method', '==', 'GET']], { Host: 'a', method: 'PUT' }, false],
    [['OR', ['Host', '==', 'a'], ['method', '==', 'GET']], { Host: 'b', method: 'GET' }, true],
    [['OR', ['Host', '==', 'a'], ['method', '==', 'GET']], { Host: 'b', method: 'PUT' }, false],
    [['AND', ['Host', '==', 'a']], { Host: 'a' }, true],
    [
      ['OR', ['AND', ['Host', '==', 'a'], ['method', '==', 'PUT']], ['method', '~~', 'E']],
      { method: 'GET' },
      true,
    ],
    ['  [ "Host" ,\n"==",\t"a\\u0062\\n" ] ', { Host: 'ab\n' }, true],
  ];
  for (const [rule, target, expected] of cases) {
    test(`${JSON.stringify(rule)} of ${JSON.stringify(target)}`, () =>
      assert.equal(holds(rule, target), expected));
  }
});

suite('refused, with the place', () => {
  const cases: readonly [text: string, offset: number, message: RegExp][] = [
    ['', 0, /^found the end of the text; allowed: a list/],
    ['Host == a', 0, /^found "H"; allowed/],
    ['"Host"', 0, /^a rule is \["name"/],
    ['[]', 0, /^a rule is/],
    ['[1,"==","a"]', 1, /^a rule is/],
    ['["Host"]', 1, /^found "Host" before rules; allowed: "AND", "OR"$/],
    ['["Host","=="]', 0, /^a rule is/],
    ['["Host","==","a","b"]', 0, /^a rule is/],
    ['["Host","==",["a"]]', 13, /^the value is a text or a number/],
    ['["Host","==",true]', 13, /^found "t"; allowed: a list/],
    ['["Host","==",{}]', 13, /^found "\{"/],
    ["['Host','==','a']", 1, /^found "'"/],
    ['["Host","=","a"]', 8, /^"=" is no operator, did you mean .*allowed are ==, ~=, ~~, in, >$/],
    ['["Host",5,"a"]', 8, /^a number is no operator/],
    ['["Hst","==","a"]', 1, /^nothing is named "Hst", did you mean Host\? there are Host, method/],
    ['["reqPath","~~","("]', 16, /^this is no regular expression/],
    ['["reqPath","~~","(a)\\\\1"]', 16, /^references to groups/],
    ['["Host",">","big"]', 12, /^"big" is no number/],
    ['["AND"]', 1, /^AND needs at least one rule/],
    ['["and",["Host","==","a"]]', 1, /^found "and" before rules; allowed: "AND", "OR"/],
    ['[["Host","==","a"],["Host","==","b"]]', 1, /^a rule is/],
    ['["AND",["Host","==","a"],"x"]', 25, /^a rule is/],
    ['["Host","==","a"', 16, /^found the end of the text; allowed: "," or "\]"/],
    ['["Host","==","a",]', 17, /^found "\]"; allowed: a list/],
    ['["Host","==","a"] x', 18, /^found "x" after the end/],
    ['["Host","==","a\nb"]', 13, /^found "\\""/],
    ['["😀","==","a"]', 1, /^nothing is named "😀"/],
    ['['.repeat(40), 32, /^groups may stand 32 deep/],
  ];
  for (const [text, offset, message] of cases) {
    test(text.slice(0, 40), () => {
      assert.throws(
        () => compileRule(text, names),
        (error) => {
          assert.ok(error instanceof ExpressionError);
          assert.match(error.message, message);
          assert.equal(error.offset, offset);
          return true;
        },
      );
    });
  }
});

test('all unknown names and patterns that are none are reported at once', () => {
  const reported: unknown[] = [];
  const text = '["OR",["one","==","a"],["two",">","x"],["reqPath","~~","["]]';
  const rule = reportRule(text, names, ['rules', 0, 'match_regex'], (path, message, offset) => {
    reported.push([path.join('.'), message.slice(0, 24), offset]);
  });
  assert.equal(rule({ Host: 'a' }), false);
  assert.deepEqual(reported, [
    ['rules.0.match_regex', 'nothing is named "one": ', 7],
    ['rules.0.match_regex', 'nothing is named "two": ', 24],
    ['rules.0.match_regex', '"x" is no number, which ', 34],
    ['rules.0.match_regex', 'this is no regular expre', 55],
  ]);
});
