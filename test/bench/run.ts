// Measures the gateway beside others and writes one report: `npm run bench -- --help`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstLine, progress, type Bench, type Part } from './bench.ts';
import { measureCalls } from './calls.ts';
import { CONTENDERS, others, startBackend, versionOf, whyMissing, type ContenderName } from './contenders.ts';
import { readMachineTimes } from './cpu.ts';
import { whyNoLoad } from './load.ts';
import {
  parseFlags,
  runProgram,
  toCount,
  toCounts,
  toNames,
  toWords,
  UsageError,
  type Values,
} from './options.ts';
import { measureApis } from './parts/apis.ts';
import { measureCapabilities } from './parts/capabilities.ts';
import { isOther, measureCpu } from './parts/cpu.ts';
import { measureLatency } from './parts/latency.ts';
import { measureReload } from './parts/reload.ts';
import { measureSoak } from './parts/soak.ts';
import { measureWorkers } from './parts/workers.ts';
import { describeMachine, toReport, type Conditions, type Section } from './report.ts';
import type { ScenarioName } from './scenarios.ts';
import { findProgram, openWorkspace, type Workspace } from './workspace.ts';

const SCENARIOS = ['plain', 'signed', 'full', 'self-call'] as const satisfies readonly ScenarioName[];
const PARTS = ['cpu', 'latency', 'apis', 'reload', 'workers', 'capabilities', 'calls', 'soak'] as const;
type PartName = (typeof PARTS)[number];

const USAGE = `Usage: npm run bench -- [flags]

Measures the gateway beside other proxies, in turns, and writes a report in Markdown. Needs Debian's wrk; nginx, haproxy and
caddy where they are installed; Express Gateway is fetched from npm. All parts but the soak take about twelve minutes:

  cpu           CPU time per request at full load, everybody
  latency       latency added at fixed rates, everybody
  apis          loading, reloading, memory and CPU time by the number of APIs
  reload        reloads of 10,000 APIs under load: failures, latency, memory
  workers       one worker and several
  capabilities  what each plugin adds to a request
  calls         single calls within the gateway
  soak          memory and latency over a long time; only with --soak-minutes`;

const FLAGS = {
  parts: { placeholder: 'a,b', description: 'of those above (default: all)' },
  only: { placeholder: 'a,b', description: `contenders, of ${CONTENDERS.join(', ')} (default: all)` },
  scenarios: {
    placeholder: 'a,b',
    description: `of the part cpu, of ${SCENARIOS.join(', ')} (default: all)`,
  },
  seconds: { placeholder: 'N', description: 'per measurement (default: 3)' },
  rounds: { placeholder: 'N', description: 'over all that take turns (default: 3)' },
  connections: { placeholder: 'N', description: 'that are kept alive (default: 64)' },
  rates: { placeholder: 'N,N', description: 'requests a second for latency (default: 500,2000)' },
  apis: { placeholder: 'N,N', description: 'numbers of APIs (default: 10,1000,10000,50000)' },
  reloads: { placeholder: 'N', description: 'of 10,000 APIs under load (default: 30)' },
  'reload-rate': { placeholder: 'N', description: 'requests a second meanwhile (default: 500)' },
  'reload-before': { placeholder: 'N', description: 'seconds of the same load before them (default: 60)' },
  'reload-pause': { placeholder: 'N', description: 'milliseconds between two of them (default: 1000)' },
  workers: { placeholder: 'N,N', description: 'numbers of workers (default: 1,2)' },
  capabilities: { placeholder: 'a,b', description: 'only those with one of these in their names' },
  'soak-minutes': { placeholder: 'N', description: 'runs the soak for so long' },
  'soak-rate': { placeholder: 'N', description: 'requests a second meanwhile (default: 500)' },
  md: { placeholder: 'FILE', description: 'where the report goes (default: .tapgate/bench.md)' },
};

async function main(): Promise<void> {
  const values = parseFlags(USAGE, FLAGS);
  if (values === undefined) return;
  const noLoad = whyNoLoad();
  if (noLoad !== undefined) throw new UsageError(noLoad);
  const file = resolve(values['md'] ?? fileURLToPath(new URL('../../.tapgate/bench.md', import.meta.url)));
  const plan = toPlan(values, file);
  mkdirSync(dirname(file), { recursive: true });
  const workspace = openWorkspace();
  try {
    const report = await run(workspace, values, plan);
    console.log(report);
    writeFileSync(file, report);
    progress(`written to ${file}`);
  } catch (error) {
    if (!workspace.isClosing) throw error;
  } finally {
    await workspace.close();
  }
}

