/** Words that are made ready; a longer text makes room for itself. */
const usualWords = 256;
/** Digests that are kept for texts that come again and again. */
const maxKept = 10_000;

/** The hash of a text. */
interface Digest {
  readonly first: number;
  readonly second: number;
}

/**
 * After HalfSipHash-1-3 with 64 bits of result (Aumasson, Bernstein: SipHash, 2012; the form for words of 32 bits, with
 * the rounds usual for tables): who does not know the key finds no texts that collide.
 */
export class KeyedHash {
  /** The result, so that none has to be made. */
  first = 0;
  second = 0;
  /** From the rest of the state; not part of the published function. */
  third = 0;
  readonly #key0: number;
  readonly #key1: number;
  readonly #kept = new Map<string, Digest>();
  #words = new Int32Array(usualWords);

  constructor(key0: number, key1: number) {
    this.#key0 = key0;
    this.#key1 = key1;
  }

  /** A function of its own for each name. */
  derive(name: string): KeyedHash {
    this.digest(name);
    return new KeyedHash(this.first, this.second);
  }

  /** Of the UTF-16 units of a text. */
  digest(text: string): void {
    const { length } = text;
    const count = 1 + ((length + 1) >> 1);
    if (count > this.#words.length) this.#words = new Int32Array(2 * count);
    const words = this.#words;
    words[0] = length;
    let at = 1;
    for (let unit = 0; unit + 1 < length; unit += 2) {
      words[at] = text.charCodeAt(unit) | (text.charCodeAt(unit + 1) << 16);
      at += 1;
    }
    if ((length & 1) === 1) words[at] = text.charCodeAt(length - 1);
    this.#run(count);
  }

  /** Of a text that is likely to come again, as a key of counts does, with two or three numbers: whole, and less than 2 ** 53. */
  digestWith(one: number, other: number, text: string, third?: number): void {
    const digest = this.#kept.get(text) ?? this.#keep(text);
    const words = this.#words;
    // No text has this length.
    words[0] = third === undefined ? -1 : -2;
    words[1] = digest.first;
    words[2] = digest.second;
    words[3] = one;
    words[4] = one / 0x1_0000_0000;
    words[5] = other;
    words[6] = other / 0x1_0000_0000;
    if (third === undefined) {
      this.#run(7);
      return;
    }
    words[7] = third;
    words[8] = third / 0x1_0000_0000;
    this.#run(9);
  }

  #keep(text: string): Digest {
    if (this.#kept.size >= maxKept) this.#kept.clear();
    this.digest(text);
    const digest = { first: this.first, second: this.second };
    this.#kept.set(text, digest);
    return digest;
  }

  #run(count: number): void {
    const words = this.#words;
    let [v0, v1] = [this.#key0, this.#key1 ^ 0xee];
    let [v2, v3] = [this.#key0 ^ 0x6c79_6765, this.#key1 ^ 0x7465_6462];
    // Six turns more, without a word: three for each half of the result.
    for (let at = 0; at < count + 6; at += 1) {
      if (at === count) v2 ^= 0xee;
      if (at === count + 3) {
        this.first = v1 ^ v3;
        v1 ^= 0xdd;
      }
      const word = at < count ? (words[at] ?? 0) : 0;
      v3 ^= word;
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
      v0 ^= word;
    }
    this.second = v1 ^ v3;
    this.third = v0 ^ v2;
  }
}
