import { type CallLimits, type IsolateLine, IsolatePool, type PoolOptions, compileProgram } from './index.ts';

/** Generous: what runs into none of them must not do so on a busy machine. */
export const ample: CallLimits = { wallMs: 20_000, runMs: 20_000, maxResultLength: 1_000_000 };

const adapter = `return (exported) => {
  if (typeof exported.handler !== 'function') throw new Error('it exports no handler');
  return (args) => exported.handler(args);
};`;

/** A pool of the source for one test, and what it wrote. */
export function poolOf(
  t: { after(work: () => void): void },
  source: string,
  options: Partial<PoolOptions> & { file?: string } = {},
) {
  const lines: IsolateLine[] = [];
  const { file = 'source.js', ...rest } = options;
  const pool = new IsolatePool(compileProgram(source, file), {
    adapter,
    memoryMb: 16,
    allowHosts: [],
    concurrency: 1,
    queue: 10,
    log: (line) => lines.push(line),
    ...rest,
  });
  t.after(() => pool.dispose());
  return {
    pool,
    lines,
    call: (args: unknown = {}, limits: Partial<CallLimits> = {}) =>
      pool.call(JSON.stringify(args), { ...ample, ...limits }),
  };
}
