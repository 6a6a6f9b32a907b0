/** The value of a directive: undefined when it has none; null when it was given twice with different ones. */
type Value = string | undefined | null;

/** What a `Cache-Control` field says (RFC 9111 section 5.2), or one like it. */
export class Directives {
  readonly #values: ReadonlyMap<string, Value>;
  /** A part of it cannot be read, and could have been anything. */
  readonly isMalformed: boolean;

  constructor(values: ReadonlyMap<string, Value>, isMalformed = false) {
    this.#values = values;
    this.isMalformed = isMalformed;
  }

  static readonly none: Directives = new Directives(new Map());

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /**
   * Seconds; undefined when the directive is absent. What is no number, or two different ones, is 0: section 4.2.1 lets
   * a cache take that for stale, which is the side to err on.
   */
  seconds(name: string): number | undefined {
    if (!this.#values.has(name)) return undefined;
    return secondsOf(this.#values.get(name)) ?? 0;
  }

  /** Whether the directive is there, without a value. */
  isBare(name: string): boolean {
    return this.#values.has(name) && this.#values.get(name) === undefined;
  }

  /** Lower-case field names that `private` or `no-cache` is limited to; undefined when it holds for the whole answer. */
  fieldNames(name: string): readonly string[] | undefined {
    const value = this.#values.get(name);
    if (typeof value !== 'string') return undefined;
    const names = value.split(',').map((each) => each.trim().toLowerCase());
    // A list that cannot be read limits nothing.
    return names.every((each) => token.test(each)) ? names : undefined;
  }
}

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i;
const member =
  /^[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\.)*)"))?)?[ \t]*$/;

/** Seconds beyond this are as good as for ever (section 1.2.2). */
const mostSeconds = 2_147_483_648;

function secondsOf(value: Value): number | undefined {
  if (typeof value !== 'string' || !/^[0-9]+$/.test(value)) return undefined;
  return Math.min(Number(value), mostSeconds);
}

/** Reads all lines of a field, joined. Never throws; what cannot be read is noted, not guessed. */
export function readDirectives(text: string | undefined): Directives {
  if (text === undefined) return Directives.none;
  const values = new Map<string, Value>();
  let isMalformed = false;
  for (const part of splitList(text)) {
    const found = member.exec(part);
    if (found === null) {
      isMalformed = true;
      continue;
    }
    const [, name, plain, quoted] = found;
    if (name === undefined) continue;
    const value = plain ?? quoted?.replaceAll(/\\(.)/g, '$1');
    const lower = name.toLowerCase();
    values.set(lower, values.has(lower) && values.get(lower) !== value ? null : value);
  }
  return new Directives(values, isMalformed);
}

/** The members of a list, split at commas outside quoted strings. A string that does not end holds the rest. */
export function splitList(text: string): string[] {
  if (!text.includes('"')) return text.split(',');
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') isQuoted = !isQuoted;
    else if (character === '\\' && isQuoted) index += 1;
    else if (character === ',' && !isQuoted) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
