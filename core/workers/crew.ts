import type { Log } from '#sdk';
import type { Start, Topic } from './messages.ts';
import type { WorkersPlan } from './options.ts';
import type { Output } from './output.ts';
import { Restarts } from './restarts.ts';
import { WorkerProcess } from './worker-process.ts';

/** How often workers are looked at. */
const lookMs = 500;
/** How long a question waits for a worker that does what the machine does once. */
const mainMs = 5000;

interface CrewPlan extends WorkersPlan {
  /** How long one that is too many may take to finish. */
  readonly drainMs: number;
}

/** What a crew stands on. */
export interface CrewHost {
  readonly log: Log;
  readonly output: Output;
  readonly inherited: readonly number[];
  /** Builds the configuration in force in a worker that may have to serve soon. */
  warm(worker: WorkerProcess): Promise<void>;
  /** Makes a worker serve. */
  enlist(worker: WorkerProcess): Promise<void>;
  /** It gets no further connections. */
  leaves(worker: WorkerProcess): void;
  /** A worker that served has ended. */
  lost(worker: WorkerProcess): void;
}

/** The workers there are, and those there should be: replaces what ends, ends what is blocked, and keeps one ready. */
export class Crew {
  readonly #start: Start;
  readonly #host: CrewHost;
  readonly #restarts = new Restarts();
  readonly #bySlot = new Map<number, number>();
  readonly #all = new Set<WorkerProcess>();
  readonly #serving = new Set<WorkerProcess>();
  readonly #coming = new Set<WorkerProcess>();
  readonly #topics = new Map<string, unknown>();
  readonly #looking: NodeJS.Timeout;
  #plan: CrewPlan = { count: 0, blockedMs: 60_000, drainMs: 0 };
  #main: WorkerProcess | null = null;
  #spare: WorkerProcess | null = null;
  #pause: NodeJS.Timeout | null = null;
  #isStopping = false;
  #appointed = Promise.withResolvers<void>();

