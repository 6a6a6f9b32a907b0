import { type ReadText, checkSize, listYaml, readFromDisk } from './files.ts';
import type { Edit, Known } from './known.ts';
import { readPart } from './part.ts';
import { type ConfigText, type Unlisted, maxFileBytes, readListed } from './read.ts';
import { inSlices } from './steps.ts';
import { bytesOf, readBytesFromDisk } from './whole.ts';

/** What a file held, or why it could not be read. */
type FileCopy = { readonly text: string } | { readonly error: string; readonly code: string | undefined };

export type Files = Readonly<Record<string, FileCopy>>;

/** A configuration as it was on the disk, to be read again in another process, whatever the disk holds by then. */
export interface ConfigCopy {
  readonly path: string;
  /** The YAML files. */
  readonly listed: readonly string[];
  readonly unlisted: readonly Unlisted[];
  /** What was read, by name. Holds secrets: never for a log. */
  readonly files: Files;
}

/** What has changed since a reading; for whoever has that. */
interface Change {
  /** Stands for what was read before: `Known.state`. */
  readonly since: string;
  /** Undefined when nothing has changed. */
  readonly edit: Edit | undefined;
}

/** A configuration as it was on the disk, for whoever knows it as it was before. */
export interface ChangedCopy extends Change {
  /** Files that are no YAML of the configuration. */
  readonly files: Files;
}

/** What was kept of a reading. */
export interface Kept {
  readonly copy: ConfigCopy;
  /** To be made to the copy, one after the other. */
  readonly edits: readonly Edit[];
  /** Since the reading before, if it was read alone. */
  readonly last: Change | undefined;
}

/** So many edits take a moment to be made. */
const maxEdits = 64;

const kept = new WeakMap<ConfigText | Known, Kept>();

/**
 * Reads a configuration from the disk as `readConfig` does, in slices, and keeps what it read for `keptOf`.
 * @param known what has not changed since it was read is not read again
 * @param isKept `false` when nobody is going to ask for it any more
 */
export async function readKeeping(
  path: string,
  env: NodeJS.ProcessEnv,
  known?: Known,
  isKept = true,
): Promise<ConfigText> {
  const unlisted: Unlisted[] = [];
  const listed = listYaml(path, (file, error) => unlisted.push({ file, reason: reasonOf(error) }));
  const keep = (text: ConfigText, what: Kept | undefined): ConfigText => {
    for (const owner of known === undefined ? [text] : [text, known])
      if (what !== undefined && isKept) kept.set(owner, what);
      else kept.delete(owner);
    return text;
  };
  const readAll = async (fromDisk: ReadText): Promise<ConfigText> => {
    const files: Record<string, FileCopy> = {};
    const read = keeping(fromDisk, files);
    const text = await inSlices(readListed(path, { listed, unlisted }, env, read, known));
    return keep(text, { copy: { path, listed, unlisted, files }, edits: [], last: undefined });
  };
  const before = known && kept.get(known);
  const since = known?.state;
  if (known === undefined || since === undefined || unlisted.length > 0) return readAll(readFromDisk);
  const part = await readPart({
    listed,
    env,
    known,
    look: (whole) => whole.look((file, memory) => readBytesFromDisk(file, memory, maxFileBytes)),
    read: readFromDisk,
    readAll,
  });
  if (part === undefined) return readAll(readFromDisk);
  const { edit } = part.reading ?? {};
  return keep(part, before && withEdit(before, { since, edit }));
}

function withEdit({ copy, edits }: Kept, last: Change): Kept {
  if (last.edit === undefined) return { copy, edits, last };
  const all = [...edits, last.edit];
  return all.length > maxEdits ? { copy: edited(copy, all), edits: [], last } : { copy, edits: all, last };
}

/** @throws TypeError when the configuration was read in another way */
export function keptOf(text: ConfigText): Kept {
  const found = kept.get(text);
  if (found === undefined) throw new TypeError('nothing was kept of this configuration');
  return found;
}

/** All that there was. */
export function copyOf({ copy, edits }: Kept): ConfigCopy {
  return edited(copy, edits);
}

