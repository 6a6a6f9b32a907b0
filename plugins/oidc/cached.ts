import type { Clock } from '#sdk';
import { ProviderTrouble } from './trouble.ts';

const freshMs = 3_600_000;
/** While it cannot be had again, the last one is good for a day. */
const keptMs = 86_400_000;
/** Between two attempts that fail. */
const pauseMs = 2_000;

/** Something of a server's that is fetched when first needed, once for all who need it then, and again after an hour. */
export class Cached<T> {
  readonly #clock: Clock;
  readonly #load: () => Promise<T>;
  #value: T | undefined;
  #loadedAt = -Infinity;
  #failedAt = -Infinity;
  #running: Promise<T> | undefined;

  /** @param load rejects with ProviderTrouble */
  constructor(clock: Clock, load: () => Promise<T>) {
    this.#clock = clock;
    this.#load = load;
  }

  async get(): Promise<T> {
    const now = this.#clock.now();
    const age = now - this.#loadedAt;
    const isPausing = now - this.#failedAt < pauseMs;
    if (this.#value !== undefined && age < keptMs) {
      // Nobody waits for what is there; a failure is met again by whoever comes when it is too old.
      if (age >= freshMs && !isPausing) this.#again().catch(() => undefined);
      return this.#value;
    }
    if (isPausing) throw new ProviderTrouble('the provider could not be reached a moment ago');
    return this.#again();
  }

  #again(): Promise<T> {
    this.#running ??= this.#reload().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #reload(): Promise<T> {
    try {
      this.#value = await this.#load();
      this.#loadedAt = this.#clock.now();
      return this.#value;
    } catch (error) {
      this.#failedAt = this.#clock.now();
      throw error;
    }
  }
}
