import { open, stat } from 'node:fs/promises';
import { Composer } from './compose.ts';
import { checkSize, hashing } from './files.ts';
import type { Edit } from './known.ts';
import { type Layout, section } from './layout.ts';
import { parseText } from './parse.ts';
import type { Problem } from './problems.ts';
import type { Secrets } from './secrets.ts';
import { atOnce } from './steps.ts';
import { withLongBreath } from '../breath.ts';
import { type Node, Source } from './tree.ts';

/** The line above entries that are read alone: with it they mean what they mean where they stand. */
export const heading = `${section}:\n`;

/** What a file holds, and where its entries stand in that. */
export interface Part {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly layout: Layout | undefined;
}

/** What a file holds now that held something else. */
export interface Changed {
  readonly file: string;
  readonly bytes: Buffer<ArrayBuffer>;
  readonly hash: string;
}

/** What a file holds, without a byte order mark; in the memory that is there, if that is enough. */
export type ReadBytes = (file: string, memory: Buffer<ArrayBuffer>) => Promise<Buffer<ArrayBuffer>>;

const byteOrderMark = Buffer.from('\uFEFF');

/** @param maxBytes larger ones are refused, and what is no file */
export async function readBytesFromDisk(
  file: string,
  memory: Buffer<ArrayBuffer>,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer>> {
  // To open a pipe would wait for whoever writes into it.
  if (!(await stat(file)).isFile()) throw new Error('not a file');
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    checkSize(size, maxBytes);
    const room = roomFor(size, memory);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await handle.read(room, length, size - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const bytes = room.subarray(0, length);
    return bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark)
      ? bytes.subarray(byteOrderMark.length)
      : bytes;
  } finally {
    await handle.close();
  }
}

/** Memory of its own for so many bytes, and for a file that grows: what is shared with other buffers could not be used again. */
function roomFor(bytes: number, memory = Buffer.alloc(0)): Buffer<ArrayBuffer> {
  return memory.length >= bytes ? memory : Buffer.allocUnsafeSlow(Math.ceil(bytes * 1.05));
}

export function bytesOf(text: string): Buffer<ArrayBuffer> {
  const room = roomFor(Buffer.byteLength(text));
  return room.subarray(0, room.write(text));
}

function hashOfBytes(bytes: Buffer): Promise<string> {
  return withLongBreath((breath) => breath.through(hashing(bytes)));
}

/** The files of a configuration as they were read last, and what they said. A change that is read alone changes this too. */
export class Whole {
  readonly listed: readonly string[];
  /** With the same section after a change: a copy of it would take as long as all else. */
  readonly root: Record<string, unknown>;
  /** See `ConfigText`. */
  readonly files: readonly string[];
  readonly #parts: Map<string, Part>;
  /** Used again and again: what is let go, V8 gives back late. */
  #spare: Buffer<ArrayBuffer> | undefined;

  /** @param parts of each file; as `bytesOf` and `ReadBytes` give them */
  constructor(
    listed: readonly string[],
    root: Record<string, unknown>,
    files: readonly string[],
    parts: Map<string, Part>,
  ) {
    this.listed = listed;
    this.root = root;
    this.files = files;
    this.#parts = parts;
  }

  get entries(): Record<string, unknown> {
    return (this.root[section] ?? {}) as Record<string, unknown>;
  }

  partOf(file: string): Part | undefined {
    return this.#parts.get(file);
  }

  textOf(file: string): string | undefined {
    return this.#parts.get(file)?.bytes.toString();
  }

  /** What files hold that held something else. @throws Error when one cannot be read */
  async look(read: ReadBytes): Promise<Changed[]> {
    const changed: Changed[] = [];
    for (const file of this.listed) {
      const memory = this.#spare;
      this.#spare = undefined;
      const bytes = await read(file, memory ?? Buffer.alloc(0));
      if (this.#parts.get(file)?.bytes.equals(bytes) === true) this.#spare = Buffer.from(bytes.buffer);
      else changed.push({ file, bytes, hash: await hashOfBytes(bytes) });
    }
    return changed;
  }

  /** What a file holds in which lines are others. @throws Error when it is none of these files */
  async edited({ file, start, end, text }: Edit): Promise<Changed> {
    const before = this.#parts.get(file)?.bytes;
    if (before === undefined) throw new Error('another file');
    const added = Buffer.byteLength(text);
    const memory = roomFor(start + added + before.length - end, this.#spare);
    this.#spare = undefined;
    before.copy(memory, 0, 0, start);
    memory.write(text, start);
    const length = start + added + before.copy(memory, start + added, end);
    const bytes = memory.subarray(0, length);
    return { file, bytes, hash: await hashOfBytes(bytes) };
  }

  /** From now on the file holds this. */
  put(file: string, bytes: Changed['bytes']): void {
    const part = this.#parts.get(file);
    if (part === undefined) return;
    this.#parts.set(file, { layout: part.layout, bytes });
    this.#spare = Buffer.from(part.bytes.buffer);
  }

  /** An entry of the section, read again; undefined when it stands nowhere, or what it says does not by itself. */
  nodeOf(name: string, secrets: Secrets): Node | undefined {
    for (const [file, { bytes, layout }] of this.#parts) {
      const index = layout?.names.indexOf(name) ?? -1;
      if (layout === undefined || index === -1) continue;
      const text = heading + bytes.toString('utf8', layout.startOf(index), layout.startOf(index + 1));
      const { lineStarts, events } = parseText(text);
      const source = new Source(file, text, lineStarts, events ?? undefined, layout.lineOf(index) - 1);
      const problems: Problem[] = [];
      const { content } = atOnce(new Composer(source, secrets, problems).document());
      // Such as an alias of what stands in another entry.
      if (problems.length > 0) return undefined;
      const entries = content instanceof Map ? content.get(section)?.content : undefined;
      return entries instanceof Map ? entries.get(name) : undefined;
    }
    return undefined;
  }
}
