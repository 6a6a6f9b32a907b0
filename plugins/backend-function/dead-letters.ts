// What became of calls that could not be made: `node plugins/backend-function/dead-letters.ts list FOLDER`.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { fileName, openCallFile } from './async/call-file.ts';

const usage = `dead-letters.ts COMMAND FOLDER

  list    FOLDER           a line of JSON for each dead letter, the oldest first, without what its caller sent
  show    FOLDER ID        one of them, with its event, which may hold secrets of the caller
  requeue FOLDER ID|all    make the call again, with all its retries; the gateway may be running
  delete  FOLDER ID|all

  FOLDER is that of asyncCalls, .tapgate/async-calls beside the configuration unless it names another.
`;

type Row = Record<string, SQLOutputValue>;

const columns = 'id, requestId, function, api, environment, acceptedAt, deadAt, attempts, reason, bytes';

const commands: Readonly<Record<string, (db: DatabaseSync, id: number | undefined) => string | undefined>> = {
  list(db) {
    const rows = db.prepare(`SELECT ${columns} FROM calls WHERE deadAt IS NOT NULL ORDER BY deadAt, id`);
    let lines = '';
    for (const row of rows.iterate()) lines += `${JSON.stringify(told(row))}\n`;
    return lines;
  },
  show(db, id) {
    const row = db
      .prepare(`SELECT ${columns}, event FROM calls WHERE deadAt IS NOT NULL AND id = ?`)
      .get(id ?? null);
    if (row === undefined) return undefined;
    const event = JSON.parse(String(row['event'])) as unknown;
    return `${JSON.stringify({ ...told(row), event }, null, 2)}\n`;
  },
  requeue(db, id) {
    // Its age begins again, or it would be too old at once.
    const now = Date.now();
    const { changes } = db
      .prepare(
        `UPDATE calls SET deadAt = NULL, attempts = 0, dueAt = ?, acceptedAt = ?
         WHERE deadAt IS NOT NULL AND (? IS NULL OR id = ?)`,
      )
      .run(now, now, id ?? null, id ?? null);
    return changed(changes, id);
  },
  delete(db, id) {
    const { changes } = db
      .prepare('DELETE FROM calls WHERE deadAt IS NOT NULL AND (? IS NULL OR id = ?)')
      .run(id ?? null, id ?? null);
    return changed(changes, id);
  },
};

function told({ acceptedAt, deadAt, ...rest }: Row): Record<string, unknown> {
  return { ...rest, acceptedAt: timeOf(acceptedAt), deadAt: timeOf(deadAt) };
}

function timeOf(value: SQLOutputValue | undefined): string {
  return new Date(Number(value)).toISOString();
}

function changed(changes: number | bigint, id: number | undefined): string | undefined {
  return changes === 0 && id !== undefined ? undefined : `${changes}\n`;
}

function main([name = '', folder, which]: readonly string[]): number {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const isOne = which !== undefined && /^[1-9][0-9]*$/.test(which);
  const isEnough = name === 'list' ? which === undefined : isOne || (which === 'all' && name !== 'show');
  if (command === undefined || folder === undefined || !isEnough) return fail(usage, 2);
  if (!existsSync(join(folder, fileName))) return fail(`there are no calls in ${folder}\n`, 1);
  const db = openCallFile(folder);
  try {
    const text = command(db, isOne ? Number(which) : undefined);
    if (text === undefined) return fail(`there is no dead letter ${which ?? ''}\n`, 1);
    process.stdout.write(text);
    return 0;
  } finally {
    db.close();
  }
}

function fail(text: string, code: number): number {
  process.stderr.write(text);
  return code;
}

process.exitCode = main(process.argv.slice(2));
