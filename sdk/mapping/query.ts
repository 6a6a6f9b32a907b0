import { percentDecode, toBytes } from './bytes.ts';

/** One piece of a query string. */
interface Piece {
  /** As sent. */
  readonly text: string;
  /** Decoded, in lower case: parameter names are case-insensitive. */
  readonly lower: string;
  /** Decoded to bytes. */
  readonly value: string;
}

/** A query string, taken apart so that what is not touched stays as it was sent. */
export class RawQuery {
  readonly #pieces: readonly Piece[];
  readonly #values = new Map<string, string[]>();

  constructor(rawQuery: string) {
    this.#pieces = rawQuery === '' ? [] : rawQuery.split('&').flatMap(readPiece);
    for (const { lower, value } of this.#pieces) {
      const there = this.#values.get(lower);
      if (there === undefined) this.#values.set(lower, [value]);
      else there.push(value);
    }
  }

  /** Every value of a name given in lower case. */
  valuesOf(lower: string): readonly string[] {
    return this.#values.get(lower) ?? [];
  }

  has(lower: string): boolean {
    return this.#values.has(lower);
  }

  /** The pieces as sent, without those of the names, given in lower case. */
  without(lowerNames: ReadonlySet<string>): string[] {
    return this.#pieces.filter(({ lower }) => !lowerNames.has(lower)).map(({ text }) => text);
  }
}

function readPiece(text: string): readonly Piece[] {
  if (text === '') return [];
  const equals = text.indexOf('=');
  const name = decode(equals < 0 ? text : text.slice(0, equals));
  return [{ text, lower: lowerBytes(name), value: equals < 0 ? '' : decode(text.slice(equals + 1)) }];
}

/** A name's bytes in lower case, which for a name outside ASCII means that of its characters. */
function lowerBytes(name: string): string {
  if (/^[\x00-\x7f]*$/.test(name)) return name.toLowerCase();
  return toBytes(Buffer.from(name, 'latin1').toString('utf8').toLowerCase());
}

function decode(text: string): string {
  return percentDecode(text.includes('+') ? text.replaceAll('+', ' ') : text);
}
