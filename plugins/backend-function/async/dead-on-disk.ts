import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { openCallFile } from './call-file.ts';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';

const columns = 'id, requestId, function, api, environment, acceptedAt, deadAt, attempts, reason, bytes';

type Row = Readonly<Record<string, SQLOutputValue>>;

/** Those of a folder that a gateway has used. */
export class DeadOnDisk implements DeadLetters {
  readonly #db: DatabaseSync;

  constructor(folder: string) {
    this.#db = openCallFile(folder);
  }

  *list(): Iterable<DeadLetter> {
    const rows = this.#db.prepare(
      `SELECT ${columns} FROM calls WHERE deadAt IS NOT NULL ORDER BY deadAt, id`,
    );
    for (const row of rows.iterate()) yield toLetter(row);
  }

  show(id: number) {
    const row = this.#db
      .prepare(`SELECT ${columns}, event FROM calls WHERE deadAt IS NOT NULL AND id = ?`)
      .get(id);
    return Promise.resolve(row && { ...toLetter(row), event: String(row['event']) });
  }

  requeue(id: number | undefined): Promise<number> {
    // Its age begins again, or it would be too old at once.
    const now = Date.now();
    const { changes } = this.#db
      .prepare(
        `UPDATE calls SET deadAt = NULL, attempts = 0, dueAt = ?, acceptedAt = ?
         WHERE deadAt IS NOT NULL AND (? IS NULL OR id = ?)`,
      )
      .run(now, now, id ?? null, id ?? null);
    return Promise.resolve(Number(changes));
  }

  delete(id: number | undefined): Promise<number> {
    const { changes } = this.#db
      .prepare('DELETE FROM calls WHERE deadAt IS NOT NULL AND (? IS NULL OR id = ?)')
      .run(id ?? null, id ?? null);
    return Promise.resolve(Number(changes));
  }

  close(): void {
    this.#db.close();
  }
}

function toLetter(row: Row): DeadLetter {
  return {
    id: Number(row['id']),
    requestId: String(row['requestId']),
    function: String(row['function']),
    api: String(row['api']),
    environment: String(row['environment']),
    attempts: Number(row['attempts']),
    reason: String(row['reason']),
    bytes: Number(row['bytes']),
    acceptedAt: Number(row['acceptedAt']),
    deadAt: Number(row['deadAt']),
  };
}
