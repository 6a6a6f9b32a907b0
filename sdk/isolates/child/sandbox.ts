import ivm from 'isolated-vm';
import type { CallLimits, CallResult, IsolateLine, IsolateOptions } from '../calls.ts';
import type { Program } from '../program.ts';
import type { Fetcher } from './fetch.ts';
import { hostFunctions } from './host.ts';
import { type Entries, type Entry, type Handed, loadProgram, messageOf, prepare } from './prepare.ts';

const loadMs = 2000;
const maxTimers = 1000;
const maxFetches = 16;
const maxLines = 100;
const maxLineLength = 8192;

/** Everything that one call has going on outside of the isolate. */
interface Running {
  readonly id: number;
  readonly limits: CallLimits;
  readonly startedAt: number;
  readonly settle: (result: CallResult) => void;
  readonly timers: Map<number, NodeJS.Timeout>;
  readonly aborted: AbortController;
  wall: NodeJS.Timeout | undefined;
  ranMs: number;
  fetches: number;
  lines: number;
  result: CallResult | undefined;
}

/**
 * One isolate and the program in it, serving one call after another.
 *
 * All of it runs on this thread: entering the isolate blocks, for as long as the call's limits allow at most. That is
 * bearable because the process serves nothing else, and costs a fraction of what a thread of the isolate's own would.
 */
export class Sandbox {
  readonly #isolate: ivm.Isolate;
  readonly #entries: Entries;
  readonly #fetcher: Fetcher | undefined;
  readonly #write: (line: IsolateLine) => void;
  #running: Running | undefined;
  /** What is written while loading counts, too. */
  readonly #between = { lines: 0 };
  /** Why the program cannot be called. */
  loadFault: CallResult | undefined;
  /** It went beyond a limit, or what it left behind may still run. */
  isSpent = false;

  constructor(
    program: Program,
    options: IsolateOptions,
    fetcher: Fetcher | undefined,
    write: (line: IsolateLine) => void,
  ) {
    this.#fetcher = fetcher;
    this.#write = write;
    this.#isolate = new ivm.Isolate({ memoryLimit: options.memoryMb, onCatastrophicError: giveUp });
    const context = this.#isolate.createContextSync();
    this.#entries = prepare(context, this.#host(), options.adapter);
    try {
      loadProgram(program, this.#isolate, context, this.#entries, loadMs);
    } catch (error) {
      this.isSpent = true;
      this.loadFault = {
        fault: this.#isolate.isDisposed ? 'memory' : 'not-loaded',
        detail: messageOf(error),
      };
    }
  }

  call(id: number, args: string, limits: CallLimits): Promise<CallResult> {
    return new Promise((settle) => {
      const running: Running = {
        id,
        limits,
        settle,
        startedAt: performance.now(),
        timers: new Map(),
        aborted: new AbortController(),
        wall: undefined,
        ranMs: 0,
        fetches: 0,
        lines: 0,
        result: undefined,
      };
      this.#running = running;
      this.#enter('call', [id, args, limits.maxResultLength]);
      // Most calls end here, and cost no timer.
      if (this.#running !== running) return;
      const left = limits.wallMs - (performance.now() - running.startedAt);
      running.wall = setTimeout(() => this.#end(exceeded('timeout', limits)), Math.max(0, left));
    });
  }

  dispose(): void {
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
  }

  /** Runs an entry within what is left of the call's limits. */
  #enter(entry: Entry, args: Handed[]): void {
    const running = this.#running;
    if (running === undefined || this.#isolate.isDisposed) return;
    const { limits, startedAt } = running;
    const before = performance.now();
    const wallLeft = limits.wallMs - (before - startedAt);
    const runLeft = limits.runMs - running.ranMs;
    const beyond = exceeded(wallLeft <= runLeft ? 'timeout' : 'run-time', limits);
    const timeout = Math.floor(Math.min(wallLeft, runLeft));
    if (timeout < 1) {
      this.#end(beyond);
      return;
    }
    let fault: CallResult | undefined;
    try {
      this.#entries.get(entry)?.applySync(undefined, args, { timeout });
    } catch (error) {
      fault = this.#faultOf(error, running, beyond);
    }
    running.ranMs += performance.now() - before;
    const result = fault ?? running.result;
    if (result !== undefined) this.#end(result);
  }

  #faultOf(error: unknown, running: Running, beyond: CallResult): CallResult | undefined {
    this.isSpent = true;
    const detail = messageOf(error);
    if (this.#isolate.isDisposed) return { fault: 'memory', detail };
    if (detail === 'Script execution timed out.') return beyond;
    if (running.result === undefined) return { fault: 'threw', detail };
    // Its answer stands; what it did not wait for failed.
    this.#write({ level: 'error', text: detail });
    return undefined;
  }

  #end(result: CallResult): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    clearTimeout(running.wall);
    running.aborted.abort();
    for (const timer of running.timers.values()) clearTimeout(timer);
    const { fault } = result;
    if (fault === 'timeout' || fault === 'run-time' || fault === 'memory') this.isSpent = true;
    if (running.timers.size + running.fetches > 0 && !this.isSpent) this.#clear();
    running.settle(result);
  }

  #clear(): void {
    try {
      this.#entries.get('clear')?.applySync(undefined, [], { timeout: 50 });
    } catch {
      this.isSpent = true;
    }
  }

  #host(): Record<string, (...args: never[]) => unknown> {
    return {
      ...hostFunctions,
      log: (level: unknown, text: unknown) => this.#log(level, text),
      done: (id: unknown, fault: unknown, text: unknown) => this.#done(id, fault, text),
      timerStart: (id: unknown, ms: unknown, isRepeated: unknown) => this.#startTimer(id, ms, isRepeated),
      timerStop: (id: unknown) => this.#stopTimer(id),
      fetchStart: (id: unknown, url: unknown, init: unknown, body: unknown) =>
        this.#startFetch(id, url, init, body),
    };
  }

