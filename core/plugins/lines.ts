import type { Locator } from '../config/locate.ts';
import type { Path, Position } from '../config/problems.ts';

/** Where an entry of a section stands now. */
interface Entry {
  readonly path: Path;
  file: string;
  line: number;
}

class Place implements Position {
  readonly column: number;
  readonly #entry: Entry;
  /** Below the entry's. */
  readonly #line: number;

  /** @param begin of the entry, in the same reading as the position */
  constructor(entry: Entry, begin: Position, { line, column }: Position) {
    this.#entry = entry;
    this.#line = line - begin.line;
    this.column = column;
  }

  get file(): string {
    return this.#entry.file;
  }

  get line(): number {
    return this.#entry.line + this.#line;
  }
}

/** Where things stand, which stays right while others above them come and go. */
export class Lines {
  /** By section and name. */
  readonly #entries = new Map<unknown, Map<unknown, Entry>>();

  placeOf(path: Path, locate: Locator): Position {
    const entryPath = path.slice(0, 2);
    const begin = locate.positionOf(entryPath);
    const at = path.length > 2 ? locate.positionOf(path) : begin;
    return new Place(this.#entry(entryPath, begin), begin, at);
  }

  /** What to set when another reading comes into force, in which these entries are what they were, and where they are not. */
  *moves(locate: Locator): Generator<undefined, () => void, unknown> {
    const moved: [Entry, Position][] = [];
    for (const names of this.#entries.values())
      for (const entry of names.values()) {
        const now = locate.positionOf(entry.path);
        if (now.line !== entry.line || now.file !== entry.file) moved.push([entry, now]);
        yield;
      }
    return () => {
      for (const [entry, { file, line }] of moved) Object.assign(entry, { file, line });
    };
  }

  /** An entry that is another one from now on. */
  forget(section: string, name: unknown): void {
    this.#entries.get(section)?.delete(name);
  }

  #entry(path: Path, { file, line }: Position): Entry {
    const [section, name] = path;
    const names = this.#entries.get(section) ?? new Map<unknown, Entry>();
    this.#entries.set(section, names);
    const entry = names.get(name) ?? { path, file, line };
    names.set(name, entry);
    return entry;
  }
}
