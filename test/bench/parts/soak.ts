import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { closing, progress, type Bench } from '../bench.ts';
import { startGateway } from '../gateway.ts';
import { measure, probe } from '../load.ts';
import { toFigure, toParagraphs, toTable } from '../markdown.ts';
import { collected, probeFlags, readSamples, type MemorySample } from '../memory.ts';
import { startOpenLoop, toFailures } from '../open-loop/open-loop.ts';
import type { Window } from '../open-loop/windows.ts';
import { scenarios } from '../scenarios.ts';
import { toLatencies } from '../statistics.ts';
import { toSvg, type Panel } from '../svg.ts';

/** Signatures are good for fifteen minutes: the generator gets a new one before. */
const SEGMENT_SECONDS = 600;
const POINTS = 120;

export interface SoakPlan {
  readonly minutes: number;
  readonly rate: number;
  /** Where the plot goes. */
  readonly svg: string;
}

/** The full chain for a long time at a fixed rate: whether memory grows, whether latency stays. */
export async function measureSoak(bench: Bench, plan: SoakPlan): Promise<string> {
  progress(`soak: ${plan.minutes} minutes at ${plan.rate} requests a second`);
  const { workspace, backend, connections } = bench;
  const { config, load } = scenarios.full;
  const memory = join(workspace.directory, 'soak.memory');
  const toConfig = (port: number): string => config(port, backend.port, workspace.directory);
  const target = await startGateway(workspace, 'soak', toConfig, probeFlags(memory, 1));
  return closing(bench, [target], async () => {
    await probe(target, load());
    await measure(workspace, target, load(), connections, 3);
    const before = await collected(target, memory);
    const windows: Window[] = [];
    for (let left = plan.minutes * 60; left > 0; left -= SEGMENT_SECONDS) {
      const pace = { rate: plan.rate, seconds: Math.min(left, SEGMENT_SECONDS), connections, windowMs: 1000 };
      windows.push(...(await startOpenLoop(workspace, target.port, load(), pace).windows));
      progress(`soak: ${toFigure(Math.max(0, left - SEGMENT_SECONDS) / 60, 0)} minutes left`);
    }
    const after = await collected(target, memory);
    const samples = readSamples(memory).filter(({ at }) => at >= before.at && at <= after.at);
    writeFileSync(plan.svg, toSvg('Soak: full chain', 'minutes', toPanels(windows, samples)));
    return toSoakReport(plan, windows, before, after);
  });
}

/** Merges what lies close together, so that a long run is as easy to read as a short one. */
export function toPanels(windows: readonly Window[], samples: readonly MemorySample[]): Panel[] {
  const start = Math.min(windows[0]?.at ?? Infinity, samples[0]?.at ?? Infinity);
  const end = Math.max(windows.at(-1)?.at ?? 0, samples.at(-1)?.at ?? 0);
  const step = Math.max(1000, (end - start) / POINTS);
  const minutes = (index: number): number => ((index + 0.5) * step) / 60_000;
  const heaps = grouped(samples, start, step);
  const loads = grouped(windows, start, step);
  const mib = (bytes: number): number => bytes / 2 ** 20;
  const line = <T>(
    groups: ReadonlyMap<number, readonly T[]>,
    valueOf: (some: readonly T[]) => number,
  ): [number, number][] => Array.from(groups, ([index, some]) => [minutes(index), valueOf(some)]);
  const latency = (which: 'p50' | 'p99') => (some: readonly Window[]) =>
    toLatencies(some.flatMap(({ us }) => us))[which] / 1000;
  return [
    {
      unit: 'MiB',
      lines: [
        { name: 'resident', points: line(heaps, (some) => mib(Math.max(...some.map(({ rss }) => rss)))) },
        {
          name: 'heap used, lowest',
          points: line(heaps, (some) => mib(Math.min(...some.map(({ heapUsed }) => heapUsed)))),
        },
      ],
    },
    {
      unit: 'ms',
      lines: [
        { name: 'p99', points: line(loads, latency('p99')) },
        { name: 'p50', points: line(loads, latency('p50')) },
      ],
    },
  ];
}

function grouped<T extends { readonly at: number }>(
  all: readonly T[],
  start: number,
  step: number,
): Map<number, T[]> {
  return Map.groupBy(all, ({ at }) => Math.floor((at - start) / step));
}

function toSoakReport(
  plan: SoakPlan,
  windows: readonly Window[],
  before: MemorySample,
  after: MemorySample,
): string {
  const { count, reasons } = toFailures(windows);
  const mib = (bytes: number): string => toFigure(bytes / 2 ** 20, 1);
  const { p50, p99, max } = toLatencies(windows.flatMap(({ us }) => us));
  const latencies = [p50, p99, max].map((us) => toFigure(us / 1000, 2));
  const row = ['MiB', mib(before.heapUsed), mib(after.heapUsed), mib(before.rss), mib(after.rss)];
  return toParagraphs(
    `The full chain, ${plan.minutes} minutes at ${plan.rate} requests a second; p50, p99, max: ${latencies.join(', ')} ms;
failed: ${count}${reasons === '' ? '' : ` (${reasons})`}.`,
    toTable(
      ['After a garbage collection', 'heap at first', 'in the end', 'resident at first', 'in the end'],
      [row],
    ),
    `![memory and latency over time](${basename(plan.svg)})`,
  );
}
