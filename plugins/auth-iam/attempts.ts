import type { Clock } from '#sdk';

/** Failures in a row that are let pass; the next one locks (Huawei: more than five failures lock the AK). */
const allowed = 5;
const lockMs = 5 * 60_000;

/** How many pairs are remembered; the one that was quiet for longest is forgotten. */
const maxPairs = 10_000;

interface Failures {
  count: number;
  lockedUntil: number;
}

/**
 * Counts failures in a row of a caller's name from an address, and locks the pair for a while.
 *
 * The pair and not the name alone: else whoever knows a name could keep its owner out with six requests every five
 * minutes. An IPv6 address counts by its first 64 bits, which is what one customer of a provider has.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #pairs = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isLocked(name: string, address: string): boolean {
    return (this.#pairs.get(pair(name, address))?.lockedUntil ?? 0) > this.#clock.now();
  }

  /** Notes a failure; answers whether it locked the pair. */
  failed(name: string, address: string): boolean {
    const key = pair(name, address);
    const now = this.#clock.now();
    const before = this.#pairs.get(key);
    const isOver = before !== undefined && before.lockedUntil !== 0 && before.lockedUntil <= now;
    const count = (before === undefined || isOver ? 0 : before.count) + 1;
    const lockedUntil = count > allowed ? now + lockMs : 0;
    // Anew at the end: a Map is in the order of insertion, and the first is the one to forget.
    this.#pairs.delete(key);
    const oldest = this.#pairs.size < maxPairs ? undefined : this.#pairs.keys().next().value;
    if (oldest !== undefined) this.#pairs.delete(oldest);
    this.#pairs.set(key, { count, lockedUntil });
    return lockedUntil !== 0;
  }

  succeeded(name: string, address: string): void {
    if (this.#pairs.size > 0) this.#pairs.delete(pair(name, address));
  }
}

function pair(name: string, address: string): string {
  return `${name}\0${networkOf(address)}`;
}

/** The first four groups of an IPv6 address; another address as it is. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}
