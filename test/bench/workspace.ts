import { spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, openSync, closeSync } from 'node:fs';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A running child; `exited` settles with its exit code, or with the signal that ended it. */
export interface Started {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<number | string>;
  isRunning(): boolean;
  output(): string;
}

/** A temporary folder and the processes that work in it; closing it ends and deletes both. */
export interface Workspace {
  readonly directory: string;
  readonly isClosing: boolean;
  start(name: string, program: string, args: readonly string[]): Started;
  stop(child: Started, signals: readonly NodeJS.Signals[], graceMs: number): Promise<void>;
  folder(name: string): string;
  write(name: string, text: string): string;
  close(): Promise<void>;
}

const INTERRUPTIONS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export function openWorkspace(): Workspace {
  const directory = mkdtempSync(join(tmpdir(), 'tapgate-bench-'));
  // Started as root, nginx's worker runs as another user, who has to get into its temporary folders.
  chmodSync(directory, 0o755);
  const children = new Set<Started>();
  let closing: Promise<void> | undefined;
  const workspace: Workspace = {
    directory,
    get isClosing() {
      return closing !== undefined;
    },
    start(name, program, args) {
      if (closing !== undefined) throw new Error('interrupted');
      const child = startChild(name, program, args, join(directory, `${name}.log`));
      children.add(child);
      void child.exited.then(() => children.delete(child));
      return child;
    },
    stop: stopChild,
    folder: (name) => makeFolder(join(directory, name)),
    write: (name, text) => writeText(join(directory, name), text),
    close: () => (closing ??= closeAll(children, directory)),
  };
  process.on('exit', () => {
    for (const child of children) killGroup(child);
    rmSync(directory, { recursive: true, force: true });
  });
  for (const [signal, code] of Object.entries(INTERRUPTIONS)) {
    process.once(signal, () => void workspace.close().finally(() => process.exit(code)));
  }
  return workspace;
}

function startChild(name: string, program: string, args: readonly string[], log: string): Started {
  const file = openSync(log, 'w');
  // A process group of its own: Ctrl-C then reaches only the bench, which ends the others in order.
  const child = spawn(program, args, { stdio: ['ignore', file, file], detached: true });
  closeSync(file);
  let isRunning = child.pid !== undefined;
  const exited = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  }).finally(() => (isRunning = false));
  if (child.pid === undefined) throw new Error(`${name}: ${program} could not be started`);
  return {
    name,
    pid: child.pid,
    exited,
    isRunning: () => isRunning,
    output: () => readFileSync(log, 'utf8'),
  };
}

async function stopChild(child: Started, signals: readonly NodeJS.Signals[], graceMs: number): Promise<void> {
  for (const signal of signals) {
    if (!child.isRunning()) break;
    process.kill(child.pid, signal);
    await Promise.race([child.exited, sleep(graceMs, undefined, { ref: false })]);
  }
  killGroup(child);
  await child.exited;
}

function killGroup(child: Started): void {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}

async function closeAll(children: ReadonlySet<Started>, directory: string): Promise<void> {
  await Promise.all([...children].map((child) => stopChild(child, ['SIGTERM'], 3000)));
  rmSync(directory, { recursive: true, force: true });
}

function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

function writeText(path: string, text: string): string {
  writeFileSync(path, text);
  return path;
}

/** The full path of an installed program. Debian keeps nginx and haproxy in sbin, which is not on every PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function waitForPort(child: Started, port: number, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await accepts(port))) {
    const problem = child.isRunning() ? `no connection on port ${port} after ${limitMs} ms` : 'ended at once';
    if (!child.isRunning() || performance.now() > deadline) {
      throw new Error(`${child.name}: ${problem}\n${child.output().slice(-4000)}`);
    }
    await sleep(50);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
