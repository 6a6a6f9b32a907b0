import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Log, definePlugin } from '#sdk';
import { ConfigError } from '../../core/config/problems.ts';
import { type ConfigText, readConfig, readConfigText } from '../../core/config/read.ts';
import { watchConfig } from '../../core/config/watch.ts';
import { Gateway } from '../../core/gateway.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects until there is nothing more to find: what a finalizer frees is found the next time. */
async function heapUsed(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

const log: Log & { errors: unknown[] } = {
  errors: [],
  info: () => undefined,
  warn: () => undefined,
  error: (fields, message) => void log.errors.push({ ...fields, message }),
};

/** Answers each request after a while with what it was asked. */
async function startBackend(): Promise<number> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    // Long enough for several changes to come between a request and its answer.
    setTimeout(() => response.end(incoming.url), 5);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

let bound = 0;
let disposed = 0;

/** Counts its bindings, so that each can be seen to go. */
const counting = definePlugin({
  name: 'counting',
  summary: 'Counts what is bound and disposed.',
  bind() {
    bound += 1;
    return {
      response(inbound) {
        inbound.headers.set('x-counted', 'yes');
        return undefined;
      },
      dispose: () => {
        disposed += 1;
      },
    };
  },
});

const yaml = (version: number | string, backendPort: number, port = 0): string => `
listeners: [{ port: ${port}, host: 127.0.0.1 }]
throttling: { defaultPerSecond: 0 }
groups: { g: { domains: ['*'] } }
apis:
  g/mock:
    request: { method: GET, path: /mock }
    auth: none
    backend: { type: mock, body: "${version}" }
  g/called:
    request: { method: GET, path: /called }
    auth: none
    backend: { type: http, address: "127.0.0.1:${backendPort}", path: "/${version}" }
plugins: { count: { type: counting } }
bindings: [{ plugin: count, apis: ['*'] }]
`;

const text = (source: string): ConfigText => readConfigText({ 'gateway.yaml': source }, {});

/** Requests without a pause over a few connections until it is stopped. */
class Load {
  count = 0;
  readonly failures: string[] = [];
  readonly #port: number;
  readonly #versions: { applied: number };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 6 });
  readonly #loops: Promise<void>[];
  #isStopped = false;

  constructor(port: number, versions: { applied: number }) {
    this.#port = port;
    this.#versions = versions;
    this.#loops = ['/mock', '/called', '/called', '/called', '/mock', '/called'].map((path) =>
      this.#loop(path),
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  async #loop(path: string): Promise<void> {
    while (!this.#isStopped) {
      const before = this.#versions.applied;
      try {
        const { status, body, counted } = await this.#get(path);
        const version = Number(body.replace('/', ''));
        // In force when the request came, or put in force while it was on its way.
        const isValid = version >= before && version <= this.#versions.applied + 1;
        if (status !== 200 || !isValid || counted !== 'yes')
          this.failures.push(`${path} ${status} ${body} after ${before}`);
      } catch (error) {
        this.failures.push(`${path} ${String(error)}`);
      }
      this.count += 1;
    }
  }

  #get(path: string): Promise<{ status: number; body: string; counted: unknown }> {
    return new Promise((resolve, reject) => {
      const sent = request({ port: this.#port, host: '127.0.0.1', path, agent: this.#agent }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, counted: response.headers['x-counted'] }),
        );
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end();
    });
  }
}

test(
  '1,000 changes under load: no request fails, nothing is left behind',
  { timeout: 120_000 },
  async (t) => {
    const backendPort = await startBackend();
    const versions = { applied: 0 };
    const gateway = new Gateway({ log, plugins: [counting] });
    await gateway.apply(text(yaml(0, backendPort)), { listen: true });
    const [listener] = gateway.listeners;
    assert.ok(listener);
    const load = new Load(listener.port, versions);
    after(async () => {
      // Also when the test fails, which would otherwise keep the process alive.
      await load.stop();
      await gateway.close();
    });
    const snapshots: WeakRef<object>[] = [];
    let warm = 0;
    for (let version = 1; version <= 1_000; version += 1) {
      snapshots.push(new WeakRef(gateway.current()));
      if (version % 25 === 0) {
        const inForce = gateway.current();
        const broken = yaml('broken', backendPort).replace('auth: none', 'auth: nobody');
        await assert.rejects(gateway.apply(text(broken), { listen: true }), ConfigError);
        assert.equal(gateway.current(), inForce);
      }
      await gateway.apply(text(yaml(version, backendPort)), { listen: true });
      versions.applied = version;
      // Lets requests in between two changes.
      await new Promise((resolve) => setImmediate(resolve));
      if (version === 250) warm = await heapUsed();
    }
    const heap = await heapUsed();
    await load.stop();
    t.diagnostic(
      `${load.count} requests; heap ${Math.round(warm / 1024)} KiB after 250 changes, ${Math.round(heap / 1024)} KiB after 1,000`,
    );
    assert.deepEqual(load.failures.slice(0, 5), []);
    assert.ok(load.count >= 500, `${load.count} requests`);
    assert.deepEqual(log.errors, []);
    // A snapshot of this configuration takes some 20 KiB: 750 of them kept would be 15 MiB.
    assert.ok(heap - warm < 3 * 1024 * 1024, `the heap grew by ${heap - warm} bytes`);
    await heapUsed();
    const alive = snapshots.filter((snapshot) => snapshot.deref() !== undefined).length;
    assert.ok(alive <= 2, `${alive} of ${snapshots.length} retired snapshots are still held`);
    await gateway.close();
    assert.deepEqual({ bound, disposed }, { bound, disposed: bound });
  },
);

test(
  'changes of real files under load: none is lost, and no request fails',
  { timeout: 120_000 },
  async () => {
    const backendPort = await startBackend();
    const folder = mkdtempSync(join(tmpdir(), 'tapgate-reload-'));
    after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'gateway.yaml');
    const put = (source: string): void => {
      writeFileSync(`${file}.tmp`, source);
      renameSync(`${file}.tmp`, file);
    };
    put(yaml(0, backendPort));
    const gateway = new Gateway({ log, plugins: [counting] });
    await gateway.apply(readConfig(file, {}), { listen: true });
    const watcher = watchConfig(file, gateway, log);
    const [listener] = gateway.listeners;
    assert.ok(listener);
    const versions = { applied: 0 };
    const load = new Load(listener.port, versions);
    after(async () => {
      await load.stop();
      watcher.close();
      await gateway.close();
    });
    log.errors.length = 0;
    for (let version = 1; version <= 30; version += 1) {
      const inForce = gateway.current();
      if (version % 10 === 0) put(yaml('broken', backendPort).replace('auth: none', 'auth: nobody'));
      put(yaml(version, backendPort));
      // What is in force is asked, not the clock; a request's answer may be a version ahead of it.
      while (gateway.current() === inForce) await new Promise((resolve) => setImmediate(resolve));
      versions.applied = version;
    }
    await load.stop();
    watcher.close();
    await gateway.close();
    assert.deepEqual(load.failures.slice(0, 5), []);
    assert.ok(load.count >= 30, `${load.count} requests`);
  },
);
