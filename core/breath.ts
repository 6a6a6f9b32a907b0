import { setImmediate, setTimeout } from 'node:timers/promises';
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

/**
 * The same for a change of a few among many, which has time. Whoever was woken on the same processor, a backend perhaps, may
 * otherwise have to wait until the system takes the processor away from this process: that is some 3 ms on Linux.
 */
export function withLongBreath<T>(work: (breath: Breath) => Promise<T>): Promise<T> {
  return work(new Breath(0.25, () => setTimeout(1)));
}

/** Lets requests be served in between, while thousands of APIs are read and built. */
export class Breath {
  readonly #sliceMs: number;
  readonly #pause: () => Promise<unknown>;
  #since = performance.now();

  constructor(slice = sliceMs, pause: () => Promise<unknown> = setImmediate) {
    this.#sliceMs = slice;
    this.#pause = pause;
  }

  get isDue(): boolean {
    return performance.now() - this.#since >= this.#sliceMs;
  }

  async take(): Promise<void> {
    await this.#pause();
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
