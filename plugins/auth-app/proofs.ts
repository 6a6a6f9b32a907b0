import type { Fields } from '#sdk';

/** Fields that carry proofs and nothing else, by lower-case name. */
export class Proofs {
  readonly #names: ReadonlySet<string>;
  readonly #lengths: readonly boolean[];

  constructor(names: readonly string[]) {
    const lengths: boolean[] = Array.from({ length: Math.max(...names.map((name) => name.length)) + 1 });
    for (const name of names) lengths[name.length] = true;
    this.#names = new Set(names);
    this.#lengths = lengths;
  }

  /** In one pass that lowers few names: a search for each proof takes three times as long, and `deleteAll` lowers all. */
  deleteFrom(headers: Fields): void {
    const { flat } = headers;
    for (let index = 0; index < flat.length; index += 2) {
      const name = flat[index] ?? '';
      if (this.#lengths[name.length] !== true || !this.#names.has(name.toLowerCase())) continue;
      headers.delete(name);
      // What followed has taken its place.
      index -= 2;
    }
  }
}
