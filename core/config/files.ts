import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** The text of a file without a byte order mark; throws if it cannot be read or is longer than `maxBytes`. */
export type ReadText = (file: string, maxBytes: number) => string;

export const readFromDisk: ReadText = (file, maxBytes) => {
  const stat = fs.statSync(file);
  if (!stat.isFile()) throw new Error('not a file');
  checkSize(stat.size, maxBytes);
  return new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(file));
};

export function readFromMemory(texts: Readonly<Record<string, string>>): ReadText {
  return (file, maxBytes) => {
    const text = Object.hasOwn(texts, file) ? texts[file] : undefined;
    if (text === undefined) throw new Error('no such file');
    checkSize(Buffer.byteLength(text), maxBytes);
    return text.replace(/^\uFEFF/, '');
  };
}

export function checkSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new Error(`larger than ${maxBytes} bytes`);
}

/** What each file held when it was read; empty for one that could not be. */
export type Hashes = Map<string, string>;

/** The same, noting what was read. */
export function noting(read: ReadText, hashes: Hashes): ReadText {
  return (file, maxBytes) => {
    hashes.set(file, '');
    const text = read(file, maxBytes);
    hashes.set(file, hashOf(text));
    return text;
  };
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The hash of a text in UTF-8, in steps. */
export function* hashing(text: Uint8Array): Generator<undefined, string, unknown> {
  const hash = createHash('sha256');
  for (let at = 0; at < text.length; at += hashedLength) {
    hash.update(text.subarray(at, at + hashedLength));
    yield;
  }
  return hash.digest('hex');
}

/** Takes less than a tenth of a millisecond. */
const hashedLength = 16 * 1024;

/** As `noting` would note it now; of a folder, which sources are in it. */
export function hashOfFile(file: string): string {
  try {
    const isFolder = fs.statSync(file).isDirectory();
    return hashOf(isFolder ? sourcesIn(file).files.join('\n') : readFromDisk(file, Infinity));
  } catch {
    return '';
  }
}

/** The files an extension may be made of, and the folders they lie in; tests and what is installed are not its own. */
export function sourcesIn(folder: string): { files: string[]; folders: string[] } {
  const found = { files: [] as string[], folders: [folder] };
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isFile() && /(?<!\.test)\.(?:ts|js|mjs|json)$/.test(entry.name)) found.files.push(full);
    if (!entry.isDirectory() || entry.name === 'node_modules' || entry.name.startsWith('.')) continue;
    const below = sourcesIn(full);
    found.files.push(...below.files);
    found.folders.push(...below.folders);
  }
  found.files.sort();
  return found;
}

export function isYaml(name: string): boolean {
  return /\.ya?ml$/.test(name);
}

/**
 * The file itself, or all YAML files below a folder, sorted. Hidden names are left out and a link to what was already
 * met is not followed again, so a Kubernetes ConfigMap mount (links into `..data`) gives each file once.
 */
export function listYaml(root: string, report: (file: string, error: unknown) => void): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (full: string): void => {
    try {
      const real = fs.realpathSync(full);
      if (seen.has(real)) return;
      seen.add(real);
      if (fs.statSync(real).isDirectory()) {
        const names = fs.readdirSync(real).filter((name) => !name.startsWith('.'));
        for (const name of names.sort()) visit(path.join(full, name));
      } else if (full === root || isYaml(full)) found.push(full);
    } catch (error) {
      report(full, error);
    }
  };
  visit(root);
  return found;
}
