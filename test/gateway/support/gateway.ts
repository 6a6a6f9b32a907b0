import { type Completed, type PluginDefinition, definePlugin } from '#sdk';
import { readConfigText } from '../../../core/config/read.ts';
import { Gateway } from '../../../core/gateway.ts';

/** A line of the operator's log. */
interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A gateway that listens. */
export interface Running extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly port: number;
  /** What `completed` told, in order. */
  readonly completed: Completed[];
  readonly log: LogLine[];
}

export interface RunOptions {
  readonly limits?: Readonly<Record<string, number>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- definitions of any schema; each is checked at load
  readonly plugins?: readonly PluginDefinition<any, any>[];
  /** Further top-level keys. */
  readonly root?: Readonly<Record<string, unknown>>;
  /** How long a caller over HTTP/2 may take nothing. */
  readonly stalledMs?: number;
}

/** An API that takes everything and hands it to a backend as it came. */
export function passTo(
  port: number,
  fields: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const { backend, request, ...others } = fields as Record<string, Record<string, unknown> | undefined>;
  return {
    request: { method: 'ANY', path: '/', match: 'prefix', ...request },
    auth: 'none',
    backend: { type: 'http', address: `http://127.0.0.1:${port}`, timeoutMs: 5000, ...backend },
    ...others,
  };
}

/** Starts a gateway in process on a free port. */
export async function startGateway(
  apis: Readonly<Record<string, unknown>>,
  { limits = {}, plugins = [], root = {}, stalledMs = 60_000 }: RunOptions = {},
): Promise<Running> {
  const completed: Completed[] = [];
  const log: LogLine[] = [];
  const observer = definePlugin({
    name: 'test-observer',
    summary: 'Notes what was completed.',
    setup: () => ({
      completed: (notice) => {
        completed.push(notice);
      },
    }),
  });
  const note = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    log.push({ level, fields, message });
  };
  const gateway = new Gateway({
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    plugins: [...plugins, observer],
    stalledMs,
  });
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    limits: { drainTimeoutMs: 5000, ...limits },
    // How fast a test runs must not decide what it is answered.
    throttling: { defaultPerSecond: 0 },
    groups: { main: { domains: ['*'] } },
    apis,
    ...root,
  };
  await gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(config, null, 1) }, {}), {
    listen: true,
  });
  return {
    gateway,
    port: gateway.listeners[0]?.port ?? 0,
    completed,
    log,
    [Symbol.asyncDispose]: () => gateway.close(),
  };
}
