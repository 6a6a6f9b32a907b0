import { accessSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Clock, Completed, Log, LogMasks } from '#sdk';
import { Batches } from './batches.ts';
import { lineOf } from './line.ts';

/** What an operator may say of a log. */
interface LogOptions {
  readonly file?: string;
  readonly headers: readonly string[];
}

export interface AccessLog {
  write(notice: Completed): void;
  close(): void;
}

interface Shared {
  readonly stream: { write(line: string): void; end(): void };
  users: number;
}

/** Bindings that name the same file share it, also across a reload: two writers would mix their lines. */
const open = new Map<string, Shared>();

/** What a log needs to know, and whom it tells that it cannot write. */
export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws Error when the file cannot be opened for writing */
export function openLog(
  options: LogOptions,
  { clock, log: problems }: Surroundings,
  masks: LogMasks | undefined,
): AccessLog {
  const file = options.file === undefined ? '' : resolve(options.file);
  const shared = open.get(file) ?? { stream: openStream(file, problems), users: 0 };
  open.set(file, shared);
  shared.users += 1;
  let isOpen = true;
  const line = { clock, extra: options.headers.map((name) => name.toLowerCase()), masks };
  return {
    write: (notice) => shared.stream.write(lineOf(notice, line)),
    close() {
      if (!isOpen) return;
      isOpen = false;
      shared.users -= 1;
      if (shared.users > 0) return;
      open.delete(file);
      shared.stream.end();
    },
  };
}

/** Opens the file at the first line, so that a configuration that is only checked, or refused, leaves nothing behind. */
function openStream(file: string, problems: Log): Shared['stream'] {
  if (file !== '') checkWritable(file);
  let stream: Shared['stream'] | undefined;
  return {
    write: (line) => (stream ??= create(file, problems)).write(line),
    end: () => stream?.end(),
  };
}

/** @throws Error when the file, or the nearest folder above it that exists, cannot be written */
function checkWritable(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) throw new Error(`${file} is a folder`);
  if (found !== undefined) {
    accessSync(file, constants.W_OK);
    return;
  }
  let folder = dirname(file);
  while (!existsSync(folder)) folder = dirname(folder);
  if (!statSync(folder).isDirectory()) throw new Error(`${folder} is no folder`);
  accessSync(folder, constants.W_OK);
}

function create(file: string, problems: Log): Shared['stream'] {
  const failed = (error: Error): void => {
    problems.error({ plugin: 'access-log', file, error: error.message }, 'cannot write the access log');
  };
  let descriptor = 1;
  try {
    if (file !== '') {
      makeFolder(dirname(file));
      descriptor = openSync(file, 'a');
    }
  } catch (error) {
    failed(error instanceof Error ? error : new Error('no folder could be made'));
    return { write: () => undefined, end: () => undefined };
  }
  return new Batches(descriptor, failed);
}

// Not `recursive: true`, which never comes back below /proc.
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}
