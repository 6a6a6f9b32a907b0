import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

/** How long a configuration may keep requests waiting at a time. A request waits twice: when it comes, and for its answer. */
const sliceMs = 1;

/**
 * How full, in percent, the space of new objects may become before V8 collects its garbage. Nearly all that a
 * configuration is made of stays, and what stays is copied meanwhile: of 2 MB in 2 ms, of the usual 30 MB in 30.
 */
const trigger = { usual: 80, breathing: 6 };

let breathing = 0;

/** Work that takes long, with breaks. */
export async function withBreath<T>(work: (breath: Breath) => Promise<T>): Promise<T> {
  breathing += 1;
  if (breathing === 1) setTrigger(trigger.breathing);
  try {
    return await work(new Breath());
  } finally {
    breathing -= 1;
    if (breathing === 0) setTrigger(trigger.usual);
  }
}

function setTrigger(percent: number): void {
  if (process.env['NOTRIG']) return;
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
