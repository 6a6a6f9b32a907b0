import { renameSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { nowMs } from './clock.ts';
import { startGateway } from './gateway.ts';
import { apis, HOST, toConfig } from './scenarios.ts';
import type { Target } from './targets.ts';
import type { Workspace } from './workspace.ts';

const LIVE_MS = 180_000;
const PATH = '/version';

/** A gateway with some number of plain APIs whose configuration is replaced by equal ones. */
export interface Versioned {
  readonly target: Target;
  readonly replace: (version: number) => Promise<Change>;
}

/** Starts it with the version 0. @param nodeFlags see `probeFlags` */
export async function startVersioned(
  { workspace, backend }: Bench,
  name: string,
  count: number,
  nodeFlags: readonly string[],
): Promise<Versioned> {
  // Once: the machine should be busy with what is measured.
  const equal = apis(count, 'none', backend.port);
  const textOf = (port: number, version: number): string => toConfig(port, equal + versionApi(version));
  const target = await startGateway(workspace, name, (port) => textOf(port, 0), nodeFlags);
  await untilLive(target, 0);
  return {
    target,
    replace: (version) => {
      const text = textOf(target.port, version);
      return replace(workspace, target, { name, text, version });
    },
  };
}

/** An API whose answer tells which version of the configuration is in force. */
function versionApi(version: number): string {
  return `
  bench/version:
    request: { method: GET, path: ${PATH} }
    auth: none
    backend: { type: mock, body: version-${version} }`;
}

/** From the change of the file to the first answer by the new configuration. */
export interface Change {
  readonly startMs: number;
  readonly endMs: number;
}

/** Replaces a configuration as an editor does, and waits until the gateway answers by it. */
async function replace(
  workspace: Workspace,
  target: Target,
  config: { name: string; text: string; version: number },
): Promise<Change> {
  const next = workspace.write(`${config.name}.next`, config.text);
  const startMs = nowMs();
  renameSync(next, join(workspace.directory, `${config.name}.yaml`));
  await untilLive(target, config.version);
  return { startMs, endMs: nowMs() };
}

/** Asks every few milliseconds, over one connection. */
async function untilLive(target: Target, version: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const deadline = nowMs() + LIVE_MS;
  try {
    while ((await ask(target.port, agent)) !== `version-${version}`) {
      if (nowMs() > deadline)
        throw new Error(
          `version ${version} is not live after ${LIVE_MS / 1000} s\n${target.process.output().slice(-2000)}`,
        );
      await sleep(5);
    }
  } finally {
    agent.destroy();
  }
}

function ask(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: PATH, headers: { Host: HOST }, agent, timeout: LIVE_MS };
    const request = get(options, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (body += chunk));
      answer.on('end', () => resolve(body));
      answer.on('error', reject);
    });
    request.on('error', reject);
  });
}