  constructor(start: Start, host: CrewHost) {
    this.#start = start;
    this.#host = host;
    this.#looking = setInterval(() => {
      // After what has arrived: a supervisor that was busy itself must not take it for silence.
      setImmediate(() => this.#look());
    }, lookMs);
  }

  /** Those that serve, the main one first. */
  get serving(): readonly WorkerProcess[] {
    return [...this.#serving].sort((a, b) => Number(b === this.#main) - Number(a === this.#main));
  }

  /** Those that serve or still finish. */
  get active(): readonly WorkerProcess[] {
    return [...this.#all].filter(({ servingSince }) => servingSince > 0);
  }

  /** Does what the machine does once; null while there is none. */
  get main(): WorkerProcess | null {
    return this.#main;
  }

  get spare(): WorkerProcess | null {
    return this.#spare;
  }

  get failuresInARow(): number {
    return this.#restarts.inARow;
  }

  restartsOf({ slot }: WorkerProcess): number {
    return this.#bySlot.get(slot) ?? 0;
  }

  /** Starts a process that is to serve at once; `joined` says that it does. */
  begin(): WorkerProcess {
    const worker = this.#spawn();
    this.#coming.add(worker);
    return worker;
  }

  /** It serves. */
  joined(worker: WorkerProcess): void {
    if (worker.isGone || !this.#coming.delete(worker)) return;
    worker.servingSince = Date.now();
    const taken = new Set(Array.from(this.#serving, ({ slot }) => slot));
    worker.slot = 1;
    while (taken.has(worker.slot)) worker.slot += 1;
    this.#serving.add(worker);
  }

  /** From now on it does what the machine does once. The one before is gone. */
  async appoint(worker: WorkerProcess): Promise<void> {
    this.#main = worker;
    await worker.wire.ask('main', undefined);
    this.#appointed.resolve();
  }

  /** So many are to serve from now on. */
  resize(plan: CrewPlan): void {
    this.#plan = plan;
    this.#fill();
  }

  /** Asks the main worker, and waits a little where there is none. */
  async ask(topic: Topic): Promise<unknown> {
    if (this.#main === null) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => late.reject(new Error('there is no main worker')), mainMs);
      await Promise.race([this.#appointed.promise, late.promise]).finally(() => clearTimeout(timer));
    }
    if (this.#main === null) throw new Error('there is no main worker');
    return this.#main.wire.ask('question', topic);
  }

  /** Lets all of them finish. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#looking);
    if (this.#pause !== null) clearTimeout(this.#pause);
    await Promise.all(
      Array.from(this.#all, (worker) => {
        if (this.#serving.has(worker)) return worker.stop(withinMs);
        worker.isRetired = true;
        worker.kill();
        return worker.ended;
      }),
    );
  }

  #spawn(): WorkerProcess {
    const { output, inherited } = this.#host;
    const worker: WorkerProcess = new WorkerProcess(this.#start, {
      output,
      inherited,
      published: (from, topic) => this.#published(from, topic),
      question: (topic) => this.ask(topic),
      kept: (from, kept) => {
        for (const other of this.#serving) if (other !== from) other.wire.tell('kept', kept);
      },
    });
    this.#all.add(worker);
    void worker.loaded.then(
      () => {
        for (const [topic, value] of this.#topics) worker.wire.tell('published', { topic, value });
      },
      () => undefined,
    );
    void worker.ended.then((how) => this.#ended(worker, how));
    return worker;
  }

  /** Brings the crew to its size, then has one more ready. */
  #fill(): void {
    if (this.#isStopping || this.#pause !== null) return;
    while (this.#serving.size + this.#coming.size < this.#plan.count) {
      const worker = this.#spare ?? this.#spawn();
      this.#spare = null;
      this.#coming.add(worker);
      void this.#bringIn(worker);
    }
    const surplus = this.serving.slice(this.#plan.count);
    for (const worker of surplus) void this.#retire(worker);
    if (this.#coming.size > 0 || this.#spare !== null || this.#plan.count === 0) return;
    const spare = this.#spawn();
    this.#spare = spare;
    void this.#keepReady(spare);
  }

  async #bringIn(worker: WorkerProcess): Promise<void> {
    try {
      await worker.loaded;
      await this.#host.enlist(worker);
    } catch (error) {
      // Its end, which has come or comes now, says when there is another one.
      this.#failed(worker, error);
      return;
    }
    this.#fill();
  }

  async #keepReady(spare: WorkerProcess): Promise<void> {
    try {
      await spare.loaded;
      await this.#host.warm(spare);
    } catch (error) {
      this.#failed(spare, error);
    }
  }

  /** It is alive and no good; what follows is what follows the end of any. */
  #failed(worker: WorkerProcess, error: unknown): void {
    if (worker.isGone || this.#isStopping) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#host.log.error({ pid: worker.pid, problems: reason.split('\n') }, 'a worker cannot serve');
    worker.kill();
  }

  async #retire(worker: WorkerProcess): Promise<void> {
    this.#serving.delete(worker);
    this.#host.leaves(worker);
    await worker.stop(this.#plan.drainMs);
  }

  #ended(worker: WorkerProcess, how: string): void {
    const { log } = this.#host;
    const { pid, servingSince } = worker;
    this.#all.delete(worker);
    this.#coming.delete(worker);
    const wasServing = this.#serving.delete(worker);
    if (this.#spare === worker) this.#spare = null;
    this.#host.leaves(worker);
    if (servingSince > 0) this.#host.lost(worker);
    if (this.#main === worker) this.#inherit();
    if (worker.isRetired || this.#isStopping || this.#plan.count === 0) return;
    if (wasServing) this.#bySlot.set(worker.slot, this.restartsOf(worker) + 1);
    const servedMs = servingSince === 0 ? 0 : Date.now() - servingSince;
    const waitMs = this.#restarts.ended(servedMs);
    const fields = { pid, how, servedMs, inARow: this.#restarts.inARow, nextMs: waitMs };
    log.error(fields, 'a worker ended; another one takes its place');
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#pause = null;
    if (waitMs === 0) this.#fill();
    else this.#pause = setTimeout(() => this.#resume(), waitMs);
  }

  #resume(): void {
    this.#pause = null;
    this.#fill();
  }

  /** Only now that the process is gone: it may have held what the next one takes. */
  #inherit(): void {
    this.#main = null;
    this.#appointed = Promise.withResolvers<void>();
    const [next] = this.#serving;
    if (next !== undefined && !this.#isStopping) this.appoint(next).catch(() => undefined);
  }

  #published(from: WorkerProcess, topic: Topic): void {
    if (topic.value === undefined) this.#topics.delete(topic.topic);
    else this.#topics.set(topic.topic, topic.value);
    for (const worker of this.#all) if (worker !== from) worker.wire.tell('published', topic);
  }

  #look(): void {
    for (const worker of this.#all) {
      const silentMs = worker.silentMs(this.#plan.blockedMs);
      if (silentMs === undefined || worker.isGone) continue;
      this.#host.log.error({ pid: worker.pid, silentMs }, 'a worker is blocked; it is ended');
      worker.kill();
    }
  }
}
