// Where the gateway's CPU time goes: `node test/bench/profile.ts --help`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBackend, startBareProxy, whyMissing } from './contenders.ts';
import { startGateway } from './gateway.ts';
import { toHotspots, type CpuProfile, type Window } from './hotspots.ts';
import { measure, probe, whyNoLoad } from './load.ts';
import { parseFlags, runProgram, toCount, toNames, UsageError } from './options.ts';
import { scenarios, SCENARIOS, type ScenarioName } from './scenarios.ts';
import type { Target } from './targets.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

const WARM_UP_SECONDS = 2;
/** Writing the profile of a long run takes a while. */
const EXIT_MS = 15_000;

const TARGETS = ['gateway', 'bare'] as const;
type TargetName = (typeof TARGETS)[number];

const FLAGS = {
  scenario: { placeholder: 'NAME', description: `one of ${SCENARIOS.join(', ')} (default: plain)` },
  target: { placeholder: 'NAME', description: 'gateway or bare (default: gateway)' },
  seconds: { placeholder: 'N', description: 'under load, after the warm-up (default: 10)' },
  connections: { placeholder: 'N', description: 'that wrk keeps alive (default: 64)' },
  top: { placeholder: 'N', description: 'functions to print (default: 40)' },
};

async function main(): Promise<void> {
  const values = parseFlags('Usage: node test/bench/profile.ts [flags]', FLAGS);
  if (values === undefined) return;
  const [scenario = 'plain'] = toNames({ scenario: values['scenario'] ?? 'plain' }, 'scenario', SCENARIOS);
  const [target = 'gateway'] = toNames({ target: values['target'] ?? 'gateway' }, 'target', TARGETS);
  const missing = whyNoLoad() ?? whyMissing(target);
  if (missing !== undefined) throw new UsageError(missing);
  const workspace = openWorkspace();
  try {
    const seconds = toCount(values, 'seconds', 10);
    const connections = toCount(values, 'connections', 64);
    const window = await profile(workspace, scenario, target, connections, seconds);
    const profiles = readProfiles(workspace.folder('profiles'));
    console.log(toHotspots(profiles, window, toCount(values, 'top', 40)));
  } catch (error) {
    if (!workspace.isClosing) throw error;
  } finally {
    await workspace.close();
  }
}

async function profile(
  workspace: Workspace,
  scenario: ScenarioName,
  name: TargetName,
  connections: number,
  seconds: number,
): Promise<Window> {
  const backend = await startBackend(workspace);
  const flags = ['--cpu-prof', `--cpu-prof-dir=${workspace.folder('profiles')}`];
  const { config, load } = scenarios[scenario];
  const target: Target =
    name === 'bare'
      ? await startBareProxy(workspace, backend.port, connections, flags)
      : await startGateway(workspace, name, (port) => config(port, backend.port, workspace.directory), flags);
  await probe(target, load());
  await measure(workspace, target, load(), connections, WARM_UP_SECONDS);
  const startUs = nowUs();
  const sample = await measure(workspace, target, load(), connections, seconds);
  const endUs = nowUs();
  // The profiler itself costs; these figures say how much was done, not how fast the gateway is.
  console.log(`${name}, ${scenario}: ${sample.requestsPerSecond.toFixed(0)} requests/s under the profiler\n`);
  await workspace.stop(target.process, ['SIGINT', 'SIGTERM'], EXIT_MS);
  // A profile becomes visible when its worker ends, which may be after the main process said so.
  await sleep(100);
  return { startUs, endUs };
}

// V8 stamps profiles with the same monotonic clock.
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** One for the main thread and one for each worker that ended in order. */
function readProfiles(folder: string): CpuProfile[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  if (files.length === 0)
    throw new Error('no profile was written: the process has to end by itself on SIGINT');
  return files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile);
}

await runProgram(main);
