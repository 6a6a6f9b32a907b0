import type { Clock, Counters, Exchange, Taken } from '#sdk';
import type { Measure } from './allowance.ts';

/** Counts a request, as `Counters.take` does. */
type Take = (measures: readonly Measure[]) => Taken | Promise<Taken>;

interface WaitingOptions {
  /** Calls that wait at a time. */
  readonly length: number;
  /** How long one waits at most. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly take: Take;
}

/** A call that found a bucket empty. */
interface Waiter {
  readonly measures: readonly Measure[];
  readonly arrivedAt: number;
  /** Undefined: the caller has gone. */
  readonly settle: (taken: Taken | undefined) => void;
  readonly fail: (error: Error) => void;
  line: Line | undefined;
}

/** Calls that wait for one bucket, in the order in which they came. */
interface Line {
  readonly key: string;
  readonly msEach: number;
  waiters: Set<Waiter>;
  /** When the last of them came. */
  lastAt: number;
  timer: NodeJS.Timeout | undefined;
  /** When the first gets its turn, as far as is known. */
  nextAt: number;
  isAsking: boolean;
}

/**
 * Where calls wait for a bucket that is empty, in a line for each bucket. The first of a line takes what the bucket gets
 * back; nobody overtakes. Lines are this process's: they say who is next here, and the counters how many there are at all.
 */
export class WaitingRoom {
  readonly #options: WaitingOptions;
  readonly #lines = new Map<string, Line>();
  #count = 0;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /**
   * Counts a call, now or when its turn comes; refused at once when it cannot come in time.
   * @returns undefined when the caller went away while it waited
   */
  admit(exchange: Exchange, measures: readonly Measure[]): Taken | Promise<Taken | undefined> {
    const line = this.#lineOf(measures);
    if (line !== undefined) {
      return this.#hasRoom(line) ? this.#wait(exchange, measures, line) : this.#refuse(measures, line);
    }
    const taken = this.#options.take(measures);
    return 'then' in taken
      ? taken.then((later) => this.#waitOrNot(exchange, measures, later))
      : this.#waitOrNot(exchange, measures, taken);
  }

  #waitOrNot(
    exchange: Exchange,
    measures: readonly Measure[],
    taken: Taken,
  ): Taken | Promise<Taken | undefined> {
    const measure = measures[taken.refusedBy];
    if (measure?.isBucket !== true) return taken;
    const line = this.#lines.get(measure.key) ?? this.#open(measure, this.#dueAt(taken));
    if (this.#hasRoom(line)) return this.#wait(exchange, measures, line);
    this.#closeIfEmpty(line);
    return taken;
  }

  #lineOf(measures: readonly Measure[]): Line | undefined {
    if (this.#lines.size === 0) return undefined;
    for (const { key, isBucket } of measures) {
      const line = isBucket === true ? this.#lines.get(key) : undefined;
      if (line !== undefined) return line;
    }
    return undefined;
  }

  /** Whether there is a place, and the turn would come in time if nobody else took from the bucket. */
  #hasRoom({ waiters, nextAt, msEach }: Line): boolean {
    const { length, waitMs, clock } = this.#options;
    return this.#count < length && nextAt - clock.now() + waiters.size * msEach <= waitMs;
  }

  /** Looks and takes nothing: next to a limit of nothing, none is counted. */
  #refuse(measures: readonly Measure[], { key }: Line): Taken | Promise<Taken> {
    const refusedBy = measures.findIndex((measure) => measure.key === key);
    const measure = measures[refusedBy];
    if (measure === undefined) throw new TypeError('the line of another call');
    const nothing: Measure = { ...measure, key: `${key}\0nothing`, limit: 0, isBucket: false };
    const told = ({ remaining, resetMs }: Taken): Taken => ({
      refusedBy,
      remaining: remaining.map((left, index) => (index === refusedBy ? 0 : left)),
      resetMs,
    });
    const taken = this.#options.take([...measures, nothing]);
    return 'then' in taken ? taken.then(told) : told(taken);
  }

