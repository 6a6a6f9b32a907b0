import { join } from 'node:path';
import { progress, type Bench } from '../bench.ts';
import { nowMs } from '../clock.ts';
import { startVersioned } from '../live.ts';
import type { Sample } from '../load.ts';
import { toFigure, toParagraphs, toTable } from '../markdown.ts';
import { collected, probeFlags } from '../memory.ts';
import { scenarios, toManyApis } from '../scenarios.ts';
import { median, ratioWithinRounds } from '../statistics.ts';
import { takeTurns, withAll, type Runner } from '../turns.ts';
import { figuresOf } from './cpu.ts';

const RELOADS = 3;

/** What one number of APIs costs. */
export interface Size {
  readonly count: number;
  readonly loadMs: number;
  readonly reloadMs: readonly number[];
  readonly heapBytes: number;
  readonly samples: readonly Sample[];
}

interface Started {
  readonly runner: Runner;
  readonly count: number;
  readonly loadMs: number;
  readonly reloadMs: number[];
  readonly heapBytes: number;
}

/** Time to load, time of a reload, memory, and CPU per request over all of them, by the number of APIs. */
export async function measureApis(bench: Bench, counts: readonly number[]): Promise<string> {
  const started: Started[] = [];
  const starts = counts.map((count) => async () => {
    const each = await start(bench, count);
    started.push(each);
    return each.runner;
  });
  return withAll(bench, starts, async (runners) => {
    const measured = await takeTurns(bench, runners, bench);
    return toApisReport(started.map((each, index) => ({ ...each, samples: measured[index]?.samples ?? [] })));
  });
}

async function start(bench: Bench, count: number): Promise<Started> {
  progress(`starting: the gateway, ${count} APIs`);
  const name = `apis-${count}`;
  const memory = join(bench.workspace.directory, `${name}.memory`);
  const before = nowMs();
  const { target, replace } = await startVersioned(bench, name, count, probeFlags(memory));
  const loadMs = nowMs() - before;
  const reloadMs: number[] = [];
  for (let version = 1; version <= RELOADS; version++) {
    const { startMs, endMs } = await replace(version);
    reloadMs.push(endMs - startMs);
  }
  const { heapUsed } = await collected(target, memory);
  const { load } = count === 1 ? scenarios.plain : toManyApis(count);
  const runner = { name: `${count.toLocaleString('en')} APIs`, target, load };
  return { runner, count, loadMs, reloadMs, heapBytes: heapUsed };
}

export function toApisReport(sizes: readonly Size[]): string {
  const headings = ['APIs', 'load ms', 'reload ms', 'CPU µs/request', '÷ fewest', 'heap MiB', 'RSS MiB'];
  const rows = sizes.map(({ count, loadMs, reloadMs, heapBytes, samples }) => {
    const cpu = figuresOf(samples, 'cpuUs');
    return [
      count.toLocaleString('en'),
      toFigure(loadMs, 0),
      toFigure(median(reloadMs), 0),
      toFigure(median(cpu), 1),
      toFigure(ratioWithinRounds(cpu, figuresOf(sizes[0]?.samples ?? [], 'cpuUs')), 2),
      toFigure(heapBytes / 2 ** 20, 0),
      toFigure(median(figuresOf(samples, 'residentMiB')), 0),
    ];
  });
  return toParagraphs(EXPLANATION, toTable(headings, rows));
}

const EXPLANATION = `Load: from the start of the process to the first answer. Reload: from the change of the file to the first answer by the new
configuration, median of ${RELOADS}. Requests go to all APIs in turn. Heap after ${RELOADS} reloads and a garbage collection; RSS under load.`;
