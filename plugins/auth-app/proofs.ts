import type { Fields } from '#sdk';

/** Fields that carry proofs and nothing else, by lower-case name. */
export class Proofs {
  readonly #isProof: (name: string) => boolean;

  constructor(lowerCaseNames: readonly string[]) {
    const names = new Set(lowerCaseNames);
    const lengths: boolean[] = Array.from({
      length: Math.max(...lowerCaseNames.map(({ length }) => length)) + 1,
    });
    for (const { length } of lowerCaseNames) lengths[length] = true;
    this.#isProof = (name) => lengths[name.length] === true && names.has(name.toLowerCase());
  }

  /** In one pass that lowers few names: a search for each proof takes three times as long, and `deleteAll` lowers all. */
  deleteFrom(headers: Fields): void {
    headers.deleteWhere(this.#isProof);
  }
}
