import type { Log } from '#sdk';
import { type CallLimits, type CallResult, type IsolateLine, IsolatePool } from '#sdk/isolates';
import { type SandboxOptions, queued } from './limits.ts';
import { type PluginProgram, partOf } from './source.ts';

/** What became of a binding's calls since its processes were started. */
export interface Figures {
  readonly calls: number;
  readonly faults: number;
  /** `completed` notices that were not told, because there were too many. */
  readonly dropped: number;
  /** Until the answers, together. */
  readonly microseconds: number;
}

const faultsInARow = 5;
const firstPauseMs = 30_000;
const longestPauseMs = 300_000;
const linesPerSecond = 100;

/**
 * The processes of one entry under `plugins`, and how it has fared: shared by the APIs it is bound to, and by a configuration and
 * the one that follows it when nothing about it has changed.
 */
export class Cage {
  readonly #source: PluginProgram;
  readonly #options: SandboxOptions;
  #pool: IsolatePool;
  readonly #now: () => number;
  #log: Log | undefined;
  #where: Readonly<Record<string, unknown>> = {};
  #calls = 0;
  #faults = 0;
  #microseconds = 0;
  /** By hook: what fails at one may work at another for the same request. */
  readonly #inARow = new Map<string, number>();
  #pauseMs = firstPauseMs;
  #suspendedUntil = 0;
  #lines = 0;
  #second = 0;
  dropped = 0;
  /** How many configurations use it. */
  users = 0;

  constructor(source: PluginProgram, options: SandboxOptions, now: () => number) {
    this.#source = source;
    this.#options = options;
    this.#now = now;
    this.#pool = this.#start();
  }

  /** Where to write what the plugin writes; nowhere before. */
  logTo(log: Log, plugin: string, binding: string): void {
    this.#log = log;
    this.#where = { plugin, binding };
  }

  /** Calls without counting: what is asked at load. */
  ask(call: object, limits: CallLimits): Promise<CallResult> {
    return this.#pool.call(JSON.stringify(call), limits);
  }

  async call(call: string, limits: CallLimits): Promise<CallResult> {
    const before = performance.now();
    const result = await this.#pool.call(call, limits);
    this.#calls += 1;
    this.#microseconds += (performance.now() - before) * 1000;
    return result;
  }

  get figures(): Figures {
    const { dropped } = this;
    return {
      calls: this.#calls,
      faults: this.#faults,
      dropped,
      microseconds: Math.round(this.#microseconds),
    };
  }

  /** When it is asked again, in milliseconds of the gateway's clock; undefined when it is not suspended. */
  get suspendedUntil(): number | undefined {
    return this.#now() < this.#suspendedUntil ? this.#suspendedUntil : undefined;
  }

  succeeded(hook: string): void {
    const inARow = this.#inARow.get(hook);
    if (inARow === undefined || this.suspendedUntil !== undefined) return;
    if (inARow >= faultsInARow) this.#log?.info({ ...this.#where, hook }, 'a sandboxed plugin works again');
    this.#inARow.delete(hook);
    this.#pauseMs = firstPauseMs;
  }

  /** After some in a row it is left alone for a while, and longer each time that one more follows. */
  failed(hook: string): void {
    this.#faults += 1;
    const faults = (this.#inARow.get(hook) ?? 0) + 1;
    this.#inARow.set(hook, faults);
    // Calls that were under way when it was suspended say nothing new.
    if (faults < faultsInARow || this.suspendedUntil !== undefined) return;
    this.#suspendedUntil = this.#now() + this.#pauseMs;
    const until = new Date(this.#suspendedUntil).toISOString();
    this.#log?.error(
      { ...this.#where, hook, faults, until },
      'a sandboxed plugin is suspended after repeated faults',
    );
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    // It may have spoilt its own globals; what comes next begins anew.
    this.#pool.dispose();
    this.#pool = this.#start();
  }

  dispose(): void {
    this.#pool.dispose();
  }

  #start(): IsolatePool {
    const { memoryMb, concurrency } = this.#options;
    return new IsolatePool(this.#source.program, {
      adapter: partOf('plugin.js'),
      memoryMb,
      allowHosts: [],
      concurrency,
      queue: queued,
      log: (line) => this.#write(line),
    });
  }

  #write({ level, text }: IsolateLine): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= linesPerSecond)
      this.#log?.[level]({ ...this.#where, text }, 'a sandboxed plugin wrote');
    else if (this.#lines === linesPerSecond + 1)
      this.#log?.warn(this.#where, 'a sandboxed plugin writes too much; the rest of this second is left out');
  }
}
