import { hashOfFile } from './files.ts';

/** An entry as it stood in its file. */
export interface Written {
  /** Up to what comes behind it. Two that are equal, from the same column on, mean the same. */
  readonly text: string;
  readonly column: number;
}

interface Entry extends Written {
  readonly value: unknown;
}

/** By file and section. */
type Entries = Map<string, Map<string | number, Entry>>;

/**
 * The entries that were read last. One that is written as before is the very same value as before, which costs nothing
 * to read, and tells who builds from it that nothing has changed.
 */
export class Known {
  #before: Entries = new Map();
  #now: Entries = new Map();
  #yaml: ReadonlySet<string> = new Set();
  #hashes: ReadonlyMap<string, string> = new Map();

  /** A reading begins. What other files held, secrets and the schemas of extensions, may be in any value. */
  begin(yamlFiles: readonly string[]): void {
    const isOther = ([file, hash]: readonly [string, string]): boolean =>
      !this.#yaml.has(file) && hashOfFile(file) !== hash;
    this.#before = [...this.#hashes].some(isOther) ? new Map() : this.#now;
    this.#now = new Map();
    this.#yaml = new Set(yamlFiles);
  }

  /** @param hashes of all files; those that building adds count too */
  end(hashes: ReadonlyMap<string, string>): void {
    this.#before = new Map();
    this.#hashes = hashes;
  }

  /** What the entry said the last time, if it stood there as it does now. */
  find(place: string, name: string | number, { text, column }: Written): unknown {
    const before = this.#before.get(place)?.get(name);
    return before?.text === text && before.column === column ? before.value : undefined;
  }

  keep(place: string, name: string | number, { text, column }: Written, value: unknown): void {
    const entries = this.#now.get(place) ?? new Map<string | number, Entry>();
    this.#now.set(place, entries);
    entries.set(name, { text, column, value });
  }
}
