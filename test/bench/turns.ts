import { closing, firstLine, progress, type Bench } from './bench.ts';
import { measure, probe, type Load, type Sample } from './load.ts';
import { type Target, withBeside } from './targets.ts';

const WARM_UP_SECONDS = 2;
/** V8 compiles what is called often: a slow machine has to warm up for longer. */
const WARM_UP_REQUESTS = 80_000;
/** V8 goes on compiling for so many requests of a process: who compares a few microseconds waits for its end. */
export const STEADY_REQUESTS = 80_000;
/** So long at most for `WARM_UP_REQUESTS`. */
const WARM_UP_LIMIT_SECONDS = 12;

/** Something that is measured in turn with others. */
export interface Runner {
  readonly name: string;
  readonly target: Target;
  /** Built anew for each measurement: a signature is good for fifteen minutes only. */
  readonly load: () => Load;
  /** Those of the bench unless given. */
  readonly connections?: number;
  /** Requests until it is warm; 80,000 unless given. */
  readonly warmUpRequests?: number;
  /** Whether the others are measured without it when it fails. */
  readonly isOptional?: boolean;
}

/** A runner and what each round measured. */
export interface Measured {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Starts one thing after the other, leaving out what cannot be had, works with them, and ends them. */
export function withAll<T>(
  bench: Bench,
  starts: readonly (() => Promise<Runner | undefined>)[],
  work: (runners: readonly Runner[]) => Promise<T>,
): Promise<T> {
  const runners: Runner[] = [];
  const targets: Target[] = [];
  return closing(bench, targets, async () => {
    for (const start of starts) {
      const runner = await start();
      if (runner === undefined) continue;
      runners.push(runner);
      targets.push(...withBeside(runner.target));
    }
    return work(runners);
  });
}

/** Loads each until its code is compiled; gives back those that bear it. Somebody else's proxy may not. */
export async function warmUp(bench: Bench, runners: readonly Runner[]): Promise<Runner[]> {
  const requests = new Map<Target, number>();
  const ready: Runner[] = [];
  for (const runner of runners) {
    progress(`warming up: ${runner.name}`);
    try {
      await warmUpOne(bench, runner, requests);
      ready.push(runner);
    } catch (error) {
      if (runner.isOptional !== true || bench.workspace.isClosing) throw error;
      bench.note(`Left out: ${runner.name} (${firstLine(error)}).`);
    }
  }
  return ready;
}

async function warmUpOne(
  bench: Bench,
  { target, load, connections = bench.connections, warmUpRequests: wanted = WARM_UP_REQUESTS }: Runner,
  byTarget: Map<Target, number>,
): Promise<void> {
  for (const each of withBeside(target)) await probe(each, load());
  let requests = byTarget.get(target) ?? 0;
  const limit = (WARM_UP_LIMIT_SECONDS * wanted) / WARM_UP_REQUESTS;
  let used = 0;
  do {
    const seconds = requests < wanted ? WARM_UP_SECONDS : 1;
    requests += (await measure(bench.workspace, target, load(), connections, seconds)).requests;
    used += seconds;
  } while (requests < wanted && used < limit);
  byTarget.set(target, requests);
}

/**
 * Loads all in turn, round after round, so that whatever else the machine does meets all of them alike.
 * @param order names in the order of one round, in which some may stand several times; each once unless given
 */
export async function takeTurns(
  bench: Bench,
  runners: readonly Runner[],
  { seconds, rounds, order }: { seconds: number; rounds: number; order?: readonly Runner[] },
): Promise<Measured[]> {
  const ready = await warmUp(bench, runners);
  const samples = new Map(ready.map((runner) => [runner, [] as Sample[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const runner of order ?? ready) {
      const { name, target, load, connections = bench.connections } = runner;
      const sample = await measure(bench.workspace, target, load(), connections, seconds);
      samples.get(runner)?.push(sample);
      progress(`round ${round}/${rounds}: ${name}: ${sample.cpuUs.toFixed(1)} µs`);
    }
  }
  return Array.from(samples, ([{ name }, taken]) => ({ name, samples: taken }));
}
