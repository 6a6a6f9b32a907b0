import { Worker } from 'node:worker_threads';
import type { Parsed } from './parse.ts';

/** The thread's code takes a while to become fast; without anything to do its memory is given back. */
const keptMs = 10_000;

interface Waiting {
  resolve(parsed: Parsed): void;
  reject(error: unknown): void;
}

let thread: ParseThread | undefined;

/**
 * Parses in another thread: ten thousand APIs take a tenth of a second, and the parser cannot be interrupted.
 * @throws Error when the thread ended; the next text gets another one
 */
export function parseApart(text: string): Promise<Parsed> {
  thread ??= new ParseThread();
  return thread.parse(text);
}

class ParseThread {
  readonly #worker = new Worker(new URL('parse-thread.ts', import.meta.url), { execArgv: [] });
  readonly #waiting: Waiting[] = [];
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    this.#worker.on('message', (parsed: Parsed) => {
      this.#waiting.shift()?.resolve(parsed);
      if (this.#waiting.length === 0) this.#rest();
    });
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('the thread that parses has ended')));
  }

  parse(text: string): Promise<Parsed> {
    clearTimeout(this.#idle);
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
      this.#worker.postMessage(text);
    });
  }

  #rest(): void {
    // It keeps no process alive.
    this.#worker.unref();
    this.#idle = setTimeout(() => {
      if (thread === this) thread = undefined;
      void this.#worker.terminate();
    }, keptMs).unref();
  }

  #end(error: unknown): void {
    if (thread === this) thread = undefined;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}
