import { progress, type Bench } from '../bench.ts';
import { capabilities, toCapabilityConfig, type Capability } from '../capabilities.ts';
import { startGateway } from '../gateway.ts';
import { toFigure, toParagraphs, toRange, toTable } from '../markdown.ts';
import { UsageError } from '../options.ts';
import { HOST, PATH } from '../scenarios.ts';
import { differenceWithinRounds, median, ratioWithinRounds } from '../statistics.ts';
import { startAll, takeTurns, type Measured, type Runner } from '../turns.ts';
import { figuresOf } from './cpu.ts';

/** So many are measured between two measurements of the plain API, so that each has one nearby. */
const GROUP = 4;
const SECONDS = 1;

/** What each capability adds to the CPU time of a request that it lets pass. */
export async function measureCapabilities(bench: Bench, asked: readonly string[]): Promise<string> {
  const surroundings = { backendPort: bench.backend.port, directory: bench.workspace.directory };
  const some = capabilities(surroundings).filter(
    ({ name }) => asked.length === 0 || asked.some((word) => name.includes(word)),
  );
  if (some.length === 0) throw new UsageError(`no capability has ${asked.join(' or ')} in its name`);
  const plain: Capability = { name: 'plain API' };
  const runners = await startAll(
    bench,
    [plain, ...some].map((each, index) => () => start(bench, each, index)),
  );
  const [base, ...others] = runners;
  if (base === undefined) return '';
  const order = others.flatMap((runner, index) => (index % GROUP === 0 ? [base, runner] : [runner]));
  const rounds = bench.rounds * 2 - 1;
  const measured = await takeTurns(bench, runners, { seconds: SECONDS, rounds, order });
  return toCapabilitiesReport(measured, GROUP);
}

async function start(bench: Bench, capability: Capability, index: number): Promise<Runner> {
  const { workspace, backend } = bench;
  const { name } = capability;
  progress(`starting: the gateway, ${name}`);
  for (const [file, text] of Object.entries(capability.files ?? {})) workspace.write(file, text);
  const config = (port: number): string => toCapabilityConfig(capability, port, backend.port);
  const target = await startGateway(workspace, `capability-${index}`, config);
  const { host = HOST, path = PATH, prepare } = capability;
  const given = await prepare?.(target.port);
  const load = () => ({ host, path, count: 1, headers: { ...capability.headers?.(), ...given } });
  return { name, target, load };
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
    return [
      name,
      toFigure(median(cpu), 1),
      toFigure(differenceWithinRounds(cpu, base), 1),
      toRange(
        cpu.map((value, round) => value - (base[round] ?? NaN)),
        1,
      ),
      toFigure(ratioWithinRounds(cpu, base), 2),
    ];
  });
  const cpu = figuresOf(plain.samples, 'cpuUs');
  const headings = ['Capability', 'CPU µs/request', 'added', 'min..max', '÷ plain'];
  const first = ['plain API', toFigure(median(cpu), 1), '-', '-', '1.00'];
  return toParagraphs(EXPLANATION, toTable(headings, [first, ...rows]));
}

const EXPLANATION = `One API with one thing bound, on requests that it lets pass. "Added" and "÷ plain" compare with the plain API measured
shortly before, in the same round; medians, and the range of what was added. What is within the range of others is noise.`;
