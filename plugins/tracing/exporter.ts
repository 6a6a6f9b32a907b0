import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '#sdk';
import type { Encoder } from './encoder.ts';
import type { TracingConfig } from './options.ts';
import type { Collector, Posted } from './post.ts';
import type { EndedSpan, ResourceHolder } from './span.ts';
import type { Totals } from './totals.ts';
import type { SpanSink } from './tracer.ts';

const mostAttempts = 5;
const firstBackoffMs = 1000;
const longestBackoffMs = 30_000;

/** What an exporter sends with. */
export interface Sending {
  readonly collector: Collector;
  readonly holder: ResourceHolder;
  load(): Promise<Encoder>;
}

/**
 * Spans on their way to the collector: so many wait, one message is on its way at a time, and who ends a request never
 * waits. What there is no room for, or what the collector does not take, is dropped and counted.
 */
export class Exporter implements SpanSink {
  readonly holder: ResourceHolder;
  readonly #config: TracingConfig;
  readonly #sending: Sending;
  readonly #totals: Totals;
  readonly #log: Log;
  /** Ends waiting for another attempt. */
  readonly #closing = new AbortController();
  /** Ends everything. */
  readonly #stopping = new AbortController();
  #encoder: Promise<Encoder> | undefined;
  #waiting: EndedSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isFailing = false;

  constructor(config: TracingConfig, sending: Sending, totals: Totals, log: Log) {
    this.#config = config;
    this.#sending = sending;
    this.#totals = totals;
    this.#log = log;
    this.holder = sending.holder;
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  add(span: EndedSpan): void {
    const { queue, batch, delayMs } = this.#config;
    if (this.#isClosing || this.#waiting.length >= queue) {
      this.#totals.dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#running !== undefined) return;
    if (this.#waiting.length >= Math.min(batch, queue)) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), delayMs).unref();
  }

  /** Sends what waits, for `timeoutMs` at most; what comes later is dropped. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#closing.abort();
    const timer = setTimeout(() => this.#stop(), this.#config.timeoutMs);
    while (this.#running !== undefined || (this.#waiting.length > 0 && !this.#stopping.signal.aborted)) {
      this.#begin();
      await this.#running;
    }
    clearTimeout(timer);
    this.#stop();
    this.#totals.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #stop(): void {
    this.#stopping.abort();
    this.#sending.collector.close();
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#sendAll().then(() => {
      this.#running = undefined;
      if (this.#waiting.length > 0 && !this.#isClosing)
        this.#timer ??= setTimeout(() => this.#begin(), this.#config.delayMs).unref();
    });
  }

  /** Until what is left makes no full message and may wait for more. */
  async #sendAll(): Promise<void> {
    const { batch } = this.#config;
    do {
      const spans = this.#waiting.splice(0, batch);
      await this.#send(spans);
    } while (
      !this.#stopping.signal.aborted &&
      (this.#waiting.length >= batch || (this.#isClosing && this.#waiting.length > 0))
    );
  }

  async #send(spans: EndedSpan[]): Promise<void> {
    try {
      this.#encoder ??= this.#sending.load();
      const encoder = await this.#encoder;
      const message = encoder.encode(spans);
      const posted = message === undefined ? undefined : await this.#post(message);
      if (posted?.isTaken === true) this.#taken(spans.length, encoder.rejected(posted.answer));
      else this.#failed(spans.length, posted?.error ?? 'the spans cannot be encoded');
    } catch (error) {
      this.#failed(spans.length, error instanceof Error ? error.message : 'it failed');
    }
  }

  async #post(message: Uint8Array): Promise<Posted> {
    let backoffMs = firstBackoffMs;
    for (let attempt = 1; ; attempt += 1) {
      const posted = await this.#sending.collector.post(message, this.#stopping.signal);
      if (posted.isTaken || !posted.isRetryable || attempt >= mostAttempts || this.#isClosing) return posted;
      this.#tell(posted.error);
      const waitMs = Math.min(posted.retryMs ?? backoffMs, longestBackoffMs);
      await pause(waitMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
      backoffMs *= 2;
    }
  }

  #taken(count: number, rejected: number): void {
    this.#totals.exported += count - rejected;
    this.#totals.dropped += rejected;
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#log.info({ dropped: this.#totals.dropped }, 'spans are exported again');
  }

  #failed(count: number, error: string): void {
    this.#totals.dropped += count;
    this.#tell(error);
  }

  /** Once, until the collector takes something. */
  #tell(error: string): void {
    this.#totals.lastError = error;
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#log.warn({ error }, 'spans cannot be exported');
  }
}
