import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

/** How long a configuration may keep requests waiting at a time; then whatever has come meanwhile has its turn. */
const sliceMs = 0.5;

/**
 * How full, in percent, the space of new objects becomes before V8 collects its garbage. Nearly all that a configuration
 * is made of stays, and what stays is copied meanwhile, which takes a millisecond for each megabyte: of 32 at most.
 */
const usualPercent = 80;
const breathingPercent = 6;

let breathing = 0;

/** Does work that takes long, with breaks. */
export async function withBreath<T>(work: (breath: Breath) => Promise<T>): Promise<T> {
  breathing += 1;
  collectAt(breathingPercent);
  try {
    return await work(new Breath());
  } finally {
    breathing -= 1;
    if (breathing === 0) collectAt(usualPercent);
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
}
