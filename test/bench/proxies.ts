// The configurations of servers that are not ours: one process, plain forwarding, connections kept on both sides.
import { READY_MS, startOnFreePort, type Target } from './targets.ts';
import { findProgram, type Workspace } from './workspace.ts';

export function startNginxBackend(workspace: Workspace, body: string): Promise<Target> {
  const answer = `default_type application/json;\n    location / { return 200 '${body}'; }`;
  return startNginx(workspace, 'backend', (port) => nginxConfig(port, answer, ''));
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

export function startCaddy(workspace: Workspace, backend: number, connections: number): Promise<Target> {
  return startOnFreePort(workspace, 'caddy', READY_MS, (port) => {
    const file = workspace.write(
      'caddy.json',
      caddyConfig(port, backend, connections, workspace.folder('caddy')),
    );
    return [findProgram('caddy') ?? 'caddy', 'run', '--config', file];
  });
}

function caddyConfig(port: number, backend: number, connections: number, folder: string): string {
  // The default of idle connections to a backend is 32; the others would be closed after each request.
  const keepAlive = { idle_timeout: '1h', max_idle_conns: connections, max_idle_conns_per_host: connections };
  const proxy = {
    handler: 'reverse_proxy',
    upstreams: [{ dial: `127.0.0.1:${backend}` }],
    transport: { protocol: 'http', compression: false, keep_alive: keepAlive },
  };
  const server = {
    listen: [`127.0.0.1:${port}`],
    automatic_https: { disable: true },
    idle_timeout: '1h',
    routes: [{ handle: [proxy] }],
  };
  return JSON.stringify({
    admin: { disabled: true, config: { persist: false } },
    storage: { module: 'file_system', root: folder },
    logging: { logs: { default: { level: 'WARN' } } },
    apps: { http: { servers: { bench: server } } },
  });
}
