import { randomBytes } from 'node:crypto';
import type { Log } from '#sdk';
import { type Files, type Kept, changeOf, copyOf, keptOf, withFiles } from '../config/copies.ts';
import { ConfigError, formatPath } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import type { Reloadable } from '../config/watch.ts';
import { cannotListen, listenerKey, newPseudonym } from '../gateway.ts';
import { type ManagementListener, listenForManagement } from '../http/management.ts';
import { answerPage, idOf, version } from '../management.ts';
import { Crew } from './crew.ts';
import type { Plan, Prepared, Refused, Sent } from './messages.ts';
import { guessWorkers } from './options.ts';
import { Output } from './output.ts';
import { Pages, workersStatus } from './pages.ts';
import { Ports } from './ports.ts';
import { inheritForWorkers } from './state.ts';
import type { WorkerProcess } from './worker-process.ts';

/** How long workers may take to end beyond the time in which requests may finish. */
const endingMs = 5000;

/** What a configuration is sent to workers from. */
interface Source extends Pick<Sent, 'development'> {
  readonly kept: Kept;
}

interface InForce {
  readonly number: number;
  readonly since: number;
  readonly source: Source;
  readonly plan: Plan;
  readonly hashes: ReadonlyMap<string, string>;
}

interface Management {
  readonly key: string;
  readonly listener: ManagementListener;
}

/** A gateway of several processes: reads the configuration, opens the ports, and sees to it that there are workers. */
export class Supervisor implements Reloadable {
  readonly #log: Log;
  readonly #ports = new Ports();
  readonly #crew: Crew;
  readonly #pages: Pages;
  readonly #building = new WeakMap<WorkerProcess, Promise<void>>();
  readonly #startedAt = Date.now();
  #inForce: InForce | null = null;
  #management: Management | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #isStopping = false;

