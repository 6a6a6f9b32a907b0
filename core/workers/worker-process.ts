import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { codeCache } from '../code-cache.ts';
import {
  type Beat,
  type Kept,
  type Start,
  type ToSupervisor,
  type ToWorker,
  type Topic,
  beatMs,
} from './messages.ts';
import type { Output } from './output.ts';
import type { Taker } from './ports.ts';
import { Wire } from './wire.ts';

/**
 * V8's flags for a worker, before those of the operator: new objects take half of the memory that Node gives them, which
 * costs a request nothing that could be measured.
 */
const lean = ['--max-semi-space-size=8'];

const program = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Building a configuration, or loading code, stands still for longer than a request may. */
const buildingMs = 120_000;

/** What a worker asks of its supervisor. */
export interface Surroundings {
  readonly output: Output;
  /** File descriptors that workers inherit; see `state.ts`. */
  readonly inherited: readonly number[];
  published(from: WorkerProcess, topic: Topic): void;
  question(topic: Topic): Promise<unknown>;
  kept(from: WorkerProcess, kept: Kept): void;
}

/** A worker, as its supervisor sees it. */
export class WorkerProcess implements Taker {
  readonly #child: ChildProcess;
  readonly wire: Wire<ToWorker, ToSupervisor>;
  /** Settles when its code is loaded. */
  readonly loaded: Promise<void>;
  /** Settles when the process is gone, with what ended it. */
  readonly ended: Promise<string>;
  /** Its place among the workers, from 1; 0 while it has none. */
  slot = 0;
  /** The number of the configuration that it has built; 0 for none. */
  prepared = 0;
  /** When it began to serve, in milliseconds since 1970; 0 before. */
  servingSince = 0;
  /** It was told to end, or is not wanted any more. */
  isRetired = false;
  beat: Beat | undefined;
  /** Its last share in each page that counts. */
  readonly shares = new Map<string, unknown>();
  #beatAt = performance.now();
  #building = 0;
  #hasEnded = false;
  /** Since it last told how many connections it has. */
  #handed = 0;

  constructor(start: Start, surroundings: Surroundings) {
    const { output, inherited } = surroundings;
    this.#child = fork(program, [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', ...inherited],
      // One arena: its few threads seldom allocate at once, and each arena keeps what it once had.
      env: { MALLOC_ARENA_MAX: '1', ...process.env, NODE_COMPILE_CACHE: codeCache },
      execArgv: [...lean, ...process.execArgv],
    });
    output.follow(this.#child);
    this.wire = new Wire(this.#child);
    this.ended = this.#end();
    this.#building += 1;
    this.loaded = new Promise((resolve, reject) => {
      this.wire.answer('loaded', () => {
        this.wire.ask('start', start).then(() => {
          this.#building -= 1;
          resolve();
        }, reject);
        return undefined;
      });
      void this.ended.then((how) => reject(new Error(`a worker ended before its code was loaded (${how})`)));
    });
    // Whoever waits for it hears of it; it may be nobody.
    this.loaded.catch(() => undefined);
    this.wire.answer('beat', (beat) => {
      this.beat = beat;
      this.#handed = 0;
      this.#beatAt = performance.now();
      return undefined;
    });
    this.wire.answer('published', (topic) => surroundings.published(this, topic) as undefined);
    this.wire.answer('question', (topic) => surroundings.question(topic));
    this.wire.answer('kept', (kept) => surroundings.kept(this, kept) as undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Nothing that is sent arrives any more. */
  get isGone(): boolean {
    return this.#hasEnded || !this.#child.connected;
  }

  get connections(): number {
    return (this.beat?.connections ?? 0) + this.#handed;
  }

  take(port: string, socket: Socket): Promise<unknown> {
    this.#handed += 1;
    return this.wire.ask('connection', { port }, socket);
  }

  /** Runs something that may keep the worker's loop for long. */
  async building<T>(work: () => Promise<T>): Promise<T> {
    this.#building += 1;
    try {
      return await work();
    } finally {
      this.#building -= 1;
      this.#beatAt = performance.now();
    }
  }

  /** For how long it has not said what it was to say, when that is longer than it may. */
  silentMs(blockedMs: number): number | undefined {
    // It was to say something a beat later.
    const ms = performance.now() - this.#beatAt - beatMs;
    return ms > (this.#building > 0 ? Math.max(buildingMs, blockedMs) : blockedMs)
      ? Math.round(ms)
      : undefined;
  }

  async #end(): Promise<string> {
    const how = await new Promise<string>((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
      this.#child.on('error', (error) => {
        // One that could not be started has no `exit`.
        if (this.#child.pid === undefined) resolve(error.message);
      });
    });
    this.#hasEnded = true;
    // What it said last has arrived and is yet to be read: connections that it took are not to be given to another.
    await turn();
    await turn();
    this.wire.close();
    return how;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets it finish, then ends it; after that time at once. */
  async stop(withinMs: number): Promise<void> {
    this.isRetired = true;
    const late = setTimeout(() => this.kill(), withinMs);
    // One that fails, or is killed meanwhile, ends as well.
    await this.wire.ask('stop', undefined).catch(() => undefined);
    if (this.#child.connected) this.#child.disconnect();
    await this.ended;
    clearTimeout(late);
  }
}
