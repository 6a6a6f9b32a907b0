import { close, fsync, write, writeSync } from 'node:fs';

/** What a disk that takes nothing may hold up; lines beyond are lost, because requests must go on. */
const maxWaitingBytes = 16 * 1024 * 1024;

/** How many bytes make a batch, and how long fewer of them wait. */
const batchBytes = 48 * 1024;
const batchMs = 50;

/** Room for a batch and the line that completes it; of bytes that a letter may take in UTF-8. */
const roomBytes = 64 * 1024;
const mostBytes = 3;

/** When a pipe that was full is tried again, and how often in a row when the process ends. */
const busyMs = 100;
const lastTries = 20;

/**
 * Appends texts to an open file, in batches: a write takes about as long as making twenty lines. Asynchronous, as a slow
 * disk must not stop requests. What cannot be written is told, waits, and is tried again with the next batch.
 */
export class Batches {
  readonly #descriptor: number;
  readonly #failed: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  /** Lines that are no batch yet. As bytes: texts that wait for each other are out of the caches when their turn comes. */
  #lines: Buffer = Buffer.allocUnsafeSlow(roomBytes);
  #length = 0;
  /** The room that is written from, and the one that is free: two are filled in turn while the disk keeps up. */
  #lent: Buffer | undefined;
  #spare: Buffer | undefined = Buffer.allocUnsafeSlow(roomBytes);
  /** What waits to be written, the first of it perhaps being written. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #retry: NodeJS.Timeout | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';

  constructor(descriptor: number, failed: (error: Error) => void) {
    this.#descriptor = descriptor;
    this.#failed = failed;
    this.#timer = setInterval(() => this.#flush(), batchMs).unref();
    if (alive.size === 0) process.on('exit', finishAll);
    alive.add(this);
  }

  write(line: string): void {
    const most = line.length * mostBytes;
    if (most > roomBytes - this.#length) this.#gather();
    if (most > roomBytes) this.#queue(Buffer.from(line, 'utf8'));
    else this.#length += this.#lines.write(line, this.#length, 'utf8');
    if (this.#length >= batchBytes) this.#flush();
  }

  /** Closes the file when all is written. */
  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#flush();
  }

  /** Writes what waits before the process ends. */
  finish(): void {
    this.#gather();
    // Of what is being written nobody can tell how much is there already.
    const rest = Buffer.concat(this.#waiting.slice(this.#isWriting ? 1 : 0));
    let tries = 0;
    for (let written = 0; written < rest.length;) {
      try {
        written += writeSync(this.#descriptor, rest, written);
        tries = 0;
      } catch (error) {
        tries += 1;
        if (!isBusy(error) || tries > lastTries) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyMs);
      }
    }
  }

  #flush(): void {
    this.#gather();
    this.#next();
  }

  #gather(): void {
    if (this.#length === 0) return;
    const bytes = this.#lines.subarray(0, this.#length);
    this.#length = 0;
    if (this.#spare === undefined || this.#waiting.length > 0) {
      this.#queue(Buffer.from(bytes));
      return;
    }
    this.#queue(bytes);
    this.#lent = this.#lines;
    this.#lines = this.#spare;
    this.#spare = undefined;
  }

  #queue(bytes: Buffer): void {
    if (this.#state === 'closed' || this.#waitingBytes + bytes.length > maxWaitingBytes) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #next(): void {
    if (this.#isWriting || this.#retry !== undefined) return;
    const bytes = this.#waiting[0];
    if (bytes === undefined) {
      if (this.#state === 'ending') this.#close();
      return;
    }
    this.#isWriting = true;
    write(this.#descriptor, bytes, this.#written);
  }

  readonly #written = (error: NodeJS.ErrnoException | null, count: number): void => {
    this.#isWriting = false;
    if (error !== null) {
      this.#hold(error);
      return;
    }
    this.#waitingBytes -= count;
    const bytes = this.#waiting[0];
    if (bytes !== undefined && count < bytes.length) this.#waiting[0] = bytes.subarray(count);
    else this.#take();
    if (this.#state === 'ending') this.#gather();
    this.#next();
  };

  #take(): void {
    this.#waiting.shift();
    // Lent while nothing else waited, so it was the first.
    this.#spare ??= this.#lent;
    this.#lent = undefined;
  }

  #hold(error: NodeJS.ErrnoException): void {
    if (isBusy(error)) {
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#next();
      }, busyMs);
    } else if (error.code === 'EPIPE') {
      // Nobody reads any more, and nobody will.
      this.#close();
    } else this.#failed(error);
  }

  // Some file systems tell only now what they could not write; unheard, it would end the process.
  readonly #closed = (error?: Error | null): void => {
    if (error) this.#failed(error);
  };

  #close(): void {
    this.#state = 'closed';
    this.#waiting.length = 0;
    clearInterval(this.#timer);
    alive.delete(this);
    if (alive.size === 0) process.off('exit', finishAll);
    // Standard output is not ours to close.
    if (this.#descriptor > 2) fsync(this.#descriptor, () => close(this.#descriptor, this.#closed));
  }
}

const alive = new Set<Batches>();

function finishAll(): void {
  for (const batches of alive) batches.finish();
}

function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAGAIN' || code === 'EBUSY';
}
