import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Log } from '#sdk';
import type { FetchKeys, KeyService } from './fetch-keys.ts';
import { KeySet } from './key-set.ts';

/** How often keys are fetched without cause (Huawei guide, apig_03_0135). */
const pollMs = 300_000;
/** Between two fetches for a key that is not there: at first, and when that was in vain again and again. */
const leastPauseMs = 1_000;
const longestPauseMs = 30_000;
/** Requests that may wait for a fetch: each holds its caller's connection. */
const maxWaiting = 1_000;

/** Keys that a server publishes, as it last did. */
export class RemoteKeys {
  readonly #service: KeyService;
  readonly #fetch: FetchKeys;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pause: (ms: number) => Promise<unknown>;
  #current: KeySet | undefined;
  #fetched = -Infinity;
  #asked = -Infinity;
  #pauseMs = leastPauseMs;
  #running: Promise<void> | undefined;
  /** Fetches so far. */
  #begun = 0;
  #waiting = 0;
  #isFailing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    service: KeyService,
    fetch: FetchKeys,
    clock: Clock,
    log: Log,
    pause: (ms: number) => Promise<unknown> = sleep,
  ) {
    this.#service = service;
    this.#fetch = fetch;
    this.#clock = clock;
    this.#log = log;
    this.#pause = pause;
  }

  /** The last good answer, however the server does since. */
  get current(): KeySet | undefined {
    return this.#current;
  }

  /** Milliseconds of the clock when it came. */
  get fetchedAt(): number {
    return this.#fetched;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    void this.refresh();
    this.#timer = setInterval(() => void this.refresh(), pollMs).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Fetches the keys now, once for all who want it at the same time. Never rejects: what failed is logged. */
  refresh(): Promise<void> {
    this.#running ??= this.#refresh().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /**
   * The keys after looking for one that is not in those there are; undefined when nothing is looked for now. One that comes
   * with a rotation is found at once, or after a second; whoever makes names up has the server asked ever less.
   */
  async lookAgain(kid: string | undefined): Promise<KeySet | undefined> {
    if (this.#waiting >= maxWaiting) return undefined;
    this.#waiting += 1;
    try {
      const came = this.#begun;
      // One that runs may have been answered before the key was there; one that begins from now on has what there is.
      await this.#running;
      if (this.#begun === came && this.#current?.select(kid) === undefined) await this.#fetchAfter(came, kid);
      await this.#running;
      return this.#current;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Fetches once for all who wait since the same fetch, unless the last ones were in vain too lately. */
  async #fetchAfter(came: number, kid: string | undefined): Promise<void> {
    const waitMs = this.#asked + this.#pauseMs - this.#clock.now();
    if (waitMs > leastPauseMs) return;
    if (waitMs > 0) await this.#pause(waitMs);
    if (this.#begun !== came) return;
    await this.refresh();
    const isFound = this.#current?.select(kid) !== undefined;
    this.#pauseMs = isFound ? leastPauseMs : Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  async #refresh(): Promise<void> {
    this.#begun += 1;
    this.#asked = this.#clock.now();
    // Without a query, which may hold what only that server should know.
    const [url] = this.#service.url.split('?', 1);
    try {
      const keys = await this.#fetch(this.#service);
      // What is kept of tokens refers to keys as objects: a key that stays is the one it was.
      this.#current = this.#current === undefined ? keys : keys.like(this.#current);
      this.#fetched = this.#clock.now();
      if (this.#isFailing) this.#log.info({ url }, 'the keys for tokens can be fetched again');
      this.#isFailing = false;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'it failed';
      if (!this.#isFailing)
        this.#log.warn(
          { url, error: reason },
          'the keys for tokens cannot be fetched; the last good ones stay',
        );
      this.#isFailing = true;
    }
  }
}
