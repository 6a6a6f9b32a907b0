import { type Kit, type Reply, refuse } from '#sdk';

/** Huawei's third_auth: counted within five minutes, and blocked for what is left of them. */
const periodMs = 300_000;

/** Refuses addresses that were refused too often. */
export class Blocks {
  readonly #failures: number;
  readonly #kit: Pick<Kit, 'counters' | 'values'>;
  readonly #scope: string;

  constructor(failures: number, kit: Kit) {
    this.#failures = failures;
    this.#kit = kit;
    this.#scope = JSON.stringify([kit.api.name, kit.environment, kit.binding]);
  }

  async check(address: string): Promise<Reply | undefined> {
    try {
      return (await this.#kit.values.has(this.#key(address))) ? refuse('third-auth-blocked') : undefined;
    } catch {
      // Nobody can say who is blocked.
      return refuse('state-unavailable');
    }
  }

  async count(address: string): Promise<void> {
    const key = this.#key(address);
    const taken = await this.#kit.counters.take([{ key, limit: this.#failures, periodMs }]);
    if (taken.refusedBy < 0 && (taken.remaining[0] ?? 0) > 0) return;
    try {
      await this.#kit.values.claim(key, taken.resetMs[0] ?? periodMs);
    } catch {
      // The next request is refused by `check`.
    }
  }

  #key(address: string): string {
    return `${this.#scope} ${address}`;
  }
}
