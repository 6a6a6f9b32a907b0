import { dirname, resolve } from 'node:path';
import type { TextFile } from '#sdk';
import type { Problems } from '../config/check.ts';
import type { Path } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';

/** Reads a file that the configuration names. Noted before it is read: a change may mend what cannot be. */
export function readBeside(
  text: ConfigText,
  problems: Problems,
  path: Path,
  name: string,
): TextFile | undefined {
  const file = besideOf(text, path, name);
  try {
    return { file, text: text.read(file, maxTextBytes) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it failed';
    problems.add(path, `the file cannot be read: ${reason}`);
    return undefined;
  }
}

export function besideOf(text: ConfigText, path: Path, name: string): string {
  return resolve(dirname(resolve(text.locate.fileOf(path))), name);
}

const maxTextBytes = 8 * 1024 * 1024;
