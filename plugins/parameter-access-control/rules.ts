import {
  type DataSet,
  DataSets,
  type Exchange,
  Fields,
  type Kit,
  Reply,
  describeAllowed,
  fieldValue,
} from '#sdk';
import {
  type AnswerTemplate,
  type Condition,
  type ParameterScope,
  type RequestReaders,
  reportAnswer,
  reportCondition,
} from '#sdk/expressions';
import type { RuleConfig } from './options.ts';

/** What a rule says of a request: go on with the next rule, let it pass, or this answer. */
type Verdict = 'next' | 'allow' | Reply;
export type CompiledRule = (exchange: Exchange) => Verdict;

type Path = readonly (string | number)[];

/** What rules are compiled with. */
export interface Ground {
  readonly kit: Kit;
  readonly scope: ParameterScope;
  readonly readers: RequestReaders;
}

const fields = { message: 'message', headers: 'headers', body: 'body' } as const;

export function compileRule(rule: RuleConfig, path: Path, ground: Ground): CompiledRule {
  const { kit, scope, readers } = ground;
  const problem: Kit['problem'] = (at, message, offset) => kit.problem(at, message, offset);
  const isTrue = conditionOf(rule, path, ground);
  const answer = reportAnswer(rule, { scope, resolve: readers.resolve }, fields, path, problem);
  const denial = (exchange: Exchange): Reply => deny(rule, answer, exchange);
  const onTrue = effectOf(rule.onTrue, denial);
  const onFalse = effectOf(falseEffect(rule), denial);
  return (exchange) => (isTrue(exchange) ? onTrue(exchange) : onFalse(exchange));
}

/** Whoever asserts that a value is in a set, and says no more, means that others are to be denied. */
export function falseEffect({ parameter, onTrue, onFalse }: RuleConfig): RuleConfig['onFalse'] {
  return parameter !== undefined && onTrue === undefined && onFalse === undefined ? 'deny' : onFalse;
}

function effectOf(effect: RuleConfig['onTrue'], denial: (exchange: Exchange) => Reply): CompiledRule {
  if (effect === 'deny') return denial;
  const verdict = effect ?? 'next';
  return () => verdict;
}

function conditionOf(rule: RuleConfig, path: Path, { kit, scope, readers }: Ground): Condition<Exchange> {
  const { when, parameter, dataSet } = rule;
  if (when !== undefined) {
    const problem: Kit['problem'] = (at, message, offset) => kit.problem(at, message, offset);
    return reportCondition(when, { scope, resolve: readers.resolve }, [...path, 'when'], problem);
  }
  // One that is not there was reported with the rules.
  const declared = scope.visible.get(parameter ?? '');
  const set = dataSet === undefined ? undefined : dataSetOf(dataSet, path, kit);
  if (declared === undefined || set === undefined) return () => false;
  const read = readers.resolve(declared);
  return (exchange) => {
    const value = read(exchange);
    return value !== undefined && value !== null && set.has(String(value));
  };
}

/** Problems are told of the whole rule: its fields have other names in other dialects. */
function dataSetOf(name: string, path: Path, kit: Kit): DataSet | undefined {
  const sets = kit.use(DataSets);
  const set = sets.byName(name);
  if (set === undefined) {
    const hint =
      sets.names.length === 0 ? 'the section "dataSets" names none' : describeAllowed(sets.names, name);
    kit.problem(path, `there is no data set "${name}"; ${hint}`);
  } else if (set.type !== 'PARAMETER_ACCESS') {
    kit.problem(path, `the data set "${name}" is of the type ${set.type}; allowed: PARAMETER_ACCESS`);
    return undefined;
  }
  return set;
}

function deny({ name, status }: RuleConfig, answer: AnswerTemplate<Exchange>, exchange: Exchange): Reply {
  const headers = new Fields();
  const message = answer.message?.(exchange);
  if (message !== undefined) headers.append('X-Ca-Error-Message', fieldValue(message));
  for (const [field, value] of answer.headers) headers.set(field, value(exchange));
  return new Reply(status, headers, answer.body?.(exchange) ?? null, {
    kind: 'access-denied',
    status,
    cause: `rule ${name}`,
    ...(message === undefined ? {} : { message }),
  });
}
