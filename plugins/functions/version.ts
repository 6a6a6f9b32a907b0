import { createHash } from 'node:crypto';
import type { Program } from '#sdk/isolates';
import type { FunctionOptions } from './options.ts';

/** Tells one state of a function from another. A hash, as options may hold secrets. */
export function versionOf(name: string, options: FunctionOptions, program?: Program): string {
  return createHash('sha256')
    .update(JSON.stringify([name, options, program]))
    .digest('hex');
}
