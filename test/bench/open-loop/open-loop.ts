import { fileURLToPath } from 'node:url';
import type { Load } from '../load.ts';
import type { Started, Workspace } from '../workspace.ts';
import type { Order } from './generator.ts';
import type { Window } from './windows.ts';

/** At which rate, and for how long at most. */
export type Pace = Pick<Order, 'rate' | 'seconds' | 'connections' | 'windowMs'>;

/** Requests that are sent at a fixed rate by a process of their own. */
export interface OpenLoop {
  /** Ends it early. */
  stop(): void;
  /** In order of time. */
  readonly windows: Promise<Window[]>;
}

export function startOpenLoop(workspace: Workspace, port: number, load: Load, pace: Pace): OpenLoop {
  const { host, headers, path, count } = load;
  const order: Order = { ...pace, port, headers: { Host: host, ...headers }, path, count };
  const program = fileURLToPath(new URL('generator.ts', import.meta.url));
  const child = workspace.start('open-loop', process.execPath, [program, JSON.stringify(order)]);
  return {
    stop: () => child.isRunning() && process.kill(child.pid, 'SIGTERM'),
    windows: child.exited.then((code) => readWindows(child, code)),
  };
}

function readWindows(child: Started, code: number | string): Window[] {
  const output = child.output();
  if (code !== 0) throw new Error(`the generator of requests failed (${code})\n${output.slice(-4000)}`);
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Window).toSorted((a, b) => a.at - b.at);
}

/** All latencies of some windows, in milliseconds. */
export function latenciesMs(windows: readonly Window[]): number[] {
  return windows.flatMap(({ us }) => us.map((each) => each / 1000));
}

/** How many requests failed, and why; the empty text when none did. */
export function toFailures(windows: readonly Window[]): { count: number; reasons: string } {
  const reasons: Record<string, number> = {};
  for (const { failed } of windows)
    for (const [reason, count] of Object.entries(failed)) reasons[reason] = (reasons[reason] ?? 0) + count;
  const entries = Object.entries(reasons);
  return {
    count: entries.reduce((sum, [, count]) => sum + count, 0),
    reasons: entries.map(([reason, count]) => `${count} x ${reason}`).join(', '),
  };
}
