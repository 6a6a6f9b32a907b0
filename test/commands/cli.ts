import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { root } from '../architecture/sources.ts';

const main = join(root, 'core/main.ts');
const deadlineMs = 120_000;

/** A new folder with these files, removed after the tests. */
export function newFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-commands-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  write(folder, files);
  return folder;
}

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function start(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): ChildProcess {
  // A test runner below this one would take itself for a part of it.
  const { NODE_TEST_CONTEXT: _context, ...inherited } = process.env;
  return spawn(process.execPath, [main, ...args], { cwd, env: { ...inherited, ...env } });
}

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Run> {
  const child = start(args, options.cwd ?? root, options.env ?? {});
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

/** A line of the operator's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A gateway that runs in a process of its own. */
export class Served {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  stdout = '';
  #stderr = '';
  #changed: () => void = () => undefined;
  #withinMs = deadlineMs;

  /** Starts and waits until it listens. */
  static async start(
    config: string,
    env: Readonly<Record<string, string>> = {},
    withinMs: number = deadlineMs,
  ): Promise<Served> {
    const served = new Served(start(['start', '--config', config], root, env));
    served.#withinMs = withinMs;
    await served.#until(() => served.stdout.includes('listening on'), 'it listens');
    return served;
  }

  /** Starts `dev`, which may have nothing to serve yet. */
  static dev(config: string): Served {
    return new Served(start(['dev', '--config', config], root, {}));
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close');
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#changed();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#changed();
    });
    after(() => child.kill('SIGKILL'));
  }

  get port(): number {
    return Number(/listening on http:\/\/\S+:(\d+)/.exec(this.stdout)?.[1]);
  }

  get log(): readonly LogLine[] {
    const lines = this.#stderr.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  get refused(): readonly LogLine[] {
    return this.log.filter(({ msg }) => msg.includes('is refused'));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, and the signal that ended it if one did. */
  async end(signal?: NodeJS.Signals): Promise<unknown> {
    if (signal !== undefined) this.kill(signal);
    return this.#closed;
  }

  /** Waits until that many lines of the log say so. */
  async logged(message: string, count = 1): Promise<void> {
    await this.#until(() => this.log.filter(({ msg }) => msg.includes(message)).length >= count, message);
  }

  /** Waits until standard output, from here on, says so; answers what it says up to then. */
  async prints(expected: RegExp, from = 0): Promise<string> {
    await this.#until(() => expected.test(this.stdout.slice(from)), String(expected));
    return this.stdout.slice(from);
  }

  async get(path: string, host = 'test'): Promise<{ status: number; body: string }> {
    return get(this.port, path, host);
  }

  /** Asks again and again until the answer is this one. */
  async answers(path: string, expected: string): Promise<void> {
    const end = Date.now() + deadlineMs;
    let last = '';
    while (Date.now() < end) {
      const { status, body } = await this.get(path);
      last = `${status} ${body}`;
      if (last === expected) return;
    }
    throw new Error(`${path} answers "${last}" and never "${expected}"; ${this.#stderr}`);
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    while (!isSo()) {
      const changed = new Promise<'changed'>((resolve) => {
        this.#changed = () => resolve('changed');
      });
      const cut = AbortSignal.timeout(this.#withinMs);
      const late = once(cut, 'abort').then(() => 'late');
      const seen = await Promise.race([changed, this.#closed.then(() => 'closed'), late]);
      if (seen !== 'changed' && !isSo())
        throw new Error(`${seen} before: ${what}; ${this.stdout} ${this.#stderr}`);
    }
  }
}

/** One request over a connection of its own. */
export function get(port: number, path: string, host = 'test'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, host: '127.0.0.1', headers: { host }, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** A configuration with one API at `/` that answers with this text, however often it is asked. */
export const mock = (body: string, more = ''): string => `listeners: [{ port: 0, host: 127.0.0.1 }]
groups:
  g: { domains: ['*'] }
apis:
  g/a:
    request: { method: GET, path: / }
    auth: none
    backend: { type: mock, body: ${body} }
throttling: { defaultPerSecond: 0 }
${more}`;
