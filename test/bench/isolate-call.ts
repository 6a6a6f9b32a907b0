// What a call of a warm function costs: `node test/bench/isolate-call.ts`.
import { IsolatePool, compileProgram } from '#sdk/isolates';

const calls = 5000;
const limits = { wallMs: 10_000, runMs: 10_000, maxResultLength: 10_000 };
const program = compileProgram(
  'exports.handler = async (event) => ({ statusCode: 200, body: event.body })',
  'f.js',
);
const pool = new IsolatePool(program, {
  adapter: 'return (exported) => (args) => exported.handler(args);',
  memoryMb: 32,
  allowHosts: [],
  concurrency: 1,
  queue: 1,
  log: () => undefined,
});
const args = JSON.stringify({ body: 'x'.repeat(500) });
for (let turn = 0; turn < 1000; turn += 1) await pool.call(args, limits);
for (let round = 1; round <= 5; round += 1) {
  const before = performance.now();
  const cpu = process.cpuUsage();
  for (let turn = 0; turn < calls; turn += 1) await pool.call(args, limits);
  const { user, system } = process.cpuUsage(cpu);
  const us = ((performance.now() - before) * 1000) / calls;
  console.log(`${us.toFixed(1)} us a call, ${((user + system) / calls).toFixed(1)} us of CPU in the gateway`);
}
pool.dispose();