  /** @param lines where the operator's log is written to */
  constructor(log: Log, lines: { write(text: string): unknown }) {
    this.#log = log;
    const inherited = inheritForWorkers();
    const key = randomBytes(32).toString('base64');
    const start = { pseudonym: newPseudonym(), key, isSharing: inherited.length > 0 };
    this.#crew = new Crew(start, {
      log,
      output: new Output(lines),
      inherited,
      warm: (worker) => this.#build(worker),
      enlist: (worker) => this.#enlist(worker),
      leaves: (worker) => this.#ports.remove(worker),
      lost: (worker) => this.#pages.lost(worker),
    });
    this.#pages = new Pages(this.#crew);
  }

  get hashes(): ReadonlyMap<string, string> {
    return this.#inForce?.hashes ?? new Map();
  }

  get listeners(): readonly { host: string | undefined; port: number; secure: boolean }[] {
    const listeners = new Map((this.#inForce?.plan.listeners ?? []).map((each) => [listenerKey(each), each]));
    return Array.from(listeners, ([key, { host, isSecure }]) => ({
      host,
      port: this.#ports.portOf(key),
      secure: isSecure,
    }));
  }

  get management(): ManagementListener | null {
    return this.#management?.listener ?? null;
  }

  /**
   * Starts the first workers with a configuration, as `readKeeping` gave it.
   * @throws ConfigError when it is refused; nothing is then left
   */
  async begin(text: ConfigText): Promise<void> {
    const workers = Array.from({ length: guessWorkers(text.root['workers']) }, () => this.#crew.begin());
    try {
      await Promise.all(workers.map(({ loaded }) => loaded));
      const [main] = workers;
      if (main !== undefined) await this.#crew.appoint(main);
      await this.#serial(() => this.#apply(text, workers));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Builds a configuration, as `readKeeping` gave it, in all workers, then puts it in force in all of them.
   * @throws ConfigError when one of them cannot; nothing has changed then
   */
  apply(text: ConfigText): Promise<void> {
    return this.#serial(() => this.#apply(text, this.#crew.serving));
  }

  /** Stops accepting, lets requests finish within the configured time, then ends all workers. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#ports.closeAll();
    await this.#last;
    const { drainTimeoutMs } = this.#inForce?.plan.limits ?? { drainTimeoutMs: 0 };
    await this.#crew.stop(drainTimeoutMs + endingMs);
    this.#pages.close();
    await this.#management?.listener.close();
    this.#management = null;
  }

  /** One after the other: workers that take part in one change must not take part in another. */
  #serial<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => {
      if (this.#isStopping) throw new Error('the gateway is closed');
      return work();
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #apply(text: ConfigText, workers: readonly WorkerProcess[]): Promise<void> {
    const [main, ...others] = workers;
    if (main === undefined) throw new Error('no worker serves that could build it');
    const before = this.#inForce;
    const number = (before?.number ?? 0) + 1;
    const known = { kept: keptOf(text), development: before?.source.development ?? null };
    const { source, plan } = await this.#first(main, known, text);
    // Workers that end by themselves meanwhile start anew with what is in force then.
    const opened: string[] = [];
    let management = this.#management;
    try {
      await inEach(others, (worker) => this.#prepare(worker, source));
      await this.#openPorts(plan, text, opened);
      management = await this.#openManagement(plan, text);
      await main.wire.ask('activate', undefined);
      await inEach(others, (worker) => worker.wire.ask('activate', undefined));
      if (this.#isStopping) throw new Error('the gateway is closed');
    } catch (error) {
      for (const key of opened) this.#ports.close(key);
      if (management !== this.#management) await management?.listener.close();
      await inEach(workers, (worker) => worker.wire.ask('discard', undefined)).catch(() => undefined);
      throw error;
    }
    this.#inForce = { number, since: Date.now(), source, plan, hashes: new Map(text.hashes) };
    await this.#commit(workers, plan, management);
    for (const worker of workers) {
      worker.prepared = number;
      this.#crew.joined(worker);
      if (!worker.isGone) this.#ports.add(worker);
    }
    for (const key of opened) this.#ports.serve(key);
    this.#crew.resize({ ...plan.workers, drainMs: plan.limits.drainTimeoutMs + endingMs });
    const { spare } = this.#crew;
    // It need not be ready at once, and what it meets is met again when it is needed.
    if (spare !== null) this.#build(spare).catch(() => undefined);
  }

  /** The first one builds alone: what is wrong costs the others nothing, and what it reads they need not read again. */
  async #first(worker: WorkerProcess, known: Source, text: ConfigText) {
    const prepared = await prepare(worker, known).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`a worker ended while it built the configuration: ${reason}`, { cause: error });
    });
    for (const [file, hash] of prepared.hashes) text.hashes.set(file, hash);
    if (prepared.plan === undefined) throw toError(prepared.refused);
    const { plan, files } = prepared;
    if (text.root['workers'] === undefined) {
      await worker.wire.ask('discard', undefined);
      await text.complete?.();
      throw refused(
        text,
        'missing; a gateway with several processes becomes one of a single process by a restart',
      );
    }
    const copy = withFiles(known.kept.copy, { ...this.#keptFiles(text), ...files });
    return { plan, source: { kept: { ...known.kept, copy }, development: plan.development } };
  }

  /** What was read before and not again, because only APIs have changed. Those that start later read it. */
  #keptFiles({ hashes }: ConfigText): Files {
    if (this.#inForce === null) return {};
    const { source, hashes: before } = this.#inForce;
    const { listed, files } = source.kept.copy;
    const others = Object.entries(files).filter(([file]) => !listed.includes(file));
    return Object.fromEntries(others.filter(([file]) => before.get(file) === hashes.get(file)));
  }

  async #prepare(worker: WorkerProcess, source: Source): Promise<void> {
    const { refused: fault } = await prepare(worker, source);
    if (fault !== undefined) throw toError(fault);
  }

  /** A port that goes is closed first, since workers know it no more. */
  async #commit(workers: readonly WorkerProcess[], plan: Plan, management: Management | null): Promise<void> {
    const wanted = new Set(plan.listeners.map(listenerKey));
    for (const key of this.#ports.keys) if (!wanted.has(key)) this.#ports.close(key);
    await Promise.all(
      workers.map((worker) =>
        worker
          .building(() => worker.wire.ask('commit', undefined))
          .catch((error: unknown) => {
            if (worker.isGone) return;
            // Nothing can be refused any more. Another one starts with what is in force.
            this.#log.error(
              { pid: worker.pid, error: String(error) },
              'a worker failed to change; it is ended',
            );
            worker.kill();
          }),
      ),
    );
    const old = this.#management;
    this.#management = management;
    if (old !== management) void old?.listener.close();
    this.#pages.use(plan.pages);
  }

  /** Builds what is in force in a worker that does not serve. */
  #build(worker: WorkerProcess): Promise<void> {
    const before = this.#building.get(worker) ?? Promise.resolve();
    const next = before.catch(() => undefined).then(() => this.#buildNow(worker));
    this.#building.set(worker, next);
    return next;
  }

  async #buildNow(worker: WorkerProcess): Promise<void> {
    const target = this.#inForce;
    if (target === null || worker.prepared === target.number || worker.servingSince > 0) return;
    await this.#prepare(worker, target.source);
    worker.prepared = target.number;
  }

  async #enlist(worker: WorkerProcess): Promise<void> {
    await this.#build(worker);
    await this.#serial(async () => {
      // There may have been another change meanwhile.
      await this.#build(worker);
      if (this.#crew.main === null) await this.#crew.appoint(worker);
      await worker.wire.ask('activate', undefined);
      await worker.building(() => worker.wire.ask('commit', undefined));
      this.#crew.joined(worker);
      this.#ports.add(worker);
    });
  }

  async #openPorts(plan: Plan, text: ConfigText, opened: string[]): Promise<void> {
    for (const [index, listener] of plan.listeners.entries()) {
      const key = listenerKey(listener);
      if (this.#ports.has(key)) continue;
      try {
        await this.#ports.open(key, listener);
        opened.push(key);
      } catch (error) {
        await text.complete?.();
        throw cannotListen(text, ['listeners', index, 'port'], error);
      }
    }
  }

  async #openManagement({ management }: Plan, text: ConfigText): Promise<Management | null> {
    if (management === undefined) return null;
    const key = listenerKey(management);
    if (this.#management?.key === key) return this.#management;
    try {
      const listener = await listenForManagement(management, (path, request) =>
        answerPage(path, request, {
          isDraining: this.#isStopping,
          isInForce: this.#crew.serving.length > 0,
          status: () => this.#status(),
          pages: () => this.#pages.list(),
        }),
      );
      return { key, listener };
    } catch (error) {
      await text.complete?.();
      throw cannotListen(text, ['management', 'port'], error);
    }
  }

  async #status(): Promise<unknown> {
    const { workers, plugins, ...rest } = await workersStatus(this.#crew);
    const now = Date.now();
    const inForce = this.#inForce;
    return {
      version,
      startedAt: new Date(this.#startedAt).toISOString(),
      uptimeSeconds: Math.floor((now - this.#startedAt) / 1000),
      isReady: workers.length > 0 && !this.#isStopping,
      isDraining: this.#isStopping,
      inFlight: workers.reduce((total, { inFlight = 0 }) => total + inFlight, 0),
      configuration: inForce && {
        id: idOf(inForce.hashes),
        number: inForce.number,
        since: new Date(inForce.since).toISOString(),
        apis: inForce.plan.apis,
      },
      pid: process.pid,
      workers,
      ...rest,
      plugins,
    };
  }
}

/** What has changed is enough for a worker that has what was before. */
function prepare(worker: WorkerProcess, { kept, development }: Source): Promise<Prepared> {
  return worker.building(async () => {
    const change = worker.prepared === 0 ? undefined : changeOf(kept);
    const prepared = change && (await worker.wire.ask('prepare', { copy: change, development }));
    if (prepared !== undefined) return prepared;
    const all = await worker.wire.ask('prepare', { copy: copyOf(kept), development });
    if (all === undefined) throw new Error('a worker cannot read all of a configuration');
    return all;
  });
}

/** One that has ended by itself meanwhile is no failure: the one that takes its place begins anew. */
async function inEach(
  workers: readonly WorkerProcess[],
  work: (worker: WorkerProcess) => Promise<unknown>,
): Promise<void> {
  const results = await Promise.allSettled(workers.map((worker) => work(worker)));
  for (const [index, result] of results.entries())
    if (result.status === 'rejected' && workers[index]?.isGone === false) throw result.reason;
}

function toError({ message, problems }: Refused): Error {
  return problems === undefined ? new Error(message) : new ConfigError(problems);
}

function refused(text: ConfigText, message: string): ConfigError {
  const at = text.locate.positionOf(['workers']);
  return new ConfigError([{ at, path: formatPath(['workers']), message }]);
}
