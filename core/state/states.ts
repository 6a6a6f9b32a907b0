import type { Log } from '#sdk';
import { RedisLink } from '#sdk/redis';
import { LeasedCounters } from './leased-counters.ts';
import { CountKeys, RedisCounters, perPlugin } from './redis-counters.ts';
import { RedisValues } from './redis-values.ts';
import type { HeldState, State } from './state.ts';
import type { StatePlan } from './state-plan.ts';

interface Shared {
  readonly state: State;
  readonly link: RedisLink;
  holds: number;
}

/** The state of a gateway, and the stores that its configurations use: equal sections share one, with its connection. */
export class States {
  readonly #own: State;
  readonly #log: Log;
  readonly #shared = new Map<string, Shared>();

  /** @param own this machine's; also counts while a store is out of reach */
  constructor(own: State, log: Log) {
    this.#own = own;
    this.#log = log;
  }

  /** Nothing is connected before `open`. @param plan undefined for this machine's own state */
  hold(plan: StatePlan | undefined): HeldState {
    if (plan === undefined) return { ...this.#own, open: () => Promise.resolve(), release: () => undefined };
    const identity = JSON.stringify(plan);
    const shared = this.#shared.get(identity) ?? this.#create(plan);
    this.#shared.set(identity, shared);
    shared.holds += 1;
    return {
      ...shared.state,
      open: () => shared.link.open(),
      release: () => {
        shared.holds -= 1;
        if (shared.holds > 0) return;
        this.#shared.delete(identity);
        shared.link.close();
      },
    };
  }

  #create(plan: StatePlan): Shared {
    const link = new RedisLink(
      {
        ...plan,
        probeKey: `${plan.prefix}probe`,
        outage:
          'the shared store is out of reach: this machine counts by itself, and what must not be used twice is refused',
        recovery: 'the shared store is within reach again',
      },
      this.#log,
    );
    const own = this.#own.counters;
    const counters = perPlugin((plugin) => {
      const keys = new CountKeys(plan.prefix, plugin);
      const exact = new RedisCounters(link, keys, own.of(plugin));
      if (plan.counters === 'exact') return exact;
      return new LeasedCounters({ link, keys, own: own.of(plugin), exact, percent: plan.leasePercent });
    });
    const state: State = {
      counters: plan.counters === 'local' ? own : counters,
      ownCounters: own,
      values: new RedisValues(link, plan.prefix),
    };
    return { state, link, holds: 0 };
  }
}
