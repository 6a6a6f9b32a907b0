import type { Clock, MemberState } from '#sdk';
import type { EjectionConfig } from './options.ts';

/**
 * One address of a member, and how it is doing. It outlives a configuration: health, failures and the requests it has
 * in hand are the server's, not the configuration's.
 */
export class Endpoint {
  /** The same for the same server in the same channel, whatever the configuration. */
  readonly id: string;
  readonly address: string;
  readonly port: number;
  health: MemberState['health'] = 'unknown';
  /** Requests that it has not answered to the last byte; counted where an algorithm asks for it. */
  inFlight = 0;
  #failures = 0;
  /** Milliseconds of the clock; undefined when it is not ejected. */
  #ejectedAt: number | undefined;
  #ejectedMs = 0;
  #isTried = false;

  constructor(address: string, port: number) {
    this.id = `${address} ${port}`;
    this.address = address;
    this.port = port;
  }

  get isEjected(): boolean {
    return this.#ejectedAt !== undefined;
  }

  /** Whether it may get a request: an ejected one, once its time is over, gets a single one to show that it is back. */
  isLive(clock: Clock): boolean {
    if (this.health === 'unhealthy') return false;
    if (this.#ejectedAt === undefined) return true;
    if (this.#isTried) return false;
    const passedMs = clock.now() - this.#ejectedAt;
    // A clock that is set back must not make it longer.
    return passedMs >= this.#ejectedMs || passedMs < 0;
  }

  /** It gets a request; one of the three that follow tells how that went. */
  begin(): void {
    if (this.#ejectedAt !== undefined) this.#isTried = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#ejectedAt = undefined;
    this.#isTried = false;
  }

  /** Nobody knows how it would have gone. */
  abandoned(): void {
    this.#isTried = false;
  }

  /**
   * Answers whether this ejects it anew.
   * @param isLast whether no other member is live: the last one is never ejected for failures, only by health checks
   */
  failed(clock: Clock, { failures, seconds }: EjectionConfig, isLast: () => boolean): boolean {
    this.#isTried = false;
    this.#failures += 1;
    if (failures === 0 || this.#failures < failures) return false;
    const wasEjected = this.#ejectedAt !== undefined;
    this.#ejectedAt = isLast() ? undefined : clock.now();
    this.#ejectedMs = seconds * 1000;
    return !wasEjected && this.#ejectedAt !== undefined;
  }
}
