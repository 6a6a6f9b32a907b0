import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findFreePort, findProgram, waitForPort, type Started, type Workspace } from './workspace.ts';

export const CONTENDERS = ['nginx', 'haproxy', 'bare', 'gateway'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

/** Something that listens on a loopback port and whose CPU time is that of `process` and its descendants. */
export interface Target {
  readonly process: Started;
  readonly port: number;
}

export const BACKEND_BODY = JSON.stringify({
  id: 4711,
  name: 'bench item',
  tags: ['alpha', 'beta'],
  price: { amount: 1299, currency: 'EUR' },
});

const READY_MS = 10_000;
/** Ten thousand APIs have to be read and compiled before the gateway listens. */
const GATEWAY_READY_MS = 120_000;

/** Why a contender cannot run here, or undefined. */
export function whyMissing(name: ContenderName): string | undefined {
  if (name === 'bare') return undefined;
  if (name === 'gateway') {
    return existsSync(gatewayProgram()) ? undefined : `${gatewayProgram()} does not exist`;
  }
  return findProgram(name) === undefined ? `not installed: apt-get install ${name}` : undefined;
}

export async function startBackend(workspace: Workspace): Promise<Target> {
  if (findProgram('nginx') !== undefined) {
    const answer = `default_type application/json;\n    location / { return 200 '${BACKEND_BODY}'; }`;
    return startNginx(workspace, 'backend', (port) => nginxConfig(port, answer, ''));
  }
  const program = fileURLToPath(new URL('bare-backend.ts', import.meta.url));
  return startOnFreePort(workspace, 'backend', READY_MS, (port) => [
    process.execPath,
    program,
    String(port),
    BACKEND_BODY,
  ]);
}

export function startNginxProxy(workspace: Workspace, backend: number, connections: number): Promise<Target> {
  const upstream = `upstream backend {
    server 127.0.0.1:${backend};
    keepalive ${connections};
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }`;
  const proxy = `location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }`;
  return startNginx(workspace, 'nginx', (port) => nginxConfig(port, proxy, upstream));
}

function startNginx(workspace: Workspace, name: string, config: (port: number) => string): Promise<Target> {
  const folder = workspace.folder(name);
  return startOnFreePort(workspace, name, READY_MS, (port) => {
    const file = workspace.write(`${name}.conf`, config(port));
    return [findProgram('nginx') ?? 'nginx', '-p', folder, '-e', 'stderr', '-c', file];
  });
}

function nginxConfig(port: number, server: string, upstream: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  ${temporary.map((kind) => `${kind}_temp_path ${kind}_temp;`).join('\n  ')}
  ${upstream}
  server {
    listen 127.0.0.1:${port} backlog=1024;
    ${server}
  }
}
`;
}

export function startHaproxy(workspace: Workspace, backend: number, connections: number): Promise<Target> {
  return startOnFreePort(workspace, 'haproxy', READY_MS, (port) => {
    // haproxy drops idle backend connections once a quarter of its sockets is in use; a maxconn near
    // the load would make it connect anew for each request.
    const config = `global
  nbthread 1
  maxconn ${connections * 16 + 1000}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend bench
  bind 127.0.0.1:${port}
  default_backend backend
backend backend
  server one 127.0.0.1:${backend}
`;
    return [findProgram('haproxy') ?? 'haproxy', '-db', '-f', workspace.write('haproxy.cfg', config)];
  });
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

export function startGateway(
  workspace: Workspace,
  name: string,
  config: (port: number) => string,
  nodeFlags: readonly string[] = [],
): Promise<Target> {
  return startOnFreePort(workspace, name, GATEWAY_READY_MS, (port) => {
    const file = workspace.write(`${name}.yaml`, config(port));
    return [process.execPath, ...nodeFlags, gatewayProgram(), 'start', '--config', file];
  });
}

function gatewayProgram(): string {
  return fileURLToPath(new URL('../../core/main.ts', import.meta.url));
}

async function startOnFreePort(
  workspace: Workspace,
  name: string,
  limitMs: number,
  command: (port: number) => [program: string, ...args: string[]],
): Promise<Target> {
  const port = await findFreePort();
  const [program, ...args] = command(port);
  const started = workspace.start(name, program, args);
  await waitForPort(started, port, limitMs);
  return { process: started, port };
}
