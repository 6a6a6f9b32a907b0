/** V8 keeps a shorter part of a text as a text of its own. */
const shortText = 13;

/**
 * The same text in memory of its own, for what is kept: a part of a text keeps the whole of it, be it a request or a
 * configuration.
 */
export function flat(text: string): string {
  if (text.length < shortText) return text;
  const same = Buffer.from(text, 'latin1').toString('latin1');
  return same === text ? same : Buffer.from(text, 'utf16le').toString('utf16le');
}

/**
 * What is made of texts that peers choose and mostly choose again, such as the names of header fields. Bounded: all is
 * forgotten when there are more of them than the usual ones.
 */
export class Remembered<T> {
  readonly #known = new Map<string, T>();
  readonly #make: (text: string) => T;
  readonly #maxTexts: number;
  readonly #maxLength: number;

  /**
   * @param make what is undefined is not kept
   * @param maxLength of a text; of longer ones all is made each time
   */
  constructor(make: (text: string) => T, maxTexts = 1000, maxLength = 64) {
    this.#make = make;
    this.#maxTexts = maxTexts;
    this.#maxLength = maxLength;
  }

  of(text: string): T {
    return this.#known.get(text) ?? this.#learn(text);
  }

  keeps(text: string): boolean {
    // Of a plugin without types it may be something else that has a length.
    return typeof text === 'string' && text.length <= this.#maxLength;
  }

  #learn(text: string): T {
    if (!this.keeps(text)) return this.#make(text);
    const own = flat(text);
    const made = this.#make(own);
    if (made === undefined) return made;
    if (this.#known.size >= this.#maxTexts) this.#known.clear();
    this.#known.set(own, made);
    return made;
  }
}
