import { type Kit, OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import { reportAnswer, reportCondition, reportParameters, resolveNothing } from '#sdk/expressions';
import { reportRules } from './check.ts';
import type { Config, RuleConfig } from './options.ts';

type Problem = Kit['problem'];

const Effect = Type.Optional(OneOf(['ALLOW', 'DENY']));

const Document = Options({
  parameters: Type.Record(Type.String({ minLength: 1 }), Type.String(), { default: {} }),
  rules: Type.Array(
    Options({
      name: Type.String({ minLength: 1, maxLength: 100 }),
      condition: Type.Optional(Type.String()),
      assertParameterName: Type.Optional(Type.String()),
      assertInDataset: Type.Optional(Type.String()),
      ifTrue: Effect,
      ifFalse: Effect,
      statusCode: Type.Integer({ minimum: 200, maximum: 599, default: 403 }),
      errorMessage: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
      responseHeaders: Type.Record(Type.String({ minLength: 1 }), Type.String(), { default: {} }),
      responseBody: Type.Optional(Type.String()),
    }),
    { minItems: 1, maxItems: 100 },
  ),
});

type AlibabaRule = Static<typeof Document>['rules'][number];

const maxBytes = 50 * 1024;
const answerFields = { message: 'errorMessage', headers: 'responseHeaders', body: 'responseBody' } as const;
const ruleFields = {
  when: 'condition',
  parameter: 'assertParameterName',
  dataSet: 'assertInDataset',
  onTrue: 'ifTrue',
  onFalse: 'ifFalse',
} as const;

/** The parameter access control plug-in of Alibaba Cloud API Gateway. */
export const accessControl = defineDialect(Document, (document, problem: Problem): Config => {
  const bytes = Buffer.byteLength(JSON.stringify(document));
  if (bytes > maxBytes)
    problem([], `the document has ${bytes} bytes as JSON; at most ${maxBytes} (50 KB) are allowed`);
  const { parameters } = document;
  const scope = reportParameters(parameters, { phase: 'request' }, ['parameters'], problem);
  const options = { scope, resolve: resolveNothing };
  const rules = document.rules.map((rule, index) => {
    const path = ['rules', index];
    const translated = translate(rule);
    if (rule.condition !== undefined)
      reportCondition(rule.condition, options, [...path, 'condition'], problem);
    reportAnswer(translated, options, answerFields, path, problem);
    return translated;
  });
  reportRules(rules, scope, ruleFields, problem);
  return { parameters, rules };
});

function translate(rule: AlibabaRule): RuleConfig {
  const { name, condition, assertParameterName, assertInDataset, ifTrue, ifFalse } = rule;
  const { statusCode, errorMessage, responseHeaders, responseBody } = rule;
  return {
    name,
    status: statusCode,
    headers: responseHeaders,
    ...(condition === undefined ? {} : { when: condition }),
    ...(assertParameterName === undefined ? {} : { parameter: assertParameterName }),
    ...(assertInDataset === undefined ? {} : { dataSet: assertInDataset }),
    ...(ifTrue === undefined ? {} : { onTrue: effect(ifTrue) }),
    ...(ifFalse === undefined ? {} : { onFalse: effect(ifFalse) }),
    ...(errorMessage === undefined ? {} : { message: errorMessage }),
    ...(responseBody === undefined ? {} : { body: responseBody }),
  };
}

function effect(word: 'ALLOW' | 'DENY'): 'allow' | 'deny' {
  return word === 'ALLOW' ? 'allow' : 'deny';
}
