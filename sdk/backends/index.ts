// Backends as they are written in a configuration: for plugins that choose another one.
export { translateBackend } from './alibaba.ts';
export { type AlibabaBackend, AlibabaBackendSchema } from './alibaba-schema.ts';
export { type Definition, mergeBackend, missingPlace } from './merge.ts';
