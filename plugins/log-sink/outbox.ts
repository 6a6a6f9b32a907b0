import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '#sdk';
import { FinalError, type Sink } from './sink.ts';

export interface OutboxOptions {
  readonly maxBytes: number;
  readonly batchBytes: number;
  readonly batchMs: number;
  readonly retries: number;
  readonly backoffMs: number;
}

/** What became of lines so far. */
export interface OutboxState {
  readonly sink: string;
  readonly waitingBytes: number;
  readonly sent: number;
  /** Not sent: there was no room, or the sink did not take them in all attempts. */
  readonly lost: number;
}

/** How long a configuration that is gone waits for what it has not sent. */
const closingMs = 5000;

/** Holds lines until their sink takes them: in batches, bounded, and without ever holding up a request. */
export class Outbox {
  readonly #sink: Sink;
  readonly #options: OutboxOptions;
  readonly #log: Log;
  readonly #closing = new AbortController();
  #lines: string[] = [];
  /** Of lines that wait and of those being sent. */
  #bytes = 0;
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #sent = 0;
  #lost = 0;
  /** Since when nothing was taken, so that an outage is told once. */
  #lostBefore: number | undefined;

  constructor(sink: Sink, options: OutboxOptions, log: Log) {
    this.#sink = sink;
    this.#options = options;
    this.#log = log;
  }

  get state(): OutboxState {
    return { sink: this.#sink.name, waitingBytes: this.#bytes, sent: this.#sent, lost: this.#lost };
  }

  add(line: string): void {
    // As text is held, so that counting costs nothing.
    const bytes = line.length;
    const { maxBytes, batchBytes, batchMs } = this.#options;
    if (this.#bytes + bytes > maxBytes) {
      this.#lose(1, 'no more than `maxBytes` may wait');
      return;
    }
    this.#lines.push(line);
    this.#bytes += bytes;
    this.#waitingBytes += bytes;
    if (this.#waitingBytes >= batchBytes) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), batchMs).unref();
  }

  /** Settles when everything that waits now was sent or lost. */
  async empty(): Promise<void> {
    this.#flush();
    while (this.#sending !== undefined) {
      await this.#sending;
      this.#flush();
    }
  }

  /** Sends what waits, for a bounded time. */
  async close(): Promise<void> {
    const late = new AbortController();
    const deadline = wait(closingMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.empty(), deadline]);
    late.abort();
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#sink.close();
  }

  #flush(): void {
    if (this.#sending !== undefined || this.#lines.length === 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#take();
    this.#sending = this.#send(batch).finally(() => {
      this.#sending = undefined;
      for (const line of batch) this.#bytes -= line.length;
      if (this.#waitingBytes >= this.#options.batchBytes) this.#flush();
      else if (this.#lines.length > 0)
        this.#timer ??= setTimeout(() => this.#flush(), this.#options.batchMs).unref();
    });
  }

  /** One batch; what has gathered during an outage goes out in several. */
  #take(): string[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#lines.length && (count === 0 || bytes < this.#options.batchBytes)) {
      bytes += this.#lines[count]?.length ?? 0;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#lines.splice(0, count);
  }

  /** Never rejects. */
  async #send(lines: readonly string[]): Promise<void> {
    const { retries, backoffMs } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#sink.send(lines);
        this.#sent += lines.length;
        this.#recovered();
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'it failed';
        if (error instanceof FinalError || attempt >= retries) {
          this.#lose(lines.length, reason);
          return;
        }
      }
      await wait(backoffMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
      if (this.#closing.signal.aborted) {
        this.#lose(lines.length, 'the configuration is gone');
        return;
      }
    }
  }

  #lose(count: number, reason: string): void {
    const isFirst = this.#lostBefore === undefined;
    this.#lostBefore ??= this.#lost;
    this.#lost += count;
    if (isFirst)
      this.#log.error({ plugin: 'log-sink', sink: this.#sink.name, error: reason }, 'log lines are lost');
  }

  #recovered(): void {
    if (this.#lostBefore === undefined) return;
    const lines = this.#lost - this.#lostBefore;
    this.#lostBefore = undefined;
    this.#log.info({ plugin: 'log-sink', sink: this.#sink.name, lost: lines }, 'log lines are taken again');
  }
}
