import type { Clock, Limit, Log, Taken } from '#sdk';
import { Problems } from '../../core/config/check.ts';
import { readConfigText } from '../../core/config/read.ts';
import { MemoryCounters } from '../../core/state/memory-counters.ts';
import { MemoryValues } from '../../core/state/memory-values.ts';
import type { HeldState } from '../../core/state/state.ts';
import { type StatePlan, planState } from '../../core/state/state-plan.ts';
import { States } from '../../core/state/states.ts';

/** A period that does not end while a test runs. */
export const longMs = 36_500 * 86_400_000;

export const limit = (key: string, most: number, periodMs = longMs): Limit => ({
  key,
  limit: most,
  periodMs,
});

/** How a server at this machine's port is used. */
export function planFor(port: number, others: Partial<StatePlan> = {}): StatePlan {
  return {
    store: { kind: 'single', addresses: [{ host: '127.0.0.1', port }] },
    counters: 'exact',
    leasePercent: 5,
    // Long, because two busy cores may make anybody wait.
    timeoutMs: 5000,
    connectTimeoutMs: 5000,
    prefix: 'tapgate:',
    ...others,
  };
}

/** How the server at an address that may have a password is used. */
export function planAt(url: string, prefix: string): StatePlan {
  const text = readConfigText({ 'gateway.yaml': '{}' }, {});
  const { store: _store, ...others } = planFor(0, { prefix });
  const plan = planState({ ...others, store: url }, text, new Problems(text.locate, []));
  if (plan === undefined) throw new Error('REDIS_URL is no address of a Redis');
  return plan;
}

/** The state of a gateway of its own. */
export interface Machine {
  readonly held: HeldState;
  readonly log: { readonly level: string; readonly message: string; readonly error?: unknown }[];
  take(...limits: Limit[]): Promise<Taken>;
}

/** Opens it; to be released with `held`. */
export async function openMachine(
  plan: StatePlan,
  clock: Clock = { now: () => Date.now() },
): Promise<Machine> {
  const log: { level: string; message: string; error?: unknown }[] = [];
  const note =
    (level: string): Log['info'] =>
    (fields, message) =>
      void log.push({ level, message, error: fields['error'] });
  const counters = new MemoryCounters(clock);
  const own = { counters, ownCounters: counters, values: new MemoryValues(clock) };
  const states = new States(own, { info: note('info'), warn: note('warn'), error: note('error') });
  const held = states.hold(plan);
  await held.open();
  const counted = held.counters.of('plugin');
  return { held, log, take: async (...limits) => counted.take(limits) };
}

/** Asks as many times over 64 callers at once; counts who was admitted. */
export async function storm(
  machines: readonly Machine[],
  times: number,
  ...limits: Limit[]
): Promise<number> {
  let left = times;
  let admitted = 0;
  const caller = async (machine: Machine): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { refusedBy } = await machine.take(...limits);
      if (refusedBy < 0) admitted += 1;
    }
  };
  await Promise.all(Array.from({ length: 64 / machines.length }, () => machines.map(caller)).flat());
  return admitted;
}
