/** What one worker counted, as JSON can hold it: `sum` makes one of those of all workers. */
export interface State {
  readonly apis: readonly ApiState[];
  /** By kind. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly handlers: readonly HandlerState[];
  readonly isolates: readonly IsolateFigures[];
  readonly inFlight: number;
}

export interface ApiState {
  /** `group/name`, or `none` for requests that found no API, or `other` for all APIs beyond those told one by one. */
  readonly api: string;
  readonly environment: string;
  /** See `place` in figures.ts. */
  readonly figures: readonly number[];
}

/** How long the handlers of a plugin took at a hook, of the calls that were timed. */
export interface HandlerState {
  readonly plugin: string;
  readonly hook: string;
  readonly calls: number;
  readonly seconds: number;
}

export interface IsolateFigures {
  /** A name, or `other`. */
  readonly function: string;
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
  readonly calls: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** Adds up what several counted. */
export function sum(states: readonly State[]): State {
  return {
    apis: merged(
      states.flatMap(({ apis }) => apis),
      ({ api, environment }) => `${api} ${environment}`,
      (a, b) => ({ ...a, figures: a.figures.map((figure, at) => figure + (b.figures[at] ?? 0)) }),
    ),
    refusals: added(states.map(({ refusals }) => refusals)),
    handlers: merged(
      states.flatMap(({ handlers }) => handlers),
      ({ plugin, hook }) => `${plugin} ${hook}`,
      (a, b) => ({ ...a, calls: a.calls + b.calls, seconds: a.seconds + b.seconds }),
    ),
    isolates: sumIsolates(states.flatMap(({ isolates }) => isolates)),
    inFlight: states.reduce((total, { inFlight }) => total + inFlight, 0),
  };
}

/** The same of a worker that has ended: its counters. */
export function counted(state: State): State {
  return {
    ...state,
    isolates: state.isolates.map((each) => ({ ...each, busy: 0, idle: 0, waiting: 0 })),
    inFlight: 0,
  };
}

export function sumIsolates(all: readonly IsolateFigures[]): readonly IsolateFigures[] {
  return merged(
    all,
    (each) => each.function,
    (a, b) => ({
      function: a.function,
      busy: a.busy + b.busy,
      idle: a.idle + b.idle,
      waiting: a.waiting + b.waiting,
      calls: a.calls + b.calls,
      faults: added([a.faults, b.faults]),
    }),
  );
}

function merged<T>(all: readonly T[], keyOf: (each: T) => string, add: (a: T, b: T) => T): T[] {
  const byKey = new Map<string, T>();
  for (const each of all) {
    const key = keyOf(each);
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? each : add(known, each));
  }
  return [...byKey.values()];
}

function added(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const record of records)
    for (const [name, value] of Object.entries(record)) total[name] = (total[name] ?? 0) + value;
  return total;
}
