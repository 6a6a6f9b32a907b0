import { type FSWatcher, existsSync, readdirSync, realpathSync, statSync, watch } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Log } from '#sdk';
import { hashOfFile, listYaml, sourcesIn } from './files.ts';
import { type ConfigText, readConfig } from './read.ts';

/** Quiet time after a change: editors and deployments write in several steps. */
const usualSettleMs = 40;
/** Where something else in the folder changes all the time, such as a log, the quiet time never comes. */
const longestMs = 400;

type ReadConfig = (path: string) => ConfigText | Promise<ConfigText>;

const readFromDisk: ReadConfig = (path) => readConfig(path, process.env);

/** What takes a changed configuration. */
export interface Reloadable {
  /** The files of the configuration in force, and what they held when they were read. */
  readonly hashes: ReadonlyMap<string, string>;
  apply(text: ConfigText, options: { listen: boolean }): Promise<void>;
}

/** What follows the files of a configuration. */
export interface Watcher {
  /** Reads them again and puts them in force, changed or not. */
  reload(): void;
  close(): void;
}

/** Follows the files of a configuration, and puts each good version of them in force. */
export function watchConfig(
  path: string,
  target: Reloadable,
  log: Log,
  { settleMs = usualSettleMs, read = readFromDisk }: { settleMs?: number; read?: ReadConfig } = {},
): Watcher {
  let timer: NodeJS.Timeout | undefined;
  let waitingSince: number | undefined;
  let isClosed = false;
  // Of the last attempt. What was read, not what is there now: a change may come between the two.
  let seen = target.hashes;
  let refused = '';
  let looked = '';
  let running: Promise<void> = Promise.resolve();

  const soon = (): void => {
    const now = performance.now();
    waitingSince ??= now;
    if (isClosed || now - waitingSince > longestMs) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      waitingSince = undefined;
      running = running.then(() => reload());
    }, settleMs);
  };
  const folders = new Folders(log, soon);

  const reload = async (isAsked = false): Promise<void> => {
    if (isClosed) return;
    const known = [...seen.keys(), ...target.hashes.keys()];
    folders.follow(path, known);
    // Before reading: what changes while it is read is another change.
    const look = lookOf(path, known);
    if (look === looked && !isAsked) return;
    looked = look;
    const text = await read(path);
    if (isClosed) return;
    folders.follow(path, [...text.hashes.keys(), ...seen.keys(), ...target.hashes.keys()]);
    if (!differs(text.hashes, seen) && !isAsked) {
      text.release();
      return;
    }
    try {
      await target.apply(text, { listen: true });
      refused = '';
      log.info(
        { path },
        isAsked ? 'the configuration is read again' : 'the changed configuration is in force',
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== refused || isAsked) log.error({ path, problems: reason.split('\n') }, refusedMessage);
      refused = reason;
    } finally {
      text.release();
    }
    // Building has added the files of extensions, those that could not be loaded included.
    seen = text.hashes;
    // What changed meanwhile may have no event of its own left.
    soon();
  };

  folders.follow(path, [...seen.keys()]);
  soon();
  return {
    reload() {
      running = running.then(() => reload(true));
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      folders.close();
    },
  };
}

const refusedMessage = 'the changed configuration is refused; the one in force stays';

/** Watches folders, not files: a file that is replaced by another of its name is no longer the one that was watched. */
class Folders {
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
  readonly #log: Log;
  readonly #changed: () => void;

  constructor(log: Log, changed: () => void) {
    this.#log = log;
    this.#changed = changed;
  }

  /** @param path the configuration; the folder it stands in counts too, since `path` itself may be a link */
  follow(path: string, files: readonly string[]): void {
    const folders = new Set([dirname(resolve(path)), ...foldersBelow(path), ...files.flatMap(foldersOf)]);
    for (const [folder, { watcher, identity }] of this.#watchers) {
      if (folders.has(folder) && identity === identityOf(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#add(folder);
  }

  #add(folder: string): void {
    const identity = identityOf(folder);
    if (identity === '') return;
    try {
      const watcher = watch(folder, { persistent: false }, this.#changed);
      watcher.on('error', this.#changed);
      this.#watchers.set(folder, { watcher, identity });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.warn({ folder, error: reason }, 'a folder cannot be watched');
    }
  }

  close(): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}

/** Another folder under the same name is another one; empty when there is none. */
function identityOf(folder: string): string {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.dev} ${found.ino}`;
}

/**
 * How the files of a configuration look from outside. A log that is written beside them makes an event a line, and must
 * not make the configuration be read as often.
 */
function lookOf(path: string, files: readonly string[]): string {
  const all = new Set([...listYaml(path, () => undefined), ...files]);
  return Array.from(all, (file) => `${file} ${stampOf(file)}`).join('\n');
}

function stampOf(file: string): string {
  try {
    const found = statSync(file, { bigint: true });
    // Of an extension. A folder's own times change with every file in it, logs too.
    return found.isDirectory()
      ? hashOfFile(file)
      : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
  } catch {
    return 'missing';
  }
}

/** Whether what was read now is other than what was seen; files that only building knows of are looked up. */
function differs(now: ReadonlyMap<string, string>, seen: ReadonlyMap<string, string>): boolean {
  for (const [file, hash] of now) if (seen.get(file) !== hash) return true;
  for (const [file, hash] of seen) if (!now.has(file) && hashOfFile(file) !== hash) return true;
  return false;
}

/**
 * The folder a file stands in, and the one it really lies in when a link leads there. Of an extension's folder those in
 * it too: a file that was missing may come into one.
 */
function foldersOf(file: string): string[] {
  try {
    const below = statSync(file).isDirectory() ? sourcesIn(file).folders : [];
    return [dirname(file), dirname(realpathSync(file)), ...below];
  } catch {
    return [nearestFolder(dirname(file))];
  }
}

/** Where a folder that is missing would be seen to come. */
function nearestFolder(folder: string): string {
  const above = dirname(folder);
  return above === folder || existsSync(folder) ? folder : nearestFolder(above);
}

/** The folder itself and those in it: a file may yet come into one that is empty. */
function foldersBelow(path: string): string[] {
  try {
    const entries = readdirSync(path, { recursive: true, withFileTypes: true });
    const folders = entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
    return [path, ...folders];
  } catch {
    return [];
  }
}
