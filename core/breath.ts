import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

/** How long a configuration may keep requests waiting at a time; then whatever has come meanwhile has its turn. */
const sliceMs = 0.5;

/**
 * How full, in percent, the space of new objects becomes before V8 collects its garbage. Nearly all that a configuration
 * is built of stays, and what stays is copied meanwhile, which takes a millisecond for each megabyte: of 32 at most. Not
 * while one is only read: its text, once it has outlived a collection of new objects, stays until one of all objects.
 */
const usualPercent = 80;
const buildingPercent = 6;

let building = 0;

/** Does work that takes long, with breaks. */
export function withBreath<T>(work: (breath: Breath) => Promise<T>): Promise<T> {
  return work(new Breath());
}

/** The same for work of which much stays, and is made at once. */
export async function withBreathBuilding<T>(work: (breath: Breath) => Promise<T>): Promise<T> {
  building += 1;
  collectAt(buildingPercent);
  try {
    return await withBreath(work);
  } finally {
    building -= 1;
    if (building === 0) collectAt(usualPercent);
  }
}

/** V8 looks at this flag whenever objects are made; one that it does not know it ignores. */
function collectAt(percent: number): void {
  setFlagsFromString(`--minor-gc-task-trigger=${percent}`);
}

/** Lets requests be served in between, while thousands of APIs are read and built. */
export class Breath {
  #since = performance.now();

  get isDue(): boolean {
    return performance.now() - this.#since >= sliceMs;
  }

  async take(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }

  /** Runs what pauses at each `yield`. */
  async through<T>(steps: Generator<undefined, T, unknown>): Promise<T> {
    let step = steps.next();
    while (step.done !== true) {
      if (this.isDue) await this.take();
      step = steps.next();
    }
    return step.value;
  }
}