interface Planned {
  readonly title: string;
  readonly measure: Part;
}

/** All flags are read before anything is measured. */
function toPlan(values: Values, file: string): Planned[] {
  const scenarios = toNames(values, 'scenarios', SCENARIOS);
  const rates = toCounts(values, 'rates', [500, 2000]);
  const counts = toCounts(values, 'apis', [10, 1000, 10_000, 50_000]);
  const workers = toCounts(values, 'workers', [1, 2]);
  const reload = {
    apis: 10_000,
    reloads: toCount(values, 'reloads', 30),
    rate: toCount(values, 'reload-rate', 500),
    beforeSeconds: toCount(values, 'reload-before', 60),
    pauseMs: toCount(values, 'reload-pause', 1000),
  };
  const words = toWords(values, 'capabilities');
  const soak = {
    minutes: values['soak-minutes'] === undefined ? 0 : toCount(values, 'soak-minutes', 1),
    rate: toCount(values, 'soak-rate', 500),
    svg: join(dirname(file), 'bench-soak.svg'),
  };
  const all: Record<PartName, Planned> = {
    cpu: { title: 'CPU time per request', measure: (bench) => measureCpu(bench, scenarios) },
    latency: { title: 'Latency added at a fixed rate', measure: (bench) => measureLatency(bench, rates) },
    apis: { title: 'Number of APIs', measure: (bench) => measureApis(bench, counts) },
    reload: { title: 'Reload under load', measure: (bench) => measureReload(bench, reload) },
    workers: { title: 'Workers', measure: (bench) => measureWorkers(bench, workers) },
    capabilities: {
      title: 'What each capability costs',
      measure: (bench) => measureCapabilities(bench, words),
    },
    calls: { title: 'Single calls within the gateway', measure: () => Promise.resolve(measureCalls()) },
    soak: { title: 'Soak', measure: (bench) => measureSoak(bench, soak) },
  };
  const asked = toNames(values, 'parts', PARTS);
  if (values['parts'] !== undefined && asked.includes('soak') && soak.minutes === 0)
    throw new UsageError('the part soak needs --soak-minutes');
  return asked.filter((name) => name !== 'soak' || soak.minutes > 0).map((name) => all[name]);
}

async function run(workspace: Workspace, values: Values, plan: readonly Planned[]): Promise<string> {
  const notes: string[] = [];
  const note = (text: string): void => {
    notes.push(text);
    progress(text);
  };
  const contenders = present(toNames(values, 'only', CONTENDERS), note);
  const connections = toCount(values, 'connections', 64);
  const seconds = toCount(values, 'seconds', 3);
  const rounds = toCount(values, 'rounds', 3);
  const started = performance.now();
  const before = readMachineTimes();
  const backend = await startBackend(workspace);
  const bench: Bench = { workspace, backend, contenders, connections, seconds, rounds, note };
  const sections: Section[] = [];
  for (const { title, measure } of plan) sections.push({ title, text: await attempt(bench, title, measure) });
  const after = readMachineTimes();
  const conditions: Conditions = {
    date: new Date(),
    machine: describeMachine(),
    versions: contenders.filter(isOther).map((name) => [name, others[name].version()]),
    load: `wrk ${versionOf('wrk', ['-v'])}, 1 thread, ${connections} keep-alive connections, ${rounds} rounds of ${seconds} s`,
    backend: findProgram('nginx') === undefined ? 'node:http (nginx is missing)' : 'nginx',
    stolen: (after.stolen - before.stolen) / (after.total - before.total),
    minutes: (performance.now() - started) / 60_000,
  };
  return toReport(conditions, sections, notes);
}

function present(asked: readonly ContenderName[], note: (text: string) => void): ContenderName[] {
  return asked.filter((name) => {
    const reason = whyMissing(name);
    if (reason !== undefined) note(`Left out: ${name} (${reason}).`);
    return reason === undefined;
  });
}

/** A part that fails is told, and the others go on. */
async function attempt(bench: Bench, title: string, measure: Part): Promise<string> {
  progress(`# ${title}`);
  try {
    return await measure(bench);
  } catch (error) {
    if (bench.workspace.isClosing || error instanceof UsageError) throw error;
    console.error(error);
    process.exitCode = 1;
    return `Not measured: ${firstLine(error)}`;
  }
}

await runProgram(main);
