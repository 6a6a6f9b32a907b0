import { flushCompileCache } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { SharedPage } from '#sdk';
import { type Files, readChanged, readCopy } from '../config/copies.ts';
import { Known } from '../config/known.ts';
import { ConfigError } from '../config/problems.ts';
import { collect } from '../collect.ts';
import { operatorLog } from '../commands/log.ts';
import { tellRejections } from '../commands/rejections.ts';
import { Gateway, type Prepared as PreparedHere } from '../gateway.ts';
import { DevelopmentCertificates } from '../http/development-certificate.ts';
import { loadOwnPlugins } from '../plugins/registry.ts';
import '../plugins/resolve-sdk.ts';
import { Injection } from './attach.ts';
import { MachineHub } from './machine.ts';
import {
  type Prepared,
  type Sent,
  type Start,
  type ToSupervisor,
  type ToWorker,
  beatMs,
} from './messages.ts';
import { counted, planOf, sharedPage } from './plan.ts';
import { fromWire } from './page-request.ts';
import { type WorkerState, attachState } from './state.ts';
import { Wire } from './wire.ts';

/** How often the loop of one that serves is looked at. */
const delayedMs = 50;
const nanosecondsPerMs = 1e6;

/** A gateway that serves what its supervisor accepts. */
class Worker {
  readonly #wire = new Wire<ToSupervisor, ToWorker>(process);
  readonly #log = operatorLog(undefined, process.pid);
  readonly #injection = new Injection();
  readonly #development = new DevelopmentCertificates();
  readonly #delay = monitorEventLoopDelay({ resolution: delayedMs });
  readonly #known = new Known();
  #gateway: Gateway | undefined;
  #hub: MachineHub | undefined;
  #state: WorkerState | undefined;
  #prepared: PreparedHere | null = null;
  #isServing = false;
  #isStopping = false;

  listen(): void {
    tellRejections(this.#log);
    // The supervisor is told as well, and says what to do about it.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
    process.on('disconnect', () => {
      // Without a supervisor nothing comes in any more, and what this one holds may be another's soon.
      if (!this.#isStopping) process.exit(1);
    });
    const wire = this.#wire;
    wire.answer('start', (start) => this.#start(start));
    wire.answer('prepare', (sent) => this.#prepare(sent));
    wire.answer('activate', () => this.#built().activate() as undefined);
    wire.answer('commit', () => this.#commit());
    wire.answer('discard', () => this.#discard());
    wire.answer('connection', ({ port }, socket) => this.#injection.accept(port, socket) as undefined);
    wire.answer('main', () => this.#machine().becomeMain() as undefined);
    wire.answer('published', ({ topic, value }) => this.#machine().received(topic, value) as undefined);
    wire.answer('question', ({ topic, value }) => this.#machine().respond(topic, value));
    wire.answer('kept', (kept) => this.#state?.heard(kept) as undefined);
    wire.answer('status', () => this.#serving().status());
    wire.answer('page', (request) => this.#serving().manage(request.path, fromWire(request)));
    wire.answer('share', (request) => this.#page(request).share(fromWire(request)) as unknown);
    wire.answer('counted', (page) => counted(this.#page(page)));
    wire.answer('merge', (request) => this.#page(request).merge(request.shares, fromWire(request)));
    wire.answer('remains', (page) => this.#page(page).remains?.(page.shares) as unknown);
    wire.answer('stop', () => this.#stop());
    this.#beat();
  }

  loaded(): void {
    this.#wire.tell('loaded', undefined);
  }

  #start({ pseudonym, key, isSharing }: Start): undefined {
    const link = {
      publish: (topic: string, value: unknown) => this.#wire.tell('published', { topic, value }),
      ask: (topic: string, value: unknown) => this.#wire.ask('question', { topic, value }),
    };
    const hub = new MachineHub(this.#log, { key: Buffer.from(key, 'base64'), link });
    this.#hub = hub;
    const { attach } = this.#injection;
    if (isSharing) this.#state = attachState((kept) => this.#wire.tell('kept', kept));
    const state = this.#state?.state;
    const worker = { pseudonym, hub, attach, development: this.#development, state };
    this.#gateway = new Gateway({ log: this.#log, worker });
  }

  async #prepare({ copy, development }: Sent): Promise<Prepared | undefined> {
    // One that waits to serve has all that is in force, and need not build it all again.
    const waiting = this.#isServing ? null : this.#prepared;
    if (waiting === null) this.#discard();
    this.#prepared = null;
    if (development !== null) this.#development.know(development);
    const files: Record<string, Files[string]> = {};
    const reading =
      'since' in copy
        ? readChanged(copy, process.env, files, this.#known)
        : readCopy(copy, process.env, files, this.#known);
    const text = await reading.catch((error: unknown) => {
      waiting?.discard();
      throw error;
    });
    if (text === undefined) {
      this.#prepared = waiting;
      return undefined;
    }
    try {
      this.#prepared = await this.#serving().prepare(text, waiting);
      const plan = planOf(this.#prepared.built, await this.#development.known());
      // Nobody waits yet.
      if (!this.#isServing && waiting === null) collect();
      return { hashes: [...text.hashes], files, plan };
    } catch (error) {
      return { hashes: [...text.hashes], files, refused: refusedBy(error) };
    }
  }

  #commit(): Promise<undefined> {
    const prepared = this.#built();
    this.#prepared = null;
    this.#isServing = true;
    // One that waits is not woken for it.
    this.#delay.enable();
    return prepared.commit() as Promise<undefined>;
  }

  #discard(): undefined {
    this.#prepared?.discard();
    this.#prepared = null;
  }

  async #stop(): Promise<undefined> {
    this.#isStopping = true;
    this.#discard();
    await this.#serving().close();
  }

  /** As long as the loop turns. */
  #beat(): void {
    const delay = this.#delay;
    const timer = setInterval(() => {
      const { heapUsed, rss } = process.memoryUsage();
      this.#wire.tell('beat', {
        heapBytes: heapUsed,
        residentBytes: rss,
        // Nothing was measured yet when it is not a number.
        delayMs: Math.max(0, (delay.mean || 0) / nanosecondsPerMs - delayedMs),
        maxDelayMs: Math.max(0, delay.max / nanosecondsPerMs - delayedMs),
        inFlight: this.#gateway?.inFlight ?? 0,
        connections: this.#injection.connections,
      });
      delay.reset();
    }, beatMs);
    timer.unref();
  }

  #page({ path }: { readonly path: string }): SharedPage {
    return sharedPage(this.#serving().pages(), path);
  }

  #serving(): Gateway {
    return present(this.#gateway);
  }

  #machine(): MachineHub {
    return present(this.#hub);
  }

  #built(): PreparedHere {
    return present(this.#prepared);
  }
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the worker is not that far yet');
  return value;
}

function refusedBy(error: unknown): NonNullable<Prepared['refused']> {
  if (!(error instanceof ConfigError))
    return { message: error instanceof Error ? error.message : String(error), problems: undefined };
  // What a plugin threw is for this process alone.
  return { message: error.message, problems: error.problems.map(({ cause: _cause, ...rest }) => rest) };
}

const worker = new Worker();
worker.listen();
await loadOwnPlugins();
worker.loaded();
// Not only at the end, which may be a sudden one.
flushCompileCache();
