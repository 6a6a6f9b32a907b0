import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openCallFile } from './call-file.ts';
import type { Bounds, DueCall, NewCall, Outcome, Taken, Tidied, Wanted } from './queue.ts';

/** What a row takes beside its event. */
const rowBytes = 500;
const mostTidied = 1000;
const freePagesKept = 2000;

/** One thing to do, by the name it has in `Queue`. */
export type Work =
  | { readonly kind: 'add'; readonly call: NewCall; readonly maxBytes: number }
  | { readonly kind: 'settle'; readonly id: number; readonly outcome: Outcome }
  | { readonly kind: 'tidy'; readonly bounds: Bounds }
  | { readonly kind: 'take'; readonly wanted: Wanted };

export type Done = boolean | undefined | Tidied | Taken;

/** The calls of one folder. Blocks until the disk has what it was given, so it belongs in a thread of its own. */
export class CallStore {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Calls that were taken and not settled, with their functions. */
  readonly #taken = new Map<number, string>();
  #waiting = new Map<string, number>();
  #bytes = 0;
  #dataVersion: unknown;

  constructor(folder: string) {
    this.#db = openCallFile(folder);
    this.#count();
  }

  /**
   * Does all of it, in one transaction.
   * @throws Error when that fails; nothing of it is done then
   */
  run(works: readonly Work[]): Done[] {
    // Somebody else may have re-queued dead letters.
    if (this.#readVersion() !== this.#dataVersion) this.#count();
    const done = new Map<Work, Done>();
    const writes = works.filter(({ kind }) => kind !== 'take');
    if (writes.length > 0) {
      try {
        this.#db.exec('BEGIN IMMEDIATE');
        for (const work of writes) done.set(work, this.#write(work));
        this.#db.exec('COMMIT');
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        this.#count();
        throw error;
      }
      for (const work of writes) if (work.kind === 'settle') this.#taken.delete(work.id);
    }
    return works.map((work) => (work.kind === 'take' ? this.#take(work.wanted) : done.get(work)));
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #write(work: Work): Done {
    if (work.kind === 'add') return this.#add(work.call, work.maxBytes);
    if (work.kind === 'settle') return this.#settle(work.id, work.outcome);
    return work.kind === 'tidy' ? this.#tidy(work.bounds) : undefined;
  }

  #add(call: NewCall, maxBytes: number): boolean {
    const { requestId, function: name, api, environment, timeoutMs = null, acceptedAt, event } = call;
    const bytes = Buffer.byteLength(event) + rowBytes;
    if (this.#bytes + bytes > maxBytes) return false;
    this.#sql(
      `INSERT INTO calls (requestId, function, api, environment, timeoutMs, acceptedAt, dueAt, bytes, event)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(requestId, name, api, environment, timeoutMs, acceptedAt, acceptedAt, bytes, event);
    this.#note(name, 1, bytes);
    return true;
  }

  #settle(id: number, outcome: Outcome): undefined {
    if (outcome.kind === 'again') {
      const { at, attempts, reason } = outcome;
      this.#sql('UPDATE calls SET dueAt = ?, attempts = ?, reason = ? WHERE id = ?').run(
        at,
        attempts,
        reason,
        id,
      );
      return;
    }
    const row = this.#sql('SELECT function, bytes FROM calls WHERE id = ?').get(id);
    if (row === undefined) return;
    if (outcome.kind === 'done') this.#sql('DELETE FROM calls WHERE id = ?').run(id);
    else this.#bury(id, outcome.at, outcome.attempts, outcome.reason);
    this.#note(String(row['function']), -1, -Number(row['bytes']));
  }

  #bury(id: number, at: number, attempts: number, reason: string): void {
    this.#sql('UPDATE calls SET deadAt = ?, attempts = ?, reason = ? WHERE id = ?').run(
      at,
      attempts,
      reason,
      id,
    );
  }

  #tidy({ now, bornAfter, deadAfter, deadBytes }: Bounds): Tidied {
    const old = this.#sql(
      `SELECT id, function, bytes, attempts, reason FROM calls WHERE deadAt IS NULL AND acceptedAt < ?
       ORDER BY acceptedAt LIMIT ${mostTidied}`,
    ).all(bornAfter);
    const expired = old.filter(({ id }) => !this.#taken.has(Number(id)));
    for (const { id, function: name, bytes, attempts, reason } of expired) {
      const why = reason === '' ? 'too old' : `too old; ${String(reason)}`;
      this.#bury(Number(id), now, Number(attempts), why);
      this.#note(String(name), -1, -Number(bytes));
    }
    const dropped = this.#drop(deadAfter, deadBytes);
    const free = Number(this.#sql('PRAGMA freelist_count').get()?.['freelist_count']);
    if (free > freePagesKept) this.#db.exec(`PRAGMA incremental_vacuum(${freePagesKept})`);
    return { expired: expired.length, dropped };
  }

  #drop(deadAfter: number, deadBytes: number): number {
    const old = this.#sql('DELETE FROM calls WHERE deadAt IS NOT NULL AND deadAt < ?').run(deadAfter);
    const surplus = this.#sql(
      `DELETE FROM calls WHERE id IN (
         SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY deadAt DESC, id DESC) AS kept
                         FROM calls WHERE deadAt IS NOT NULL)
         WHERE kept > ?)`,
    ).run(deadBytes);
    return Number(old.changes) + Number(surplus.changes);
  }

  #take({ now, functions, concurrency }: Wanted): Taken {
    const calls: DueCall[] = [];
    let nextDueAt: number | undefined;
    for (const name of functions) {
      if ((this.#waiting.get(name) ?? 0) === 0) continue;
      const taken = [...this.#taken.values()].filter((each) => each === name).length;
      const free = concurrency - taken;
      if (free <= 0) continue;
      // Those that are taken may stand first.
      const due = this.#sql(
        'SELECT id FROM calls WHERE function = ? AND deadAt IS NULL AND dueAt <= ? ORDER BY dueAt, id LIMIT ?',
      ).all(name, now, concurrency + taken);
      const fresh = due.map(({ id }) => Number(id)).filter((id) => !this.#taken.has(id));
      for (const id of fresh.slice(0, free)) calls.push(this.#call(id));
      const next = this.#sql(
        'SELECT dueAt FROM calls WHERE function = ? AND deadAt IS NULL AND dueAt > ? ORDER BY dueAt LIMIT 1',
      ).get(name, now);
      if (next !== undefined) nextDueAt = Math.min(nextDueAt ?? Infinity, Number(next['dueAt']));
    }
    for (const call of calls) this.#taken.set(call.id, call.function);
    return { calls, nextDueAt };
  }

  #call(id: number): DueCall {
    const row = this.#sql('SELECT * FROM calls WHERE id = ?').get(id) ?? {};
    return {
      id,
      requestId: String(row['requestId']),
      function: String(row['function']),
      api: String(row['api']),
      environment: String(row['environment']),
      timeoutMs: row['timeoutMs'] === null ? undefined : Number(row['timeoutMs']),
      event: String(row['event']),
      acceptedAt: Number(row['acceptedAt']),
      attempts: Number(row['attempts']),
    };
  }

  #count(): void {
    // First: a change that comes between is counted twice rather than never.
    this.#dataVersion = this.#readVersion();
    this.#waiting = new Map();
    this.#bytes = 0;
    const rows = this.#sql(
      'SELECT function, count(*) AS count, total(bytes) AS bytes FROM calls WHERE deadAt IS NULL GROUP BY function',
    ).all();
    for (const { function: name, count, bytes } of rows)
      this.#note(String(name), Number(count), Number(bytes));
  }

  #note(name: string, count: number, bytes: number): void {
    this.#waiting.set(name, (this.#waiting.get(name) ?? 0) + count);
    this.#bytes += bytes;
  }

  #readVersion(): unknown {
    return this.#sql('PRAGMA data_version').get()?.['data_version'];
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}
