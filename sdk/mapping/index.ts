export { encodePathValue, encodeQueryValue, percentDecode, toBytes } from './bytes.ts';
export { compileMapping, type Mapping, type MappingOptions } from './compile.ts';
export { type DeclaredParameter, declaredParameters, requestPathNames } from './declared.ts';
export { nameProblem } from './names.ts';
export { type BackendParameter, BackendParameters } from './options.ts';
export { type ReadValues, declaredValues, pathValue } from './values.ts';
export {
  type AuthorizerContext,
  type SystemValue,
  authorizerContexts,
  authorizerValue,
  findContextName,
  systemNames,
  systemValue,
} from './system.ts';
