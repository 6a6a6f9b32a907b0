import type { Counters, Limit, Taken } from '#sdk';
import type { CounterSource } from './state.ts';
import type { RedisLink } from '#sdk/redis';
import { takeCounts, toTaken } from './redis-take.ts';

/** Where a plugin's counts are in the store. */
export class CountKeys {
  readonly #prefix: string;

  constructor(prefix: string, plugin: string) {
    this.#prefix = `${prefix}count:{${plugin}\0`;
  }

  /** What keys of one partition begin with; what the braces hold, which a plugin's name begins, decides the slot. */
  base(partition: string): string {
    return `${this.#prefix}${partition}}`;
  }

  of(base: string, { key, periodMs, isBucket }: Limit): string {
    return `${base}${periodMs}${isBucket === true ? 'b' : ''}\0${key}`;
  }
}

/** Counts of one plugin in the store; while that is out of reach, this machine's own. */
export class RedisCounters implements Counters {
  readonly #link: RedisLink;
  readonly #keys: CountKeys;
  readonly #own: Counters;

  constructor(link: RedisLink, keys: CountKeys, own: Counters) {
    this.#link = link;
    this.#keys = keys;
    this.#own = own;
  }

  take(limits: readonly Limit[], partition = ''): Taken | Promise<Taken> {
    if (!this.#link.isUp || limits.length === 0) return this.#own.take(limits, partition);
    return this.#ask(limits, partition);
  }

  async #ask(limits: readonly Limit[], partition: string): Promise<Taken> {
    const base = this.#keys.base(partition);
    const keys = limits.map((limit) => this.#keys.of(base, limit));
    try {
      const counts = await this.#link.ask(`${base}probe`, (client) =>
        takeCounts(client, keys, limits, () => 1),
      );
      return toTaken(counts, limits);
    } catch {
      return this.#own.take(limits, partition);
    }
  }
}

/** The same object for a plugin each time, as `MemoryCounters.of`. */
export function perPlugin(create: (plugin: string) => Counters): CounterSource {
  const made = new Map<string, Counters>();
  return {
    of(plugin) {
      const found = made.get(plugin) ?? create(plugin);
      made.set(plugin, found);
      return found;
    },
  };
}
