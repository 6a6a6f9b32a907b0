import type { CallLimits, CallResult, Fault, IsolateLine, IsolateOptions } from './calls.ts';
import { Cell } from './cell.ts';
import type { Program } from './program.ts';

export interface PoolOptions extends IsolateOptions {
  /** Calls at once; each has an isolate and a process of its own while it runs. */
  readonly concurrency: number;
  /** Calls that may wait for one to end. */
  readonly queue: number;
  /** Takes what foreign code writes with `console`. */
  readonly log: (line: IsolateLine) => void;
}

interface Waiting {
  readonly args: string;
  readonly limits: CallLimits;
  readonly resolve: (result: CallResult) => void;
  readonly timer: NodeJS.Timeout;
}

/** A process is replaced after so many: what an isolate leaves behind when it is disposed adds up. */
const maxFaultsPerCell = 200;
const maxCallsPerCell = 100_000;
const maxWaitMs = 5000;
/** One stays warm; more are for a rush. */
const idleMs = 30_000;

/** Isolates that all run one program: started when they are needed, kept warm, replaced when they went wrong. */
export class IsolatePool {
  readonly #program: Program;
  readonly #options: PoolOptions;
  readonly #idle: Cell[] = [];
  readonly #busy = new Set<Cell>();
  #waiting: Waiting[] = [];
  #shrink: NodeJS.Timeout | undefined;
  #isDisposed = false;
  #calls = 0;
  readonly #faults = new Map<Fault, number>();

  constructor(program: Program, options: PoolOptions) {
    this.#program = program;
    this.#options = options;
  }

  /** Starts one isolate, so that the first call need not wait for it. */
  warm(): void {
    if (!this.#isDisposed && this.#busy.size + this.#idle.length === 0) this.#idle.push(this.#start());
  }

  /** What it does now, and did so far. */
  figures() {
    return {
      busy: this.#busy.size,
      idle: this.#idle.length,
      waiting: this.#waiting.length,
      calls: this.#calls,
      faults: this.#faults as ReadonlyMap<Fault, number>,
    };
  }

  /** Calls the program with arguments as JSON text. Never rejects. */
  async call(args: string, limits: CallLimits): Promise<CallResult> {
    const result = await this.#call(args, limits);
    const { fault } = result;
    this.#calls += 1;
    if (fault !== undefined) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
    return result;
  }

  #call(args: string, limits: CallLimits): Promise<CallResult> {
    if (this.#isDisposed) return Promise.resolve(disposed);
    const cell = this.#take();
    if (cell !== undefined) return this.#run(cell, args, limits);
    if (this.#waiting.length >= this.#options.queue) return Promise.resolve(busy('and no more may wait'));
    return new Promise((resolve) => {
      const waiting: Waiting = {
        args,
        limits,
        resolve,
        timer: setTimeout(() => this.#giveUp(waiting), maxWaitMs),
      };
      this.#waiting.push(waiting);
    });
  }

  dispose(): void {
    this.#isDisposed = true;
    clearTimeout(this.#shrink);
    for (const cell of [...this.#idle, ...this.#busy]) cell.dispose();
    for (const { resolve, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      resolve(disposed);
    }
  }

  #start(): Cell {
    return new Cell(this.#program, this.#options, this.#options.log);
  }

  #take(): Cell | undefined {
    for (let cell = this.#idle.pop(); cell !== undefined; cell = this.#idle.pop())
      if (!cell.isDead) return cell;
    return this.#busy.size < this.#options.concurrency ? this.#start() : undefined;
  }

  async #run(cell: Cell, args: string, limits: CallLimits): Promise<CallResult> {
    this.#busy.add(cell);
    const result = await cell.call(args, limits);
    this.#busy.delete(cell);
    const isSpent = cell.faults >= maxFaultsPerCell || cell.calls >= maxCallsPerCell;
    if (isSpent || this.#isDisposed) cell.dispose();
    else if (!cell.isDead) this.#idle.push(cell);
    this.#next();
    return result;
  }

  #next(): void {
    if (this.#isDisposed) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      if (this.#idle.length > 1) this.#shrink ??= setTimeout(() => this.#stopIdle(), idleMs).unref();
      return;
    }
    clearTimeout(waiting.timer);
    const cell = this.#take();
    if (cell !== undefined) void this.#run(cell, waiting.args, waiting.limits).then(waiting.resolve);
    else this.#waiting.unshift(waiting);
  }

  #stopIdle(): void {
    this.#shrink = undefined;
    for (const cell of this.#idle.splice(1)) cell.dispose();
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
    waiting.resolve(busy(`for ${maxWaitMs} ms`));
  }
}

const disposed: CallResult = { fault: 'disposed', detail: 'the function is no longer configured' };

function busy(why: string): CallResult {
  return { fault: 'busy', detail: `all its isolates are busy, ${why}` };
}