/** What there was, for whoever has read what was there before; undefined when nobody knows what has changed. */
export function changeOf({ copy, last }: Kept): ChangedCopy | undefined {
  if (last === undefined) return undefined;
  const yaml = new Set(copy.listed);
  return {
    ...last,
    files: Object.fromEntries(Object.entries(copy.files).filter(([file]) => !yaml.has(file))),
  };
}

function edited(copy: ConfigCopy, edits: readonly Edit[]): ConfigCopy {
  const changed: Record<string, FileCopy> = {};
  for (const file of new Set(edits.map((edit) => edit.file))) {
    const own = edits.filter((edit) => edit.file === file);
    const grown = own.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    const before = Buffer.from(textIn(copy.files, file));
    let length = before.length;
    // In one piece of memory: a copy for each edit would take a fifth of a second where there is much.
    const bytes = Buffer.concat([before], length + grown);
    for (const { start, end, text } of own) {
      const added = Buffer.byteLength(text);
      bytes.copyWithin(start + added, end, length);
      bytes.write(text, start);
      length += start + added - end;
    }
    changed[file] = { text: bytes.toString('utf8', 0, length) };
  }
  return withFiles(copy, changed);
}

/**
 * Reads a copy, in slices. Files that are not in it come from the disk, those of building included.
 * @param more takes what was read from there
 */
export async function readCopy(
  copy: ConfigCopy,
  env: NodeJS.ProcessEnv,
  more: Record<string, FileCopy>,
  known: Known,
): Promise<ConfigText> {
  const read = readingFrom(copy.files, more);
  const readAll = (from: ReadText): Promise<ConfigText> =>
    inSlices(readListed(copy.path, copy, env, from, known));
  if (copy.unlisted.length > 0) return readAll(read);
  const bytes = (file: string) => Promise.resolve(bytesOf(read(file, Infinity)));
  const part = await readPart({
    listed: copy.listed,
    env,
    known,
    look: (whole) => whole.look(bytes),
    read,
    readAll,
  });
  return part ?? readAll(read);
}

/** The same for what has changed; undefined when what it was before is not what is known, or all has to be read. */
export async function readChanged(
  { since, edit, files }: ChangedCopy,
  env: NodeJS.ProcessEnv,
  more: Record<string, FileCopy>,
  known: Known,
): Promise<ConfigText | undefined> {
  const { whole } = known;
  if (whole === undefined || known.state !== since) return undefined;
  const { listed } = whole;
  return readPart({
    listed,
    env,
    known,
    look: async () => (edit === undefined ? [] : [await whole.edited(edit)]),
    read: readingFrom(files, more),
    readAll: (from) => inSlices(readListed(listed[0] ?? '', { listed, unlisted: [] }, env, from, known)),
  });
}

/** Reads what is there, and all else from the disk. */
function readingFrom(files: Files, more: Record<string, FileCopy>): ReadText {
  const fromDisk = keeping(readFromDisk, more);
  return (file, maxBytes) => {
    const copy = Object.hasOwn(files, file) ? files[file] : undefined;
    if (copy === undefined) return fromDisk(file, maxBytes);
    if ('error' in copy) throw Object.assign(new Error(copy.error), { code: copy.code });
    checkSize(Buffer.byteLength(copy.text), maxBytes);
    return copy.text;
  };
}

function textIn(files: Files, file: string): string {
  const copy = Object.hasOwn(files, file) ? files[file] : undefined;
  return copy !== undefined && 'text' in copy ? copy.text : '';
}

export function withFiles(copy: ConfigCopy, more: Files): ConfigCopy {
  return { ...copy, files: { ...copy.files, ...more } };
}

function keeping(read: ReadText, files: Record<string, FileCopy>): ReadText {
  return (file, maxBytes) => {
    try {
      const text = read(file, maxBytes);
      files[file] = { text };
      return text;
    } catch (error) {
      files[file] = { error: reasonOf(error), code: (error as NodeJS.ErrnoException).code };
      throw error;
    }
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
