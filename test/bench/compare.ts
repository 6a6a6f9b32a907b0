// Whether this checkout takes less CPU time than another one: `node test/bench/compare.ts --other FOLDER`, see --help.
import { resolve } from 'node:path';
import { progress } from './bench.ts';
import { startBackend } from './contenders.ts';
import { CHECKOUT, startGateway } from './gateway.ts';
import { measure, probe, whyNoLoad } from './load.ts';
import { toRange, toTable } from './markdown.ts';
import { parseFlags, runProgram, toCount, toNames, UsageError } from './options.ts';
import { scenarios, SCENARIOS, type ScenarioName } from './scenarios.ts';
import { median, percentile, ratioWithinRounds } from './statistics.ts';
import type { Target } from './targets.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

const WARM_UP_SECONDS = 6;

const FLAGS = {
  other: { placeholder: 'FOLDER', description: 'the other checkout, with its node_modules' },
  scenarios: { placeholder: 'a,b', description: `of ${SCENARIOS.join(', ')} (default: plain,full)` },
  rounds: { placeholder: 'N', description: 'in which each is measured once (default: 15)' },
  connections: { placeholder: 'N', description: 'that wrk keeps alive (default: 64)' },
};

/** CPU time per request of two checkouts in one scenario, a round each. */
interface Pair {
  readonly scenario: ScenarioName;
  readonly here: { readonly target: Target; readonly cpu: number[] };
  readonly there: { readonly target: Target; readonly cpu: number[] };
}

async function main(): Promise<void> {
  const values = parseFlags('Usage: node test/bench/compare.ts --other FOLDER [flags]', FLAGS);
  if (values === undefined) return;
  const missing = values['other'] === undefined ? '--other is missing' : whyNoLoad();
  if (missing !== undefined) throw new UsageError(missing);
  const names = toNames({ scenarios: values['scenarios'] ?? 'plain,full' }, 'scenarios', SCENARIOS);
  const workspace = openWorkspace();
  try {
    const backend = await startBackend(workspace);
    const pairs: Pair[] = [];
    for (const name of names)
      pairs.push(await start(workspace, name, backend.port, resolve(values['other'] ?? '')));
    const connections = toCount(values, 'connections', 64);
    for (const pair of pairs) await warmUp(workspace, pair, connections);
    for (let round = 1; round <= toCount(values, 'rounds', 15); round++) {
      for (const pair of pairs) await measurePair(workspace, pair, connections, round);
    }
    console.log(toComparison(pairs));
  } catch (error) {
    if (!workspace.isClosing) throw error;
  } finally {
    await workspace.close();
  }
}

async function start(
  workspace: Workspace,
  scenario: ScenarioName,
  backend: number,
  other: string,
): Promise<Pair> {
  const { config } = scenarios[scenario];
  const run = (name: string, checkout: string): Promise<Target> => {
    const folder = workspace.folder(name);
    return startGateway(workspace, name, (port) => config(port, backend, folder), [], checkout);
  };
  return {
    scenario,
    here: { target: await run(`here-${scenario}`, CHECKOUT), cpu: [] },
    there: { target: await run(`there-${scenario}`, other), cpu: [] },
  };
}

async function warmUp(workspace: Workspace, pair: Pair, connections: number): Promise<void> {
  progress(`warming up: ${pair.scenario}`);
  const { load } = scenarios[pair.scenario];
  for (const { target } of [pair.here, pair.there]) {
    await probe(target, load());
    await measure(workspace, target, load(), connections, WARM_UP_SECONDS);
  }
}

/** Who is first changes from round to round. */
async function measurePair(
  workspace: Workspace,
  pair: Pair,
  connections: number,
  round: number,
): Promise<void> {
  const { here, there, scenario } = pair;
  for (const { target, cpu } of round % 2 === 0 ? [here, there] : [there, here]) {
    cpu.push((await measure(workspace, target, scenarios[scenario].load(), connections, 1)).cpuUs);
  }
  const [mine = NaN, other = NaN] = [here.cpu.at(-1), there.cpu.at(-1)];
  progress(`round ${round}: ${scenario}: here ${mine.toFixed(1)} µs, there ${other.toFixed(1)} µs`);
}

function toComparison(pairs: readonly Pair[]): string {
  const rows = pairs.map(({ scenario, here, there }) => {
    const ratios = here.cpu
      .map((value, round) => value / (there.cpu[round] ?? NaN))
      .toSorted((a, b) => a - b);
    const [lower = NaN, upper = NaN] = [25, 75].map((percent) => percentile(ratios, percent));
    return [
      scenario,
      median(here.cpu).toFixed(1),
      median(there.cpu).toFixed(1),
      ratioWithinRounds(here.cpu, there.cpu).toFixed(3),
      toRange([lower, upper], 3),
      (Math.min(...here.cpu) / Math.min(...there.cpu)).toFixed(3),
    ];
  });
  const headings = ['Scenario', 'here µs', 'there µs', 'here ÷ there', 'middle half', 'quietest ÷ quietest'];
  return toTable(headings, rows);
}

await runProgram(main);
