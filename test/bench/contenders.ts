import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startExpressGateway, installedVersion, whyNoExpressGateway } from './express-gateway.ts';
import { startCaddy, startHaproxy, startNginxBackend, startNginxProxy } from './proxies.ts';
import { BACKEND_BODY, READY_MS, startOnFreePort, type Target } from './targets.ts';
import { findProgram, type Workspace } from './workspace.ts';

export const CONTENDERS = ['nginx', 'haproxy', 'caddy', 'bare', 'express-gateway', 'gateway'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

/** Somebody else's proxy, to compare with. */
export type OtherName = Exclude<ContenderName, 'gateway'>;

interface Other {
  /** Why it cannot run here, or undefined. */
  whyMissing(): string | undefined;
  version(): string;
  start(workspace: Workspace, backend: number, connections: number): Promise<Target>;
}

export const others: Record<OtherName, Other> = {
  nginx: debian('nginx', ['-v'], startNginxProxy),
  haproxy: debian('haproxy', ['-v'], startHaproxy),
  caddy: debian('caddy', ['version'], startCaddy),
  bare: {
    whyMissing: () => undefined,
    version: () => `node:http and undici of Node ${process.versions.node}`,
    start: startBareProxy,
  },
  'express-gateway': {
    whyMissing: whyNoExpressGateway,
    version: () => `${installedVersion()} on Node ${process.versions.node}`,
    start: startExpressGateway,
  },
};

function debian(name: string, versionArgs: readonly string[], start: Other['start']): Other {
  const whyMissing = (): string | undefined =>
    findProgram(name) === undefined ? `not installed: apt-get install ${name}` : undefined;
  return { whyMissing, version: () => versionOf(name, versionArgs), start };
}

/** The first thing that looks like a version in what a program says of itself. */
export function versionOf(name: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(findProgram(name) ?? name, args, { encoding: 'utf8' });
  return /\d+\.\d+(?:\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown version';
}

/** Why a contender cannot run here, or undefined. */
export function whyMissing(name: ContenderName): string | undefined {
  return name === 'gateway' ? undefined : others[name].whyMissing();
}

/** nginx where it is installed, else the least that Node can answer. */
export async function startBackend(workspace: Workspace): Promise<Target> {
  if (findProgram('nginx') !== undefined) return startNginxBackend(workspace, BACKEND_BODY);
  const program = fileURLToPath(new URL('bare-backend.ts', import.meta.url));
  return startOnFreePort(workspace, 'backend', READY_MS, (port) => [
    process.execPath,
    program,
    String(port),
    BACKEND_BODY,
  ]);
}

export function startBareProxy(
  workspace: Workspace,
  backend: number,
  connections: number,
  nodeFlags: readonly string[] = [],
): Promise<Target> {
  const program = fileURLToPath(new URL('bare-proxy.ts', import.meta.url));
  return startOnFreePort(workspace, 'bare', READY_MS, (port) => [
    process.execPath,
    ...nodeFlags,
    program,
    String(port),
    String(backend),
    String(connections),
  ]);
}
