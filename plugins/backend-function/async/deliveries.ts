import { setTimeout as pause } from 'node:timers/promises';
import type { Clock, FunctionResult, Functions, Log } from '#sdk';
import type { AsyncOptions } from './options.ts';
import type { DueCall, NewCall, Outcome, Queue } from './queue.ts';

/** What a configuration says about calls; the one in force counts, whenever they were accepted. */
export interface Settings {
  readonly functions: Functions;
  readonly options: AsyncOptions;
}

/** Dead letters may be re-queued by another process, which nobody tells. */
const pollMs = 1000;
const tidyMs = 60_000;
const pauseMs = 1000;
const bytesPerMb = 1024 * 1024;
const dayMs = 86_400_000;
const maxReasonLength = 1000;

/** Makes the calls of a queue as they become due, until they succeed or nothing is left to try. */
export class Deliveries {
  readonly #queue: Queue;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #settings: Settings;
  #timer: NodeJS.Timeout | undefined;
  #isTaking = false;
  #isAskedAgain = false;
  #isStopped = false;
  #tidiedAt = -Infinity;
  /** Whether the log says so already. */
  #hasFailed = false;

  constructor(queue: Queue, settings: Settings, log: Log, clock: Clock) {
    this.#queue = queue;
    this.#settings = settings;
    this.#log = log;
    this.#clock = clock;
    this.#next();
  }

  use(settings: Settings): void {
    this.#settings = settings;
    this.#next();
  }

  /** Answers whether there was room for it; true once it is kept. Rejects when it cannot be kept. */
  async add(call: NewCall, maxBytes: number): Promise<boolean> {
    const isAdded = await this.#queue.add(call, maxBytes);
    if (isAdded) this.#next();
    return isAdded;
  }

  /** Makes no more calls; settles when those being made have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
  }

  /** What is still being made then is made again by the next owner of the queue. */
  async close(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#closing.abort();
    await this.#queue.close();
  }

  /** Takes what is due, now and whenever something may have become due. */
  #next(): void {
    this.#isAskedAgain = true;
    if (this.#isTaking || this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#isTaking = true;
    void this.#takeAll().then((waitMs) => {
      this.#isTaking = false;
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => this.#next(), waitMs);
      // Asked for while the last answer was on its way.
      if (this.#isAskedAgain) this.#next();
    });
  }

  async #takeAll(): Promise<number> {
    let waitMs = pollMs;
    try {
      while (this.#isAskedAgain && !this.#isStopped) {
        this.#isAskedAgain = false;
        const now = this.#clock.now();
        if (now - this.#tidiedAt >= tidyMs) await this.#tidy(now);
        const { functions, options } = this.#settings;
        const wanted = { now, functions: functions.names, concurrency: options.concurrency };
        const { calls, nextDueAt } = await this.#queue.take(wanted);
        for (const call of calls) this.#begin(call);
        waitMs = Math.min(pollMs, Math.max(1, (nextDueAt ?? Infinity) - now));
      }
    } catch (error) {
      this.#isAskedAgain = false;
      if (!this.#isStopped) this.#tell(error);
      return pauseMs;
    }
    this.#hasFailed = false;
    return waitMs;
  }

  /** Once, until the queue works again: it is tried every second. */
  #tell(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#log.error({ error: messageOf(error) }, 'the queue of functions failed');
  }

  async #tidy(now: number): Promise<void> {
    this.#tidiedAt = now;
    const { maxAgeSeconds, deadLetterDays, deadLetterMb } = this.#settings.options;
    const { expired, dropped } = await this.#queue.tidy({
      now,
      bornAfter: now - maxAgeSeconds * 1000,
      deadAfter: now - deadLetterDays * dayMs,
      deadBytes: deadLetterMb * bytesPerMb,
    });
    if (expired > 0) this.#log.error({ count: expired }, 'calls of functions grew too old: dead letters');
    if (dropped > 0) this.#log.warn({ count: dropped }, 'dead letters were dropped');
  }

  #begin(call: DueCall): void {
    if (this.#isStopped) return;
    const made = this.#make(call).then(() => {
      this.#running.delete(made);
      this.#next();
    });
    this.#running.add(made);
  }

  async #make(call: DueCall): Promise<void> {
    const outcome = await this.#outcomeOf(call);
    while (!this.#closing.signal.aborted) {
      try {
        await this.#queue.settle(call.id, outcome);
        return;
      } catch (error) {
        // Taken until it is settled: a disk that is full must not make a call be made again and again.
        if (this.#closing.signal.aborted) return;
        this.#tell(error);
        await pause(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    }
  }

  async #outcomeOf(call: DueCall): Promise<Outcome> {
    const { functions, options } = this.#settings;
    const { requestId, timeoutMs, acceptedAt, attempts } = call;
    const endsAt = acceptedAt + options.maxAgeSeconds * 1000;
    const now = this.#clock.now();
    if (now > endsAt) return this.#dead(call, attempts, 'too old');
    const called = functions.byName(call.function);
    // A reload took it away just now. It is not asked for again until it is back.
    if (called === undefined) return { kind: 'again', at: now, attempts, reason: 'no such function' };
    const result = await invoke(() =>
      called.invoke(JSON.parse(call.event) as Record<string, unknown>, {
        requestId,
        signal: this.#closing.signal,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
    );
    // It has run to its end; nobody waits for what it says.
    if (result.fault === undefined || result.fault === 'bad-answer') return { kind: 'done' };
    const reason = `${result.fault}: ${result.detail}`.slice(0, maxReasonLength);
    const after = this.#clock.now();
    // It has not begun, or was stopped by a reload.
    if (result.fault === 'busy') return { kind: 'again', at: after + pauseMs, attempts, reason };
    const at = after + options.backoffMs * 2 ** attempts;
    if (attempts >= options.retries || at > endsAt) return this.#dead(call, attempts + 1, reason);
    this.#log.warn(
      { ...namesOf(call), attempts: attempts + 1, detail: reason },
      'a call failed; again later',
    );
    return { kind: 'again', at, attempts: attempts + 1, reason };
  }

  #dead(call: DueCall, attempts: number, reason: string): Outcome {
    this.#log.error({ ...namesOf(call), attempts, detail: reason }, 'a call became a dead letter');
    return { kind: 'dead', at: this.#clock.now(), attempts, reason };
  }
}

/** Never the event: it holds what the caller sent. */
function namesOf({ requestId, function: name, api, environment }: DueCall): Record<string, string> {
  return { requestId, function: name, api, environment };
}

async function invoke(call: () => Promise<FunctionResult>): Promise<FunctionResult> {
  try {
    return await call();
  } catch (error) {
    return { fault: 'failed', detail: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
