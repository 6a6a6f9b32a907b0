import { type Kit, defineDialect } from '#sdk';
import { reportRule, ruleReaders } from '#sdk/expressions';
import { compileUnhealthy } from './failure.ts';
import { translateBackend } from './huawei-backend.ts';
import { Document, type HuaweiCondition, type HuaweiRule } from './huawei-schema.ts';
import type { BreakerConfig, Config } from './options.ts';

type Problem = Kit['problem'];
type Path = readonly (string | number)[];

/** The circuit breaker plug-in of Huawei Cloud API Gateway. */
export const breaker = defineDialect(Document, (document: Document, problem: Problem): Config => {
  const { scope, breaker_condition: condition, downgrade_default: standIn } = document;
  const parameters = document.downgrade_parameters ?? [];
  const names = ruleReaders(parameters, ['downgrade_parameters'], problem);
  const rules = (document.downgrade_rules ?? []).map((rule, index) => {
    const path = ['downgrade_rules', index];
    reportRule(rule.match_regex, names, [...path, 'match_regex'], problem);
    for (const [place, name] of (rule.parameters ?? []).entries()) {
      if (!names.has(name))
        problem([...path, 'parameters', place], `"${name}" is not among "downgrade_parameters"`);
    }
    return translateRule(rule, path, problem);
  });
  const twins = new Set<string>();
  for (const [index, { name }] of rules.entries()) {
    if (twins.has(name))
      problem(['downgrade_rules', index, 'rule_name'], `"${name}" is the name of an earlier rule`);
    twins.add(name);
  }
  return {
    scope: scope === 'share' ? 'binding' : 'api',
    breaker: translateCondition(condition, ['breaker_condition'], problem),
    parameters,
    rules,
    ...(standIn === undefined || standIn === null
      ? {}
      : { fallback: translateBackend(standIn, ['downgrade_default'], problem) }),
  };
});

function translateRule(rule: HuaweiRule, path: Path, problem: Problem): Config['rules'][number] {
  const {
    rule_name: name,
    match_regex: match,
    breaker_condition: condition,
    downgrade_backend: backend,
  } = rule;
  return {
    name,
    match,
    ...(condition === undefined || condition === null
      ? {}
      : { breaker: translateCondition(condition, [...path, 'breaker_condition'], problem) }),
    ...(backend === undefined || backend === null
      ? {}
      : { fallback: translateBackend(backend, [...path, 'downgrade_backend'], problem) }),
  };
}

/** Consoles write the figures of both modes, whichever is chosen: those of the other one are not looked at. */
function translateCondition(condition: HuaweiCondition, path: Path, problem: Problem): BreakerConfig {
  const { breaker_type: failure, breaker_mode: mode, time_window, open_breaker_time } = condition;
  const common = { windowSeconds: time_window, openSeconds: open_breaker_time, probes: 3 };
  const what: Pick<BreakerConfig, 'failure' | 'rule'> =
    failure === 'timeout'
      ? { failure }
      : { failure, rule: needed(condition, 'unhealthy_condition', path, problem) ?? '' };
  if (what.rule !== undefined && what.rule !== '')
    compileUnhealthy(what.rule, [...path, 'unhealthy_condition'], problem);
  if (mode === 'counter')
    return { ...common, ...what, threshold: needed(condition, 'unhealthy_threshold', path, problem) ?? 1 };
  return {
    ...common,
    ...what,
    minCalls: needed(condition, 'min_call_threshold', path, problem) ?? 1,
    percentage: needed(condition, 'unhealthy_percentage', path, problem) ?? 100,
  };
}

function needed<Field extends keyof HuaweiCondition>(
  condition: HuaweiCondition,
  field: Field,
  path: Path,
  problem: Problem,
): NonNullable<HuaweiCondition[Field]> | undefined {
  const value = condition[field];
  if (value !== undefined && value !== null && value !== '') return value;
  const { breaker_type: type, breaker_mode: mode } = condition;
  problem(path, `with the type ${type} and the mode ${mode} it must have "${field}"`);
  return undefined;
}
