import type { ManagementAnswer, ManagementPage, ManagementRequest } from '#sdk';
import { type Status, text } from '../management.ts';
import type { Crew } from './crew.ts';
import type { PageInfo } from './messages.ts';
import { toWire } from './page-request.ts';
import type { WorkerProcess } from './worker-process.ts';

/** How often workers are asked for what must not be lost with them. */
const pollMs = 1000;
/** A worker that has not answered by then is told of as it was. */
const answerMs = 2000;

/** The pages of plugins, answered for by all workers together. */
export class Pages {
  readonly #crew: Crew;
  readonly #polling: NodeJS.Timeout;
  /** Of workers that ended, by page: what is left of them, and what nobody has added to that yet. */
  readonly #left = new Map<string, { readonly remains: unknown[]; readonly ended: unknown[] }>();
  #infos: readonly PageInfo[] = [];

  constructor(crew: Crew) {
    this.#crew = crew;
    this.#polling = setInterval(() => void this.#poll(), pollMs);
  }

  /** The pages of the configuration in force. */
  use(infos: readonly PageInfo[]): void {
    this.#infos = infos;
    const kept = new Set(infos.filter(({ kind }) => kind === 'counted').map(({ path }) => path));
    for (const path of this.#left.keys()) if (!kept.has(path)) this.#left.delete(path);
  }

  close(): void {
    clearInterval(this.#polling);
  }

  list(): Pick<ManagementPage, 'path' | 'methods' | 'handle'>[] {
    return this.#infos.map((info) => ({
      path: info.path,
      methods: info.methods as NonNullable<ManagementPage['methods']>,
      handle: (request) => this.#answer(info, request),
    }));
  }

  /** What a worker that has ended, or is about to, last said. */
  lost(worker: WorkerProcess): void {
    for (const { path, kind } of this.#infos) {
      const share = worker.shares.get(path);
      if (kind === 'counted' && share !== undefined) this.#of(path).ended.push(share);
    }
    worker.shares.clear();
  }

  async #answer({ path, kind }: PageInfo, request: ManagementRequest): Promise<ManagementAnswer> {
    const asked = toWire(path, request);
    try {
      if (kind === 'main') return (await this.#main().wire.ask('page', asked)) as ManagementAnswer;
      const shares = await Promise.all(
        this.#crew.serving.map(async (worker) => {
          const share = await inTime(worker.wire.ask('share', asked));
          if (share !== undefined && kind === 'counted') worker.shares.set(path, share);
          return share;
        }),
      );
      const all =
        kind === 'counted' ? await this.#counted(path) : shares.filter((share) => share !== undefined);
      return (await this.#main().wire.ask('merge', { ...asked, shares: all })) as ManagementAnswer;
    } catch (error) {
      return text(503, `no worker answers: ${error instanceof Error ? error.message : 'it failed'}`);
    }
  }

  /** The last share of all there are and were. Taken at one moment: who ends meanwhile counts once. */
  async #counted(path: string): Promise<unknown[]> {
    await this.#fold(path);
    const { remains, ended } = this.#of(path);
    const living = this.#crew.active.map(({ shares }) => shares.get(path));
    return [...living.filter((share) => share !== undefined), ...remains, ...ended];
  }

  async #fold(path: string): Promise<void> {
    const left = this.#of(path);
    const ended = [...left.ended];
    if (ended.length === 0) return;
    const remains = await this.#main().wire.ask('remains', { path, shares: [...left.remains, ...ended] });
    // Twice at a time would count them twice.
    if (left.ended[0] !== ended[0]) return;
    left.ended.splice(0, ended.length);
    left.remains.splice(0, left.remains.length, remains);
  }

  async #poll(): Promise<void> {
    for (const { path, kind } of this.#infos) {
      if (kind !== 'counted') continue;
      await Promise.all(
        this.#crew.active.map(async (worker) => {
          const share = await inTime(worker.wire.ask('counted', { path }));
          // Of one that has ended meanwhile it is kept already.
          if (share !== undefined && !worker.isGone) worker.shares.set(path, share);
        }),
      );
      await this.#fold(path).catch(() => undefined);
    }
  }

  #main(): WorkerProcess {
    const { main } = this.#crew;
    if (main === null) throw new Error('none serves');
    return main;
  }

  #of(path: string) {
    const left = this.#left.get(path) ?? { remains: [], ended: [] };
    this.#left.set(path, left);
    return left;
  }
}

/** What `/status` tells of the workers, and of their plugins. */
export async function workersStatus(crew: Crew) {
  const asked = crew.serving.map(async (worker) => ({
    worker,
    status: (await inTime(worker.wire.ask('status', undefined))) as Status | undefined,
  }));
  const told = await Promise.all(asked);
  const plugins = told.find(({ worker }) => worker === crew.main)?.status?.plugins ?? {};
  return {
    plugins,
    workers: told
      .toSorted((a, b) => a.worker.slot - b.worker.slot)
      .map(({ worker, status }) => ({
        number: worker.slot,
        pid: worker.pid,
        since: new Date(worker.servingSince).toISOString(),
        restarts: crew.restartsOf(worker),
        isMain: worker === crew.main,
        isAnswering: status !== undefined,
        ...worker.beat,
        plugins: othersOf(status?.plugins ?? {}, plugins),
      })),
    spare: crew.spare === null ? null : { pid: crew.spare.pid, isReady: crew.spare.prepared > 0 },
    failuresInARow: crew.failuresInARow,
  };
}

/** What plugins of a worker say that is not what those of the main one say. */
function othersOf(own: Readonly<Record<string, unknown>>, main: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(own).filter(([plugin, said]) => JSON.stringify(said) !== JSON.stringify(main[plugin])),
  );
}

/** The answer, or undefined when it does not come. */
async function inTime(answer: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, answerMs, undefined);
  });
  try {
    return await Promise.race([answer, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
