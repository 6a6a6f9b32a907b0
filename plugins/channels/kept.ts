/** What is held by several at once and ends with the last of them. */
export interface Held<T> {
  readonly value: T;
  release(): void;
}

/**
 * What outlives a configuration, by name: health states and positions are those of the servers and of the traffic. The
 * next configuration is set up before the last one ends, and so finds what it held; what nobody holds is gone.
 */
export class Kept {
  readonly #entries = new Map<string, { readonly value: Disposable; holders: number }>();

  /** How much is kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** @param name is never used for two types */
  hold<T extends Disposable>(name: string, create: () => T): Held<T> {
    const entry = this.#entries.get(name) ?? { value: create(), holders: 0 };
    this.#entries.set(name, entry);
    entry.holders += 1;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      entry.holders -= 1;
      if (entry.holders > 0) return;
      this.#entries.delete(name);
      entry.value[Symbol.dispose]();
    };
    return { value: entry.value as T, release };
  }
}

const byOwner = new WeakMap<object, Kept>();

/** @param owner what all configurations of one gateway share, and no two gateways do */
export function keptBy(owner: object): Kept {
  const kept = byOwner.get(owner) ?? new Kept();
  byOwner.set(owner, kept);
  return kept;
}
