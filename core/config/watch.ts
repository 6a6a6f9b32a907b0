import { type FSWatcher, watch } from 'node:fs';
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Log } from '#sdk';
import { type ConfigText, readConfig } from './read.ts';

/** Quiet time after a change: editors and deployments write in several steps. */
const settleMs = 40;

/** What takes a changed configuration. */
export interface Reloadable {
  readonly files: readonly string[];
  apply(text: ConfigText, options: { listen: boolean }): Promise<void>;
}

/** Follows the files of a configuration, and puts each good version of them in force. */
export function watchConfig(path: string, target: Reloadable, log: Log): { close(): void } {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let seen = digest(target.files);
  let refused = '';
  let running: Promise<void> = Promise.resolve();

  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(reload);
    }, settleMs);
  };

  const reload = async (): Promise<void> => {
    if (isClosed) return;
    const text = readConfig(path, process.env);
    const now = digest([...text.files, ...target.files]);
    if (now === seen) return;
    seen = now;
    try {
      await target.apply(text, { listen: true });
      refused = '';
      log.info({ path }, 'the changed configuration is in force');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== refused)
        log.error(
          { path, problems: reason.split('\n') },
          'the changed configuration is refused; the one in force stays',
        );
      refused = reason;
    }
    follow([...text.files, ...target.files]);
    // A change while this one was being built came with no event of its own left to wait for.
    if (digest([...text.files, ...target.files]) !== seen) soon();
  };

  // Folders, not files: a file that is replaced by another of its name is no longer the one that was watched.
  const follow = (files: readonly string[]): void => {
    const folders = new Set(files.flatMap(foldersOf));
    if (isFolder(path)) folders.add(path);
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, soon);
        watcher.on('error', soon);
        watchers.set(folder, watcher);
      } catch (error) {
        log.warn(
          { folder, error: error instanceof Error ? error.message : String(error) },
          'a folder cannot be watched',
        );
      }
    }
  };

  follow(target.files);
  soon();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function digest(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of new Set(files)) {
    hash.update(`${file}\0`);
    try {
      hash.update(readFileSync(file));
    } catch {
      hash.update('missing');
    }
  }
  return hash.digest('hex');
}

/** The folder a file stands in, and the one it really lies in when a link leads there. */
function foldersOf(file: string): string[] {
  try {
    return [dirname(file), dirname(realpathSync(file))];
  } catch {
    return [dirname(file)];
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
