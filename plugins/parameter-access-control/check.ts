import { type Kit, describeAllowed } from '#sdk';
import type { ParameterScope } from '#sdk/expressions';
import type { RuleConfig } from './options.ts';

/** What the fields of a rule are called where they are written. */
export type RuleFields = Readonly<Record<'when' | 'parameter' | 'dataSet' | 'onTrue' | 'onFalse', string>>;

/** Reports what no single field of a rule shows: a rule that can never decide would silently leave a gate open. */
export function reportRules(
  rules: readonly RuleConfig[],
  scope: ParameterScope,
  fields: RuleFields,
  problem: Kit['problem'],
): void {
  const first = new Map<string, number>();
  for (const [index, rule] of rules.entries()) {
    const path = ['rules', index];
    const earlier = first.get(rule.name);
    if (earlier === undefined) first.set(rule.name, index);
    else
      problem(
        [...path, 'name'],
        `found "${rule.name}", as in rules[${earlier}]; allowed: a name that no other one has`,
      );
    reportSubject(rule, path, fields, problem);
    const { parameter } = rule;
    if (parameter !== undefined && !scope.visible.has(parameter)) {
      const hint = describeAllowed(scope.visible.keys(), parameter);
      problem([...path, fields.parameter], `there is no parameter "${parameter}"; ${hint}`);
    }
  }
}

function reportSubject(
  { when, parameter, dataSet, onTrue, onFalse }: RuleConfig,
  path: readonly (string | number)[],
  fields: RuleFields,
  problem: Kit['problem'],
): void {
  const pair = `"${fields.parameter}" and "${fields.dataSet}"`;
  if (when !== undefined) {
    for (const [field, value] of [
      [fields.parameter, parameter],
      [fields.dataSet, dataSet],
    ] as const) {
      if (value !== undefined)
        problem([...path, field], `allowed instead of "${fields.when}", not beside it`);
    }
    if (onTrue === undefined && onFalse === undefined)
      problem(path, `the rule decides nothing: it must have "${fields.onTrue}" or "${fields.onFalse}"`);
  } else if (parameter === undefined || dataSet === undefined) {
    problem(path, `a rule must have "${fields.when}", or ${pair}`);
  }
}
