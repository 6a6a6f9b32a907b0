import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import type { Completed } from '../exchange.ts';
import type { ManagementAnswer } from '../management.ts';
import { Params } from '../params.ts';
import { type PluginDefinition, type Values, definePlugin } from '../plugin.ts';
import { reply } from '../reply.ts';
import { type BackendRequest, type MemoryBackend, memoryTargets } from './backend.ts';
import { VirtualClock } from './clock.ts';
import type { TestWorker } from './machine.ts';
import { type Answer, type RequestOptions, describe, send } from './request.ts';

/** A line of the operator's log. */
interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface GatewayTest {
  /** A configuration: YAML text, or the same as an object. */
  readonly config: string | Readonly<Record<string, unknown>>;
  /** Plugins under test, beside the gateway's own. */
  // oxlint-disable-next-line typescript/no-explicit-any -- definitions of any schema; each is checked at load
  readonly plugins?: readonly PluginDefinition<any, any>[];
  /** Servers by origin, such as `http://orders:8080`; `*` for all others. Answers 200 with the request as JSON unless given. */
  readonly backends?: Readonly<Record<string, MemoryBackend>>;
  readonly clock?: VirtualClock;
  /** Stands for the shared store, for example one that is out of reach; a store in memory unless given. */
  readonly values?: Values;
  /** One of the workers of a `TestMachine`; a gateway of one process unless given. */
  readonly worker?: TestWorker;
  /** Stands for the process's environment in `${env:NAME}`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A whole gateway without sockets. */
export interface TestGateway {
  readonly clock: VirtualClock;
  /** Requests that reached a backend, in order. */
  readonly backendRequests: readonly BackendRequest[];
  /** What `completed` told, in order. */
  readonly completed: readonly Completed[];
  readonly log: readonly LogLine[];
  /** @param url absolute, or a path on the host `test` */
  request(method: string, url: string, options?: RequestOptions): Promise<Answer>;
  /**
   * What `explain` tells of a request: `binding: line` for each line of a binding's `describe`.
   * @throws TypeError when the request reaches no API
   */
  describe(method: string, url: string, options?: RequestOptions): readonly string[];
  /** Asks for a page of the management listener, with its query. */
  manage(
    path: string,
    request?: { readonly method?: string; readonly body?: string },
  ): Promise<ManagementAnswer>;
  /** Puts another configuration in force, as a changed file would. */
  reload(config: string | Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a gateway in memory.
 * @throws ConfigError when the configuration is refused; `problems` says where and why
 */
export async function testGateway(test: GatewayTest): Promise<TestGateway> {
  const clock = test.clock ?? new VirtualClock();
  const log: LogLine[] = [];
  const completed: Completed[] = [];
  const backendRequests: BackendRequest[] = [];
  const observer = definePlugin({
    name: 'test-observer',
    summary: 'Notes what was completed.',
    setup: () => ({
      completed: (notice) => {
        completed.push(notice);
      },
    }),
  });
  const note = (level: LogLine['level']) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    log.push({ level, fields, message });
  };
  const gateway = new Gateway({
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    clock,
    ...(test.values === undefined ? {} : { values: test.values }),
    ...(test.worker === undefined ? {} : { worker: { hub: test.worker } }),
    targets: memoryTargets(test.backends ?? { '*': echo }, backendRequests),
    plugins: [...(test.plugins ?? []), observer],
  });
  const read = (config: string | Readonly<Record<string, unknown>>) =>
    readConfigText(
      { 'gateway.yaml': typeof config === 'string' ? config : JSON.stringify(config, null, 1) },
      test.env ?? {},
    );
  await gateway.apply(read(test.config));
  return {
    clock,
    backendRequests,
    completed,
    log,
    request: (method, url, options = {}) => send(gateway, method, url, options),
    describe: (method, url, options = {}) => describe(gateway, method, url, options),
    manage: (address, { method = 'GET', body = '' } = {}) => {
      const [path = '/', query = ''] = address.split('?', 2);
      return gateway.manage(path, { method, query: Params.parse(query), body });
    },
    reload: (config) => gateway.apply(read(config)),
    close: () => gateway.close(),
  };
}

function echo({ method, path, rawQuery, headers, body }: BackendRequest) {
  const url = rawQuery === '' ? path : `${path}?${rawQuery}`;
  const fields: Record<string, string> = {};
  for (const [name, value] of headers) fields[name.toLowerCase()] = value;
  return reply(
    200,
    { 'content-type': 'application/json' },
    JSON.stringify({ method, url, headers: fields, body: body.toString('utf8') }),
  );
}
