import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { ample } from './testing.ts';

/** Stands for a gateway: calls a function that runs for as long as it may, and says when it does. */
const gateway = `
import { IsolatePool, compileProgram } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
const source = 'exports.handler = () => { console.log("it runs"); for (;;); }';
const pool = new IsolatePool(compileProgram(source, 'f.js'), {
  adapter: 'return (exported) => () => exported.handler()', memoryMb: 16, allowHosts: [], concurrency: 1, queue: 0,
  log: ({ text }) => console.log(text),
});
await pool.call('{}', ${JSON.stringify({ ...ample, wallMs: 600_000, runMs: 600_000 })});
`;

function started(t: TestContext): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', gateway]);
  t.after(() => child.kill('SIGKILL'));
  return child;
}

function childrenOf(pid: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => new RegExp(`^PPid:\\t${pid}$`, 'm').test(statusOf(name)))
    .map(Number);
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

const skip = existsSync('/proc/self/status') ? false : 'the system has no /proc';

test('what runs for minutes ends when the gateway is killed', { skip, timeout: 60_000 }, async (t) => {
  const standIn = started(t);
  assert.ok(standIn.stdout !== null);
  await once(standIn.stdout, 'data');
  const [runner = assert.fail('nothing runs')] = childrenOf(standIn.pid);
  t.after(() => {
    // Only where it is still what it was.
    if (statusOf(String(runner)).includes('PPid:\t1\n')) process.kill(runner, 'SIGKILL');
  });
  standIn.kill('SIGKILL');
  await once(standIn, 'close');
  const isThere = (): boolean => /^State:\t[^ZX]/m.test(statusOf(String(runner)));
  const deadline = performance.now() + 20_000;
  while (isThere()) {
    assert.ok(performance.now() < deadline, 'it still runs');
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
});
