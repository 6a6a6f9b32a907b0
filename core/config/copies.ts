import { type ReadText, checkSize, listYaml, readFromDisk } from './files.ts';
import type { Known } from './known.ts';
import { type ConfigText, type Unlisted, readListed } from './read.ts';
import { inSlices } from './steps.ts';

/** What a file held, or why it could not be read. */
type FileCopy = { readonly text: string } | { readonly error: string; readonly code: string | undefined };

/** A configuration as it was on the disk, to be read again in another process, whatever the disk holds by then. */
export interface ConfigCopy {
  readonly path: string;
  /** The YAML files. */
  readonly listed: readonly string[];
  readonly unlisted: readonly Unlisted[];
  /** What was read, by name. Holds secrets: never for a log. */
  readonly files: Readonly<Record<string, FileCopy>>;
}

const copies = new WeakMap<ConfigText, ConfigCopy>();

/** Reads a configuration from the disk as `readConfig` does, in slices, and keeps what it read for `copyOf`. */
export async function readKeeping(path: string, env: NodeJS.ProcessEnv, known?: Known): Promise<ConfigText> {
  const unlisted: Unlisted[] = [];
  const listed = listYaml(path, (file, error) => unlisted.push({ file, reason: reasonOf(error) }));
  const files: Record<string, FileCopy> = {};
  const read = keeping(readFromDisk, files);
  const text = await inSlices(readListed(path, { listed, unlisted }, env, read, known));
  copies.set(text, { path, listed, unlisted, files });
  return text;
}

/** @throws TypeError when the configuration was read in another way */
export function copyOf(text: ConfigText): ConfigCopy {
  const copy = copies.get(text);
  if (copy === undefined) throw new TypeError('nothing was kept of this configuration');
  return copy;
}

/**
 * Reads a copy, in slices. Files that are not in it come from the disk, those of building included.
 * @param more takes what was read from there
 */
export function readCopy(
  copy: ConfigCopy,
  env: NodeJS.ProcessEnv,
  more: Record<string, FileCopy>,
  known?: Known,
): Promise<ConfigText> {
  const fromDisk = keeping(readFromDisk, more);
  const read: ReadText = (file, maxBytes) => {
    const kept = Object.hasOwn(copy.files, file) ? copy.files[file] : undefined;
    if (kept === undefined) return fromDisk(file, maxBytes);
    if ('error' in kept) throw Object.assign(new Error(kept.error), { code: kept.code });
    checkSize(Buffer.byteLength(kept.text), maxBytes);
    return kept.text;
  };
  return inSlices(readListed(copy.path, copy, env, read, known));
}

export function withFiles(copy: ConfigCopy, more: ConfigCopy['files']): ConfigCopy {
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
