import { unescape } from 'node:querystring';

/**
 * Name and value pairs of a query string or of an `application/x-www-form-urlencoded` body (WHATWG URL section 5):
 * decoded from UTF-8, `+` as a blank, order and repetition kept. A malformed percent sequence is kept as it stands.
 */
export class Params {
  readonly #pairs: readonly (readonly [name: string, value: string])[];

  private constructor(pairs: readonly (readonly [string, string])[]) {
    this.#pairs = pairs;
  }

  static parse(text: string): Params {
    if (text === '') return empty;
    const pairs: (readonly [string, string])[] = [];
    for (const part of text.split('&')) {
      if (part === '') continue;
      const equals = part.indexOf('=');
      pairs.push(
        equals < 0
          ? [decodeParam(part), '']
          : [decodeParam(part.slice(0, equals)), decodeParam(part.slice(equals + 1))],
      );
    }
    return new Params(pairs);
  }

  static readonly empty: Params = new Params([]);

  /** The first value of the name, or undefined. */
  get(name: string): string | undefined {
    for (const pair of this.#pairs) if (pair[0] === name) return pair[1];
    return undefined;
  }

  getAll(name: string): string[] {
    return this.#pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }

  get size(): number {
    return this.#pairs.length;
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return this.#pairs[Symbol.iterator]();
  }
}

const empty = Params.empty;

function decodeParam(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return spaced.includes('%') ? unescape(spaced) : spaced;
}

/** Percent-decodes a piece of a path; what is malformed stays as it stands. */
export function decodePath(text: string): string {
  return text.includes('%') ? unescape(text) : text;
}

/** The cookies of a `Cookie` field (RFC 6265 section 5.4): first of a name wins, values as sent. */
export function parseCookies(header: string | undefined): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  if (header === undefined) return cookies;
  for (const part of header.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0) continue;
    const name = part.slice(0, equals).trim();
    if (name !== '' && !cookies.has(name)) cookies.set(name, part.slice(equals + 1).trim());
  }
  return cookies;
}
