import type { Circuit } from './circuit.ts';

/** Where a circuit belongs, for operators. */
export interface Place {
  readonly binding: string;
  /** Absent where several APIs share it. */
  readonly api?: string;
  readonly environment?: string;
  /** The rule that it is for; absent where that is all other calls. */
  readonly rule?: string;
}

interface Entry {
  readonly place: Place;
  readonly circuit: Circuit;
  holders: number;
}

/**
 * The circuits of one gateway: they outlive a reload that leaves their settings alone. The next configuration is bound
 * before the last one is gone, and so finds what that held.
 */
export class KeptCircuits {
  readonly #entries = new Map<string, Entry>();

  hold(key: string, place: Place, create: () => Circuit): { circuit: Circuit; release: () => void } {
    const entry = this.#entries.get(key) ?? { place, circuit: create(), holders: 0 };
    this.#entries.set(key, entry);
    entry.holders += 1;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      entry.holders -= 1;
      if (entry.holders === 0) this.#entries.delete(key);
    };
    return { circuit: entry.circuit, release };
  }

  status(now: number): readonly object[] {
    return Array.from(this.#entries.values(), ({ place, circuit }) => ({ ...place, ...circuit.status(now) }));
  }
}

const byOwner = new WeakMap<object, KeptCircuits>();

/** @param owner what all configurations of one gateway share, and no two gateways do */
export function keptBy(owner: object): KeptCircuits {
  const kept = byOwner.get(owner) ?? new KeptCircuits();
  byOwner.set(owner, kept);
  return kept;
}
