import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pino } from 'pino';

/** Longest line that is kept together. */
const maxLineBytes = 1024 * 1024;
/** What a reader that takes nothing may hold up; lines beyond are lost, because requests must go on. */
const maxWaitingBytes = 16 * 1024 * 1024;
const newline = 10;

interface Sink {
  write(text: string): unknown;
}

/** What workers write, in whole lines: those of several would be mixed up in a pipe. */
export class Output {
  readonly #out: Sink = pino.destination({ fd: 1, sync: false, maxLength: maxWaitingBytes });
  readonly #log: Sink;

  /** @param log where the operator's log is written to */
  constructor(log: Sink) {
    this.#log = log;
  }

  follow({ stdout, stderr }: ChildProcess): void {
    if (stdout !== null) relay(stdout, this.#out);
    if (stderr !== null) relay(stderr, this.#log);
  }
}

function relay(from: Readable, to: Sink): void {
  let rest: Buffer[] = [];
  let bytes = 0;
  from.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf(newline) + 1;
    if (end > 0) {
      to.write(Buffer.concat([...rest, chunk.subarray(0, end)]).toString('utf8'));
      rest = [];
      bytes = 0;
    }
    if (end === chunk.length) return;
    rest.push(chunk.subarray(end));
    bytes += chunk.length - end;
    if (bytes > maxLineBytes) flush();
  });
  from.on('end', flush);
  from.on('error', flush);

  function flush(): void {
    if (bytes > 0) to.write(`${Buffer.concat(rest).toString('utf8')}\n`);
    rest = [];
    bytes = 0;
  }
}
