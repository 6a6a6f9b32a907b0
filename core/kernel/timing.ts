import type { HandlerTiming } from '#sdk';

type Handle<Subject> = (subject: Subject) => unknown;

/** What one who asks wants to know of a handler. */
interface Sampler {
  readonly timing: HandlerTiming;
  /** Calls up to the next that is timed. */
  left: number;
}

/** Tells some calls of a handler to those who ask for it. */
export class Timer {
  readonly #samplers: readonly Sampler[];
  readonly #plugin: string;
  readonly #hook: string;
  /** Calls up to the next that is timed for anybody, now and when that was found out. */
  #left = 0;
  #wait = 0;

  constructor(timings: readonly HandlerTiming[], plugin: string, hook: string) {
    this.#plugin = plugin;
    this.#hook = hook;
    // Not all the same: handlers of APIs that are seldom called would never be timed.
    this.#samplers = timings.map((timing) => ({ timing, left: Math.ceil(Math.random() * timing.every) }));
    this.#takeDue();
  }

  /** Counts a call; whether it is one to be timed. */
  isDue(): boolean {
    this.#left -= 1;
    return this.#left <= 0;
  }

  #takeDue(): Sampler[] {
    for (const sampler of this.#samplers) sampler.left -= this.#wait;
    const due = this.#samplers.filter(({ left }) => left <= 0);
    for (const sampler of due) sampler.left = sampler.timing.every;
    this.#wait = Math.min(...this.#samplers.map(({ left }) => left));
    this.#left = this.#wait;
    return due;
  }

  /** Calls the handler, and tells how long it took to those for whom it was due. */
  time<Subject>(handle: Handle<Subject>, subject: Subject): unknown {
    const due = this.#takeDue();
    const start = performance.now();
    const stop = (): void => {
      const ms = performance.now() - start;
      for (const { timing } of due) this.#tell(timing, ms);
    };
    let answer: unknown;
    try {
      answer = handle(subject);
    } catch (error) {
      stop();
      throw error;
    }
    // Beside the promise that is passed on: its rejection is still the chain's to see.
    if (answer instanceof Promise) answer.then(stop, stop);
    else stop();
    return answer;
  }

  #tell(timing: HandlerTiming, ms: number): void {
    try {
      timing.record(this.#plugin, this.#hook, ms);
    } catch {
      // Whoever looks on must not decide about the request.
    }
  }
}

/** The timer of a handler; null when nobody asks. */
export function timerOf(timings: readonly HandlerTiming[], plugin: string, hook: string): Timer | null {
  return timings.length === 0 ? null : new Timer(timings, plugin, hook);
}

/** A function that is timed where somebody asks; else the function itself. */
export function timed<Subject>(
  timings: readonly HandlerTiming[],
  plugin: string,
  hook: string,
  handle: Handle<Subject>,
): Handle<Subject> {
  const timer = timerOf(timings, plugin, hook);
  if (timer === null) return handle;
  return (subject) => (timer.isDue() ? timer.time(handle, subject) : handle(subject));
}
