import { findFreePort, waitForPort, type Started, type Workspace } from './workspace.ts';

/** Something that listens on a loopback port and whose CPU time is that of `process` and its descendants. */
export interface Target {
  readonly process: Started;
  readonly port: number;
  /** Others that have nothing to do with it and count as part of it; each thread of wrk loads one of them all. */
  readonly beside?: readonly Target[];
}

export function withBeside(target: Target): readonly Target[] {
  return [target, ...(target.beside ?? [])];
}

export const BACKEND_BODY = JSON.stringify({
  id: 4711,
  name: 'bench item',
  tags: ['alpha', 'beta'],
  price: { amount: 1299, currency: 'EUR' },
});

export const READY_MS = 10_000;

export async function startOnFreePort(
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
