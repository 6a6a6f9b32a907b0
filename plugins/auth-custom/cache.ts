import type { Verdict } from './verdict.ts';

const mostEntries = 10_000;
/** Characters of contexts, with something for what an entry costs beside them: the memory that entries may take. */
const mostWeight = 16 * 1024 * 1024;
const entryWeight = 400;

interface Entry {
  readonly verdict: Verdict;
  readonly expiresAt: number;
  readonly weight: number;
}

/** The entries used last, as many as fit. */
class Recent {
  readonly #entries = new Map<string, Entry>();
  #weight = 0;

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A Map keeps the order of insertion: what was used last comes last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  delete(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }

  set(key: string, entry: Entry): void {
    this.delete(key);
    if (entry.weight > mostWeight / 8) return;
    this.#entries.set(key, entry);
    this.#weight += entry.weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= mostEntries && this.#weight <= mostWeight) return;
      this.delete(oldest);
    }
  }
}

/**
 * Decisions by key, kept for a time. Refusals are kept apart from what was allowed, so that whoever guesses drives out
 * other guesses only.
 */
export class VerdictCache {
  readonly #allowed = new Recent();
  readonly #denied = new Recent();
  readonly #ttlMs: number;
  readonly #asked = new Map<string, Promise<Verdict>>();

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  get(key: string, now: number): Verdict | undefined {
    return this.#get(this.#allowed, key, now) ?? this.#get(this.#denied, key, now);
  }

  /** Asks for what is not kept: once for all who want to know the same at the same time. */
  ask(key: string, now: number, decide: () => Promise<Verdict>): Promise<Verdict> {
    const running = this.#asked.get(key);
    if (running !== undefined) return running;
    const asked = decide()
      .then((verdict) => {
        if (verdict.isDecided) this.#keep(key, now, verdict);
        return verdict;
      })
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  #keep(key: string, now: number, verdict: Verdict): void {
    let weight = entryWeight;
    for (const [name, value] of verdict.context) weight += 2 * (name.length + value.length) + 100;
    const [there, elsewhere] =
      verdict.refusal === undefined ? [this.#allowed, this.#denied] : [this.#denied, this.#allowed];
    elsewhere.delete(key);
    there.set(key, { verdict, expiresAt: now + this.#ttlMs, weight });
  }

  #get(recent: Recent, key: string, now: number): Verdict | undefined {
    const entry = recent.get(key);
    if (entry === undefined) return undefined;
    // A clock that was set back would otherwise keep it longer than it may be.
    if (now < entry.expiresAt && now >= entry.expiresAt - this.#ttlMs) return entry.verdict;
    recent.delete(key);
    return undefined;
  }
}
