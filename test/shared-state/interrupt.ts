/*
 * Other processes act between any two instructions of this one, and it may be killed at each of them. Both can be had
 * in one process: all that others see is done by `Atomics`, so whatever runs before one of its calls runs "meanwhile".
 */

const real = { load: Atomics.load, compareExchange: Atomics.compareExchange };

let before: (() => void) | undefined;

/** Calls of `Atomics` that did not happen because their process was killed. */
export class Killed extends Error {}

function wrap<Call extends (...given: never[]) => unknown>(call: Call): Call {
  const wrapped = (...given: Parameters<Call>): unknown => {
    before?.();
    return call(...given);
  };
  return wrapped as Call;
}

/** Runs `act`, and `meanwhile` just before its call number `step`. @returns whether it came that far */
export function interrupt<T>(
  step: number,
  meanwhile: () => void,
  act: () => T,
): { reached: boolean; result: T } {
  const outer = before;
  let steps = 0;
  let reached = false;
  const hook = (): void => {
    steps += 1;
    if (steps !== step) return;
    reached = true;
    before = outer;
    meanwhile();
    before = hook;
  };
  before = hook;
  Object.assign(Atomics, { load: wrap(real.load), compareExchange: wrap(real.compareExchange) });
  try {
    return { result: act(), reached };
  } finally {
    before = outer;
    if (outer === undefined) Object.assign(Atomics, real);
  }
}

/** Runs `act` until just before its call number `step`. @returns whether it was killed there */
export function killAt(step: number, act: () => void): boolean {
  const kill = (): void => {
    throw new Killed();
  };
  try {
    interrupt(step, kill, act);
    return false;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  }
}
