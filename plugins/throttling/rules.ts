import { type Exchange, type Kit, describeAllowed } from '#sdk';
import {
  type Condition,
  type ParameterScope,
  type Reader,
  RequestReaders,
  type RuleNames,
  reportCondition,
  reportParameters,
  reportRule,
  ruleReaders,
} from '#sdk/expressions';
import { hash } from 'node:crypto';
import { createAllowance, createMeasure } from './allowance.ts';
import type { Meter } from './meters.ts';
import type { Config, Rule } from './options.ts';

type Problem = Kit['problem'];
type Path = readonly (string | number)[];

/** Longer values are counted under their hash: callers decide how long they are, and keys are kept in memory. */
const longestValue = 64;

interface Names {
  readonly scope: ParameterScope;
  readonly readers: RequestReaders;
  readonly matchNames: RuleNames<Exchange>;
  readonly problem: Problem;
}

/** The limits of a policy's rules. */
export interface RuleMeters {
  readonly meters: readonly Meter[];
  /** Reads the content first where a rule is about a field of it. */
  readonly readers: RequestReaders;
}

/** @param prefix what keys begin with; the same after a reload */
export function createRules(config: Config, prefix: string, problem: Problem): RuleMeters {
  const { rules = [], parameters = {}, matchParameters = [], ruleChoice } = config;
  const readers = new RequestReaders();
  const names = {
    scope: reportParameters(parameters, { phase: 'request' }, ['parameters'], problem),
    readers,
    matchNames: ruleReaders(matchParameters, ['matchParameters'], problem),
    problem,
  };
  reportTwins(
    rules.map(({ name }) => name),
    (index) => ['rules', index, 'name'],
    problem,
  );
  const meters = rules.map((rule, index) => createRule(rule, index, { config, prefix, names }));
  return { meters: ruleChoice === 'all' ? meters : [firstOf(meters)], readers };
}

/** Rules of one name would count together. */
export function reportTwins(names: readonly string[], path: (index: number) => Path, problem: Problem): void {
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first < index) problem(path(index), `found "${name}", as in rules[${first}]; names are given once`);
  }
}

function firstOf(meters: readonly Meter[]): Meter {
  return (exchange) => {
    for (const meter of meters) {
      const measure = meter(exchange);
      if (measure !== undefined) return measure;
    }
    return undefined;
  };
}

interface RuleContext {
  readonly config: Config;
  readonly prefix: string;
  readonly names: Names;
}

function createRule(rule: Rule, index: number, { config, prefix, names }: RuleContext): Meter {
  const { name, limit, countMissing, period = config.period, algorithm = config.algorithm } = rule;
  const path: Path = ['rules', index];
  const isAbout = conditionOf(rule, path, names);
  const reads = readersOf(rule, path, names);
  const allowance = createAllowance({
    scope: 'rule',
    limit,
    period,
    isBucket: algorithm === 'bucket',
    retryAfterSeconds: rule.retryAfterSeconds ?? config.retryAfterSeconds,
    // Names are the operator's words and may be in any script; callers get the place.
    label: `rule-${index + 1}`,
  });
  const base = `${prefix}\0rule\0${name}\0`;
  const measure = createMeasure(base, allowance);
  return (exchange) => {
    if (!isAbout(exchange)) return undefined;
    if (reads.length === 0) return measure;
    let key = base;
    for (const read of reads) {
      const text = String(read(exchange) ?? '');
      if (text === '' && !countMissing) return undefined;
      key += keyOf(text);
    }
    return createMeasure(key, allowance);
  };
}

/** No two lists of values give the same key. */
function keyOf(text: string): string {
  return text.length <= longestValue ? `${text.length}:${text}` : `#${hash('sha256', text, 'base64url')}`;
}

function conditionOf(
  { condition, match }: Rule,
  path: Path,
  { scope, readers, matchNames, problem }: Names,
): Condition<Exchange> {
  const parts: Condition<Exchange>[] = [];
  if (condition !== undefined) {
    const { resolve } = readers;
    parts.push(reportCondition(condition, { scope, resolve }, [...path, 'condition'], problem));
  }
  if (match !== undefined) parts.push(reportRule(match, matchNames, [...path, 'match'], problem));
  const [first, second] = parts;
  if (first === undefined) return () => true;
  return second === undefined ? first : (exchange) => first(exchange) && second(exchange);
}

function readersOf(
  { by = [] }: Rule,
  path: Path,
  { scope, readers, problem }: Names,
): readonly Reader<Exchange>[] {
  return by.flatMap((name, index) => {
    const parameter = scope.visible.get(name);
    if (parameter !== undefined) return [readers.resolve(parameter)];
    const hint = describeAllowed(scope.visible.keys(), name);
    problem([...path, 'by', index], `there is no parameter "${name}"; ${hint}`);
    return [];
  });
}
