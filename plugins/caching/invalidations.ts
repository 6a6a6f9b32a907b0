import type { StoredPlace } from './key.ts';
import { type Scope, isWithin } from './scope.ts';

const kept = 1000;

/**
 * What was invalidated lately. An answer that was asked for before that, and came after it, may be what is no longer true:
 * it must not be stored.
 */
export class Invalidations {
  readonly #scopes: Scope[] = [];
  #count = 0;

  /** Remember it when a backend is asked, for `hasSince`. */
  get count(): number {
    return this.#count;
  }

  add(scope: Scope): void {
    this.#count += 1;
    this.#scopes.push(scope);
    if (this.#scopes.length > kept) this.#scopes.shift();
  }

  hasSince(count: number, place: StoredPlace): boolean {
    const since = this.#count - count;
    if (since === 0) return false;
    if (since > this.#scopes.length) return true;
    return this.#scopes.slice(-since).some((scope) => isWithin(place, scope));
  }
}
