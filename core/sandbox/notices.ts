import type { Completed } from '#sdk';
import type { SandboxedBinding } from './binding.ts';
import type { Cage } from './cage.ts';

const mostHeld = 1000;
const mostAtOnce = 50;
const delayMs = 50;

/** Tells `completed` to a sandboxed plugin, many at once and later: nobody waits for it, and requests come first. */
export class Notices {
  readonly #binding: SandboxedBinding;
  readonly #cage: Cage;
  readonly #held: object[] = [];
  #timer: NodeJS.Timeout | undefined;
  #telling: Promise<void> | undefined;

  constructor(binding: SandboxedBinding, cage: Cage) {
    this.#binding = binding;
    this.#cage = cage;
  }

  add(notice: Completed): void {
    const { exchange } = notice;
    if (exchange === undefined) return;
    if (this.#held.length >= mostHeld || this.#cage.suspendedUntil !== undefined) {
      this.#cage.dropped += 1;
      return;
    }
    this.#held.push(this.#binding.teller.completed(notice, exchange));
    if (this.#held.length >= mostAtOnce) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), delayMs).unref();
  }

  /** Tells all that is held; one call at a time. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
    });
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    while (this.#held.length > 0) {
      if (this.#cage.suspendedUntil !== undefined) {
        this.#cage.dropped += this.#held.splice(0).length;
        return;
      }
      const notices = this.#held.splice(0, mostAtOnce);
      try {
        await this.#binding.call('completed', { notices });
        this.#cage.succeeded('completed');
      } catch (error) {
        this.#cage.dropped += notices.length;
        this.#binding.fault('completed', error);
      }
    }
  }
}
