import { parentPort, workerData } from 'node:worker_threads';
import { CallStore, type Done, type Work } from './call-store.ts';

/** Asked of the thread; `close` is the last thing it does. */
export interface Question {
  readonly number: number;
  readonly work: Work | { readonly kind: 'close' };
}

export type Answer = {
  readonly number: number;
} & ({ readonly done: Done } | { readonly error: string });

const store = new CallStore((workerData as { readonly folder: string }).folder);
let waiting: Question[] = [];

// While one transaction waits for the disk others gather, and share the next.
parentPort?.on('message', (question: Question) => {
  if (waiting.length === 0) setImmediate(answerAll);
  waiting.push(question);
});

function answerAll(): void {
  const questions = waiting;
  waiting = [];
  const works = questions.flatMap(({ work }) => (work.kind === 'close' ? [] : [work]));
  const answers = answersTo(works, (index) => questions[index]?.number ?? 0);
  send(answers);
  const last = questions.at(-1);
  if (last?.work.kind !== 'close') return;
  store.close();
  send([{ number: last.number, done: undefined }]);
  parentPort?.close();
}

/** Nothing comes after `close`, so a question and its work have the same place. */
function answersTo(works: readonly Work[], numberAt: (index: number) => number): Answer[] {
  try {
    return store.run(works).map((done, index) => ({ number: numberAt(index), done }));
  } catch (failure) {
    const error = failure instanceof Error ? failure.message : 'it failed';
    return works.map((_work, index) => ({ number: numberAt(index), error }));
  }
}

function send(answers: readonly Answer[]): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread, which has no origin
  parentPort?.postMessage(answers);
}
