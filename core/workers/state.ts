import type { State } from '../state/state.ts';

/** Counts and values that all workers of the machine share; undefined where memory cannot be shared. */
export function stateOfWorker(): State | undefined {
  return undefined;
}

/** Of the supervisor: file descriptors that workers inherit. */
export function inheritForWorkers(): readonly number[] {
  return [];
}
