import { Worker } from 'node:worker_threads';
import { prepareCallFile } from './call-file.ts';
import type { Done, Work } from './call-store.ts';
import { FolderLock } from './folder-lock.ts';
import type { Bounds, NewCall, Outcome, Queue, Taken, Tidied, Wanted } from './queue.ts';
import type { Answer, Question } from './thread.ts';

interface Waiting {
  resolve(done: Done): void;
  reject(error: Error): void;
}

/** Calls in a folder. The file is written in a thread: waiting for the disk takes milliseconds, which requests have not. */
export class DiskQueue implements Queue {
  readonly #lock: FolderLock;
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #failure: Error | undefined;

  /** @throws Error when the folder cannot be used; the message is for the operator */
  constructor(folder: string) {
    this.#lock = new FolderLock(folder);
    try {
      prepareCallFile(folder);
      this.#thread = new Worker(new URL('./thread.ts', import.meta.url), { workerData: { folder } });
    } catch (error) {
      this.#lock.release();
      throw error;
    }
    this.#thread.on('message', (answers: readonly Answer[]) => {
      for (const answer of answers) this.#answered(answer);
    });
    this.#thread.on('error', (error) => this.#fail(error instanceof Error ? error : new Error('it failed')));
    this.#thread.on('exit', () => this.#fail(new Error('the queue is closed')));
  }

  async add(call: NewCall, maxBytes: number): Promise<boolean> {
    return (await this.#ask({ kind: 'add', call, maxBytes })) === true;
  }

  async take(wanted: Wanted): Promise<Taken> {
    return (await this.#ask({ kind: 'take', wanted })) as Taken;
  }

  async settle(id: number, outcome: Outcome): Promise<void> {
    await this.#ask({ kind: 'settle', id, outcome });
  }

  async tidy(bounds: Bounds): Promise<Tidied> {
    return (await this.#ask({ kind: 'tidy', bounds })) as Tidied;
  }

  async close(): Promise<void> {
    const closed = this.#ask({ kind: 'close' });
    this.#failure ??= new Error('the queue is closed');
    // Before the thread has ended: it only finishes what it was told, and the next owner may be this process.
    this.#lock.release();
    await closed.catch(() => undefined);
  }

  #ask(work: Work | { readonly kind: 'close' }): Promise<Done> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#last += 1;
    const number = this.#last;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread, which has no origin
    this.#thread.postMessage({ number, work } satisfies Question);
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.done);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
