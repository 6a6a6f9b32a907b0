/** More text than is allowed came before its end. */
class TooLong extends Error {
  readonly code = 'UND_ERR_HEADERS_OVERFLOW';
}

/** Collects text that may come in any number of pieces until what ends it, at a cost that grows with its length only. */
export class Gatherer {
  #held: Buffer = Buffer.alloc(0);
  #length = 0;
  /** What came before the end that was found last, one character per byte. */
  text = '';

  /**
   * Looks for the end; says where in the chunk it ends, or -1 when it has not come yet.
   * @param most bytes that may come before it
   * @throws TooLong
   */
  take(chunk: Buffer, from: number, end: string, most: number): number {
    if (this.#length === 0) {
      const at = chunk.indexOf(end, from, 'latin1');
      if (at >= 0 && at - from <= most) {
        this.text = chunk.toString('latin1', from, at);
        return at + end.length;
      }
      if (at >= 0) throw new TooLong('too long');
    }
    const before = this.#length;
    this.#hold(chunk, from);
    const at = this.#held
      .subarray(0, this.#length)
      .indexOf(end, Math.max(0, before - end.length + 1), 'latin1');
    if (at > most || (at < 0 && this.#length > most + end.length)) throw new TooLong('too long');
    if (at < 0) return -1;
    this.text = this.#held.toString('latin1', 0, at);
    this.#length = 0;
    // Grown by one long head, it is not kept for as long as the connection lives.
    this.#held = Buffer.alloc(0);
    return from + at + end.length - before;
  }

  #hold(chunk: Buffer, from: number): void {
    const needed = this.#length + chunk.length - from;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#held.length * 2));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#length, from);
    this.#length = needed;
  }
}
