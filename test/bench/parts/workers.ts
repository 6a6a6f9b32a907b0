import { progress, type Bench } from '../bench.ts';
import { knowsWorkers, startGateway } from '../gateway.ts';
import { toFigure, toParagraphs, toRange, toTable } from '../markdown.ts';
import { scenarios } from '../scenarios.ts';
import { median, ratioWithinRounds } from '../statistics.ts';
import { takeTurns, withAll, type Measured, type Runner } from '../turns.ts';
import { figuresOf } from './cpu.ts';

/** The plain API and the full chain with some numbers of workers. */
export async function measureWorkers(bench: Bench, counts: readonly number[]): Promise<string> {
  if (!knowsWorkers()) return 'Left out: configurations of this gateway have no `workers` yet.';
  const starts = (['plain', 'full'] as const).flatMap((name) =>
    counts.map((count) => () => start(bench, name, count)),
  );
  return withAll(bench, starts, async (runners) => toWorkersReport(await takeTurns(bench, runners, bench)));
}

async function start(bench: Bench, scenario: 'plain' | 'full', workers: number): Promise<Runner> {
  progress(`starting: the gateway, ${scenario}, workers: ${workers}`);
  const { config, load } = scenarios[scenario];
  const { workspace, backend } = bench;
  const toConfig = (port: number): string =>
    `workers: ${workers}\n${config(port, backend.port, workspace.directory)}`;
  const target = await startGateway(workspace, `workers-${scenario}-${workers}`, toConfig);
  const title = scenario === 'plain' ? 'plain API' : 'full chain';
  return { name: `${title}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`, target, load };
}

export function toWorkersReport(measured: readonly Measured[]): string {
  const headings = ['Workers', 'requests/s', 'min..max', 'CPU µs/request', '÷ 1 worker', 'p99 ms', 'RSS MiB'];
  const rows = measured.map(({ name, samples }) => {
    const rates = figuresOf(samples, 'requestsPerSecond');
    const one = measured.find((other) => other.name === `${name.split(',')[0]}, 1 worker`);
    const cpu = figuresOf(samples, 'cpuUs');
    return [
      name,
      toFigure(median(rates), 0),
      toRange(rates, 0),
      toFigure(median(cpu), 1),
      toFigure(one && ratioWithinRounds(cpu, figuresOf(one.samples, 'cpuUs')), 2),
      toFigure(median(figuresOf(samples, 'p99Ms')), 2),
      toFigure(median(figuresOf(samples, 'residentMiB')), 0),
    ];
  });
  return toParagraphs(EXPLANATION, toTable(headings, rows));
}

const EXPLANATION = `At full load. wrk and the backend need CPUs too: with as many workers as CPUs, all of them wait for each other.`;
