/**
 * HalfSipHash-2-4 with 64 bits of result (Aumasson, Bernstein: SipHash, 2012, in its form of 32-bit words): without the
 * key nobody finds texts that collide. Takes two whole numbers and the UTF-16 units of a text.
 */
export class KeyedHash {
  first = 0;
  second = 0;
  /** From the rest of the state; not part of the published function. */
  third = 0;
  readonly #key0: number;
  readonly #key1: number;
  readonly #numbers = new Int32Array(4);

  constructor(key0: number, key1: number) {
    this.#key0 = key0;
    this.#key1 = key1;
  }

  /** A function of its own for each name. */
  derive(name: string): KeyedHash {
    this.digest(0, 0, name);
    return new KeyedHash(this.first, this.second);
  }

  /** Leaves its result in the fields, so that nothing is allocated. */
  digest(one: number, other: number, text: string): void {
    const numbers = this.#numbers;
    numbers[0] = one;
    numbers[1] = one / 0x1_0000_0000;
    numbers[2] = other;
    numbers[3] = other / 0x1_0000_0000;
    const { length } = text;
    const end = 4 + ((length + 1) >> 1);
    let [v0, v1] = [this.#key0, this.#key1 ^ 0xee];
    let [v2, v3] = [this.#key0 ^ 0x6c79_6765, this.#key1 ^ 0x7465_6462];
    // Words, then the length, then four more turns without a word: two for each half of the result.
    for (let at = 0; at < end + 5; at += 1) {
      let word = 0;
      if (at < 4) word = numbers[at] ?? 0;
      else if (at < end) word = wordOf(text, 2 * (at - 4), length);
      else if (at === end) word = length;
      else if (at === end + 1) v2 ^= 0xee;
      else if (at === end + 3) {
        this.first = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v3 ^= word;
      for (let round = 0; round < 2; round += 1) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    this.second = v1 ^ v3;
    this.third = v0 ^ v2;
  }
}

function wordOf(text: string, at: number, length: number): number {
  const unit = text.charCodeAt(at);
  return at + 1 < length ? unit | (text.charCodeAt(at + 1) << 16) : unit;
}
