export type { CompileOptions, Reader, Value } from './bind.ts';
export { contains, parseAddress, parseBlock, type Address, type Block } from './cidr.ts';
export { compileCondition, type Condition, type ConditionOptions } from './compile.ts';
export type { Parameter } from './declaration.ts';
export { ExpressionError, type Problem } from './expression-error.ts';
export { compileTemplate, type Template, type TemplateOptions } from './interpolate.ts';
export { readJsonPath, type JsonPath } from './json-path.ts';
export { systemNames, type SystemName } from './locations.ts';
export { parseParameters, type ParameterContext, type ParameterScope } from './parameters.ts';
export {
  reportCondition,
  reportParameters,
  reportTemplate,
  resolveNothing,
  type ReportProblem,
} from './reporting.ts';
export { RequestReaders, requestReader } from './request-readers.ts';
export { type AnswerFacts, ResponseReaders } from './response-readers.ts';
export { type AnswerFields, type AnswerTemplate, type AnswerText, reportAnswer } from './answer-template.ts';
export { compileRule, reportRule, type RuleNames } from './rule.ts';
export { RuleParameter, ruleReaders } from './rule-parameters.ts';
