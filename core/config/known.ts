import { flat } from '#sdk/flat';
import { type Hashes, hashOf, hashOfFile } from './files.ts';
import type { Whole } from './whole.ts';

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

/** Of what is not compared by its text. */
const unwritten = { text: '', column: 0 };

type Names = Map<Place['name'], Entry>;

/** What is new, other than before, or gone: the names by section. What cannot be compared counts as changed. */
interface Changes {
  /** The reading that this is compared with. */
  readonly since: object;
  readonly names: ReadonlyMap<string, ReadonlySet<Place['name']>>;
}

/** Where what follows a change has moved to. Lines count from 1. */
export interface Moved {
  readonly file: string;
  /** Lines before this one are where they were. */
  readonly from: number;
  /** What stood here or below has moved. */
  readonly behind: number;
  readonly by: number;
}

/** Lines of a file that are others now; places in bytes. */
export interface Edit {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What came of a reading. */
export interface Reading {
  /** Stands for it, and for those after it in which nothing has changed. */
  readonly id: object;
  readonly changes: Changes;
  /** All that has moved; undefined when everything was read. */
  readonly moved: readonly Moved[] | undefined;
  /** What the files hold that they did not before, if that is known. */
  readonly edit: Edit | undefined;
}

/** What a composer asks for entries it need not read, and gives those it has read. */
export type Memory = Pick<Known, 'meet' | 'keep' | 'note' | 'mark' | 'entangle'>;

/**
 * The entries that were read last. One that is written as before is the very same value as before: it costs nothing to
 * read, and whoever builds from it learns what has changed.
 */
export class Known {
  /** By file and section. */
  readonly #entries = new Map<string, Map<string, Names>>();
  #reading = 0;
  /** Stands for the reading before. */
  #since: object = {};
  #last: object = {};
  #yaml: ReadonlySet<string> = new Set();
  #hashes: Hashes = new Map();
  /** What the files held that are no YAML of the configuration, in any of its readings. */
  readonly #others = new Map<string, string>();
  #changed = new Map<string, Set<Place['name']>>();
  #hasMet = false;
  #entangled = new Set<string>();
  /** Of the last reading, unless part of it has to be read again whatever has changed. */
  whole: Whole | undefined;

  /** A reading begins. What other files held, secrets and the schemas of extensions, may be in any value. */
  begin(yamlFiles: readonly string[]): void {
    if (!this.hasSameOthers()) this.forget();
    this.whole = undefined;
    this.#begin();
    this.#reading += 1;
    this.#yaml = new Set(yamlFiles);
    this.#hasMet = false;
    for (const section of this.#entangled) this.#change(section, undefined);
    this.#entangled = new Set();
  }

  /** A reading begins in which all else is what it was than what `keep`, `note` and `drop` are told. */
  beginPart(): void {
    this.#begin();
  }

  #begin(): void {
    this.#since = this.#last;
    // One that never ends is not the one before the next.
    this.#last = {};
    this.#changed = new Map();
  }

