import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportCondition, reportParameters, resolveNothing } from './index.ts';

type Reported = readonly [path: string, message: string, offset: number | undefined];

function collect(): {
  reported: Reported[];
  problem: (path: readonly (string | number)[], message: string, offset?: number) => void;
} {
  const reported: Reported[] = [];
  return {
    reported,
    problem: (path, message, offset) => void reported.push([path.join('.'), message.slice(0, 40), offset]),
  };
}

test('nothing is reported where nothing is wrong', () => {
  const { reported, problem } = collect();
  const scope = reportParameters({ aa: 'Query:a' }, { phase: 'request' }, ['parameters'], problem);
  const condition = reportCondition('$aa = null', { scope, resolve: resolveNothing }, ['condition'], problem);
  assert.equal(condition({}), true);
  assert.deepEqual(reported, []);
});

test('faulty declarations are reported, and conditions that use them are not', () => {
  const { reported, problem } = collect();
  const many = Object.fromEntries(Array.from({ length: 18 }, (_, index) => [`p${index}`, 'Method']));
  const declarations = { aa: 'Query', 'b-b': 'Method', ...many };
  const scope = reportParameters(
    declarations,
    { phase: 'request', builtIns: ['LatencySeconds'] },
    ['parameters'],
    problem,
  );
  const options = { scope, resolve: resolveNothing };
  const usable = reportCondition(
    '$aa = null and $p17 = null and $LatencySeconds = null and $CaAppId = null',
    options,
    ['one'],
    problem,
  );
  const unusable = reportCondition('$cc = null and $dd = null', options, ['two'], problem);
  assert.equal(usable({}), true);
  assert.equal(unusable({}), false);
  assert.deepEqual(reported, [
    ['parameters.aa', 'parameter "aa": Query needs a name: Quer', 5],
    ['parameters.b-b', 'parameter "b-b": a name is a letter or u', 0],
    ['parameters.p14', 'parameter "p14": at most 16 parameters c', 0],
    ['two', 'parameter $cc is not declared: declared ', 0],
    ['two', 'parameter $dd is not declared: declared ', 15],
  ]);
});

test('what is no problem of the text is thrown on', () => {
  const { problem } = collect();
  const scope = reportParameters({ aa: 'Query:a' }, { phase: 'request' }, [], problem);
  const resolve = () => {
    throw new TypeError('a defect');
  };
  assert.throws(() => reportCondition('$aa = 1', { scope, resolve }, [], problem), /a defect/);
});
