import { Directives } from './directives.ts';

/*
 * Targeted fields such as `CDN-Cache-Control` (RFC 9213) are structured dictionaries (RFC 9651 section 3.2): one mistake
 * anywhere, and the field is as if it were not there.
 */

const key = /[a-z*][a-z0-9_\-.*]*/y;
const bareItem =
  /(?:(-?[0-9]{1,15})(?![0-9.])|-?[0-9]{1,12}\.[0-9]{1,3}(?![0-9])|"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"|[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*|:[A-Za-z0-9+/=]*:|\?([01])|@-?[0-9]{1,15})/y;
const blanks = /[ \t]*/y;

/** Directives whose value is a number of seconds; any other type is a mistake. */
const numeric: ReadonlySet<string> = new Set([
  'max-age',
  's-maxage',
  'stale-while-revalidate',
  'stale-if-error',
]);
/** Those that are there or not, or name fields. */
const flags: ReadonlySet<string> = new Set([
  'no-store',
  'no-cache',
  'private',
  'public',
  'must-revalidate',
  'proxy-revalidate',
  'must-understand',
]);

const sticky: ReadonlySet<string> = new Set(['no-store', 'no-cache', 'private']);

interface Item {
  readonly type: 'integer' | 'string' | 'boolean' | 'other';
  readonly value: string;
}

/** Undefined when it is no dictionary, or one in which a directive that is known has a value of the wrong type. */
export function readTargeted(text: string): Directives | undefined {
  const members = new Reader(text).dictionary();
  if (members === undefined) return undefined;
  const values = new Map<string, string | undefined>();
  for (const [name, { type, value }] of members) {
    if (type === 'boolean' && value === '0') {
      if (numeric.has(name)) return undefined;
      continue;
    }
    if (numeric.has(name) && type !== 'integer') return undefined;
    if (flags.has(name) && type !== 'boolean' && type !== 'string') return undefined;
    values.set(name, type === 'boolean' ? undefined : value);
  }
  return new Directives(values);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trim();
  }

  dictionary(): Map<string, Item> | undefined {
    const members = new Map<string, Item>();
    while (this.#at < this.#text.length) {
      const name = this.#take(key)?.[0];
      if (name === undefined) return undefined;
      const item = this.#eat('=') ? this.#value() : isTrue;
      if (item === undefined || !this.#parameters()) return undefined;
      // The last of a name counts; but what was forbidden once is not allowed by a second word on it.
      if (!(sticky.has(name) && isPlain(members.get(name)))) members.set(name, item);
      this.#take(blanks);
      if (this.#at === this.#text.length) return members;
      if (!this.#eat(',')) return undefined;
      this.#take(blanks);
      if (this.#at === this.#text.length) return undefined;
    }
    return members;
  }

  #value(): Item | undefined {
    return this.#eat('(') ? this.#innerList() : this.#item();
  }

  #innerList(): Item | undefined {
    for (;;) {
      this.#take(blanks);
      if (this.#eat(')')) return { type: 'other', value: '' };
      if (this.#item() === undefined || !this.#parameters()) return undefined;
      const next = this.#text[this.#at];
      if (next !== ' ' && next !== ')') return undefined;
    }
  }

  #item(): Item | undefined {
    const found = this.#take(bareItem);
    if (found === undefined) return undefined;
    const [, integer, string, boolean] = found;
    if (integer !== undefined) return { type: 'integer', value: integer };
    if (string !== undefined) return { type: 'string', value: string.replaceAll(/\\(.)/g, '$1') };
    if (boolean !== undefined) return { type: 'boolean', value: boolean };
    return { type: 'other', value: found[0] };
  }

  #parameters(): boolean {
    while (this.#eat(';')) {
      this.#take(blanks);
      const name = this.#take(key)?.[0];
      // A semicolon for a comma is a likely mistake, and here it would hide what forbids.
      if (name === undefined || sticky.has(name)) return false;
      if (this.#eat('=') && this.#item() === undefined) return false;
    }
    return true;
  }

  #eat(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }
}

function isPlain(item: Item | undefined): boolean {
  return item?.type === 'boolean' && item.value === '1';
}

const isTrue: Item = { type: 'boolean', value: '1' };
