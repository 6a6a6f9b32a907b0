// Foreign code in isolates: what functions and sandboxed plugins run on.
export type { CallLimits, CallResult, Fault, IsolateLine, IsolateOptions } from './calls.ts';
export { IsolatePool, type PoolOptions } from './pool.ts';
export { compileProgram, type Program, type ProgramModule, SourceError } from './program.ts';
