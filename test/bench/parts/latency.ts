import { progress, type Bench } from '../bench.ts';
import type { Load } from '../load.ts';
import { toFigure, toParagraphs, toTable } from '../markdown.ts';
import { latenciesMs, startOpenLoop, toFailures } from '../open-loop/open-loop.ts';
import type { Window } from '../open-loop/windows.ts';
import { scenarios } from '../scenarios.ts';
import { differenceWithinRounds, median, toLatencies, type Latencies } from '../statistics.ts';
import { warmUp, type Runner } from '../turns.ts';
import { withContenders } from './cpu.ts';

const PERCENTILES = ['p50', 'p90', 'p99', 'max'] as const;

/** The latencies of one runner at one rate, a round each, and how many requests were not answered. */
export interface Paced {
  readonly name: string;
  readonly rounds: readonly Latencies[];
  readonly failed: number;
}

/** What each contender adds to the latency of the backend, at rates well below what it can bear. */
export async function measureLatency(bench: Bench, rates: readonly number[]): Promise<string> {
  const direct: Runner = { name: 'backend itself', target: bench.backend, load: scenarios.plain.load };
  const asked = bench.contenders.includes('gateway') ? (['plain', 'full'] as const) : [];
  return withContenders(bench, asked, async (runners) => {
    const ready = await warmUp(bench, runners);
    const tables: string[] = [];
    for (const rate of rates) {
      const paced = await takePacedTurns(bench, [direct, ...ready], rate);
      tables.push(`**${rate.toLocaleString('en')} requests a second**`, toLatencyTable(paced));
    }
    return toParagraphs(EXPLANATION, ...tables);
  });
}

async function takePacedTurns(bench: Bench, runners: readonly Runner[], rate: number): Promise<Paced[]> {
  const windows = new Map(runners.map((runner) => [runner, [] as Window[][]]));
  for (let round = 1; round <= bench.rounds; round++) {
    for (const runner of runners) {
      const taken = await pace(bench, runner.target.port, runner.load(), rate);
      windows.get(runner)?.push(taken);
      const { p50, p99 } = toLatencies(latenciesMs(taken));
      progress(
        `round ${round}/${bench.rounds}: ${runner.name}, ${rate}/s: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
      );
    }
  }
  return Array.from(windows, ([{ name }, rounds]) => ({
    name,
    rounds: rounds.map((each) => toLatencies(latenciesMs(each))),
    failed: toFailures(rounds.flat()).count,
  }));
}

/** The first second is left out: connections are made in it. */
async function pace(bench: Bench, port: number, load: Load, rate: number): Promise<Window[]> {
  const { workspace, connections, seconds } = bench;
  const windowMs = 1000;
  const loop = startOpenLoop(workspace, port, load, { rate, seconds: seconds + 1, connections, windowMs });
  return (await loop.windows).slice(1);
}

/** @param paced the backend itself first */
export function toLatencyTable(paced: readonly Paced[]): string {
  const [direct] = paced;
  const headings = ['Latency', ...PERCENTILES.map((name) => `${name} ms`)];
  headings.push(...PERCENTILES.map((name) => `${name} added`), 'failed');
  const rows = paced.map((each) => {
    const figures = PERCENTILES.map((name) => each.rounds.map((round) => round[name]));
    const added = PERCENTILES.map((name, index) =>
      each === direct
        ? undefined
        : differenceWithinRounds(figures[index] ?? [], direct?.rounds.map((round) => round[name]) ?? []),
    );
    const all = figures.map((values) => toFigure(median(values), 2));
    return [each.name, ...all, ...added.map((value) => toFigure(value, 2)), String(each.failed)];
  });
  return toTable(headings, rows);
}

const EXPLANATION = `Requests are sent at a fixed rate by a process of its own, whether answers come or not; latency counts from the time
at which a request was meant to be sent, so that what waits behind a slow one counts too. "Added" is the contender's
percentile minus that of the backend called directly in the same round (which is also what the generator itself costs);
medians over the rounds.`;
