import { type Amendment, type Api, type Clock, type Completed, type Published, refusalKinds } from '#sdk';
import { type Figures, count, newFigures } from './figures.ts';
import type { ApiState, HandlerState, State } from './state.ts';

/** How long an API that is gone is still told, so that the last requests are seen by the next scrape. */
const goneMs = 5 * 60_000;
/** Plugins times hooks; an extension that changes its name at each reload must not fill the memory. */
const maxHandlers = 1000;

interface Entry {
  readonly key: string;
  readonly api: string;
  readonly environment: string;
  readonly figures: Figures;
  /** Configurations that publish it and are not disposed yet. */
  holders: number;
  /** When the last of them went. */
  goneAt: number;
  /** It is told no more; requests for it may still end. */
  isForgotten: boolean;
}

interface Handler {
  readonly plugin: string;
  readonly hook: string;
  calls: number;
  seconds: number;
}

/** The APIs that one configuration tells one by one. */
export interface Told {
  readonly entries: ReadonlyMap<Api, ReadonlyMap<string, Entry>>;
  /**
   * Others take the place of some, which requests in flight may still be for until the next time. Nothing else changes, so
   * that one which was not told because there were too many is not told for that either.
   */
  amend(change: Pick<Amendment, 'added' | 'removed'>): void;
  release(): void;
}

const indexOfKind = new Map(Object.keys(refusalKinds).map((kind, index) => [kind, index]));

/** What is counted in this process, whatever configuration is in force. */
export class Counts {
  readonly #clock: Clock;
  readonly #none = newFigures();
  readonly #other = newFigures();
  readonly #entries = new Map<string, Entry>();
  /** Those of them that no configuration has, the longest gone first. */
  readonly #gone = new Set<Entry>();
  readonly #refusals = new Float64Array(indexOfKind.size);
  /** By hook and plugin: of both together a key would have to be made for each call. */
  readonly #handlers = new Map<string, Map<string, Handler>>();
  #handlerCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs for every request. */
  completed(told: Told, notice: Completed): void {
    const { exchange, refusal } = notice;
    const entry = exchange && told.entries.get(exchange.api)?.get(exchange.environment);
    const isOther = entry === undefined || entry.isForgotten;
    count(exchange === undefined ? this.#none : isOther ? this.#other : entry.figures, notice);
    if (refusal === undefined) return;
    const index = indexOfKind.get(refusal.kind);
    if (index !== undefined) this.#refusals[index] = (this.#refusals[index] ?? 0) + 1;
  }

  /** A handler took so long. */
  record(plugin: string, hook: string, ms: number): void {
    const handler = this.#handlers.get(hook)?.get(plugin) ?? this.#addHandler(plugin, hook);
    if (handler === undefined) return;
    handler.calls += 1;
    handler.seconds += ms / 1000;
  }

  #addHandler(plugin: string, hook: string): Handler | undefined {
    if (this.#handlerCount >= maxHandlers) return undefined;
    this.#handlerCount += 1;
    const handler = { plugin, hook, calls: 0, seconds: 0 };
    const ofHook = this.#handlers.get(hook) ?? new Map<string, Handler>();
    this.#handlers.set(hook, ofHook.set(plugin, handler));
    return handler;
  }

  /**
   * Chooses the APIs that a configuration tells one by one, and goes on counting where an earlier one has told them. Those
   * that are told already come first: a series that turns into `other` looks like an API that died.
   */
  hold(published: readonly Published[], most: number): Told {
    const held = new Set<Entry>();
    const entries = new Map<Api, Map<string, Entry>>();
    const tell = ({ api, environment }: Published, entry: Entry): void => {
      entries.set(api, (entries.get(api) ?? new Map<string, Entry>()).set(environment, entry));
      if (held.has(entry)) return;
      held.add(entry);
      entry.holders += 1;
      this.#gone.delete(entry);
    };
    const add = (added: readonly Published[]): void => {
      const others = added.filter((each) => {
        const entry = this.#entries.get(keyOf(each));
        if (entry !== undefined && held.size < most) tell(each, entry);
        return entry === undefined;
      });
      for (const each of others.slice(0, Math.max(0, most - held.size))) tell(each, this.#add(each));
    };
    add(published);

    let left: readonly Published[] = [];
    let isReleased = false;
    return {
      entries,
      amend: ({ added, removed }) => {
        for (const { api } of left) entries.delete(api);
        left = removed;
        const going = new Set<Entry>();
        for (const { api, environment } of removed) {
          const entry = entries.get(api)?.get(environment);
          if (entry !== undefined && held.delete(entry)) going.add(entry);
        }
        add(added);
        // After those that come: the same API in another form goes on being told.
        for (const entry of going) this.#release(entry);
        this.#forget(most);
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        for (const entry of held) this.#release(entry);
        this.#forget(most);
      },
    };
  }

  #add(published: Published): Entry {
    const key = keyOf(published);
    const { api, environment } = published;
    const common = { figures: newFigures(), holders: 0, goneAt: 0, isForgotten: false };
    const entry = { key, api: api.name, environment, ...common };
    this.#entries.set(key, entry);
    return entry;
  }

  state(): Pick<State, 'apis' | 'refusals' | 'handlers'> {
    this.#forget(Infinity);
    const entries = [
      { api: 'none', environment: '', figures: this.#none },
      { api: 'other', environment: '', figures: this.#other },
      ...this.#entries.values(),
    ];
    const apis = entries.map(({ api, environment, figures }): ApiState => ({
      api,
      environment,
      figures: [...figures],
    }));
    const refusals = Object.fromEntries(
      [...indexOfKind].map(([kind, index]) => [kind, this.#refusals[index] ?? 0]),
    );
    const handlers = [...this.#handlers.values()].flatMap((ofHook) =>
      Array.from(ofHook.values(), (each): HandlerState => ({ ...each })),
    );
    return { apis, refusals, handlers };
  }

  #release(entry: Entry): void {
    entry.holders -= 1;
    if (entry.holders > 0) return;
    entry.goneAt = this.#clock.now();
    this.#gone.add(entry);
  }

  /** Lets go of what was never called, is gone for long, or is more than `most`. */
  #forget(most: number): void {
    const before = this.#clock.now() - goneMs;
    for (const entry of this.#gone) if (!entry.figures.some((figure) => figure > 0)) this.#drop(entry);
    for (const entry of this.#gone) {
      if (this.#gone.size <= most && entry.goneAt > before) break;
      this.#drop(entry);
    }
  }

  #drop(entry: Entry): void {
    this.#gone.delete(entry);
    this.#entries.delete(entry.key);
    entry.isForgotten = true;
  }
}

function keyOf({ api, environment }: Published): string {
  return `${api.name} ${environment}`;
}

const byOwner = new WeakMap<object, Counts>();

/** @param owner what all configurations of one gateway share, and no two gateways do */
export function countsOf(owner: object, clock: Clock): Counts {
  const counts = byOwner.get(owner) ?? new Counts(clock);
  byOwner.set(owner, counts);
  return counts;
}
