import type { Verified } from './verifier.ts';

const mostEntries = 10_000;
/** Characters of claims, with something for what an entry costs beside them. */
const mostWeight = 8 * 1024 * 1024;
const entryWeight = 500;

/** What was verified, by hash of the token: the tokens used last, as many as fit. */
export class TokenCache {
  readonly #entries = new Map<string, Verified>();
  #weight = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(hash: string): Verified | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    // A Map keeps the order of insertion: what was used last comes last.
    this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    return entry;
  }

  set(hash: string, entry: Verified): void {
    this.delete(hash);
    this.#entries.set(hash, entry);
    this.#weight += weightOf(entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= mostEntries && this.#weight <= mostWeight) return;
      this.delete(oldest);
    }
  }

  delete(hash: string): void {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return;
    this.#weight -= weightOf(entry);
    this.#entries.delete(hash);
  }
}

function weightOf({ length }: Verified): number {
  return entryWeight + 4 * length;
}
