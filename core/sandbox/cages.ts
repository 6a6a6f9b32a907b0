import type { CallResult } from '#sdk/isolates';
import { Cage } from './cage.ts';
import { type SandboxOptions, loadLimits } from './limits.ts';
import type { PluginProgram } from './source.ts';

/** The cages of a gateway, from one configuration to the next. */
export class Cages {
  readonly #cages = new Map<string, Cage>();
  /** Have loaded a program to tell what it is, and wait for whoever binds it. */
  readonly #spares = new Map<string, Cage>();
  readonly #described = new Map<string, string>();
  readonly #now: () => number;
  #builds = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What a plugin says of itself, as JSON; the same program is asked once. */
  async describe(source: PluginProgram, options: SandboxOptions): Promise<CallResult> {
    const known = this.#described.get(source.hash);
    if (known !== undefined) return { json: known };
    const key = spareKey(source, options);
    const cage = this.#spares.get(key) ?? new Cage(source, options, this.#now);
    this.#spares.set(key, cage);
    const result = await cage.ask({ op: 'describe' }, loadLimits);
    if (result.fault === undefined) {
      if (this.#described.size >= maxDescribed) this.#described.clear();
      this.#described.set(source.hash, result.json);
    }
    return result;
  }

  /** @param key what makes it another one */
  take(key: string, source: PluginProgram, options: SandboxOptions): Cage {
    const spare = spareKey(source, options);
    let cage = this.#cages.get(key);
    if (cage === undefined) {
      cage = this.#spares.get(spare) ?? new Cage(source, options, this.#now);
      this.#spares.delete(spare);
      this.#cages.set(key, cage);
    }
    cage.users += 1;
    return cage;
  }

  giveBack(key: string): void {
    const cage = this.#cages.get(key);
    if (cage === undefined || (cage.users -= 1) > 0) return;
    this.#cages.delete(key);
    cage.dispose();
  }

  /** While a configuration is built, what it has loaded waits to be bound. */
  begin(): void {
    this.#builds += 1;
  }

  /** Ends the processes that were loaded and nobody bound. */
  end(): void {
    if ((this.#builds -= 1) > 0) return;
    for (const cage of this.#spares.values()) cage.dispose();
    this.#spares.clear();
  }
}

const maxDescribed = 100;

function spareKey({ hash }: PluginProgram, { memoryMb, concurrency }: SandboxOptions): string {
  return `${hash} ${memoryMb} ${concurrency}`;
}
