export type { CompileOptions, Reader, Value } from './bind.ts';
export { contains, parseAddress, parseBlock, type Address, type Block } from './cidr.ts';
export { compileCondition, type Condition, type ConditionOptions } from './compile.ts';
export type { Parameter } from './declaration.ts';
export { ExpressionError, type Problem } from './expression-error.ts';
export { compileTemplate, type Template, type TemplateOptions } from './interpolate.ts';
export { readJsonPath, type JsonPath } from './json-path.ts';
export { systemNames, type SystemName } from './locations.ts';
export { parseParameters, type ParameterContext, type ParameterScope } from './parameters.ts';