  /** Whether files that are no YAML of the configuration hold what they held in all its readings. */
  hasSameOthers(): boolean {
    for (const [file, hash] of this.#hashes) if (!this.#yaml.has(file)) this.#others.set(file, hash);
    return [...this.#others].every(([file, hash]) => hashOfFile(file) === hash);
  }

  /** Of all files that were read, with what building read. */
  get hashes(): Hashes {
    return this.#hashes;
  }

  /** Stands for what the files of the configuration hold; undefined when a change cannot be read alone. */
  get state(): string | undefined {
    if (this.whole === undefined) return undefined;
    return hashOf(JSON.stringify(this.whole.listed.map((file) => [file, this.#hashes.get(file)])));
  }

  /** Whether sections have something from elsewhere. */
  get isEntangled(): boolean {
    return this.#entangled.size > 0;
  }

  /** Whether what the entry says follows from its text alone. Of what is compared by its value nobody knows. */
  isPlain(place: Place): boolean {
    return (this.#namesAt(place)?.get(place.name)?.text ?? '') !== '';
  }

  /** As if nothing had been read. */
  forget(): void {
    this.#entries.clear();
    this.#others.clear();
    this.#hashes = new Map();
    this.#last = {};
    this.whole = undefined;
  }

  /** Whether values of the reading have what extensions gave them that are others now, such as defaults. */
  get isStale(): boolean {
    return this.#hasMet && this.#changed.has('extensions');
  }

  /** @param hashes of all files; those that building adds count too */
  end(hashes: Hashes): Reading {
    for (const sections of this.#entries.values())
      for (const [section, names] of sections)
        for (const [name, { reading }] of names) {
          if (reading === this.#reading) continue;
          names.delete(name);
          this.#change(section, name);
        }
    return this.endPart(hashes);
  }

  /** @param hashes see `end` */
  endPart(hashes: Hashes, moved?: readonly Moved[], edit?: Edit): Reading {
    this.#hashes = hashes;
    // Lines that have only moved are another reading: where they were, whoever passes this one over does not learn.
    if (this.#changed.size === 0 && edit === undefined) this.#last = this.#since;
    return { id: this.#last, changes: { since: this.#since, names: this.#changed }, moved, edit };
  }

  /** What the entry said the last time, if it stood there as it does now. */
  meet(place: Place, { source, start, end, column }: Stretch): unknown {
    const entry = this.#namesAt(place)?.get(place.name);
    if (entry === undefined || entry.column !== column) return undefined;
    const behind = start + entry.text.length;
    // Not `startsWith`, which takes eight times as long.
    if (behind > end || source.slice(start, behind) !== entry.text) return undefined;
    // Blanks mean something at the end of a block alone.
    if (behind < end && (hasBlock(entry.text) || withoutBlanks(source.slice(behind, end)) !== ''))
      return undefined;
    entry.reading = this.#reading;
    this.#hasMet = true;
    return entry.value;
  }

  /** Takes what an entry says that was not met. */
  keep(place: Place, { source, start, end, column }: Stretch, value: unknown): void {
    const all = source.slice(start, end);
    const text = flat(hasBlock(all) ? all : withoutBlanks(all));
    this.#put(place, { text, column, value });
  }

  /** Takes what is compared by its value. */
  note(place: Place, value: unknown): void {
    const entry = this.#namesAt(place)?.get(place.name);
    if (entry !== undefined && entry.value === value) entry.reading = this.#reading;
    else this.#put(place, { ...unwritten, value });
  }

  /** Takes notice of what cannot be compared: it counts as changed each time, and so it does when it is gone. */
  mark(place: Place): void {
    this.#put(place, { ...unwritten, value: undefined });
  }

  /** All of a section may come from elsewhere, by names that are not told; the next reading may not have those. */
  entangle(section: string): void {
    this.#entangled.add(section);
    this.#change(section, undefined);
  }

  /** Takes notice of an entry that is gone. */
  drop(place: Place): void {
    if (this.#namesAt(place)?.delete(place.name) === true) this.#change(place.section, place.name);
  }

  #change(section: string, name: Place['name']): void {
    const names = this.#changed.get(section) ?? new Set<Place['name']>();
    this.#changed.set(section, names.add(name));
  }

  #namesAt({ file, section }: Place): Names | undefined {
    return this.#entries.get(file)?.get(section);
  }

  #put(place: Place, entry: Omit<Entry, 'reading'>): void {
    const sections = this.#entries.get(place.file) ?? new Map<string, Names>();
    this.#entries.set(place.file, sections);
    const names = sections.get(place.section) ?? new Map<Place['name'], Entry>();
    sections.set(place.section, names);
    names.set(place.name, { ...entry, reading: this.#reading });
    this.#change(place.section, place.name);
  }
}

/** Not `trimEnd`, which takes off what is text in YAML, such as a no-break space. */
function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\r\n'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function hasBlock(text: string): boolean {
  return text.includes('|') || text.includes('>');
}
