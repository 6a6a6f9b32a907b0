import { createHash } from 'node:crypto';
import type { Kit } from '#sdk';

/** What is kept of an answer that let a caller through. */
export interface Admitted {
  /** Fields for the backend: names and values in turn. */
  readonly fields: readonly string[];
  /** Who calls, where the answer said so. */
  readonly id: string | undefined;
}

/** Keeps who was let through, by what the service was told; asks once for callers who come at the same time. */
export class Verdicts<Outcome> {
  readonly #kit: Pick<Kit, 'values' | 'log' | 'binding'>;
  readonly #ttlMs: number;
  readonly #scope: string;
  readonly #asking = new Map<string, Promise<Outcome>>();

  /** @param scope what verdicts are for: they are kept apart from others */
  constructor(kit: Pick<Kit, 'values' | 'log' | 'binding'>, ttlMs: number, scope: string) {
    this.#kit = kit;
    this.#ttlMs = ttlMs;
    this.#scope = scope;
  }

  /** What is told are secrets: the key is a hash. */
  keyOf(told: readonly unknown[]): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#scope, told]))
      .digest('base64url');
  }

  async find(key: string): Promise<Admitted | undefined> {
    try {
      const kept = await this.#kit.values.get(key);
      return kept === undefined ? undefined : (JSON.parse(Buffer.from(kept).toString('utf8')) as Admitted);
    } catch {
      // A store out of reach, which tells that itself: the service is asked.
      return undefined;
    }
  }

  async keep(key: string, admitted: Admitted): Promise<void> {
    try {
      await this.#kit.values.set(key, Buffer.from(JSON.stringify(admitted)), this.#ttlMs);
    } catch {
      // As above.
    }
  }

  once(key: string, ask: () => Promise<Outcome>): Promise<Outcome> {
    const underway = this.#asking.get(key);
    if (underway !== undefined) return underway;
    const asking = ask().finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }
}
