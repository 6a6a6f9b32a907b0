import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

export type Kind = 'required' | 'optimal' | 'check';

export interface SuiteTest {
  readonly id: string;
  readonly kind?: Kind;
  readonly browser_only?: boolean;
}

interface TestGroup {
  readonly tests: readonly SuiteTest[];
}

/** By id: true, or the name and the message of what went wrong. */
export type Results = Readonly<Record<string, true | readonly [name: string, message: string] | undefined>>;

/** A checkout of the public suite for HTTP caches. */
export interface Suite {
  readonly folder: string;
  /** All tests but those for browsers alone. */
  readonly tests: readonly SuiteTest[];
  /** The mark the suite itself gives a result: a test counts only if those that it depends on passed. */
  markOf(id: string, results: Results): string;
  /** What the suite's repository has of other caches. */
  readonly stored: Readonly<Record<string, Results>>;
}

interface ResultsModule {
  readonly resultTypes: Readonly<Record<string, readonly string[]>>;
  determineTestResult(groups: readonly TestGroup[], id: string, results: Results): readonly string[];
}

export async function openSuite(folder: string): Promise<Suite> {
  const load = async (path: string): Promise<unknown> => import(pathToFileURL(join(folder, path)).href);
  const { default: groups } = (await load('tests/index.mjs')) as { default: readonly TestGroup[] };
  const marks = (await load('test-engine/lib/results.mjs')) as ResultsModule;
  const names = new Map(Object.entries(marks.resultTypes).map(([name, type]) => [type, name]));
  const stored: Record<string, Results> = {};
  for (const file of readdirSync(join(folder, 'results'))) {
    if (!file.endsWith('.json')) continue;
    stored[file.slice(0, -5)] = JSON.parse(readFileSync(join(folder, 'results', file), 'utf8')) as Results;
  }
  return {
    folder,
    stored,
    tests: groups
      .flatMap(({ tests }) => tests)
      .filter(({ browser_only: isForBrowsers }) => isForBrowsers !== true),
    markOf: (id, results) => names.get(marks.determineTestResult(groups, id, results)) ?? 'unknown',
  };
}

/** The suite's origin server, on a port of its own. */
export async function startOrigin(folder: string, pidFile: string): Promise<{ port: number } & Disposable> {
  const server = run(folder, 'test-engine/server/server.mjs', {
    npm_config_protocol: 'http',
    npm_config_port: '0',
    npm_config_pidfile: pidFile,
  });
  for await (const line of createInterface({ input: server.stdout ?? process.stdin })) {
    const port = /^Listening on http:.*:([0-9]+)\/$/.exec(line)?.[1];
    if (port === undefined) continue;
    server.stdout?.resume();
    return { port: Number(port), [Symbol.dispose]: () => server.kill() };
  }
  throw new Error('the origin server of the suite did not start');
}

/** Runs the suite's client against an address; takes a minute or two. */
export async function runClient(folder: string, base: string, id: string): Promise<Results | string> {
  const client = run(folder, 'test-engine/cli.mjs', {
    npm_config_base: base,
    npm_config_id: id,
    npm_package_config_id: '',
  });
  let text = '';
  client.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(client, 'close')) as [number];
  if (code !== 0) throw new Error(`the client of the suite ended with ${code}`);
  return id === '' ? (JSON.parse(text) as Results) : text;
}

function run(folder: string, script: string, env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', script], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
