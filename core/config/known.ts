import { hashOfFile } from './files.ts';

/** An entry as it stood in its file. */
export interface Written {
  /** Up to what comes behind it. Two that are equal, from the same column on, mean the same. */
  readonly text: string;
  readonly column: number;
}

/** Where an entry of a section stands; one of several files may have a part of the section. */
export interface Place {
  readonly file: string;
  readonly section: string;
  /** Its key, or its place in a list. Undefined for the section itself. */
  readonly name: string | number | undefined;
}

type Entry = Written & { readonly value: unknown };

/** By file, section and name. */
type Entries = Map<string, Map<string, Map<Place['name'], Entry>>>;

/** What is new, other than before, or gone: the names by section. What cannot be compared counts as changed. */
export interface Changes {
  /** The reading that this is compared with. */
  readonly since: object;
  readonly names: ReadonlyMap<string, ReadonlySet<Place['name']>>;
}

/** What came of a reading. */
export interface Reading {
  /** Stands for it. */
  readonly id: object;
  readonly changes: Changes;
}

/**
 * The entries that were read last. One that is written as before is the very same value as before: it costs nothing to
 * read, and whoever builds from it learns what has changed.
 */
export class Known {
  #before: Entries = new Map();
  #now: Entries = new Map();
  #last: object = {};
  #yaml: ReadonlySet<string> = new Set();
  #hashes: ReadonlyMap<string, string> = new Map();
  #changed = new Map<string, Set<Place['name']>>();

  /** A reading begins. What other files held, secrets and the schemas of extensions, may be in any value. */
  begin(yamlFiles: readonly string[]): void {
    const isOther = ([file, hash]: readonly [string, string]): boolean =>
      !this.#yaml.has(file) && hashOfFile(file) !== hash;
    const isForgotten = [...this.#hashes].some(isOther);
    this.#before = isForgotten ? new Map() : this.#now;
    if (isForgotten) this.#last = {};
    this.#now = new Map();
    this.#yaml = new Set(yamlFiles);
    this.#changed = new Map();
  }

  /** @param hashes of all files; those that building adds count too */
  end(hashes: ReadonlyMap<string, string>): Reading {
    for (const [file, sections] of this.#before) {
      for (const [section, entries] of sections) {
        const now = this.#now.get(file)?.get(section);
        for (const name of entries.keys()) if (now?.has(name) !== true) this.change({ file, section, name });
      }
    }
    this.#before = new Map();
    this.#hashes = hashes;
    const changes = { since: this.#last, names: this.#changed };
    this.#last = {};
    return { id: this.#last, changes };
  }

  /** What the entry said the last time, if it stood there as it does now. */
  find({ file, section, name }: Place, { text, column }: Written): unknown {
    const before = this.#before.get(file)?.get(section)?.get(name);
    return before?.text === text && before.column === column ? before.value : undefined;
  }

  /** Takes what an entry says. */
  keep(place: Place, { text, column }: Written, value: unknown): void {
    if (this.find(place, { text, column }) !== value) this.change(place);
    const { file, section, name } = place;
    const sections = this.#now.get(file) ?? new Map<string, Map<Place['name'], Entry>>();
    this.#now.set(file, sections);
    const entries = sections.get(section) ?? new Map<Place['name'], Entry>();
    sections.set(section, entries);
    entries.set(name, { text, column, value });
  }

  change({ section, name }: Omit<Place, 'file'> & { readonly file?: string }): void {
    const names = this.#changed.get(section) ?? new Set<Place['name']>();
    this.#changed.set(section, names.add(name));
  }
}
