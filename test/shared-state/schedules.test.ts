import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { slotsInBucket } from '../../core/state/shared-table.ts';
import { claims, limits, reportPlace, share, startAt, state, threads, turn, windows } from './schedule.ts';
import { randomFrom, startProcess } from './small-memory.ts';

const runs = 1000;

test('whatever the order of steps, nothing is admitted or claimed too often', async (t) => {
  const shared = share();
  const { turns, clock, report } = shared;
  const workers = Array.from({ length: threads }, (_, index) => {
    return new Worker(new URL('./scheduled.ts', import.meta.url), { workerData: { shared, index } });
  });
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())));
  const failure = Promise.withResolvers<never>();
  for (const worker of workers) worker.once('error', failure.reject);

  const stateAt = (index: number): number => turn.words * index + turn.state;
  const untilItStops = async (index: number): Promise<void> => {
    const { value } = Atomics.waitAsync(turns, stateAt(index), state.runs, 20_000);
    const reason = await Promise.race([value, failure.promise]);
    assert.notEqual(reason, 'timed-out');
  };
  const grant = async (index: number, steps: number): Promise<void> => {
    Atomics.store(turns, stateAt(index), state.runs);
    Atomics.store(turns, turn.words * index + turn.steps, steps);
    Atomics.notify(turns, turn.words * index + turn.steps);
    // A turn takes microseconds: mostly it is over before one could sleep.
    for (let look = 0; look < 2000; look += 1) if (Atomics.load(turns, stateAt(index)) !== state.runs) return;
    await untilItStops(index);
  };

  for (let index = 0; index < threads; index += 1)
    while (Atomics.load(turns, stateAt(index)) !== state.isDone) await new Promise(setImmediate);
  for (let run = 0; run < runs; run += 1) {
    const random = randomFrom(run);
    prepare(random);
    const open = new Set(Array.from({ length: threads }, (_, index) => index));
    for (const index of open) turns[turn.words * index + turn.seed] = random(1_000_000);
    while (open.size > 0) {
      if (random(4) === 0) clock[0] = (clock[0] ?? 0) + ([1, 100, 500, 1000][random(4)] ?? 1);
      // Late in a run the clock has to stand still: a period has sixteen windows in the report.
      clock[0] = Math.min(clock[0] ?? 0, startAt + 7000);
      const index = [...open][random(open.size)] ?? 0;
      await grant(index, [1, 3, 10, 30, 100, 400][random(6)] ?? 1);
      if (Atomics.load(turns, stateAt(index)) === state.isDone) open.delete(index);
    }
    for (let claim = 0; claim < claims; claim += 1)
      assert.ok((report[claim] ?? 0) <= 1, `${report[claim]} claims of key ${claim} in run ${run}`);
    for (const [index, { key, limit, periodMs }] of limits.entries())
      for (let window = 0; window < windows; window += 1) {
        const count = report[reportPlace(index, startAt + (window + 1) * periodMs)] ?? 0;
        assert.ok(count <= limit, `${count} of ${limit} for ${key} in window ${window} of run ${run}`);
      }
  }

  /** Empties the memory, and puts into it what is over soon or already. */
  function prepare(random: (below: number) => number): void {
    new Uint8Array(shared.memory).fill(0);
    report.fill(0);
    clock[0] = startAt;
    const process = startProcess(shared.memory as unknown as ArrayBuffer, { now: () => clock[0] ?? 0 });
    for (let claim = 0; claim < claims; claim += 1) process.values.claim(`claim ${claim}`, 50);
    for (let key = random(4); key < slotsInBucket; key += 1) {
      process.take({ key: `old ${key}`, limit: 9, periodMs: [100, 500, 1000][random(3)] ?? 1 });
      if (key < slotsInBucket - claims) process.values.claim(`old ${key}`, [100, 500, 1000][random(3)] ?? 1);
    }
    clock[0] += 50;
    clock[0] += random(100);
  }
});
