import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOnFreePort, type Target } from './targets.ts';
import type { Workspace } from './workspace.ts';

/** Fifty thousand APIs have to be read and compiled before the gateway listens. */
const READY_MS = 180_000;

/** Where this checkout is. */
export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));

/** Writes the configuration as `NAME.yaml` into the workspace and starts the gateway of a checkout with it. */
export function startGateway(
  workspace: Workspace,
  name: string,
  config: (port: number) => string,
  nodeFlags: readonly string[] = [],
  checkout = CHECKOUT,
): Promise<Target> {
  return startOnFreePort(workspace, name, READY_MS, (port) => {
    const file = workspace.write(`${name}.yaml`, config(port));
    return [process.execPath, ...nodeFlags, join(checkout, 'core/main.ts'), 'start', '--config', file];
  });
}

/** Whether configurations may say how many workers there are. */
export function knowsWorkers(): boolean {
  const { stdout } = spawnSync(process.execPath, [join(CHECKOUT, 'core/main.ts'), 'schema'], {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  const schema = JSON.parse(stdout) as { properties?: Record<string, unknown> };
  return schema.properties?.['workers'] !== undefined;
}
