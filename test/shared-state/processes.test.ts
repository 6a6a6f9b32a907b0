import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openSharedMemory } from '../../core/state/shared-memory.ts';
import { openSharedState } from '../../core/state/shared-state.ts';
import { type HammerTask, limitOf, placeOf, reportBytes } from './task.ts';

const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Descriptors are handed to a child in places 4 and 5. */
function start(task: HammerTask, fds: readonly number[]): ChildProcess {
  const program = new URL('./hammer.ts', import.meta.url).pathname;
  const child = fork(program, [JSON.stringify(task)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...fds],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

interface Run {
  readonly limits: HammerTask['limits'];
  readonly forMs: number;
  /** Slots for counts. */
  readonly counts?: number;
  /** Done while they hammer. */
  meddle?(running: ChildProcess[], again: () => ChildProcess): Promise<void>;
}

/** Lets four processes hammer, and says what each limit admitted in each window that they hammered all through. */
async function hammer({ limits, forMs, counts = 1000, meddle }: Run) {
  const { fd } = openSharedState({ now: () => Date.now() }, { counts, values: 1000 });
  // Processes take a while to start on a busy machine; they begin together.
  const startAt = Date.now() + 2500;
  const claimMs = 5;
  const claims = Math.floor(forMs / claimMs);
  const task: HammerTask = { seed: 1, startAt, endAt: startAt + forMs, limits, claims, claimMs };
  const shared = openSharedMemory(reportBytes(task));
  const fds = [fd, shared.fd];
  const begin = (seed: number): ChildProcess => start({ ...task, seed }, fds);
  const running = [1, 2, 3, 4].map(begin);
  let seed = 4;
  const ends = running.map((child) => once(child, 'exit'));
  await meddle?.(running, () => {
    const child = begin((seed += 1));
    ends.push(once(child, 'exit'));
    return child;
  });
  await Promise.all(ends);
  for (const each of fds) fs.closeSync(each);
  const report = new Int32Array(shared.buffer);
  const windows = limits.map(({ periodMs }, index) => {
    const found: number[] = [];
    const first = Math.ceil(task.startAt / periodMs) + 1;
    for (let end = (first + 1) * periodMs; end < task.endAt; end += periodMs)
      found.push(report[placeOf(task, index, end)] ?? 0);
    return found;
  });
  return { windows, claims: [...report.subarray(0, claims)], task };
}

test('four processes that take limits at random are admitted as many as the limits allow, and each key is claimed once', async (t) => {
  const limits = [
    { limit: 10, periodMs: 50 },
    { limit: 100, periodMs: 100 },
    { limit: 7, periodMs: 30 },
    { limit: 40, periodMs: 200 },
    { limit: 1, periodMs: 10 },
    { limit: 300, periodMs: 500 },
  ];
  const { windows, claims, task } = await hammer({ limits, forMs: 2000 });
  for (const [index, found] of windows.entries()) {
    const { limit, periodMs } = limitOf(task, index);
    assert.ok(found.length > 1, `${found.length} windows of ${periodMs} ms`);
    assert.ok(
      found.every((count) => count <= limit),
      `${limit} in ${periodMs} ms: ${found.join(' ')}`,
    );
    // A window in which no process had the processor long enough is no mistake; most are filled to the last.
    const full = found.filter((count) => count === limit).length;
    t.diagnostic(`${limit} in ${periodMs} ms: ${full} of ${found.length} windows are full`);
    assert.ok(full >= found.length / 2, `${limit} in ${periodMs} ms: ${found.join(' ')}`);
  }
  assert.ok(
    claims.every((count) => count <= 1),
    claims.join(' '),
  );
  assert.ok(claims.filter((count) => count === 1).length > claims.length / 2, claims.join(' '));
});
