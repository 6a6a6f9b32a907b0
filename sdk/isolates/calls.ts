/** What a call may use. */
export interface CallLimits {
  /** Longest time until the answer, waiting included. */
  readonly wallMs: number;
  /** Longest time of running, waiting not counted. */
  readonly runMs: number;
  /** Longest answer, in characters of JSON. */
  readonly maxResultLength: number;
}

/**
 * Why a call has no answer.
 * - `not-loaded`: the source could not be run as far as its exports
 * - `threw`: it threw, or left a promise that was rejected
 * - `not-json`: it answered what JSON cannot hold
 * - `too-large`: its answer is
 * - `timeout`, `run-time`, `memory`: it used up a limit
 * - `crashed`: the process that ran it ended
 * - `busy`: all isolates are taken, and so are the places to wait
 * - `disposed`: the pool is
 */
export type Fault =
  | 'not-loaded'
  | 'threw'
  | 'not-json'
  | 'too-large'
  | 'timeout'
  | 'run-time'
  | 'memory'
  | 'crashed'
  | 'busy'
  | 'disposed';

/** What became of a call: JSON text, or why there is none. The detail is for the operator's log, not for a caller. */
export type CallResult =
  | { readonly json: string; readonly fault?: never }
  | { readonly fault: Fault; readonly detail: string };

/** What an isolate is made of. */
export interface IsolateOptions {
  /**
   * JavaScript, the body of a function that returns `(exported, { line }) => (args) => result`: makes calls into the form
   * that the source expects. `line(level, values)` writes to the log.
   */
  readonly adapter: string;
  readonly memoryMb: number;
  /** Hosts that `fetch` may call: `name` (ports 80 and 443) or `name:port`. */
  readonly allowHosts: readonly string[];
}

/** A line that foreign code wrote. */
export interface IsolateLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
}
