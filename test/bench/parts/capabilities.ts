import { closing, progress, type Bench } from '../bench.ts';
import { capabilities, hostOf, toCapabilityConfig, type Capability } from '../capabilities.ts';
import { startGateway } from '../gateway.ts';
import { startProvider } from '../identity-provider.ts';
import { toFigure, toParagraphs, toRange, toTable } from '../markdown.ts';
import { UsageError } from '../options.ts';
import { PATH } from '../scenarios.ts';
import { differenceWithinRounds, median, ratioWithinRounds } from '../statistics.ts';
import type { Target } from '../targets.ts';
import { takeTurns, type Measured, type Runner } from '../turns.ts';
import { figuresOf } from './cpu.ts';

/** So many are measured between two measurements of the plain API, so that each has one nearby. */
const GROUP = 2;
const SECONDS = 1;

/** What each capability adds to the CPU time of a request that it lets pass. */
export async function measureCapabilities(bench: Bench, asked: readonly string[]): Promise<string> {
  const { issuer, token, close } = await startProvider();
  try {
    return await measureAll(bench, asked, { issuer, token });
  } finally {
    close();
  }
}

async function measureAll(
  bench: Bench,
  asked: readonly string[],
  provider: { readonly issuer: string; readonly token: string },
): Promise<string> {
  const surroundings = {
    backendPort: bench.backend.port,
    directory: bench.workspace.directory,
    ...provider,
  };
  const some = capabilities(surroundings).filter(
    ({ name }) => asked.length === 0 || asked.some((word) => name.includes(word)),
  );
  if (some.length === 0) throw new UsageError(`no capability has ${asked.join(' or ')} in its name`);
  // One gateway for all of them: warm code, and no differences between processes.
  const all = [...[{ name: 'plain API' }, ...some].entries()] as [number, Capability][];
  const wide = all.filter(([, { isGatewayWide }]) => isGatewayWide === true);
  const together = all.filter(([, { isGatewayWide }]) => isGatewayWide !== true);
  const targets: Target[] = [];
  return closing(bench, targets, async () => {
    const runners: Runner[] = [];
    for (const entries of [together, ...wide.map((entry) => [entry])]) {
      const target = await start(bench, new Map(entries));
      targets.push(target);
      for (const [index, capability] of entries) runners.push(await toRunner(capability, index, target));
    }
    const [base, ...others] = runners;
    if (base === undefined) return '';
    const order = others.flatMap((runner, index) => (index % GROUP === 0 ? [base, runner] : [runner]));
    const rounds = bench.rounds * 2 - 1;
    return toCapabilitiesReport(await takeTurns(bench, runners, { seconds: SECONDS, rounds, order }), GROUP);
  });
}

async function start(bench: Bench, entries: ReadonlyMap<number, Capability>): Promise<Target> {
  const { workspace, backend } = bench;
  const names = Array.from(entries.values(), ({ name }) => name);
  progress(`starting: the gateway, ${names.join(', ')}`);
  for (const { files = {} } of entries.values())
    for (const [file, text] of Object.entries(files)) workspace.write(file, text);
  const [first] = entries.keys();
  return startGateway(workspace, `capabilities-${first}`, (port) =>
    toCapabilityConfig(entries, port, backend.port),
  );
}

async function toRunner(capability: Capability, index: number, target: Target): Promise<Runner> {
  const { name, host = hostOf(index), path = PATH, body, headers, prepare } = capability;
  const given = await prepare?.(target.port);
  return {
    name,
    target,
    load: () => ({ host, path, body, count: 1, headers: { ...headers?.(host), ...given } }),
  };
}

/** @param measured the plain API first, which was measured before each group of the others */
export function toCapabilitiesReport([plain, ...others]: readonly Measured[], group: number): string {
  if (plain === undefined) return '';
  const groups = Math.ceil(others.length / group);
  const rows = others.map(({ name, samples }, index) => {
    const cpu = figuresOf(samples, 'cpuUs');
    // Of each round, the measurement of the plain API before this group.
    const base = cpu.map(
      (_, round) => plain.samples[round * groups + Math.floor(index / group)]?.cpuUs ?? NaN,
    );
    const added = cpu.map((value, round) => value - (base[round] ?? NaN));
    return [
      name,
      toFigure(median(cpu), 1),
      toFigure(Math.min(...cpu) - Math.min(...base), 1),
      toFigure(differenceWithinRounds(cpu, base), 1),
      toRange(added, 1),
      toFigure(ratioWithinRounds(cpu, base), 2),
    ];
  });
  const cpu = figuresOf(plain.samples, 'cpuUs');
  const headings = [
    'Capability',
    'CPU µs/request',
    'added, quietest',
    'added, median',
    'min..max',
    '÷ plain',
  ];
  const first = ['plain API', toFigure(median(cpu), 1), '-', '-', '-', '1.00'];
  return toParagraphs(EXPLANATION, toTable(headings, [first, ...rows]));
}

const EXPLANATION = `APIs of one gateway, each with one thing bound, on requests that it lets pass; what holds for all APIs of a gateway has one
of its own, and is less exact. Each is compared with the plain API measured just before it, in the same round. "Quietest" is
the least that a round took minus the least that the plain API took in those rounds; the noise of a busy machine only adds.
"Median" and "÷ plain" are medians over the rounds. A difference that is small against its range is noise.`;
