import { type Exchange, type Hooks, type Kit, type Reply, definePlugin } from '#sdk';
import { RequestReaders, reportParameters } from '#sdk/expressions';
import { accessControl } from './alibaba.ts';
import { reportRules } from './check.ts';
import { Config, type RuleConfig } from './options.ts';
import { compileRule, falseEffect } from './rules.ts';

const fields = {
  when: 'when',
  parameter: 'parameter',
  dataSet: 'dataSet',
  onTrue: 'onTrue',
  onFalse: 'onFalse',
} as const;

export default definePlugin({
  name: 'parameter-access-control',
  summary: 'Allows or denies calls by what their parameters, their token and their caller say.',
  config: Config,
  dialects: { 'alibaba/accessControl': accessControl },
  bind({ parameters, rules }: Config, kit): Hooks {
    const problem: Kit['problem'] = (path, message, offset) => kit.problem(path, message, offset);
    const scope = reportParameters(parameters, { phase: 'request' }, ['parameters'], problem);
    const readers = new RequestReaders();
    reportRules(rules, scope, fields, problem);
    const compiled = rules.map((rule, index) => compileRule(rule, ['rules', index], { kit, scope, readers }));
    const judge = (exchange: Exchange): Reply | undefined => {
      for (const rule of compiled) {
        const verdict = rule(exchange);
        if (verdict === 'next') continue;
        return verdict === 'allow' ? undefined : verdict;
      }
      return undefined;
    };
    return {
      // Who calls is known by now, and what is denied counts against no limit.
      auth: { stage: 'authorize', handle: (exchange) => readers.evaluate(exchange, judge) },
      describe: () => [...rules.map(inWords), 'else allowed'],
    };
  },
});

function inWords(rule: RuleConfig): string {
  const { name, when, parameter, dataSet, onTrue, status } = rule;
  const what = when ?? `$${parameter} is in the data set ${dataSet}`;
  const said = (effect: RuleConfig['onTrue']): string =>
    effect === 'deny' ? `denied with ${status}` : effect === 'allow' ? 'allowed' : 'the next rule decides';
  return `rule ${name}: ${what}: ${said(onTrue)}, otherwise ${said(falseEffect(rule))}`;
}
