import { isFieldValue, isToken } from './field-syntax.ts';

/**
 * The header fields of a message, in wire order, repeated fields kept apart (RFC 9110 section 5).
 *
 * A thin view over the flat `[name, value, name, value, ...]` array that goes to the wire: nothing is rebuilt.
 * Names compare without regard to letter case. Values are as Node shows them: one character per byte (Latin-1).
 */
export class Fields {
  /** `[name, value, name, value, ...]`. Read it freely; change it through the methods, which refuse bad bytes. */
  flat: string[];

  constructor(flat: string[] = []) {
    this.flat = flat;
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
    const index = find(this.flat, name, 0);
    return index < 0 ? undefined : this.flat[index + 1];
  }

  /** All values of the field, one entry a field line. */
  getAll(name: string): string[] {
    const { flat } = this;
    const values: string[] = [];
    for (let index = find(flat, name, 0); index >= 0; index = find(flat, name, index + 2)) {
      values.push(flat[index + 1] ?? '');
    }
    return values;
  }

  /** All values joined with a comma and a blank, as RFC 9110 section 5.3 allows; undefined when absent. */
  combined(name: string): string | undefined {
    const { flat } = this;
    const index = find(flat, name, 0);
    if (index < 0) return undefined;
    return find(flat, name, index + 2) < 0 ? flat[index + 1] : this.getAll(name).join(', ');
  }

  has(name: string): boolean {
    return find(this.flat, name, 0) >= 0;
  }

  /**
   * Replaces every line of the field by one; appends when there was none.
   * @throws TypeError when the name is no token or the value holds CR, LF, NUL or another control character.
   */
  set(name: string, value: string): void {
    const checked = checkedValue(name, value);
    const { flat } = this;
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
    this.flat.push(name, checkedValue(name, value));
  }

  delete(name: string): void {
    removeFrom(this.flat, name, 0);
  }

  /** Removes every field whose lower-case name is in the set, in one pass. */
  deleteAll(lowerCaseNames: ReadonlySet<string>): void {
    const { flat } = this;
    let kept = 0;
    for (let index = 0; index < flat.length; index += 2) {
      const name = flat[index] ?? '';
      if (lowerCaseNames.has(name.toLowerCase())) continue;
      flat[kept] = name;
      flat[kept + 1] = flat[index + 1] ?? '';
      kept += 2;
    }
    flat.length = kept;
  }

  /** Name and value of each line, in wire order. */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    const { flat } = this;
    for (let index = 0; index < flat.length; index += 2) yield [flat[index] ?? '', flat[index + 1] ?? ''];
  }

  clone(): Fields {
    return new Fields(this.flat.slice());
  }
}

/** Where the field is, from an index on; -1 when it is not there. The lengths of most names spare the rest. */
function find(flat: readonly string[], name: string, from: number): number {
  const { length } = name;
  let lower: string | undefined;
  for (let index = from; index < flat.length; index += 2) {
    const each = flat[index];
    if (each === undefined || each.length !== length) continue;
    if (each === name) return index;
    lower ??= name.toLowerCase();
    if (each.toLowerCase() === lower) return index;
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
  flat.length = kept;
}

function checkedValue(name: string, value: string): string {
  if (!isToken(name)) throw new TypeError(`not a header field name: ${JSON.stringify(name)}`);
  if (isFieldValue(value)) return value;
  const bytes = Buffer.from(value, 'utf8').toString('latin1');
  if (!isFieldValue(bytes)) throw new TypeError(`header field ${name}: control characters are not allowed`);
  return bytes;
}
