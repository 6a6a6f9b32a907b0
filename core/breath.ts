import { setImmediate } from 'node:timers/promises';

/** How long a configuration may keep requests waiting at a time. A request waits twice: when it comes, and for its answer. */
const sliceMs = 1;

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
