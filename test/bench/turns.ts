import { closing, progress, type Bench } from './bench.ts';
import { measure, probe, type Load, type Sample } from './load.ts';
import type { Target } from './targets.ts';

const WARM_UP_SECONDS = 2;

/** Something that is measured in turn with others. */
export interface Runner {
  readonly name: string;
  readonly target: Target;
  /** Built anew for each measurement: a signature is good for fifteen minutes only. */
  readonly load: () => Load;
}

/** A runner and what each round measured. */
export interface Measured {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Starts one thing after the other, leaving out what cannot be had; those before it are ended when one cannot start. */
export async function startAll(
  bench: Bench,
  starts: readonly (() => Promise<Runner | undefined>)[],
): Promise<Runner[]> {
  const runners: Runner[] = [];
  try {
    for (const start of starts) {
      const runner = await start();
      if (runner !== undefined) runners.push(runner);
    }
  } catch (error) {
    await closing(
      bench,
      runners.map(({ target }) => target),
      () => Promise.resolve(),
    );
    throw error;
  }
  return runners;
}

/**
 * Loads all in turn, round after round, so that whatever else the machine does meets all of them alike; ends them then.
 * @param order names in the order of one round, in which some may stand several times; each once unless given
 */
export async function takeTurns(
  bench: Bench,
  runners: readonly Runner[],
  { seconds, rounds, order }: { seconds: number; rounds: number; order?: readonly Runner[] },
): Promise<Measured[]> {
  const targets = runners.map(({ target }) => target);
  return closing(bench, targets, async () => {
    for (const { name, target, load } of runners) {
      progress(`warming up: ${name}`);
      await probe(target, load());
      await measure(bench.workspace, target, load(), bench.connections, WARM_UP_SECONDS);
    }
    const samples = new Map(runners.map((runner) => [runner, [] as Sample[]]));
    for (let round = 1; round <= rounds; round++) {
      for (const runner of order ?? runners) {
        const { name, target, load } = runner;
        const sample = await measure(bench.workspace, target, load(), bench.connections, seconds);
        samples.get(runner)?.push(sample);
        progress(`round ${round}/${rounds}: ${name}: ${sample.cpuUs.toFixed(1)} µs`);
      }
    }
    return Array.from(samples, ([{ name }, taken]) => ({ name, samples: taken }));
  });
}
