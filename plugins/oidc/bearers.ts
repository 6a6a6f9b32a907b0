import { createHash } from 'node:crypto';
import type { Clock, Identity } from '#sdk';
import type { Tokens } from './tokens.ts';

/** Verified tokens that are kept: more are forgotten, the oldest first. */
const maxKept = 10_000;
/** As a request's head allows, and no reason to hash more. */
const maxLength = 16_384;

interface Kept {
  readonly identity: Identity;
  readonly until: number;
}

/** Who callers are by the tokens that they send. */
export class Bearers {
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  readonly #keptMs: number;
  readonly #kept = new Map<string, Kept>();

  constructor(tokens: Tokens, clock: Clock, cacheSeconds: number) {
    this.#tokens = tokens;
    this.#clock = clock;
    this.#keptMs = cacheSeconds * 1000;
  }

  /** Rejects as `Tokens.verifyBearer` does. */
  async identify(token: string): Promise<Identity> {
    const now = this.#clock.now();
    const isKeepable = this.#keptMs > 0 && token.length <= maxLength;
    const key = isKeepable ? createHash('sha256').update(token).digest('base64') : '';
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > now) return kept.identity;
    const claims = await this.#tokens.verifyBearer(token);
    const identity: Identity = { type: 'oidc', id: claims.sub, claims };
    if (isKeepable)
      this.#keep(key, { identity, until: Math.min(now + this.#keptMs, Number(claims['exp']) * 1000) });
    return identity;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size <= maxKept) return;
    const [oldest = ''] = this.#kept.keys();
    this.#kept.delete(oldest);
  }
}
