import type { Log } from '../plugin.ts';
import { type ClientPlan, type RedisClient, createClient } from './client.ts';

export interface LinkPlan extends ClientPlan {
  /** Longest wait for an answer, after which the store counts as out of reach. */
  readonly timeoutMs: number;
  /** A key for `probe` that nobody uses. */
  readonly probeKey: string;
  /** A write, to see whether the store takes what is asked of it; one of `SET` unless given. */
  readonly probe?: (client: RedisClient, key: string) => Promise<unknown>;
  /** For the log, once when the store is out of reach: which one, and what follows. */
  readonly outage: string;
  /** For the log, when it is back. */
  readonly recovery: string;
}

/** How often a store that is out of reach is tried. */
const probeMs = 250;
const probeKeepMs = 1000;

/**
 * The connection to a store, and whether it is to be tried at all. One failure, or one answer that is late, and nobody
 * asks it any more until a write of our own went through: requests do not wait for what probably hangs.
 */
export class RedisLink {
  readonly #plan: LinkPlan;
  readonly #log: Log;
  #client: RedisClient | null = null;
  #opened: Promise<void> | null = null;
  #isUp = false;
  #isClosed = false;
  #probing: Promise<void> | null = null;
  /** Counts the times that the store came within reach: what was sent before the last of them tells nothing. */
  #epoch = 0;
  #downSince: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** What failed last is tried: in a Cluster, other keys are on other nodes. */
  #probeKey: string;

  constructor(plan: LinkPlan, log: Log) {
    this.#plan = plan;
    this.#log = log;
    this.#probeKey = plan.probeKey;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Connects. Waits until that succeeded or failed, for a bounded time; a store that is away is no error. */
  open(): Promise<void> {
    this.#opened ??= this.#connect();
    return this.#opened;
  }

  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    clearTimeout(this.#timer);
    this.#client?.disconnect();
  }

  /**
   * Asks the store.
   * @param probeKey a key on the same node of a Cluster that may be overwritten
   * @throws Error when it is out of reach
   */
  async ask<T>(probeKey: string, command: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (client === null || !this.#isUp) throw new Error('the shared store is out of reach');
    const epoch = this.#epoch;
    try {
      return await within(this.#plan.timeoutMs, command(client));
    } catch (error) {
      if (epoch === this.#epoch) this.#failed(error, probeKey);
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const client = await createClient(this.#plan);
    if (this.#isClosed) return;
    this.#client = client;
    let reason: unknown;
    // Without a listener the client prints by itself.
    client.on('error', (error: unknown) => (reason = error));
    client.on('ready', () => void this.#probe());
    const { connectTimeoutMs } = this.#plan;
    try {
      await within(connectTimeoutMs, client.connect());
    } catch (error) {
      this.#tell(reason ?? error);
    }
    await this.#probe();
  }

  #failed(error: unknown, probeKey: string): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#probeKey = probeKey;
    this.#tell(error);
    this.#schedule();
  }

  /** Once for each outage. */
  #tell(error: unknown): void {
    if (this.#isClosed || this.#downSince !== null) return;
    this.#downSince = performance.now();
    const reason = error instanceof Error ? error.message : 'it failed';
    this.#log.warn({ error: reason }, this.#plan.outage);
  }

  #schedule(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#probe(), probeMs).unref();
  }

  /** One at a time; those who ask meanwhile wait for the same. */
  #probe(): Promise<void> {
    if (this.#isUp || this.#isClosed) return Promise.resolve();
    this.#probing ??= this.#write().finally(() => (this.#probing = null));
    return this.#probing;
  }

  /** A write, because a replica and a full server can still be read. */
  async #write(): Promise<void> {
    try {
      if (this.#client === null) throw new Error('it is not connected');
      const { timeoutMs, probe = setProbe } = this.#plan;
      await within(timeoutMs, probe(this.#client, this.#probeKey));
      this.#recovered();
    } catch (error) {
      this.#tell(error);
      this.#schedule();
    }
  }

  #recovered(): void {
    if (this.#isClosed) return;
    this.#isUp = true;
    this.#epoch += 1;
    if (this.#downSince === null) return;
    const seconds = Math.round((performance.now() - this.#downSince) / 100) / 10;
    this.#downSince = null;
    this.#log.info({ seconds }, this.#plan.recovery);
  }
}

function setProbe(client: RedisClient, key: string): Promise<unknown> {
  return client.set(key, '', 'PX', probeKeepMs);
}

/**
 * The answer, or an error when it takes longer. Time in which this process did something else for long is not the
 * store's: the answer may have come meanwhile, or the question not have left.
 */
function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const due = performance.now() + ms;
    const late = (): void => reject(new Error(`no answer within ${ms} ms`));
    let timer = setTimeout(() => {
      // Sockets are read between this and what is set for the end of the turn.
      if (performance.now() - due <= ms / 10) setImmediate(late);
      else timer = setTimeout(() => setImmediate(late), ms);
    }, ms);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: Error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
