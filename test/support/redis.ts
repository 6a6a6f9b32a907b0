import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long a server may take until it says that it is ready: the machine may be busy. */
const readyMs = 20_000;

/** A Redis server of a test. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again at the same port, with nothing in it. */
  restart(): Promise<void>;
  /** Lets it take everything and answer nothing. */
  freeze(): void;
  thaw(): void;
}

/**
 * The server in the environment variable REDIS_URL, which tests share and nobody may end: for keys under a prefix of
 * one's own. Else one is started. What ends or configures a server starts its own in any case.
 */
export async function sharedRedis(): Promise<{ readonly url: string } & AsyncDisposable> {
  const url = process.env['REDIS_URL'];
  if (url !== undefined && url !== '') return { url, [Symbol.asyncDispose]: () => Promise.resolve() };
  return startRedis();
}

/** Keys of this run alone, for servers that tests share. */
export function ownPrefix(): string {
  return `tapgate-test-${randomBytes(6).toString('hex')}:`;
}

/** Starts a server of one's own at a free port, with a folder of its own. */
export function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  return serve((port, folder) => {
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    return [...own, ...args];
  });
}

/** Starts a sentinel that watches a master under the name `main`. */
export function startSentinel(master: number): Promise<RedisServer> {
  return serve((port, folder) => {
    // A sentinel writes to its file, and takes nothing else.
    const file = join(folder, 'sentinel.conf');
    const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`];
    writeFileSync(file, [...lines, `sentinel monitor main 127.0.0.1 ${master} 1`, ''].join('\n'));
    return [file, '--sentinel'];
  });
}

async function serve(argsOf: (port: number, folder: string) => readonly string[]): Promise<RedisServer> {
  const command = redisCommand();
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-redis-'));
  const port = await freePort();
  const all = argsOf(port, folder);
  let child = await launch(command, all);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    async restart() {
      child = await launch(command, all);
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function launch(command: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // A test that fails must not leave servers behind.
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const failed = (why: string): void => reject(new Error(`redis-server ${why}:\n${said}`));
    const timer = setTimeout(() => failed(`is not ready after ${readyMs} ms`), readyMs);
    const listen = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
      if (!/Ready to accept connections|Sentinel ID is/.test(said)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', (error) => failed(error.message));
    child.once('exit', (code) => {
      clearTimeout(timer);
      failed(`ended with ${code}`);
    });
  });
  return child;
}

/** On the PATH, else installed from Debian's package. */
const install =
  'redis-server --version || { apt-get update && apt-get install -y --no-install-recommends redis-server; }';

function redisCommand(): string {
  const isThere = (): boolean => spawnSync('redis-server', ['--version']).status === 0;
  if (!isThere() && process.getuid?.() === 0)
    // One of the test files at a time; the others then find it there.
    execFileSync('flock', [join(tmpdir(), 'tapgate-install.lock'), 'sh', '-c', install], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  if (isThere()) return 'redis-server';
  throw new Error('these tests need Redis 7: install the package redis-server, or set REDIS_URL');
}

/** A port that nobody listened at a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
