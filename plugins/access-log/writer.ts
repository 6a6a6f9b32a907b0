import { type DestinationStream, destination, pino } from 'pino';
import type { Completed, Log } from '#sdk';

/** What an operator may say of a log. */
interface LogOptions {
  readonly file?: string;
  readonly headers: readonly string[];
}

interface AccessLog {
  write(notice: Completed): void;
  close(): void;
}

/** Fields whose value is a credential, or leads to one. */
const credentials: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
  'x-apig-appcode',
  'x-auth-token',
  'x-ca-signature',
  'x-hw-appkey',
  'x-security-token',
  'x-subject-token',
]);

interface Shared {
  readonly stream: DestinationStream & { end(): void; flushSync(): void };
  users: number;
}

/** Bindings that name the same file share it, also across a reload: two writers would mix their lines. */
const open = new Map<string, Shared>();

export function openLog(options: LogOptions, problems: Log): AccessLog {
  const file = options.file ?? '';
  const shared = open.get(file) ?? { stream: openStream(options.file, problems), users: 0 };
  open.set(file, shared);
  shared.users += 1;
  const logger = pino({ base: null, timestamp: false, formatters: { level: () => ({}) } }, shared.stream);
  const extra = options.headers.map((name) => name.toLowerCase());
  return {
    write: (notice) => logger.info(lineOf(notice, extra)),
    close() {
      shared.users -= 1;
      if (shared.users > 0) return;
      open.delete(file);
      shared.stream.end();
    },
  };
}

function openStream(file: string | undefined, problems: Log): Shared['stream'] {
  // Asynchronous with a small buffer: a slow disk must not stop requests, and a quiet log must not wait for more lines.
  const stream = destination({
    ...(file === undefined ? {} : { dest: file, mkdir: true, append: true }),
    sync: false,
    minLength: 0,
  });
  stream.on('error', (error: Error) =>
    problems.error({ plugin: 'access-log', file, error: error.message }, 'cannot write the access log'),
  );
  return stream;
}

function lineOf(notice: Completed, extra: readonly string[]): Record<string, unknown> {
  const { arrival, exchange, refusal, answeredBy } = notice;
  const line: Record<string, unknown> = {
    time: new Date(exchange?.receivedAt ?? Date.now()).toISOString(),
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
  for (const name of extra) {
    const value = arrival.headers.combined(name);
    if (value !== undefined) line[`header.${name}`] = credentials.has(name) ? '[redacted]' : value;
  }
  return line;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
