import type { Counters, Values } from '#sdk';

/** Counters of each plugin. */
export interface CounterSource {
  /** The same object each time, so that counts outlive a reload. */
  of(plugin: string): Counters;
}

/** Counters and values, of this machine or shared with others. */
export interface State {
  readonly counters: CounterSource;
  /** This machine's, the same as `counters` where nothing is shared. */
  readonly ownCounters: CounterSource;
  readonly values: Values;
}

/** The state that a configuration was built on. */
export interface HeldState extends State {
  /** Connects to what is shared. Waits for a bounded time; a store that is away is no error. */
  open(): Promise<void>;
  /** To be called once, when the configuration is gone. */
  release(): void;
}
