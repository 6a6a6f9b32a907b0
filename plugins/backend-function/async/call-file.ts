import { chmodSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const version = 1;

const schema = `
  PRAGMA auto_vacuum = INCREMENTAL;
  CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    requestId TEXT NOT NULL,
    function TEXT NOT NULL,
    api TEXT NOT NULL,
    environment TEXT NOT NULL,
    timeoutMs INTEGER,
    acceptedAt INTEGER NOT NULL,
    dueAt INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    deadAt INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL,
    event TEXT NOT NULL
  ) STRICT;
  CREATE INDEX due ON calls (function, dueAt, bytes) WHERE deadAt IS NULL;
  CREATE INDEX age ON calls (acceptedAt) WHERE deadAt IS NULL;
  CREATE INDEX dead ON calls (deadAt, bytes) WHERE deadAt IS NOT NULL;
  PRAGMA user_version = ${version};`;

export const fileName = 'calls.db';

/** Makes an empty file that its owner alone may read, unless it is there. SQLite gives its other files the same rights. */
export function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'ax', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes the file of calls unless it is there, and looks whether it is one. */
export function prepareCallFile(folder: string): void {
  const file = join(folder, fileName);
  createPrivate(file);
  // One that was copied here may have lost its rights.
  chmodSync(file, 0o600);
  const db = new DatabaseSync(file, { timeout: 5000 });
  try {
    if (versionOf(db) === 0) db.exec(schema);
    db.exec('PRAGMA journal_mode = WAL');
    if (versionOf(db) !== version)
      throw new Error(`${file} was written by another version of the gateway (${versionOf(db)})`);
  } finally {
    db.close();
  }
}

/** Opens what `prepareCallFile` made. Every commit is on the disk when it returns. */
export function openCallFile(folder: string): DatabaseSync {
  const db = new DatabaseSync(join(folder, fileName), { timeout: 5000 });
  db.exec('PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216');
  return db;
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
}
