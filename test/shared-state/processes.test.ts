import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openSharedMemory } from '../../core/state/shared-memory.ts';
import { openSharedState } from '../../core/state/shared-state.ts';
import { type HammerTask, limitOf, placeAt, placeOf, reportBytes } from './task.ts';

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
  readonly meddle?: (running: ChildProcess[], again: () => ChildProcess) => Promise<void>;
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
  await wait(startAt + 100 - Date.now());
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
  return { windows, claims: [...report.subarray(0, claims)], task, report };
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
    assert.ok(full >= found.length / 4, `${limit} in ${periodMs} ms: ${found.join(' ')}`);
  }
  assert.ok(
    claims.every((count) => count <= 1),
    claims.join(' '),
  );
  assert.ok(claims.filter((count) => count === 1).length > claims.length / 4, claims.join(' '));
});

test('processes that are killed and stopped in the middle hold nobody up, and nothing more is admitted', async () => {
  // Many short periods: most of what is done is finding slots.
  const limits = Array.from({ length: 40 }, (_, index) => ({
    limit: 1 + (index % 5),
    periodMs: 4 + (index % 7),
  }));
  let kills = 0;
  const { windows, claims, task } = await hammer({
    limits,
    forMs: 2500,
    async meddle(running, again) {
      for (let turn = 0; turn < 12; turn += 1) {
        const stopped = running[turn % 2];
        stopped?.kill('SIGSTOP');
        await wait(60);
        stopped?.kill('SIGCONT');
        if (turn % 4 !== 0) continue;
        running[2 + (kills % 2)]?.kill('SIGKILL');
        running[2 + (kills % 2)] = again();
        kills += 1;
      }
    },
  });
  assert.equal(kills, 3);
  for (const [index, found] of windows.entries()) {
    const { limit, periodMs } = limitOf(task, index);
    const over = found.filter((count) => count > limit);
    assert.deepEqual(over, [], `${limit} in ${periodMs} ms`);
    // To the end: nothing was left locked.
    assert.ok(
      found.slice(-Math.ceil(found.length / 4)).includes(limit),
      `${limit} in ${periodMs} ms: ${found.join(' ')}`,
    );
  }
  assert.ok(claims.every((count) => count <= 1));
});

test('buckets of four processes, one of them killed and one stopped, admit as many as they hold and as they get back', async (t) => {
  const limits = [
    { limit: 20, periodMs: 100, isBucket: true },
    { limit: 7, periodMs: 30, isBucket: true },
    { limit: 1000, periodMs: 1000, isBucket: true },
    { limit: 5, periodMs: 50 },
    { limit: 3, periodMs: 700, isBucket: true },
  ];
  const forMs = 2000;
  const { task, report } = await hammer({
    limits,
    forMs,
    async meddle(running, again) {
      for (let turn = 0; turn < 8; turn += 1) {
        running[0]?.kill('SIGSTOP');
        await wait(60);
        running[0]?.kill('SIGCONT');
        await wait(40);
      }
      running[1]?.kill('SIGKILL');
      running[1] = again();
    },
  });
  for (const [index, { limit, periodMs, isBucket = false }] of limits.entries()) {
    if (!isBucket) continue;
    // The fullest that the bucket can be, if nothing is counted later than it should be: never less than nothing.
    let left = limit;
    let admitted = 0;
    for (let at = 0; at < forMs; at += 1) {
      if (at > 0) left = Math.min(limit, left + limit / periodMs);
      const count = report[placeAt(task, index, task.startAt + at)] ?? 0;
      left -= count;
      admitted += count;
      assert.ok(left > -1e-6, `${-left} too many of ${limit} in ${periodMs} ms, after ${at} ms`);
    }
    const most = limit + (forMs * limit) / periodMs;
    t.diagnostic(`${limit} in ${periodMs} ms: ${admitted} of at most ${Math.floor(most)}`);
    assert.ok(admitted > most / 4, `${admitted} of ${most}`);
  }
});

test('of more keys than there is room for, no more are admitted either', async () => {
  const limits = Array.from({ length: 60 }, () => ({ limit: 5, periodMs: 100 }));
  // Two buckets of 20, and the spare ones.
  const { windows } = await hammer({ limits, forMs: 1000, counts: 40 });
  const totals: number[] = [];
  for (const found of windows) {
    assert.ok(
      found.every((count) => count <= 5),
      found.join(' '),
    );
    for (const [window, count] of found.entries()) totals[window] = (totals[window] ?? 0) + count;
  }
  // Keys with a slot are admitted five times each; all others together five times.
  for (const total of totals) assert.ok(total <= 205, `${total}`);
  assert.ok(Math.max(...totals) >= 150, totals.join(' '));
});
