import { cpus } from 'node:os';
import type { ContenderName } from './contenders.ts';
import type { Sample } from './load.ts';
import { scenarios, type ScenarioName } from './scenarios.ts';

/** One contender in one scenario, and what each round measured. */
export interface Entry {
  readonly scenario: ScenarioName;
  readonly contender: ContenderName;
  readonly samples: readonly Sample[];
}

export interface Conditions {
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly backend: string;
  /** Share of the machine that the hypervisor gave to others meanwhile; a few percent spoil a run. */
  readonly stolen: number;
}

const HEADINGS = [
  'Scenario',
  'Contender',
  'CPU µs/request',
  'min..max',
  '÷ nginx',
  '÷ nginx, within rounds',
  'requests/s',
  'p99 ms',
  'RSS MiB',
];

export function toReport(
  entries: readonly Entry[],
  conditions: Conditions,
  notes: readonly string[],
): string {
  const nginx = find(entries, 'plain', 'nginx');
  const rows = entries.map((entry) => toRow(entry, nginx));
  const rule = HEADINGS.map((_, index) => (index < 2 ? '---' : '---:'));
  const table = [HEADINGS, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const paragraphs = [toHeader(conditions), table, toGrowth(entries), EXPLANATION, notes.join('\n')];
  return `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
}

const EXPLANATION = `Figures are medians over the rounds. CPU is user + system time of the contender's processes, from the operating
system, divided by the requests that wrk counted. "÷ nginx" divides the medians; "within rounds" is the median of the
ratios to nginx in the same round. wrk and the backend share the machine's CPUs with the contender, so requests/s and
p99 cannot be compared between machines or runs; memory of several processes is added up, shared pages included.`;

function toHeader(conditions: Conditions): string {
  const { connections, seconds, rounds, backend, stolen } = conditions;
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}`;
  const load = `wrk, 1 thread, ${connections} keep-alive connections, ${rounds} rounds of ${seconds} s`;
  return `${new Date().toISOString().slice(0, 16)}Z; ${machine}; ${load}; backend: ${backend}; CPU stolen by the host: ${(stolen * 100).toFixed(1)} %.`;
}

function toRow(entry: Entry, nginx: Entry | undefined): string[] {
  const cpu = entry.samples.map((sample) => sample.cpuUs);
  return [
    scenarios[entry.scenario].title,
    entry.contender,
    medianOf(entry, 'cpuUs').toFixed(1),
    `${Math.min(...cpu).toFixed(1)}..${Math.max(...cpu).toFixed(1)}`,
    nginx === undefined ? '-' : (medianOf(entry, 'cpuUs') / medianOf(nginx, 'cpuUs')).toFixed(2),
    nginx === undefined ? '-' : withinRounds(entry, nginx).toFixed(2),
    medianOf(entry, 'requestsPerSecond').toFixed(0),
    medianOf(entry, 'p99Ms').toFixed(2),
    medianOf(entry, 'residentMiB').toFixed(0),
  ];
}

function toGrowth(entries: readonly Entry[]): string {
  const few = find(entries, 'apis-10', 'gateway');
  const many = find(entries, 'apis-10000', 'gateway');
  if (few === undefined || many === undefined) return '';
  const medians = (medianOf(many, 'cpuUs') / medianOf(few, 'cpuUs')).toFixed(2);
  return `10,000 APIs ÷ 10 APIs, CPU/request: ${medians} (within rounds: ${withinRounds(many, few).toFixed(2)}).`;
}

function find(
  entries: readonly Entry[],
  scenario: ScenarioName,
  contender: ContenderName,
): Entry | undefined {
  return entries.find((entry) => entry.scenario === scenario && entry.contender === contender);
}

function withinRounds(entry: Entry, other: Entry): number {
  return median(entry.samples.map((sample, round) => sample.cpuUs / (other.samples[round]?.cpuUs ?? NaN)));
}

function medianOf(entry: Entry, figure: keyof Sample): number {
  return median(entry.samples.map((sample) => sample[figure]));
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