  #wait(exchange: Exchange, measures: readonly Measure[], line: Line): Promise<Taken | undefined> {
    return new Promise((settle, fail) => {
      const arrivedAt = this.#options.clock.now();
      const waiter: Waiter = { measures, arrivedAt, settle, fail, line: undefined };
      this.#count += 1;
      this.#join(waiter, line);
      exchange.onAbort(() => {
        if (waiter.line === undefined) return;
        this.#leave(waiter);
        settle(undefined);
      });
    });
  }

  #open({ key, limit, periodMs }: Measure, nextAt: number): Line {
    const line: Line = {
      key,
      msEach: periodMs / limit,
      waiters: new Set(),
      lastAt: -Infinity,
      timer: undefined,
      nextAt,
      isAsking: false,
    };
    this.#lines.set(key, line);
    return line;
  }

  #join(waiter: Waiter, line: Line): void {
    line.waiters.add(waiter);
    waiter.line = line;
    // Who came out of another line may have come before some of those here.
    if (waiter.arrivedAt < line.lastAt) {
      line.waiters = new Set([...line.waiters].toSorted((a, b) => a.arrivedAt - b.arrivedAt));
    } else line.lastAt = waiter.arrivedAt;
    if (line.timer === undefined && !line.isAsking) this.#schedule(line);
  }

  #leave(waiter: Waiter): void {
    const { line } = waiter;
    if (line === undefined) return;
    waiter.line = undefined;
    line.waiters.delete(waiter);
    this.#count -= 1;
    if (!line.isAsking) this.#closeIfEmpty(line);
  }

  #closeIfEmpty(line: Line): void {
    if (line.waiters.size > 0) return;
    clearTimeout(line.timer);
    if (this.#lines.get(line.key) === line) this.#lines.delete(line.key);
  }

  #schedule(line: Line): void {
    clearTimeout(line.timer);
    const delayMs = Math.max(1, Math.ceil(line.nextAt - this.#options.clock.now()));
    line.timer = setTimeout(() => {
      line.timer = undefined;
      this.#serve(line);
    }, delayMs);
  }

  /** Lets the first ones through while there is something for them. */
  #serve(line: Line): void {
    for (;;) {
      const [first] = line.waiters;
      if (first === undefined) {
        this.#closeIfEmpty(line);
        return;
      }
      const taken = this.#options.take(first.measures);
      if ('then' in taken) {
        line.isAsking = true;
        taken.then(
          (later) => this.#goOn(line, () => this.#told(line, first, later)),
          (error: Error) => this.#goOn(line, () => this.#failed(first, error)),
        );
        return;
      }
      if (!this.#told(line, first, taken)) return;
    }
  }

  #goOn(line: Line, told: () => boolean): void {
    line.isAsking = false;
    if (told()) this.#serve(line);
  }

  #failed(waiter: Waiter, error: Error): boolean {
    this.#leave(waiter);
    waiter.fail(error);
    return true;
  }

  /** Whether the next one may ask. */
  #told(line: Line, waiter: Waiter, taken: Taken): boolean {
    // Its caller left meanwhile: what was taken for it is lost.
    if (waiter.line !== line) return true;
    const measure = waiter.measures[taken.refusedBy];
    const { clock, waitMs } = this.#options;
    const deadline = waiter.arrivedAt + waitMs;
    if (measure?.isBucket !== true || clock.now() >= deadline) {
      this.#leave(waiter);
      waiter.settle(taken);
      return true;
    }
    const dueAt = Math.min(this.#dueAt(taken), deadline);
    if (measure.key !== line.key) {
      this.#move(waiter, measure, dueAt);
      return true;
    }
    line.nextAt = dueAt;
    this.#schedule(line);
    return false;
  }

  /** What it waited for is there, and something else is not. It keeps its place in time. */
  #move(waiter: Waiter, measure: Measure, dueAt: number): void {
    this.#leave(waiter);
    this.#count += 1;
    this.#join(waiter, this.#lines.get(measure.key) ?? this.#open(measure, dueAt));
  }

  #dueAt({ refusedBy, resetMs }: Taken): number {
    return this.#options.clock.now() + (resetMs[refusedBy] ?? 0);
  }
}

/** The rooms of one configuration: APIs that count together wait together. */
export class WaitingRooms {
  readonly #rooms = new Map<string, WaitingRoom>();

  /** @param partition what the policy's keys begin with */
  of(
    partition: string,
    queue: { readonly length: number; readonly waitMs: number },
    { clock, counters }: { readonly clock: Clock; readonly counters: Counters },
  ): WaitingRoom {
    const found = this.#rooms.get(partition);
    if (found !== undefined) return found;
    const take: Take = (measures) => counters.take(measures, partition);
    const room = new WaitingRoom({ ...queue, clock, take });
    this.#rooms.set(partition, room);
    return room;
  }
}
