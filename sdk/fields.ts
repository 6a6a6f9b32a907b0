import { isFieldValue, isToken } from './field-syntax.ts';

// What follows up to the class is for core alone: fields that nobody else could put anything into were checked once, and
// need not be when they are sent.

export { lineStart } from './field-syntax.ts';

/** The array of `Fields.flat`, for whoever leaves it as it is or puts in what was checked. */
export let linesOf: (fields: Fields) => string[];
/** Whether all names and values are known to be fit to be sent. */
export let isChecked: (fields: Fields) => boolean;
/** Fields of lines of which one knows whether they were checked, and that nobody else has. */
export let fieldsOf: (flat: string[], areChecked: boolean) => Fields;

/**
 * The header fields of a message, in wire order, repeated fields kept apart (RFC 9110 section 5).
 *
 * A thin view over the flat `[name, value, name, value, ...]` array that goes to the wire: nothing is rebuilt.
 * Names compare without regard to letter case. Values are as Node shows them: one character per byte (Latin-1).
 */
export class Fields {
  #flat: string[];
  /** Whether somebody else has the array, and may have put anything into it. */
  #isOpen: boolean;

  static {
    linesOf = (fields) => fields.#flat;
    isChecked = (fields) => !fields.#isOpen;
    fieldsOf = (flat, areChecked) => {
      const fields = new Fields(flat);
      fields.#isOpen = !areChecked;
      return fields;
    };
  }

  constructor(flat?: string[]) {
    this.#flat = flat ?? [];
    this.#isOpen = flat !== undefined;
  }

  /** `[name, value, name, value, ...]`. Read it freely; change it through the methods, which refuse bad bytes. */
  get flat(): string[] {
    this.#isOpen = true;
    return this.#flat;
  }

  set flat(flat: string[]) {
    this.#isOpen = true;
    this.#flat = flat;
  }

  /** Builds from an object, each name and value checked as by `append`. */
  static from(entries: Readonly<Record<string, string | readonly string[]>>): Fields {
    const fields = new Fields();
    for (const [name, value] of Object.entries(entries)) {
      if (typeof value === 'string') fields.append(name, value);
      else for (const each of value) fields.append(name, each);
    }
    return fields;
  }

  /** The first value of the field, or undefined. */
  get(name: string): string | undefined {
    const index = find(this.#flat, name, 0);
    return index < 0 ? undefined : this.#flat[index + 1];
  }

  /** All values of the field, one entry a field line. */
  getAll(name: string): string[] {
    const flat = this.#flat;
    const values: string[] = [];
    for (let index = find(flat, name, 0); index >= 0; index = find(flat, name, index + 2)) {
      values.push(flat[index + 1] ?? '');
    }
    return values;
  }

  /** All values joined with a comma and a blank, as RFC 9110 section 5.3 allows; undefined when absent. */
  combined(name: string): string | undefined {
    const flat = this.#flat;
    const index = find(flat, name, 0);
    if (index < 0) return undefined;
    return find(flat, name, index + 2) < 0 ? flat[index + 1] : this.getAll(name).join(', ');
  }

  has(name: string): boolean {
    return find(this.#flat, name, 0) >= 0;
  }

  /**
   * Replaces every line of the field by one; appends when there was none.
   * @throws TypeError when the name is no token or the value holds CR, LF, NUL or another control character.
   */
  set(name: string, value: string): void {
    const checked = checkedValue(name, value);
    const flat = this.#flat;
    const index = find(flat, name, 0);
    if (index < 0) {
      flat.push(name, checked);
      return;
    }
    flat[index + 1] = checked;
    removeFrom(flat, name, index + 2);
  }

  /**
   * Adds one line and leaves what is there.
   * @throws TypeError as `set` does.
   */
  append(name: string, value: string): void {
    this.#flat.push(name, checkedValue(name, value));
  }

  delete(name: string): void {
    removeFrom(this.#flat, name, 0);
  }

  /** Removes every field whose lower-case name is in the set, in one pass. */
  deleteAll(lowerCaseNames: ReadonlySet<string>): void {
    this.deleteWhere((name) => lowerCaseNames.has(name.toLowerCase()));
  }

  /** Removes every field whose name, as it was sent, is one of those, in one pass. */
  deleteWhere(isOneOf: (name: string) => boolean): void {
    const flat = this.#flat;
    let kept = 0;
    for (let index = 0; index < flat.length; index += 2) {
      const name = flat[index] ?? '';
      if (isOneOf(name)) continue;
      if (kept !== index) {
        flat[kept] = name;
        flat[kept + 1] = flat[index + 1] ?? '';
      }
      kept += 2;
    }
    cut(flat, kept);
  }

  /** Name and value of each line, in wire order. */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    const flat = this.#flat;
    for (let index = 0; index < flat.length; index += 2) {
      // A text: what is none could be another one for who checks it than for who sends it.
      const value: unknown = flat[index + 1] ?? '';
      yield [flat[index] ?? '', String(value)];
    }
  }

  clone(): Fields {
    return fieldsOf(this.#flat.slice(), !this.#isOpen);
  }
}

/** Where the field is, from an index on; -1 when it is not there. The length and the first letter spare most names the rest. */
function find(flat: readonly string[], name: string, from: number): number {
  const { length } = name;
  const first = name.charCodeAt(0) | 0x20;
  for (let index = from; index < flat.length; index += 2) {
    const each = flat[index];
    if (each === undefined || each.length !== length || (each.charCodeAt(0) | 0x20) !== first) continue;
    if (each === name || each.toLowerCase() === name.toLowerCase()) return index;
  }
  return -1;
}

function removeFrom(flat: string[], name: string, from: number): void {
  let kept = find(flat, name, from);
  if (kept < 0) return;
  const lower = name.toLowerCase();
  for (let index = kept + 2; index < flat.length; index += 2) {
    const each = flat[index] ?? '';
    if (each.length === lower.length && each.toLowerCase() === lower) continue;
    flat[kept] = each;
    flat[kept + 1] = flat[index + 1] ?? '';
    kept += 2;
  }
  cut(flat, kept);
}

// Line by line, for it is mostly one: V8 leaves its optimised code to set a length.
function cut(flat: string[], length: number): void {
  while (flat.length > length) flat.pop();
  // A name without a value, of a plugin without types, would take the next name for one.
  if (flat.length < length) flat.push('');
}

function checkedValue(name: string, value: unknown): string {
  if (!isToken(name)) throw new TypeError(`not a header field name: ${JSON.stringify(name)}`);
  // Of a plugin without types: a list, say, could say something else by the time it is sent.
  const text = String(value);
  if (isFieldValue(text)) return text;
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  if (!isFieldValue(bytes)) throw new TypeError(`header field ${name}: control characters are not allowed`);
  return bytes;
}
