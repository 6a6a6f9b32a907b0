import { progress, type Bench } from '../bench.ts';
import { knowsWorkers, startGateway } from '../gateway.ts';
import { toFigure, toParagraphs, toRange, toTable } from '../markdown.ts';
import { scenarios } from '../scenarios.ts';
import { median, ratioWithinRounds } from '../statistics.ts';
import type { Target } from '../targets.ts';
import { takeTurns, withAll, type Measured, type Runner, STEADY_REQUESTS } from '../turns.ts';
import { figuresOf } from './cpu.ts';

/** Times those of other parts: a few percent are to be seen, and a process alone varies by more from round to round. */
const ROUNDS = 3;

/** So many processes that serve: under a supervisor, or each alone, with a port and limits of its own. */
interface Crew {
  readonly processes: number;
  readonly isSupervised: boolean;
}

const alone: Crew = { processes: 1, isSupervised: false };

const titles = { plain: 'plain API', full: 'full chain', content: 'signed content' } as const;
type Measure = keyof typeof titles;

/** Some scenarios in one process, with some numbers of workers, and in as many processes. */
export async function measureWorkers(bench: Bench, counts: readonly number[]): Promise<string> {
  if (!knowsWorkers()) return 'Left out: configurations of this gateway have no `workers` yet.';
  const several = counts.filter((count) => count > 1).map((count) => ({ ...alone, processes: count }));
  const supervised = counts.map((count) => ({ processes: count, isSupervised: true }));
  const measured: Measured[] = [];
  for (const scenario of Object.keys(titles) as Measure[]) {
    const starts = [alone, ...several, ...supervised].map((crew) => () => start(bench, scenario, crew));
    // What waits for its turn uses the machine as well: no more of them at a time than are compared.
    const turns = { seconds: bench.seconds, rounds: ROUNDS * bench.rounds };
    measured.push(...(await withAll(bench, starts, (runners) => takeTurns(bench, runners, turns))));
  }
  return toWorkersReport(measured);
}

async function start(bench: Bench, scenario: Measure, crew: Crew): Promise<Runner> {
  const { processes, isSupervised } = crew;
  const name = `${titles[scenario]}, ${nameOf(crew)}`;
  progress(`starting: the gateway, ${name}`);
  const [target, ...beside] = await startCrew(bench, scenario, crew);
  if (target === undefined) throw new Error('there is no such crew');
  return {
    name,
    target: isSupervised ? target : { ...target, beside },
    // As many of wrk's as there are processes, for all alike: those of one crew need one each.
    load: () => ({ ...scenarios[scenario].load(), threads: processes }),
    connections: bench.connections * processes,
    warmUpRequests: STEADY_REQUESTS * processes,
  };
}

async function startCrew(
  { workspace, backend }: Bench,
  scenario: Measure,
  { processes, isSupervised }: Crew,
): Promise<Target[]> {
  const targets: Target[] = [];
  for (let index = 0; index < (isSupervised ? 1 : processes); index += 1) {
    const name = `workers-${scenario}-${processes}-${isSupervised ? 'supervised' : index}`;
    // A folder each, for a log of its own.
    const folder = workspace.folder(name);
    const toConfig = (port: number): string =>
      (isSupervised ? `workers: ${processes}\n` : '') +
      scenarios[scenario].config(port, backend.port, folder);
    targets.push(await startGateway(workspace, name, toConfig));
  }
  return targets;
}

function nameOf({ processes, isSupervised }: Crew): string {
  if (!isSupervised) return processes === 1 ? 'one process' : `${processes} processes`;
  return `${processes} ${processes === 1 ? 'worker' : 'workers'}`;
}

export function toWorkersReport(measured: readonly Measured[]): string {
  const ratios = ['÷ one process', '÷ 1 worker', '÷ as many processes'];
  const cpuHeadings = ['CPU µs/request', 'of it system', ...ratios];
  const headings = ['Workers', 'requests/s', 'min..max', ...cpuHeadings, 'p99 ms', 'RSS MiB'];
  const rows = measured.map(({ name, samples }) => {
    const rates = figuresOf(samples, 'requestsPerSecond');
    const cpu = figuresOf(samples, 'cpuUs');
    const [title, own] = name.split(', ');
    const ratioTo = (other: string): number | undefined => {
      const found = measured.find((each) => each.name === `${title}, ${other}`);
      return found && ratioWithinRounds(cpu, figuresOf(found.samples, 'cpuUs'));
    };
    const unsupervised = nameOf({ ...alone, processes: parseInt(own ?? '', 10) || 1 });
    return [
      name,
      toFigure(median(rates), 0),
      toRange(rates, 0),
      toFigure(median(cpu), 1),
      toFigure(median(figuresOf(samples, 'systemUs')), 1),
      toFigure(ratioTo(nameOf(alone)), 2),
      toFigure(ratioTo('1 worker'), 2),
      toFigure(ratioTo(unsupervised), 2),
      toFigure(median(figuresOf(samples, 'p99Ms')), 2),
      toFigure(median(figuresOf(samples, 'residentMiB')), 0),
    ];
  });
  return toParagraphs(EXPLANATION, toTable(headings, rows));
}

const EXPLANATION = `At full load, each process warm before, with the connections of the bench and a thread of wrk for each process: fewer are fewer requests that a turn of its loop serves at once. CPU time is that of all processes, the supervisor's and that of the worker that waits included; ratios are medians
of those within the rounds. wrk and the backend need CPUs too: with as many processes as CPUs all wait for each other, and what a process writes wakes what takes its CPU from it. So a request may cost more even where
nothing is shared ("2 processes", each with a port, limits, a log and a thread of wrk of its own); what workers cost beyond that stands in the last ratio. "Signed content" is posts of 8 KiB that the gateway itself answers:
no backend needs a CPU, and wrk a fraction of one, which comes nearest to a machine of more CPUs. In the last ratio is what a connection costs once, which the supervisor
hands over: the shorter a round, the more of it a request bears.`;
