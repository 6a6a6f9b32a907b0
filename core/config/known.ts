import { hashOfFile } from './files.ts';
import { flat } from './flat.ts';

/** A text that begins and ends somewhere in a file. */
export interface Stretch {
  readonly source: string;
  readonly start: number;
  /** What stands between the text and the next one counts, but for blanks at the end. */
  readonly end: number;
  /** In its line. */
  readonly column: number;
}

/** Where an entry of a section stands; one of several files may have a part of the section. */
export interface Place {
  readonly file: string;
  readonly section: string;
  /** Its key, or its place in a list. Undefined for the section itself. */
  readonly name: string | number | undefined;
}

interface Entry {
  readonly text: string;
  readonly column: number;
  readonly value: unknown;
  /** The last reading that met it. */
  reading: number;
}

type Names = Map<Place['name'], Entry>;

/** What is new, other than before, or gone: the names by section. What cannot be compared counts as changed. */
interface Changes {
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
  /** By file and section. */
  readonly #entries = new Map<string, Map<string, Names>>();
  #reading = 0;
  #last: object = {};
  #yaml: ReadonlySet<string> = new Set();
  #hashes: ReadonlyMap<string, string> = new Map();
  /** What the files held that are no YAML of the configuration, in any of its readings. */
  readonly #others = new Map<string, string>();
  #changed = new Map<string, Set<Place['name']>>();

  /** A reading begins. What other files held, secrets and the schemas of extensions, may be in any value. */
  begin(yamlFiles: readonly string[]): void {
    for (const [file, hash] of this.#hashes) if (!this.#yaml.has(file)) this.#others.set(file, hash);
    if ([...this.#others].some(([file, hash]) => hashOfFile(file) !== hash)) {
      this.#entries.clear();
      this.#others.clear();
      this.#last = {};
    }
    this.#reading += 1;
    this.#yaml = new Set(yamlFiles);
    this.#changed = new Map();
  }

  /** @param hashes of all files; those that building adds count too */
  end(hashes: ReadonlyMap<string, string>): Reading {
    for (const sections of this.#entries.values())
      for (const [section, names] of sections)
        for (const [name, { reading }] of names) {
          if (reading === this.#reading) continue;
          names.delete(name);
          this.change(section, name);
        }
    this.#hashes = hashes;
    const changes = { since: this.#last, names: this.#changed };
    this.#last = {};
    return { id: this.#last, changes };
  }

  /** What the entry said the last time, if it stood there as it does now. */
  meet(place: Place, { source, start, end, column }: Stretch): unknown {
    const entry = this.#namesAt(place)?.get(place.name);
    if (entry === undefined || entry.column !== column) return undefined;
    const behind = start + entry.text.length;
    // Not `startsWith`, which takes eight times as long.
    if (behind > end || source.slice(start, behind) !== entry.text) return undefined;
    if (behind < end && !isBlank(entry.text, source, behind, end)) return undefined;
    entry.reading = this.#reading;
    return entry.value;
  }

  /** Takes what an entry says that was not met. */
  keep(place: Place, { source, start, end, column }: Stretch, value: unknown): void {
    const all = source.slice(start, end);
    this.#put(place, {
      text: flat(hasBlock(all) ? all : all.trimEnd()),
      column,
      value,
      reading: this.#reading,
    });
  }

  /** Takes what is compared by its value. */
  note(place: Place, value: unknown): void {
    const entry = this.#namesAt(place)?.get(place.name);
    if (entry !== undefined && entry.value === value) entry.reading = this.#reading;
    else this.#put(place, { text: '', column: 0, value, reading: this.#reading });
  }

  change(section: string, name: Place['name']): void {
    const names = this.#changed.get(section) ?? new Set<Place['name']>();
    this.#changed.set(section, names.add(name));
  }

  #namesAt({ file, section }: Place): Names | undefined {
    return this.#entries.get(file)?.get(section);
  }

  #put(place: Place, entry: Entry): void {
    const sections = this.#entries.get(place.file) ?? new Map<string, Names>();
    this.#entries.set(place.file, sections);
    const names = sections.get(place.section) ?? new Map<Place['name'], Entry>();
    sections.set(place.section, names);
    names.set(place.name, entry);
    this.change(place.section, place.name);
  }
}

/** Blanks mean something at the end of a block alone. */
function isBlank(text: string, source: string, from: number, to: number): boolean {
  return !hasBlock(text) && source.slice(from, to).trim() === '';
}

function hasBlock(text: string): boolean {
  return text.includes('|') || text.includes('>');
}
