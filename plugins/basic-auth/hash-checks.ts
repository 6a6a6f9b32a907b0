import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type ScryptHash, derive } from './scrypt-hash.ts';

/** At a time: each takes a thread, of which a process has four, and up to 128 MiB. */
const maxRunning = 2;
const maxWaiting = 64;
/** Of one name, so that guesses at one are not in the way of others. */
const maxWaitingByName = 8;
const mostKept = 10_000;

export type Verdict = 'right' | 'wrong' | 'busy';

/**
 * Checks passwords against hashes, which take long to compute, each pair once. What is kept outlives a configuration: whether
 * a password fits a hash never changes.
 */
export class HashChecks {
  // Kept under a hash with a key of this process, from which nobody learns a password.
  readonly #key = randomBytes(32);
  readonly #right = new Set<string>();
  // Apart, so that guesses drive out other guesses only.
  readonly #wrong = new Set<string>();
  readonly #asked = new Map<string, Promise<Verdict>>();
  readonly #byName = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** At once where it is known. */
  check(name: string, password: string, hash: ScryptHash): Verdict | Promise<Verdict> {
    const pair = createHmac('sha256', this.#key).update(`${hash.text}\0${password}`).digest('base64');
    if (touch(this.#right, pair)) return 'right';
    if (touch(this.#wrong, pair)) return 'wrong';
    const asked = this.#asked.get(pair);
    if (asked !== undefined) return asked;
    const waiting = this.#byName.get(name) ?? 0;
    if (this.#waiting.length >= maxWaiting || waiting >= maxWaitingByName) return 'busy';
    this.#byName.set(name, waiting + 1);
    const verdict = this.#compute(pair, password, hash).finally(() => {
      this.#asked.delete(pair);
      const left = (this.#byName.get(name) ?? 1) - 1;
      if (left === 0) this.#byName.delete(name);
      else this.#byName.set(name, left);
    });
    this.#asked.set(pair, verdict);
    return verdict;
  }

  async #compute(pair: string, password: string, hash: ScryptHash): Promise<Verdict> {
    if (this.#running >= maxRunning) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      const isRight = timingSafeEqual(await derive(password, hash), hash.hash);
      keep(isRight ? this.#right : this.#wrong, pair);
      return isRight ? 'right' : 'wrong';
    } finally {
      const next = this.#waiting.shift();
      // Whose turn it is takes the place that is left.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** A Set keeps the order of insertion: what was used last comes last. */
function touch(set: Set<string>, member: string): boolean {
  if (!set.delete(member)) return false;
  set.add(member);
  return true;
}

function keep(set: Set<string>, member: string): void {
  set.add(member);
  for (const oldest of set) {
    if (set.size <= mostKept) return;
    set.delete(oldest);
  }
}

const byGateway = new WeakMap<object, HashChecks>();

/** The checks of one gateway, whose log outlives a reload. */
export function checksOf(log: object): HashChecks {
  const checks = byGateway.get(log) ?? new HashChecks();
  byGateway.set(log, checks);
  return checks;
}
