import type { Clock } from '#sdk';
import { type Choose, type Position, type Slot, algorithms } from './algorithms.ts';
import type { Endpoint } from './endpoint.ts';
import { hashOf } from './hash.ts';
import type { Algorithm } from './options.ts';
import type { Peer } from './peer.ts';

/** Whose turn it is among the members of a channel, or of a group of it. Outlives a configuration. */
export class Rotation implements Disposable {
  readonly #positions = new Map<string, Position>();
  #shares = '';

  of(id: string): Position {
    const position = this.#positions.get(id) ?? { current: 0 };
    this.#positions.set(id, position);
    return position;
  }

  /** Starts anew where members or weights are other ones than before: old positions would favour somebody for long. */
  continueFor(slots: readonly Slot[]): void {
    const shares = slots.map(({ endpoint, weight }) => `${endpoint.id} ${weight}`).join();
    if (shares === this.#shares) return;
    this.#shares = shares;
    const present = new Set(slots.map(({ endpoint }) => endpoint.id));
    for (const id of this.#positions.keys()) if (!present.has(id)) this.#positions.delete(id);
    for (const { position } of slots) position.current = 0;
  }

  [Symbol.dispose](): void {
    this.#positions.clear();
  }
}

/** A member's address as one configuration uses it. */
export interface PeerSlot extends Slot {
  readonly peer: Peer;
}

/** What a slot is made of. */
export interface Share {
  readonly peer: Peer;
  readonly weight: number;
  readonly isBackup: boolean;
}

/** Chooses members for requests: backups only while no other is live. */
export class Balancer {
  readonly #choose: Choose;
  readonly #rotation: Rotation;
  readonly #clock: Clock;
  #primaries: readonly PeerSlot[] = [];
  #backups: readonly PeerSlot[] = [];
  #isContinued = false;

  constructor(algorithm: Algorithm, rotation: Rotation, clock: Clock) {
    this.#choose = algorithms[algorithm];
    this.#rotation = rotation;
    this.#clock = clock;
  }

  /** @param shares who is enabled; a weight of 0 gets nothing */
  update(shares: readonly Share[]): void {
    const slots = (isBackup: boolean): PeerSlot[] =>
      shares
        .filter((share) => share.weight > 0 && share.isBackup === isBackup)
        .map(({ peer, weight }) => {
          const { endpoint } = peer;
          const seed = hashOf(endpoint.id);
          return { peer, endpoint, weight, position: this.#rotation.of(endpoint.id), seed };
        });
    this.#primaries = slots(false);
    this.#backups = slots(true);
    this.#isContinued = false;
  }

  /** @param key what the hashes go by */
  pick(tried: readonly Endpoint[] | null, key: number): PeerSlot | undefined {
    // Not before: a configuration that never serves must not disturb the one that does.
    if (!this.#isContinued) {
      this.#isContinued = true;
      this.#rotation.continueFor([...this.#primaries, ...this.#backups]);
    }
    return (
      this.#choose(this.#primaries, this.#clock, tried, key) ??
      this.#choose(this.#backups, this.#clock, tried, key)
    );
  }

  /** Whether anybody but these could take a request. */
  hasOther(tried: readonly Endpoint[]): boolean {
    const isOpen = (slot: Slot): boolean =>
      !tried.includes(slot.endpoint) && slot.endpoint.isLive(this.#clock);
    return this.#primaries.some(isOpen) || this.#backups.some(isOpen);
  }
}
