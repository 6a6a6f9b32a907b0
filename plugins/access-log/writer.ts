import { accessSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { destination } from 'pino';
import { type Clock, type Completed, type Log, type LogMasks, credentialFields, redacted } from '#sdk';

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
  const extra = options.headers.map((name) => name.toLowerCase());
  return {
    write: (notice) => shared.stream.write(`${JSON.stringify(lineOf(notice, clock, extra, masks))}\n`),
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

/** What a disk that takes nothing may hold up; lines beyond are lost, because requests must go on. */
const maxWaitingBytes = 16 * 1024 * 1024;

/** How many bytes make a write, and how long fewer of them wait. */
const batchBytes = 4096;
const batchMs = 50;

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
  // Asynchronous: a slow disk must not stop requests. In batches, as each write takes about as long as making ten lines;
  // and a quiet log does not wait for more of them.
  const stream = destination({
    fd: descriptor,
    sync: false,
    minLength: batchBytes,
    periodicFlush: batchMs,
    maxLength: maxWaitingBytes,
  });
  stream.on('error', failed);
  return stream;
}

// Not `recursive: true`, which never comes back below /proc.
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

function lineOf(
  notice: Completed,
  clock: Clock,
  extra: readonly string[],
  masks: LogMasks | undefined,
): Record<string, unknown> {
  const { arrival, exchange, refusal, answeredBy } = notice;
  const line: Record<string, unknown> = {
    time: new Date(exchange?.receivedAt ?? clock.now()).toISOString(),
    requestId: arrival.requestId,
    client: arrival.clientAddress,
    method: arrival.method,
    scheme: arrival.scheme,
    host: arrival.host,
    path: arrival.path,
    status: notice.status,
    outcome: notice.outcome,
    durationMs: rounded(notice.durationMs),
    backendMs: notice.backendMs === undefined ? undefined : rounded(notice.backendMs),
    bytesReceived: notice.bytesReceived,
    bytesSent: notice.bytesSent,
    api: exchange?.api.name,
    environment: exchange?.environment,
    identity: exchange?.identity?.id,
    refusal: refusal?.kind,
    cause: refusal?.cause,
    plugin: answeredBy?.plugin,
    hook: answeredBy?.hook,
  };
  const mask =
    extra.length === 0 || exchange === undefined ? undefined : masks?.of(exchange.api, exchange.environment);
  for (const name of extra) {
    const value = arrival.headers.combined(name);
    if (value !== undefined)
      line[`header.${name}`] = credentialFields.has(name)
        ? redacted
        : (mask?.mask('REQUEST_HEADER', name, value) ?? value);
  }
  return line;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
