// CPU time per request of the gateway beside nginx, haproxy and a bare Node proxy: `npm run bench -- --help`.
import { writeFileSync } from 'node:fs';
import { CONTENDERS, startBackend, startBareProxy, startGateway, startHaproxy } from './contenders.ts';
import { startNginxProxy, whyMissing, type ContenderName, type Target } from './contenders.ts';
import { readMachineTimes } from './cpu.ts';
import { measure, probe, whyNoLoad, type Sample } from './load.ts';
import { parseFlags, runProgram, toCount, toNames, UsageError } from './options.ts';
import { toReport, type Entry } from './report.ts';
import { measureCalls } from './calls.ts';
import { scenarios, SCENARIOS, type ScenarioName } from './scenarios.ts';
import { findProgram, openWorkspace, type Workspace } from './workspace.ts';

const WARM_UP_SECONDS = 2;

const FLAGS = {
  only: { placeholder: 'a,b', description: `contenders, of ${CONTENDERS.join(', ')} (default: all)` },
  scenarios: { placeholder: 'a,b', description: `of ${SCENARIOS.join(', ')} (default: all)` },
  seconds: { placeholder: 'N', description: 'per measurement (default: 5)' },
  rounds: { placeholder: 'N', description: 'over all contenders (default: 3)' },
  connections: { placeholder: 'N', description: 'that wrk keeps alive (default: 64)' },
  calls: { placeholder: 'no', description: 'leaves out the calls within the gateway' },
  md: { placeholder: 'FILE', description: 'also write the report there' },
};

interface Plan {
  readonly contenders: readonly ContenderName[];
  readonly scenarios: readonly ScenarioName[];
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
}

interface Runner extends Entry {
  readonly target: Target;
  readonly samples: Sample[];
}

async function main(): Promise<void> {
  const values = parseFlags('Usage: npm run bench -- [flags]', FLAGS);
  if (values === undefined) return;
  const plan: Plan = {
    contenders: toNames(values, 'only', CONTENDERS),
    scenarios: toNames(values, 'scenarios', SCENARIOS),
    connections: toCount(values, 'connections', 64),
    seconds: toCount(values, 'seconds', 5),
    rounds: toCount(values, 'rounds', 3),
  };
  const missing = plan.contenders.flatMap((name) => {
    const reason = whyMissing(name);
    return reason === undefined ? [] : [{ name, reason }];
  });
  const notes = missing.map(({ name, reason }) => `Left out: ${name} (${reason}).`);
  for (const note of notes) console.error(note);
  const present = plan.contenders.filter((name) => !missing.some((other) => other.name === name));
  const measured = await runBench({ ...plan, contenders: present }, notes);
  if (measured === undefined) return;
  const withCalls = present.includes('gateway') && values['calls'] !== 'no';
  const report = withCalls ? `${measured}\n${measureCalls()}\n` : measured;
  console.log(report);
  if (values['md'] !== undefined) writeFileSync(values['md'], report);
}

async function runBench(plan: Plan, notes: readonly string[]): Promise<string | undefined> {
  const noLoad = whyNoLoad();
  if (noLoad !== undefined) throw new UsageError(noLoad);
  const pairs = toPairs(plan);
  if (pairs.length === 0) throw new UsageError('nothing to measure');
  const workspace = openWorkspace();
  try {
    const backend = await startBackend(workspace);
    const runners: Runner[] = [];
    for (const pair of pairs) {
      runners.push({ ...pair, target: await startPair(workspace, pair, backend.port, plan), samples: [] });
    }
    const before = readMachineTimes();
    await runRounds(workspace, runners, plan);
    const after = readMachineTimes();
    const stolen = (after.stolen - before.stolen) / (after.total - before.total);
    const kind = findProgram('nginx') === undefined ? 'node:http (nginx is missing)' : 'nginx';
    return toReport(runners, { ...plan, backend: kind, stolen }, notes);
  } catch (error) {
    if (workspace.isClosing) return undefined;
    throw error;
  } finally {
    await workspace.close();
  }
}

type Pair = Omit<Entry, 'samples'>;

/** Plain for every contender, the rest for the gateway; nginx always, because all is measured against it. */
function toPairs(plan: Plan): Pair[] {
  const others = plan.contenders.filter((name) => name !== 'gateway');
  const isPlain = plan.scenarios.includes('plain');
  const plain = others.filter((name) => isPlain || name === 'nginx');
  const gateway = plan.contenders.includes('gateway') ? plan.scenarios : [];
  return [
    ...plain.map((contender): Pair => ({ scenario: 'plain', contender })),
    ...gateway.map((scenario): Pair => ({ scenario, contender: 'gateway' })),
  ];
}

function startPair(workspace: Workspace, pair: Pair, backend: number, plan: Plan): Promise<Target> {
  if (pair.contender === 'gateway') {
    const { config } = scenarios[pair.scenario];
    const name = `gateway-${pair.scenario}`;
    return startGateway(workspace, name, (port) => config(port, backend, workspace.directory));
  }
  const start = { nginx: startNginxProxy, haproxy: startHaproxy, bare: startBareProxy }[pair.contender];
  return start(workspace, backend, plan.connections);
}

// All are up at once and take turns, so that whatever else the machine does meets all of them alike.
async function runRounds(workspace: Workspace, runners: readonly Runner[], plan: Plan): Promise<void> {
  for (const { scenario, contender, target } of runners) {
    console.error(`warming up: ${contender}, ${scenario}`);
    await probe(target, scenarios[scenario].load());
    await measure(workspace, target, scenarios[scenario].load(), plan.connections, WARM_UP_SECONDS);
  }
  for (let round = 1; round <= plan.rounds; round++) {
    for (const { scenario, contender, target, samples } of runners) {
      const load = scenarios[scenario].load();
      const sample = await measure(workspace, target, load, plan.connections, plan.seconds);
      samples.push(sample);
      console.error(
        `round ${round}/${plan.rounds}: ${contender}, ${scenario}: ${sample.cpuUs.toFixed(1)} µs`,
      );
    }
  }
}

await runProgram(main);
