import { firstLine, progress, type Bench } from '../bench.ts';
import { others, type ContenderName, type OtherName } from '../contenders.ts';
import { startGateway } from '../gateway.ts';
import type { Sample } from '../load.ts';
import { toFigure, toParagraphs, toRange, toTable } from '../markdown.ts';
import { scenarios, type ScenarioName } from '../scenarios.ts';
import { median, ratioWithinRounds } from '../statistics.ts';
import { takeTurns, withAll, type Measured, type Runner, STEADY_REQUESTS } from '../turns.ts';

/** CPU per request at full load: the plain API beside everybody, and further scenarios of the gateway. */
export async function measureCpu(bench: Bench, asked: readonly ScenarioName[]): Promise<string> {
  const scenarios = bench.contenders.includes('gateway') ? asked : [];
  return withContenders(bench, scenarios, async (runners) =>
    toCpuReport(await takeTurns(bench, runners, bench)),
  );
}

export function isOther(name: ContenderName): name is OtherName {
  return name !== 'gateway';
}

/** Starts everybody else and some scenarios of the gateway. */
export function withContenders<T>(
  bench: Bench,
  scenarios: readonly ScenarioName[],
  work: (runners: readonly Runner[]) => Promise<T>,
): Promise<T> {
  const starts = [
    ...bench.contenders.filter(isOther).map((name) => () => startOther(bench, name)),
    ...scenarios.map((name) => () => startScenario(bench, name)),
  ];
  return withAll(bench, starts, work);
}

async function startOther(bench: Bench, name: OtherName): Promise<Runner | undefined> {
  progress(`starting: ${name}`);
  try {
    const target = await others[name].start(bench.workspace, bench.backend.port, bench.connections);
    return { name, target, load: scenarios.plain.load, warmUpRequests: STEADY_REQUESTS, isOptional: true };
  } catch (error) {
    if (bench.workspace.isClosing) throw error;
    // The others can be compared without it.
    bench.note(`Left out: ${name} (it could not be started: ${firstLine(error)}).`);
    return undefined;
  }
}

async function startScenario(bench: Bench, scenario: ScenarioName): Promise<Runner> {
  progress(`starting: the gateway, ${scenario}`);
  const { title, config, load } = scenarios[scenario];
  const { workspace, backend } = bench;
  const toConfig = (port: number): string => config(port, backend.port, workspace.directory);
  const target = await startGateway(workspace, `gateway-${scenario}`, toConfig);
  return { name: `**tapgate**, ${title}`, target, load, warmUpRequests: STEADY_REQUESTS };
}

export function toCpuReport(measured: readonly Measured[]): string {
  const nginx = measured.find(({ name }) => name === 'nginx');
  const headings = ['Contender', 'CPU µs/request', 'min..max', '÷ nginx', 'requests/s', 'p99 ms', 'RSS MiB'];
  const rows = measured.map(({ name, samples }) => {
    const cpu = samples.map(({ cpuUs }) => cpuUs);
    const ratio = nginx && ratioWithinRounds(cpu, figuresOf(nginx.samples, 'cpuUs'));
    return [
      name,
      toFigure(median(cpu), 1),
      toRange(cpu, 1),
      toFigure(ratio, 2),
      toFigure(median(figuresOf(samples, 'requestsPerSecond')), 0),
      toFigure(median(figuresOf(samples, 'p99Ms')), 2),
      toFigure(median(figuresOf(samples, 'residentMiB')), 0),
    ];
  });
  return toParagraphs(EXPLANATION, toTable(headings, rows));
}

export function figuresOf(samples: readonly Sample[], figure: keyof Sample): number[] {
  return samples.map((sample) => sample[figure]);
}

const EXPLANATION = `At full load. CPU is user and system time of the contender's processes, from the operating system, divided by the
requests that wrk counted. "÷ nginx" is the median of the ratios to nginx in the same round, the other figures are medians
over the rounds. wrk and the backend share the machine's CPUs with the contender, so that requests/s and p99 say little;
memory of several processes is added up, shared pages included.`;
