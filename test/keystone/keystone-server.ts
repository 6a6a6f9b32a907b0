import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const wsgi = 'keystone-wsgi-public';
const installing = ['install', '-y', '--no-install-recommends', 'keystone'];

/** A Keystone to test against. */
export interface Server extends AsyncDisposable {
  /** With the version. */
  readonly url: string;
  readonly adminPassword: string;
  /** Another server over the same users and keys whose tokens live this many seconds; undefined for one that runs elsewhere. */
  readonly shortLived: ((seconds: number) => Promise<Server>) | undefined;
}

/** The one that `KEYSTONE_URL` names, else one of this machine, installed if need be and possible. */
export async function findKeystone(): Promise<Server> {
  const { KEYSTONE_URL: url, KEYSTONE_ADMIN_PASSWORD: adminPassword = '' } = process.env;
  if (url !== undefined) {
    return { url, adminPassword, shortLived: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (!isThere()) install();
  return startKeystone();
}

function isThere(): boolean {
  return spawnSync('which', ['keystone-manage', wsgi]).status === 0;
}

function install(): void {
  const hint = `apt-get ${installing.join(' ')}`;
  if (process.getuid?.() !== 0)
    throw new Error(`there is no Keystone: run "${hint}" as root, or set KEYSTONE_URL`);
  process.stdout.write(`installing: ${hint}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  spawnSync('apt-get', installing, { stdio: 'ignore', env });
  if (!isThere()) throw new Error(`"${hint}" brought no Keystone`);
}

/** A fresh one in a folder of its own: SQLite, Fernet tokens, an administrator. */
async function startKeystone(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-keystone-'));
  const adminPassword = 'keystone-admin-password';
  try {
    const config = configure(folder, 3600);
    const owner = ['--keystone-user', 'root', '--keystone-group', 'root'];
    const keys = process.getuid?.() === 0 ? owner : [];
    manage(config, ['db_sync']);
    allowReadersBesideWriters(folder);
    manage(config, ['fernet_setup', ...keys]);
    manage(config, ['bootstrap', '--bootstrap-password', adminPassword]);
    const server = await serve(config);
    return {
      url: server.url,
      adminPassword,
      async shortLived(seconds) {
        const other = await serve(configure(folder, seconds));
        const stop = (): Promise<void> => other.stop();
        return { url: other.url, adminPassword, shortLived: undefined, [Symbol.asyncDispose]: stop };
      },
      async [Symbol.asyncDispose]() {
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function configure(folder: string, tokenSeconds: number): string {
  for (const name of ['fernet', 'credential'])
    mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  const file = join(folder, `keystone-${tokenSeconds}.conf`);
  const lines = [
    '[DEFAULT]',
    `log_file = ${join(folder, 'keystone.log')}`,
    '[database]',
    `connection = sqlite:///${databaseIn(folder)}`,
    '[token]',
    'provider = fernet',
    `expiration = ${tokenSeconds}`,
    '[fernet_tokens]',
    `key_repository = ${join(folder, 'fernet')}`,
    '[credential]',
    `key_repository = ${join(folder, 'credential')}`,
    // A test wants to see the answer of now.
    '[cache]',
    'enabled = false',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** Keystone leaves read transactions open, which would otherwise lock out whoever writes. */
function allowReadersBesideWriters(folder: string): void {
  const database = new DatabaseSync(databaseIn(folder));
  database.exec('PRAGMA journal_mode = WAL');
  database.close();
}

function databaseIn(folder: string): string {
  return join(folder, 'keystone.db');
}

function manage(config: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync('keystone-manage', ['--config-file', config, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`keystone-manage ${args[0]} failed: ${stderr.slice(-2000)}`);
}

/** Starts the package's own WSGI server on a free port. */
async function serve(config: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const env = { ...process.env, OS_KEYSTONE_CONFIG_FILES: config, PYTHONUNBUFFERED: '1' };
  const child = spawn(wsgi, ['--host', '127.0.0.1', '--port', '0'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill();
    await gone;
  };
  try {
    return { url: `http://127.0.0.1:${await portOf(child)}/v3`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function portOf({ stdout, stderr }: ChildProcess): Promise<string> {
  let text = '';
  let errors = '';
  stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000);
  });
  return new Promise((resolve, reject) => {
    stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const port = /Available at \S+:(\d+)\//.exec(text)?.[1];
      if (port !== undefined) resolve(port);
    });
    stdout?.on('end', () => reject(new Error(`Keystone did not start: ${errors}`)));
  });
}
