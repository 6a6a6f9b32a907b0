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
 * What was made of texts that peers choose and mostly choose again, such as the names of header fields. Bounded: all is
 * forgotten when there are more of them than the usual ones.
 */
export class Remembered<T> {
  readonly #known = new Map<string, T>();
  readonly #maxTexts: number;
  readonly #maxLength: number;

  /** @param maxLength of a text; longer ones are not kept */
  constructor(maxTexts = 1000, maxLength = 64) {
    this.#maxTexts = maxTexts;
    this.#maxLength = maxLength;
  }

  get(text: string): T | undefined {
    return this.#known.get(text);
  }

  /** Answers what it was given. */
  keep(text: string, made: T): T {
    if (text.length > this.#maxLength) return made;
    if (this.#known.size >= this.#maxTexts) this.#known.clear();
    this.#known.set(flat(text), made);
    return made;
  }
}
