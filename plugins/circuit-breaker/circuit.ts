import { type Trip, type Window, createWindow } from './windows.ts';

export type State = 'closed' | 'open' | 'half-open';

export interface Settings {
  readonly trip: Trip;
  readonly windowMs: number;
  /** How long it stays open, and how long a probe may hold its place. */
  readonly openMs: number;
  /** How many calls a circuit that is half open lets through at a time, and how many of them must succeed. */
  readonly probes: number;
}

/** A call that was let through; tells what became of it. */
export interface Admission {
  /** That of the circuit when it was admitted; what comes back to another state says nothing. */
  readonly generation: number;
  readonly admittedAt: number;
}

export interface Change {
  readonly from: State;
  readonly to: State;
  readonly calls: number;
  readonly failures: number;
}

/** What operators are shown. */
export interface CircuitStatus {
  readonly state: State;
  readonly calls: number;
  readonly failures: number;
  /** How often it opened since it was there. */
  readonly openings: number;
  /** Milliseconds until it is half open; of one that is open. */
  readonly retryInMs: number | undefined;
  readonly probesInFlight: number;
}

/**
 * One circuit of one process: closed until too many calls failed, open for a time, then half open, which lets a few calls
 * through to see. It has no timers: what time changes is done when somebody asks.
 */
export class Circuit {
  readonly settings: Settings;
  readonly #onChange: (change: Change) => void;
  #state: State = 'closed';
  #window: Window;
  #openedAt = 0;
  #openings = 0;
  #successes = 0;
  /** Admitted while it is half open, and not back yet. */
  readonly #probes = new Set<Admission>();
  /** The same for all calls that a closed circuit lets through, as nothing need be told apart. */
  #admission: Admission = { generation: 0, admittedAt: 0 };

  constructor(settings: Settings, onChange: (change: Change) => void) {
    this.settings = settings;
    this.#onChange = onChange;
    this.#window = createWindow(settings.trip, settings.windowMs);
  }

  /** Undefined when no call may be made. */
  admit(now: number): Admission | undefined {
    this.#turn(now);
    if (this.#state === 'closed') return this.#admission;
    if (this.#state === 'open') return undefined;
    this.#forgetLost(now);
    if (this.#probes.size >= this.settings.probes) return undefined;
    const probe = { generation: this.#admission.generation, admittedAt: now };
    this.#probes.add(probe);
    return probe;
  }

  /** What became of a call. */
  settle(admission: Admission, isFailure: boolean, now: number): void {
    this.#turn(now);
    if (admission.generation !== this.#admission.generation) return;
    if (this.#state === 'closed') {
      if (this.#window.add(now, isFailure)) this.#change('open', now);
      return;
    }
    // A probe that took too long to keep its place is no proof of anything.
    if (!this.#probes.delete(admission)) return;
    if (isFailure) this.#change('open', now);
    else if (++this.#successes >= this.settings.probes) this.#change('closed', now);
  }

  /** Nothing became of a call: its caller left, or it never reached a backend. */
  release(admission: Admission): void {
    this.#probes.delete(admission);
  }

  status(now: number): CircuitStatus {
    this.#turn(now);
    this.#forgetLost(now);
    const isOpen = this.#state === 'open';
    return {
      state: this.#state,
      ...this.#window.count(now),
      openings: this.#openings,
      retryInMs: isOpen ? Math.max(0, this.#openedAt + this.settings.openMs - now) : undefined,
      probesInFlight: this.#probes.size,
    };
  }

  /** What time alone changes. */
  #turn(now: number): void {
    const overdue = this.#state === 'closed' ? this.#window.overdue(now) : undefined;
    if (overdue !== undefined) this.#change('open', overdue);
    if (this.#state === 'open' && now >= this.#openedAt + this.settings.openMs)
      this.#change('half-open', now);
  }

  #forgetLost(now: number): void {
    for (const probe of this.#probes)
      if (now >= probe.admittedAt + this.settings.openMs) this.#probes.delete(probe);
  }

  #change(to: State, now: number): void {
    const from = this.#state;
    // A window that is judged at its end is still there just before it.
    const { calls, failures } = this.#window.count(now - 1);
    this.#state = to;
    this.#probes.clear();
    this.#successes = 0;
    this.#admission = { generation: this.#admission.generation + 1, admittedAt: now };
    if (to === 'open') {
      this.#openedAt = now;
      this.#openings += 1;
    }
    if (to !== 'half-open') this.#window = createWindow(this.settings.trip, this.settings.windowMs);
    this.#onChange({ from, to, calls, failures });
  }
}
