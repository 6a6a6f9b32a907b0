/**
 * Words of 64 bits that processes share, which are two halves or a time. They are exchanged as a whole and taken apart
 * beside them, by views of the same eight bytes: with no arithmetic on them, and whatever the order of bytes is.
 */
export class SharedWords {
  readonly #words: BigInt64Array;
  readonly #scratch = new BigInt64Array(1);
  readonly #halves = new Int32Array(this.#scratch.buffer);
  readonly #time = new Float64Array(this.#scratch.buffer);

  constructor(words: BigInt64Array) {
    this.#words = words;
  }

  /** The word, whose halves are then `first` and `second`. */
  load(place: number): bigint {
    const word = Atomics.load(this.#words, place);
    this.#scratch[0] = word;
    return word;
  }

  get first(): number {
    return this.#halves[0] ?? 0;
  }

  get second(): number {
    return this.#halves[1] ?? 0;
  }

  /** The word that has these halves. */
  join(first: number, second: number): bigint {
    this.#halves[0] = first;
    this.#halves[1] = second;
    return this.#scratch[0] ?? 0n;
  }

  /** Answers false, and changes nothing, when the word is not what it was. */
  exchange(place: number, was: bigint, becomes: bigint): boolean {
    return Atomics.compareExchange(this.#words, place, was, becomes) === was;
  }

  /** Milliseconds since 1970: the word as a double. */
  timeAt(place: number): number {
    this.load(place);
    return this.#time[0] ?? 0;
  }

  /** Makes a time later. It never gets earlier, whoever changes it. */
  raise(place: number, time: number): void {
    for (;;) {
      const seen = this.load(place);
      if ((this.#time[0] ?? 0) >= time) return;
      this.#time[0] = time;
      if (this.exchange(place, seen, this.#scratch[0] ?? 0n)) return;
    }
  }
}
