/*
 * One of several processes that take limits and claim keys as fast as they can. What it was admitted is written to
 * memory too, so that it is known of one that was killed.
 */

import { attachSharedMemory } from '../../core/state/shared-memory.ts';
import { attachSharedState } from '../../core/state/shared-state.ts';
import type { Limit, Taken } from '#sdk';
import { randomFrom } from './small-memory.ts';
import { type HammerTask, limitOf, placeAt, placeOf, reportBytes } from './task.ts';

const [stateFd, reportFd] = [4, 5];
const task = JSON.parse(process.argv[2] ?? '') as HammerTask;

/** The machine's clock, and what it said last: the time by which a request was counted. */
let last = 0;
const clock = { now: (): number => (last = Date.now()) };
const state = attachSharedState(stateFd, clock);
const report = new Int32Array(attachSharedMemory(reportFd, reportBytes(task)));
const counters = state.counters.of('hammer');

const random = randomFrom(task.seed);
const limits = task.limits.map((_, index) => limitOf(task, index));

function takeSome(): void {
  const chosen: number[] = [random(limits.length)];
  if (random(2) === 0)
    for (const each of limits.keys()) if (random(3) === 0 && !chosen.includes(each)) chosen.push(each);
  const taken = counters.take(chosen.map((index) => limits[index] as Limit)) as Taken;
  if (taken.refusedBy >= 0) return;
  for (const [at, index] of chosen.entries()) {
    const isBucket = limits[index]?.isBucket === true;
    const place = isBucket
      ? placeAt(task, index, last)
      : placeOf(task, index, last + (taken.resetMs[at] ?? 0));
    Atomics.add(report, place, 1);
  }
}

/** Keys that all processes try at about the same time: their name is the time. */
function claimOne(): void {
  const slice = Math.floor((Date.now() - task.startAt) / task.claimMs);
  if (slice < 0 || slice >= task.claims) return;
  if (state.values.claim(`claim ${slice}`, 60_000)) Atomics.add(report, slice, 1);
}

while (Date.now() < task.startAt);
while (Date.now() < task.endAt) {
  for (let turn = 0; turn < 20; turn += 1) takeSome();
  claimOne();
}
process.disconnect?.();
