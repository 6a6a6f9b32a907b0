import { progress, type Bench } from '../bench.ts';
import { knowsWorkers, startGateway } from '../gateway.ts';
import { toFigure, toParagraphs, toRange, toTable } from '../markdown.ts';
import { scenarios } from '../scenarios.ts';
import { median, ratioWithinRounds } from '../statistics.ts';
import { takeTurns, withAll, type Measured, type Runner, STEADY_REQUESTS } from '../turns.ts';
import { figuresOf } from './cpu.ts';

/** Times those of other parts: a few percent are to be seen, and a process alone varies by more from round to round. */
const ROUNDS = 3;

/** One process without a supervisor. */
const alone = 0;

/** The plain API and the full chain in one process, and with some numbers of workers. */
export async function measureWorkers(bench: Bench, counts: readonly number[]): Promise<string> {
  if (!knowsWorkers()) return 'Left out: configurations of this gateway have no `workers` yet.';
  const measured: Measured[] = [];
  for (const scenario of ['plain', 'full'] as const) {
    const starts = [alone, ...counts].map((count) => () => start(bench, scenario, count));
    // What waits for its turn uses the machine as well: no more of them at a time than are compared.
    const turns = { seconds: bench.seconds, rounds: ROUNDS * bench.rounds };
    measured.push(...(await withAll(bench, starts, (runners) => takeTurns(bench, runners, turns))));
  }
  return toWorkersReport(measured);
}

async function start(bench: Bench, scenario: 'plain' | 'full', workers: number): Promise<Runner> {
  const title = scenario === 'plain' ? 'plain API' : 'full chain';
  const name = `${title}, ${nameOf(workers)}`;
  progress(`starting: the gateway, ${name}`);
  const { config, load } = scenarios[scenario];
  const { workspace, backend } = bench;
  const toConfig = (port: number): string =>
    (workers === alone ? '' : `workers: ${workers}\n`) + config(port, backend.port, workspace.directory);
  const target = await startGateway(workspace, `workers-${scenario}-${workers}`, toConfig);
  const processes = Math.max(1, workers);
  const connections = bench.connections * processes;
  return { name, target, load, connections, warmUpRequests: STEADY_REQUESTS * processes };
}

function nameOf(workers: number): string {
  if (workers === alone) return 'one process';
  return `${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}

export function toWorkersReport(measured: readonly Measured[]): string {
  const ratios = ['÷ one process', '÷ 1 worker'];
  const cpuHeadings = ['CPU µs/request', 'of it system', ...ratios];
  const headings = ['Workers', 'requests/s', 'min..max', ...cpuHeadings, 'p99 ms', 'RSS MiB'];
  const rows = measured.map(({ name, samples }) => {
    const rates = figuresOf(samples, 'requestsPerSecond');
    const cpu = figuresOf(samples, 'cpuUs');
    const ratioTo = (workers: number): number | undefined => {
      const wanted = `${name.split(',')[0]}, ${nameOf(workers)}`;
      const other = measured.find((each) => each.name === wanted);
      return other && ratioWithinRounds(cpu, figuresOf(other.samples, 'cpuUs'));
    };
    return [
      name,
      toFigure(median(rates), 0),
      toRange(rates, 0),
      toFigure(median(cpu), 1),
      toFigure(median(figuresOf(samples, 'systemUs')), 1),
      toFigure(ratioTo(alone), 2),
      toFigure(ratioTo(1), 2),
      toFigure(median(figuresOf(samples, 'p99Ms')), 2),
      toFigure(median(figuresOf(samples, 'residentMiB')), 0),
    ];
  });
  return toParagraphs(EXPLANATION, toTable(headings, rows));
}

const EXPLANATION = `At full load, each process warm before, with the connections of the bench for each process: fewer are fewer requests that a turn of its loop serves at once. CPU time is that of all processes, the supervisor's and that of the worker that waits included; ratios are medians
of those within the rounds. wrk and the backend need CPUs too: with as many workers as CPUs, all of them wait for each other.`;
