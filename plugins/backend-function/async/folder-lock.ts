import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createPrivate } from './call-file.ts';

const busy = 5;

/**
 * The right to work on the calls of a folder. One process has it at a time, and loses it with its life: it is a lock of
 * the operating system on a file, which SQLite knows how to take everywhere, and Node itself does not. Whoever drops the
 * object drops the lock: a database that is collected is closed.
 */
export class FolderLock {
  readonly #db: DatabaseSync;
  readonly #owner: string;

  /** @throws Error when the folder cannot be used, or is in use; the message is for the operator */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if ((statSync(folder).mode & 0o022) !== 0)
      throw new Error(`others than its owner may write to the folder ${folder}; allowed: mode 0700`);
    const file = join(folder, 'lock.db');
    this.#owner = join(folder, 'gateway.pid');
    createPrivate(file);
    this.#db = new DatabaseSync(file, { timeout: 0 });
    try {
      this.#db.exec('BEGIN EXCLUSIVE');
      writeFileSync(this.#owner, `${process.pid}\n`, { mode: 0o600 });
    } catch (error) {
      this.#db.close();
      if ((error as { errcode?: number }).errcode !== busy) throw error;
      throw new Error(`the folder ${folder} is in use by another gateway${ownerOf(this.#owner)}`, {
        cause: error,
      });
    }
  }

  release(): void {
    rmSync(this.#owner, { force: true });
    this.#db.close();
  }
}

function ownerOf(file: string): string {
  try {
    return ` (process ${Number(readFileSync(file, 'utf8'))})`;
  } catch {
    return '';
  }
}
