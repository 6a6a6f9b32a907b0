import { Remembered } from '#sdk/flat';
import { isToken } from '#sdk';

/** Places in a head for which it is remembered what stood there last. */
const maxPlaces = 32;

/** The name of a header field, as a peer sends it. */
export interface SentName<Meaning> {
  /** As it was sent. */
  readonly text: string;
  readonly lower: string;
  /** What the field says to whoever reads the head; undefined for nearly all. */
  readonly meaning: Meaning | undefined;
  /** The name and the colon. */
  readonly start: string;
}

/**
 * Names of header fields in heads that are being read. Peers send the same ones, in the same order, all the time: what
 * stood in a place last is tried first, which spares taking the name out of the head, hashing and checking it.
 */
export class SentNames<Meaning> {
  readonly #known: Remembered<SentName<Meaning> | undefined>;
  readonly #last: SentName<Meaning>[] = [];

  /** @param meanings by lower-case names */
  constructor(meanings: Readonly<Record<string, Meaning>>) {
    this.#known = new Remembered((text) => {
      if (!isToken(text)) return undefined;
      const lower = text.toLowerCase();
      const meaning = Object.hasOwn(meanings, lower) ? meanings[lower] : undefined;
      return { text, lower, meaning, start: `${text}:` };
    });
  }

  /** The name that begins there, up to a colon; undefined when it is no token (RFC 9110 section 5.1). */
  read(text: string, from: number, place: number): SentName<Meaning> | undefined {
    const last = this.#last[place];
    if (last !== undefined && text.startsWith(last.start, from)) return last;
    const colon = text.indexOf(':', from);
    if (colon < 0) return undefined;
    const sent = text.slice(from, colon);
    const name = this.#known.of(sent);
    if (name !== undefined && place < maxPlaces && this.#known.keeps(sent)) this.#last[place] = name;
    return name;
  }
}

/** What stands there without the blanks around it. Not `trim`, which takes other characters off that are not allowed. */
export function withoutBlanks(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
