import type { CheckSettings } from './check-settings.ts';
import type { Endpoint } from './endpoint.ts';
import type { Probe, ProbeTarget } from './probe.ts';

/** Checks one server again and again, one check at a time, and tells when its health changes. */
export class Checker {
  readonly #target: ProbeTarget;
  readonly #endpoint: Endpoint;
  readonly #probe: Probe;
  readonly #changed: (reason: string | undefined) => void;
  readonly #stopped = new AbortController();
  #settings: CheckSettings;
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;
  /** Results in a row that say something else than the present health. */
  #streak = 0;

  constructor(
    target: ProbeTarget,
    endpoint: Endpoint,
    settings: CheckSettings,
    probe: Probe,
    changed: (reason: string | undefined) => void,
  ) {
    this.#target = target;
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#probe = probe;
    this.#changed = changed;
    this.#check();
  }

  /** Other settings hold from the next check on; the health stays what it is. */
  update(settings: CheckSettings): void {
    if (settings.text === this.#settings.text) return;
    this.#settings = settings;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), this.#settings.intervalMs);
    this.#timer.unref();
  }

  #check(): void {
    this.#schedule();
    // The timeout is shorter than the interval; where other settings or a busy process bring two together, one is enough.
    if (this.#isChecking) return;
    this.#isChecking = true;
    void this.#probe(this.#target, this.#settings, this.#stopped.signal).then((reason) => {
      this.#isChecking = false;
      if (!this.#stopped.signal.aborted) this.#note(reason);
    });
  }

  #note(reason: string | undefined): void {
    const health = reason === undefined ? 'healthy' : 'unhealthy';
    if (health === this.#endpoint.health) {
      this.#streak = 0;
      return;
    }
    // From `unknown`, a row of good checks may be broken by a failed one, and the other way round.
    const isSame = this.#streak > 0 === (health === 'healthy');
    this.#streak = (isSame ? this.#streak : 0) + (health === 'healthy' ? 1 : -1);
    const { healthyThreshold, unhealthyThreshold } = this.#settings;
    if (Math.abs(this.#streak) < (health === 'healthy' ? healthyThreshold : unhealthyThreshold)) return;
    this.#streak = 0;
    this.#endpoint.health = health;
    this.#changed(reason);
  }
}
