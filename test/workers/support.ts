import assert from 'node:assert/strict';
import { writeFileSync, renameSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Served, newFolder } from '../commands/cli.ts';

/** A plugin that says which process serves, and does what no plugin should when it is told to. */
const probe = `import { definePlugin, reply } from 'tapgate/sdk';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export default definePlugin({
  name: 'probe',
  summary: 'Says who serves, and misbehaves on demand.',
  bind: () => ({
    async preAuth(exchange) {
      const { query } = exchange;
      const ms = Number(query.get('ms') ?? 0);
      if (query.get('do') === 'block') for (const end = performance.now() + ms; performance.now() < end; );
      if (query.get('do') === 'wait') await pause(ms);
      if (query.get('do') === 'exit') process.exit(7);
      if (query.get('do') === 'eat') for (const all = []; ; ) all.push(new Array(1e6).fill(all.length));
      return query.get('do') === undefined ? undefined : reply(200, {}, String(process.pid));
    },
  }),
});
`;

/** Several processes load their code; on two busy cores that takes its time. */
const startMs = 120_000;

/** What `/status` tells, as far as tests look at it. */
export interface FleetStatus {
  readonly isReady: boolean;
  readonly isDraining: boolean;
  readonly configuration: { readonly number: number; readonly id: string };
  readonly workers: readonly {
    readonly number: number;
    readonly pid: number;
    readonly since: string;
    readonly restarts: number;
    readonly isMain: boolean;
    readonly connections: number;
    readonly heapBytes: number;
    readonly maxDelayMs: number;
  }[];
  readonly spare: { readonly pid: number; readonly isReady: boolean } | null;
  readonly failuresInARow: number;
  readonly plugins: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request; over a connection of its own unless an agent says otherwise. */
export function ask(
  port: number,
  path: string,
  { agent = false, method = 'GET', headers = {}, body: content }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, path, method, host: '127.0.0.1', headers: { host: 'test', ...headers }, agent },
      (response: IncomingMessage) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(content);
  });
}

interface AskOptions {
  readonly agent?: Agent | false;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A gateway of several processes. */
export class Fleet {
  readonly served: Served;
  readonly port: number;
  readonly #file: string;
  readonly #management: number;
  readonly #root: Readonly<Record<string, unknown>>;

  /** @param root what the configuration has beside `listeners`, `management` and an API at `/` */
  static async start(
    root: Readonly<Record<string, unknown>>,
    files: Readonly<Record<string, string>> = {},
  ): Promise<Fleet> {
    const folder = newFolder({ 'probe/plugin.ts': probe, ...files });
    const file = join(folder, 'gateway.yaml');
    writeFileSync(file, yamlOf(root));
    const served = await Served.start(file, {}, startMs);
    const said = await served.prints(/management at http:\/\/\S+:\d+\n/);
    return new Fleet(served, file, Number(/management at http:\/\/\S+:(\d+)/.exec(said)?.[1]), root);
  }

  private constructor(
    served: Served,
    file: string,
    management: number,
    root: Readonly<Record<string, unknown>>,
  ) {
    this.served = served;
    this.port = served.port;
    this.#file = file;
    this.#management = management;
    this.#root = root;
  }

  async status(): Promise<FleetStatus> {
    return JSON.parse((await this.page('/status')).body) as FleetStatus;
  }

  page(path: string, options: Pick<AskOptions, 'method' | 'body'> = {}): Promise<Answer> {
    return ask(this.#management, path, { headers: { host: 'localhost' }, ...options });
  }

  /** Replaces the configuration at once, as deployments do. */
  change(root: Readonly<Record<string, unknown>> = {}): void {
    writeFileSync(`${this.#file}.tmp`, yamlOf({ ...this.#root, ...root }));
    renameSync(`${this.#file}.tmp`, this.#file);
  }

  /** Waits until so many workers serve, and one more is ready. */
  async settled(count: number): Promise<FleetStatus> {
    return this.until(({ workers, spare }) => workers.length === count && spare?.isReady === true);
  }

  async until(holds: (status: FleetStatus) => boolean, ms = 60_000): Promise<FleetStatus> {
    const end = performance.now() + ms;
    for (;;) {
      const status = await this.status();
      if (holds(status)) return status;
      assert.ok(performance.now() < end, `waited in vain: ${JSON.stringify(status)}`);
      await pause(20);
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function yamlOf(root: Readonly<Record<string, unknown>>): string {
  const { apis = {}, ...others } = root as { apis?: object };
  return JSON.stringify(
    {
      listeners: [{ port: 0, host: '127.0.0.1' }],
      management: { port: 0 },
      limits: { drainTimeoutMs: 10_000 },
      throttling: { defaultPerSecond: 0 },
      extensions: { probe: { source: './probe' } },
      plugins: { probe: { type: 'probe' } },
      bindings: [{ plugin: 'probe', apis: ['g/*'] }],
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'ANY', path: '/' },
          auth: 'none',
          backend: { type: 'mock', body: 'hello' },
        },
        ...apis,
      },
      ...others,
    },
    null,
    1,
  );
}

/** What became of one request. */
interface Sent {
  readonly connection: number;
  /** The process that answered; undefined when none did. */
  readonly pid: number | undefined;
  readonly error: string | undefined;
  readonly status: number;
  readonly beganAt: number;
  readonly endedAt: number;
}

/** Callers with a connection each, that ask one thing after the other. */
export class Load {
  readonly sent: Sent[] = [];
  readonly #agents: readonly Agent[];
  readonly #running: Promise<void>[];
  #isOver = false;

  /** Ends with the test at the latest. */
  constructor(t: TestContext, port: number, { connections = 64, path = '/?do=say', headers = {} } = {}) {
    t.after(() => this.stop());
    this.#agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    this.#running = this.#agents.map(async (agent, connection) => {
      while (!this.#isOver) {
        const beganAt = performance.now();
        const note = (pid: number | undefined, status: number, error?: string): void => {
          this.sent.push({ connection, pid, status, error, beganAt, endedAt: performance.now() });
        };
        try {
          const { body, status } = await ask(port, path, { agent, headers });
          note(Number(body), status);
        } catch (error) {
          note(undefined, 0, error instanceof Error ? error.message : String(error));
        }
      }
    });
  }

  get failed(): readonly Sent[] {
    return this.sent.filter(({ error }) => error !== undefined);
  }

  /** Waits until so many more were answered. */
  async more(count: number): Promise<void> {
    const wanted = this.sent.length + count;
    const end = performance.now() + 60_000;
    while (this.sent.length < wanted) {
      assert.ok(performance.now() < end, `${this.sent.length} of ${wanted} requests`);
      await pause(5);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    const cut = setTimeout(() => this.#destroy(), 15_000);
    await Promise.all(this.#running);
    clearTimeout(cut);
    this.#destroy();
  }

  #destroy(): void {
    for (const agent of this.#agents) agent.destroy();
  }
}
