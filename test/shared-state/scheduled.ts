import { workerData } from 'node:worker_threads';
import { type Shared, claims, limits, reportPlace, state, turn } from './schedule.ts';
import { type Process, randomFrom, startProcess } from './small-memory.ts';

const { shared, index } = workerData as { shared: Shared; index: number };
const { turns, report } = shared;
const at = turn.words * index;
const real = { load: Atomics.load, compareExchange: Atomics.compareExchange };

let steps = 0;

/** Gives the turn back, and waits for the next. */
function hand(next: number): void {
  Atomics.store(turns, at + turn.steps, 0);
  Atomics.store(turns, at + turn.state, next);
  Atomics.notify(turns, at + turn.state);
  Atomics.wait(turns, at + turn.steps, 0);
  steps = real.load(turns, at + turn.steps);
}

function step(): void {
  while (steps === 0) hand(state.waits);
  steps -= 1;
}

Object.assign(Atomics, {
  load: (...given: Parameters<typeof real.load>) => (step(), real.load(...given)),
  compareExchange: (...given: Parameters<typeof real.compareExchange>) => (
    step(),
    real.compareExchange(...given)
  ),
});

let last = 0;
const clock = { now: (): number => (last = shared.clock[0] ?? 0) };

function run(seed: number): void {
  const random = randomFrom(seed);
  // Typed arrays do not mind that threads share this instead of processes.
  const process = startProcess(shared.memory as unknown as ArrayBuffer, clock);
  for (let operation = 0; operation < 3; operation += 1) {
    if (random(3) === 0) {
      const claim = random(claims);
      if (claimIn(process, `claim ${claim}`)) Atomics.add(report, claim, 1);
      continue;
    }
    const chosen = [random(limits.length)];
    const second = random(2 * limits.length);
    if (second < limits.length && second !== chosen[0]) chosen.push(second);
    const taken = process.take(...chosen.flatMap((each) => limits[each] ?? []));
    if (taken.refusedBy >= 0) continue;
    for (const [place, each] of chosen.entries())
      Atomics.add(report, reportPlace(each, last + (taken.resetMs[place] ?? 0)), 1);
  }
}

/** A bucket that is full is no answer, and nothing wrong. */
function claimIn(process: Process, key: string): boolean {
  try {
    return process.values.claim(key, 1_000_000);
  } catch {
    return false;
  }
}

hand(state.isDone);
for (;;) {
  run(real.load(turns, at + turn.seed));
  hand(state.isDone);
}