  #log(level: unknown, text: unknown): void {
    const counted = this.#running ?? this.#between;
    if ((counted.lines += 1) > maxLines) return;
    const line = String(text).slice(0, maxLineLength);
    this.#write({ level: level === 'warn' || level === 'error' ? level : 'info', text: line });
  }

  /** The answer is taken when the isolate is left again: it may yet run into a limit. */
  #done(id: unknown, fault: unknown, text: unknown): void {
    const running = this.#running;
    if (running === undefined || running.id !== id) return;
    if (running.result !== undefined || typeof text !== 'string') return;
    const { maxResultLength } = running.limits;
    // Said in the isolate, but foreign code runs there: nothing that it says is believed.
    if (fault === '' && text.length > maxResultLength)
      running.result = { fault: 'too-large', detail: `more than ${maxResultLength} characters of JSON` };
    else if (fault === '') running.result = { json: text };
    else if (text.startsWith('RangeError: Array buffer allocation failed'))
      running.result = { fault: 'memory', detail: text.slice(0, maxLineLength) };
    else if (fault === 'threw' || fault === 'not-json' || fault === 'too-large')
      running.result = { fault, detail: text.slice(0, maxLineLength) };
  }

  #startTimer(id: unknown, ms: unknown, isRepeated: unknown): void {
    const running = this.#running;
    if (running === undefined || typeof id !== 'number') return;
    if (running.timers.size >= maxTimers) throw new Error(`more than ${maxTimers} timers in one call`);
    const fire = (): void => {
      if (isRepeated !== true) running.timers.delete(id);
      if (this.#running === running) this.#enter('fire', [id]);
    };
    const timer = isRepeated === true ? setInterval(fire, Number(ms)) : setTimeout(fire, Number(ms));
    running.timers.set(id, timer);
  }

  #stopTimer(id: unknown): void {
    const timers = this.#running?.timers;
    if (timers === undefined || typeof id !== 'number') return;
    clearTimeout(timers.get(id));
    timers.delete(id);
  }

  #startFetch(id: unknown, url: unknown, init: unknown, body: unknown): void {
    const running = this.#running;
    if (running === undefined || typeof id !== 'number') return;
    if (this.#fetcher === undefined) throw new Error('fetch is not allowed: allowHosts names no host');
    if ((running.fetches += 1) > maxFetches) throw new Error(`more than ${maxFetches} fetches in one call`);
    const content =
      body instanceof ArrayBuffer ? new Uint8Array(body) : typeof body === 'string' ? body : null;
    const { signal } = running.aborted;
    void this.#fetcher.fetch(String(url), String(init), content, signal).then((answer) => {
      if (this.#running !== running) return;
      if ('problem' in answer) this.#enter('fetched', [id, answer.problem]);
      else {
        const copy = new ivm.ExternalCopy(answer.body).copyInto({ release: true, transferIn: true });
        this.#enter('fetched', [id, undefined, answer.head, copy]);
      }
    });
  }
}

function exceeded(fault: 'timeout' | 'run-time', { wallMs, runMs }: CallLimits): CallResult {
  const detail =
    fault === 'timeout' ? `it gave no answer within ${wallMs} ms` : `it ran for more than ${runMs} ms`;
  return { fault, detail };
}

/** V8 has lost control of an isolate; nothing in this process can be relied upon any more. */
function giveUp(): void {
  process.kill(process.pid, 'SIGKILL');
}
