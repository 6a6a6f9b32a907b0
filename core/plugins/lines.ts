import type { Moved } from '../config/known.ts';
import type { Locator } from '../config/locate.ts';
import type { Path, Position } from '../config/problems.ts';

/** Where an entry of a section stands now. */
interface Entry {
  readonly path: Path;
  file: string;
  line: number;
  readonly column: number;
}

class Place implements Position {
  readonly column: number;
  readonly #entry: Entry;
  readonly #line: number;

  /** @param line below the entry's */
  constructor(entry: Entry, line: number, column: number) {
    this.#entry = entry;
    this.#line = line;
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
    if (path.length <= 2) {
      const entry = this.#entryAt(path) ?? this.#add(path, locate.positionOf(path));
      return new Place(entry, 0, entry.column);
    }
    const begin = locate.positionOf(entryPath);
    const { line, column } = locate.positionOf(path);
    return new Place(this.#entryAt(entryPath) ?? this.#add(entryPath, begin), line - begin.line, column);
  }

  /**
   * What to set when another reading comes into force, in which these entries are what they were, and where they are not.
   * @param all that has moved, if that is known
   */
  *moves(locate: Locator, all?: readonly Moved[]): Generator<undefined, () => void, unknown> {
    const moved: [Entry, Pick<Position, 'file' | 'line'>][] = [];
    let looked = 0;
    for (const names of this.#entries.values())
      for (const entry of names.values()) {
        const now = all === undefined ? locate.positionOf(entry.path) : movedTo(entry, all, locate);
        if (now.line !== entry.line || now.file !== entry.file) moved.push([entry, now]);
        looked += 1;
        if (all === undefined || looked % 256 === 0) yield;
      }
    return () => {
      for (const [entry, { file, line }] of moved) {
        entry.file = file;
        entry.line = line;
      }
    };
  }

  /** An entry that is another one from now on. */
  forget(section: string, name: unknown): void {
    this.#entries.get(section)?.delete(name);
  }

  #entryAt([section, name]: Path): Entry | undefined {
    return this.#entries.get(section)?.get(name);
  }

  #add(path: Path, { file, line, column }: Position): Entry {
    const [section, name] = path;
    const names = this.#entries.get(section) ?? new Map<unknown, Entry>();
    this.#entries.set(section, names);
    const entry = { path, file, line, column };
    names.set(name, entry);
    return entry;
  }
}

/** Where an entry stands now. Only of those among what has changed that has to be looked for. */
function movedTo(entry: Entry, all: readonly Moved[], locate: Locator): Pick<Position, 'file' | 'line'> {
  const { file, line } = entry;
  const moved = all.find((each) => each.file === file && each.from <= line);
  if (moved === undefined) return entry;
  return line < moved.behind ? locate.positionOf(entry.path) : { file, line: line + moved.by };
}
