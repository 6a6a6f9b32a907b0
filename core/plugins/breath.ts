import { setImmediate } from 'node:timers/promises';

/** How long building may keep requests waiting at a time. */
const sliceMs = 5;

/** Lets requests be served in between, while thousands of APIs are built. */
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
