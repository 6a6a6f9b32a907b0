import { EVENT_ID, type Event, type MappingEvent, type ScalarEvent } from 'js-yaml';

type CollectionStyle = MappingEvent['style'];

/** Numbers for each event. */
const width = 8;
const styleBits = 4;
const chompingBits = 8;
const fastBit = 1 << 12;
const bits = 15;

/** The parser's events as numbers: a thread hands them over without a copy, and ten thousand APIs are one object. */
export function packEvents(events: readonly Event[]): Int32Array<ArrayBuffer> {
  const numbers = new Int32Array(events.length * width);
  for (const [index, event] of events.entries()) pack(event, numbers, index * width);
  return numbers;
}

function pack(event: Event, numbers: Int32Array, at: number): void {
  numbers[at] = event.type;
  if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) return;
  numbers[at + 4] = event.anchorStart;
  numbers[at + 5] = event.anchorEnd;
  if (event.type === EVENT_ID.ALIAS) return;
  numbers[at] = event.type | (event.style << styleBits);
  numbers[at + 6] = event.tagStart;
  numbers[at + 7] = event.tagEnd;
  if (event.type !== EVENT_ID.SCALAR) {
    numbers[at + 1] = event.start;
    return;
  }
  numbers[at] |= (event.chomping << chompingBits) | (event.fast ? fastBit : 0);
  numbers[at + 1] = event.valueStart;
  numbers[at + 2] = event.valueEnd;
  numbers[at + 3] = event.indent;
}

/** The events of one document, as the parser gave them. */
export class Events {
  readonly #numbers: Int32Array<ArrayBuffer>;

  constructor(numbers: Int32Array<ArrayBuffer>) {
    this.#numbers = numbers;
  }

  isPop(index: number): boolean {
    return this.#numbers[index * width] === EVENT_ID.POP;
  }

  /** Where a collection begins that has neither an anchor nor a tag; -1 for all else. */
  plainStart(index: number): number {
    const at = index * width;
    const type = this.#number(at) & bits;
    if (type !== EVENT_ID.MAPPING && type !== EVENT_ID.SEQUENCE) return -1;
    return this.#number(at + 4) === -1 && this.#number(at + 6) === -1 ? this.#number(at + 1) : -1;
  }

  /** The index behind a value and all that is in it. */
  behind(index: number): number {
    let depth = 0;
    for (let next = index; ; next += 1) {
      const at = next * width;
      if (at >= this.#numbers.length) return next;
      const type = this.#number(at) & bits;
      if (type === EVENT_ID.POP) depth -= 1;
      else if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) depth += 1;
      if (depth === 0) return next + 1;
    }
  }

  /** Undefined behind the last one. */
  at(index: number): Event | undefined {
    const at = index * width;
    if (at >= this.#numbers.length) return undefined;
    const head = this.#number(at);
    const type = (head & bits) as Event['type'];
    if (type === EVENT_ID.POP) return { type };
    if (type === EVENT_ID.DOCUMENT) throw new Error('a document is no value');
    const anchorStart = this.#number(at + 4);
    const anchorEnd = this.#number(at + 5);
    if (type === EVENT_ID.ALIAS) return { type, anchorStart, anchorEnd };
    const common = { anchorStart, anchorEnd, tagStart: this.#number(at + 6), tagEnd: this.#number(at + 7) };
    const start = this.#number(at + 1);
    // What `packEvents` put there came from the parser.
    const style = (head >> styleBits) & bits;
    if (type === EVENT_ID.SCALAR) {
      return {
        ...common,
        type,
        valueStart: start,
        valueEnd: this.#number(at + 2),
        style: style as ScalarEvent['style'],
        chomping: ((head >> chompingBits) & bits) as ScalarEvent['chomping'],
        indent: this.#number(at + 3),
        fast: (head & fastBit) !== 0,
      };
    }
    return { ...common, type, start, style: style as CollectionStyle };
  }

  /** Gives the memory back at once: it counts as V8's, whose collections of it keep requests waiting. */
  release(): void {
    if (!this.#numbers.buffer.detached) this.#numbers.buffer.transfer(0);
  }

  #number(at: number): number {
    return this.#numbers[at] ?? 0;
  }
}
