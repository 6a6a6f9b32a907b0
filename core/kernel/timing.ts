import type { HandlerTiming } from '#sdk';

type Handle<Subject> = (subject: Subject) => unknown;

/** What one who asks wants to know of a handler. */
interface Sampler {
  readonly timing: HandlerTiming;
  /** Calls since the last that was timed. */
  calls: number;
}

/** Tells some calls of a handler to those who ask for it. */
export class Timer {
  readonly #samplers: readonly Sampler[];
  readonly #plugin: string;
  readonly #hook: string;

  constructor(timings: readonly HandlerTiming[], plugin: string, hook: string) {
    this.#plugin = plugin;
    this.#hook = hook;
    // Not all from 0: handlers of APIs that are seldom called would never be timed.
    this.#samplers = timings.map((timing) => ({ timing, calls: Math.floor(Math.random() * timing.every) }));
  }

  /** Counts a call; whether it is one to be timed. */
  isDue(): boolean {
    let isDue = false;
    for (const sampler of this.#samplers) {
      sampler.calls += 1;
      if (sampler.calls >= sampler.timing.every) isDue = true;
    }
    return isDue;
  }

  /** Calls the handler, and tells how long it took to those for whom it was due. */
  time<Subject>(handle: Handle<Subject>, subject: Subject): unknown {
    const due = this.#samplers.filter(({ calls, timing }) => calls >= timing.every);
    for (const sampler of due) sampler.calls = 0;
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
