import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { READY_MS, startOnFreePort, type Target } from './targets.ts';
import type { Workspace } from './workspace.ts';

/** The last one that was published; it is no dependency of ours, but installed when it is first measured. */
const VERSION = '1.16.11';
const INSTALL_MS = 180_000;
/** Kept from run to run, where `npm ci` throws it away. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/express-gateway', import.meta.url));

let problem: string | undefined;

/** Why it cannot be had, or undefined. Installs it, without the scripts of its packages, if need be. */
export function whyNoExpressGateway(): string | undefined {
  if (installedVersion() === VERSION) return undefined;
  problem ??= install();
  return problem;
}

export function installedVersion(): string | undefined {
  const file = join(FOLDER, 'node_modules/express-gateway/package.json');
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function install(): string | undefined {
  console.error(`installing express-gateway ${VERSION}`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `express-gateway@${VERSION}`];
  const npm = spawnSync('npm', args, { cwd: FOLDER, encoding: 'utf8', timeout: INSTALL_MS });
  if (npm.status === 0 && installedVersion() === VERSION) return undefined;
  return `npm install express-gateway@${VERSION} failed: ${lastLine(npm.stderr ?? '')}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** Its least: one endpoint, one pipeline, the policy `proxy`. */
export function startExpressGateway(workspace: Workspace, backend: number): Promise<Target> {
  const folder = workspace.folder('express-gateway');
  const program = fileURLToPath(new URL('express-gateway-program.ts', import.meta.url));
  return startOnFreePort(workspace, 'express-gateway-log', READY_MS, (port) => {
    // It looks for the models of its users and apps beside the configuration.
    const models = 'node_modules/express-gateway/lib/config/models';
    cpSync(join(FOLDER, models), join(folder, 'models'), { recursive: true });
    workspace.write('express-gateway/system.config.yml', SYSTEM);
    workspace.write('express-gateway/gateway.config.yml', gatewayConfig(port, backend));
    return [process.execPath, program, FOLDER, folder];
  });
}

function gatewayConfig(port: number, backend: number): string {
  return `http: { port: ${port}, hostname: 127.0.0.1 }
apiEndpoints:
  all: { host: '*', paths: '/*' }
serviceEndpoints:
  backend: { url: 'http://127.0.0.1:${backend}' }
policies: [proxy]
pipelines:
  plain:
    apiEndpoints: [all]
    policies:
      - proxy: [{ action: { serviceEndpoint: backend } }]
`;
}

/** What it refuses to start without. */
const SYSTEM = `db: { redis: { emulate: true, namespace: EG } }
crypto: { cipherKey: sensitiveKey, algorithm: aes256, saltRounds: 10 }
session: { secret: keyboard cat, resave: false, saveUninitialized: false }
accessTokens: { timeToExpiry: 7200000 }
refreshTokens: { timeToExpiry: 7200000 }
authorizationCodes: { timeToExpiry: 300000 }
`;
