import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closing, progress, type Bench } from '../bench.ts';
import { startVersioned, type Change } from '../live.ts';
import { measure } from '../load.ts';
import { toFigure, toParagraphs, toTable } from '../markdown.ts';
import { collected, probeFlags, type MemorySample } from '../memory.ts';
import { latenciesMs, startOpenLoop, toFailures } from '../open-loop/open-loop.ts';
import type { Window } from '../open-loop/windows.ts';
import { toManyApis } from '../scenarios.ts';
import { median, toLatencies } from '../statistics.ts';

const NAME = 'reload';
const WINDOW_MS = 50;
const SETTLE_MS = 3000;
const LIVE_WITHIN_MS = 2000;
const LONGEST_SECONDS = 3600;

export interface ReloadPlan {
  readonly apis: number;
  readonly reloads: number;
  readonly rate: number;
  /** How long the same load is measured without reloads before. */
  readonly beforeSeconds: number;
  /** Between the end of one reload and the beginning of the next. */
  readonly pauseMs: number;
}

export interface Reloaded {
  readonly plan: ReloadPlan;
  readonly windows: readonly Window[];
  readonly changes: readonly Change[];
  readonly heap: { readonly before: MemorySample; readonly after: MemorySample };
}

/** Reloads a large configuration several times while requests come at a fixed rate. */
export async function measureReload(bench: Bench, plan: ReloadPlan): Promise<string> {
  progress(`starting: the gateway, ${plan.apis} APIs, to be reloaded`);
  const { workspace, connections } = bench;
  const file = join(workspace.directory, `${NAME}.memory`);
  const { target, replace } = await startVersioned(bench, NAME, plan.apis, probeFlags(file));
  return closing(bench, [target], async () => {
    const { load } = toManyApis(plan.apis);
    await measure(workspace, target, load(), connections, 3);
    // The first reload compiles much that later ones find compiled.
    await replace(1);
    const before = await collected(target, file);
    const pace = { rate: plan.rate, seconds: LONGEST_SECONDS, connections, windowMs: WINDOW_MS };
    const loop = startOpenLoop(workspace, target.port, load(), pace);
    await sleep(plan.beforeSeconds * 1000);
    const changes: Change[] = [];
    for (let version = 2; version < plan.reloads + 2; version++) {
      if (version % 10 === 1) progress(`reload ${version - 1}/${plan.reloads}`);
      changes.push(await replace(version));
      await sleep(plan.pauseMs);
    }
    loop.stop();
    const windows = await loop.windows;
    // The last configuration but one is held by the requests that it serves, for as long as those take.
    await sleep(SETTLE_MS);
    return toReloadReport({ plan, windows, changes, heap: { before, after: await collected(target, file) } });
  });
}

export function toReloadReport({ plan, windows, changes, heap }: Reloaded): string {
  const first = changes[0]?.startMs ?? Infinity;
  // A second for the first connections.
  const begin = (windows[0]?.at ?? 0) + 1000;
  const before = windows.filter(({ at }) => at >= begin && at + WINDOW_MS <= first);
  const isDuring = ({ at }: Window): boolean =>
    changes.some(({ startMs, endMs }) => at + WINDOW_MS > startMs && at < endMs);
  const last = changes.at(-1)?.endMs ?? 0;
  const all = windows.filter(({ at }) => at + WINDOW_MS > first && at < last);
  const rows = [
    ['before the reloads', before] as const,
    ['from the first reload to the last', all] as const,
    ['while a reload runs', windows.filter(isDuring)] as const,
    ['between and after', windows.filter((each) => each.at >= first && !isDuring(each))] as const,
  ].map(([title, some]) => {
    const { p50, p99, max } = toLatencies(latenciesMs(some));
    const { count } = toFailures(some);
    const answered = some.reduce((sum, { us }) => sum + us.length, 0);
    return [title, String(answered), String(count), ...[p50, p99, max].map((value) => toFigure(value, 2))];
  });
  const headings = ['Requests', 'answered', 'failed', 'p50 ms', 'p99 ms', 'max ms'];
  const ratio = toLatencies(latenciesMs(all)).p99 / toLatencies(latenciesMs(before)).p99;
  const compared = `With reloads, p99 is ${toFigure(ratio, 2)} of what it was before them.`;
  return toParagraphs(toSummary(plan, changes, heap), toTable(headings, rows), compared, toReasons(windows));
}

function toSummary(plan: ReloadPlan, changes: readonly Change[], heap: Reloaded['heap']): string {
  const times = changes.map(({ startMs, endMs }) => endMs - startMs);
  const mib = (bytes: number): string => toFigure(bytes / 2 ** 20, 1);
  const { before, after } = heap;
  const late = times.filter((time) => time >= LIVE_WITHIN_MS).length;
  return `${plan.reloads} reloads of ${plan.apis.toLocaleString('en')} APIs, ${plan.pauseMs} ms apart, at ${plan.rate} requests a second; the same load for ${plan.beforeSeconds} s before. Live after
${toFigure(median(times), 0)} ms (median; the longest ${toFigure(Math.max(...times), 0)} ms, ${late} of ${LIVE_WITHIN_MS} ms or more). Latency counts from the intended time. Heap after a garbage collection:
${mib(before.heapUsed)} MiB before the reloads, ${mib(after.heapUsed)} MiB after; resident ${mib(before.rss)} and ${mib(after.rss)} MiB.`;
}

function toReasons(windows: readonly Window[]): string {
  const { count, reasons } = toFailures(windows);
  return count === 0 ? '' : `Failed: ${reasons}.`;
}
