import { readFileSync } from 'node:fs';
import type {
  FunctionFault,
  FunctionResult,
  GatewayFunction,
  Invocation,
  IsolatesState,
  SetupKit,
} from '#sdk';
import { type Fault, type IsolatePool, type Program, SourceError, compileProgram } from '#sdk/isolates';
import type { FunctionOptions } from './options.ts';
import { acquirePool } from './pools.ts';
import { versionOf } from './version.ts';

const adapter = readFileSync(new URL('adapter.js', import.meta.url), 'utf8');
const defaultConcurrency = 4;
/** The vendor's limit of an answer. */
const defaultResultLength = 6 * 1024 * 1024;

const faults: Record<Fault, FunctionFault> = {
  'not-loaded': 'failed',
  threw: 'failed',
  crashed: 'failed',
  'not-json': 'bad-answer',
  'too-large': 'bad-answer',
  timeout: 'timeout',
  'run-time': 'timeout',
  memory: 'memory',
  busy: 'busy',
  disposed: 'busy',
};

/** A function that runs in isolates of this gateway. */
export class LocalFunction implements GatewayFunction {
  readonly name: string;
  readonly timeoutMs: number;
  readonly version: string;
  readonly #options: FunctionOptions;
  readonly #pool: IsolatePool;
  readonly release: () => void;

  constructor(name: string, program: Program, options: FunctionOptions, kit: SetupKit) {
    this.name = name;
    this.timeoutMs = options.timeoutMs;
    this.version = versionOf(name, options, program);
    this.#options = options;
    const { memoryMb, allowHosts, concurrency = defaultConcurrency, queue } = options;
    const pooled = { adapter, memoryMb, allowHosts, concurrency, queue };
    const lease = acquirePool(kit.log, name, program, pooled);
    this.#pool = lease.pool;
    this.release = () => lease.release();
  }

  isolates(): IsolatesState {
    const { faults: counted, ...figures } = this.#pool.figures();
    const byKind: Partial<Record<FunctionFault, number>> = {};
    for (const [fault, count] of counted) byKind[faults[fault]] = (byKind[faults[fault]] ?? 0) + count;
    return { function: this.name, ...figures, faults: byKind };
  }

  activate(): void {
    if (this.#options.warm) this.#pool.warm();
  }

  async invoke(event: Readonly<Record<string, unknown>>, invocation: Invocation): Promise<FunctionResult> {
    const { memoryMb, userData, cpuMs } = this.#options;
    const wallMs = Math.min(this.timeoutMs, invocation.timeoutMs ?? Infinity);
    const { requestId, maxResultLength = defaultResultLength } = invocation;
    const call = { requestId, name: this.name, memoryMb, timeoutMs: wallMs, userData };
    const limits = { wallMs, runMs: Math.min(cpuMs ?? wallMs, wallMs), maxResultLength };
    const result = await this.#pool.call(JSON.stringify({ event, call }), limits);
    if (result.fault !== undefined)
      return { fault: faults[result.fault], detail: `${result.fault}: ${result.detail}` };
    return { value: JSON.parse(result.json) as unknown };
  }
}

/** Reads and parses a function's source; undefined when something is wrong with it, which is then a problem. */
export function readProgram(name: string, source: string, kit: SetupKit): Program | undefined {
  const path = ['functions', name, 'source'];
  const found = kit.readText(path, source);
  if (found === undefined) return undefined;
  try {
    return compileProgram(found.text, found.file);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const at = error.line === undefined ? found.file : `${found.file}:${error.line}`;
    kit.problem(path, `the source cannot be parsed: ${at}: ${error.message}`);
    return undefined;
  }
}
