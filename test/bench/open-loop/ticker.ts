// Wakes the generator when a request is due. Node's timers are good to a millisecond only; a thread that sleeps on a
// futex, to some 50 microseconds, and does not keep a core busy.
import { parentPort, workerData } from 'node:worker_threads';
import { nowMs } from '../clock.ts';
import { Schedule } from './schedule.ts';

const { startMs, rate, seconds } = workerData as { startMs: number; rate: number; seconds: number };
const schedule = new Schedule(startMs, rate, seconds);
const cell = new Int32Array(new SharedArrayBuffer(4));

while (!schedule.isDone) {
  const waitMs = schedule.nextAtMs - nowMs();
  if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  if (schedule.due(nowMs()).length > 0) parentPort?.postMessage(null);
}
