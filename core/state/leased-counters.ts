import type { Counters, Limit, Taken } from '#sdk';
import type { CountKeys } from './redis-counters.ts';
import type { RedisLink } from '#sdk/redis';
import { type Counts, takeCounts } from './redis-take.ts';

/** How many keys are leased at once; requests under further ones are counted exactly, with a round trip each. */
const maxLeases = 1_000_000;

/** What this gateway may still admit under a limit without asking. */
interface Lease {
  left: number;
  /** Taken by all gateways, when the store was last asked; `left` is among it. */
  readonly used: number;
  /** When the window ends, by `performance.now`; counted from before the store was asked, so never too late. */
  readonly until: number;
}

interface LeasedOptions {
  readonly link: RedisLink;
  readonly keys: CountKeys;
  /** This machine's own, for while the store is out of reach. */
  readonly own: Counters;
  readonly exact: Counters;
  readonly percent: number;
}

/**
 * Takes a block of each limit from the store and spends it here. What is taken counts as used, so that all gateways
 * together never admit more than the limit; what one has taken and does not spend in the window is lost.
 */
export class LeasedCounters implements Counters {
  readonly #options: LeasedOptions;
  readonly #leases = new Map<string, Lease>();
  /** Blocks that were asked for: whoever needs one too waits for it. */
  readonly #asked = new Map<string, Promise<Counts | undefined>>();
  #sweepAt = 1000;

  constructor(options: LeasedOptions) {
    this.#options = options;
  }

  take(limits: readonly Limit[], partition = ''): Taken | Promise<Taken> {
    // Two leases of one count would both be spent by a request that is counted once. Of a bucket, what is taken ahead
    // is not there for the others.
    if (hasTwice(limits) || limits.some(({ isBucket }) => isBucket))
      return this.#options.exact.take(limits, partition);
    return this.#spend(limits) ?? this.#lease(limits, partition);
  }

  /** Answers from what there is; undefined when the store has to be asked. */
  #spend(limits: readonly Limit[]): Taken | undefined {
    const now = performance.now();
    let [spent, barred, isLacking] = [-1, -1, false];
    for (const [index, limit] of limits.entries()) {
      const lease = this.#live(limit, now);
      if (limit.limit <= 0) barred = barred < 0 ? index : barred;
      else if (lease === undefined || isLackingIn(lease, limit)) isLacking = true;
      else if (lease.left === 0 && spent < 0) spent = index;
    }
    if (spent >= 0) return this.#told(limits, spent, now);
    if (isLacking) return undefined;
    if (barred >= 0) return this.#told(limits, barred, now);
    for (const limit of limits) {
      const lease = this.#live(limit, now);
      if (lease !== undefined) lease.left -= 1;
    }
    return this.#told(limits, -1, now);
  }

  async #lease(limits: readonly Limit[], partition: string): Promise<Taken> {
    const { link, own, exact } = this.#options;
    for (;;) {
      const taken = this.#spend(limits);
      if (taken !== undefined) return taken;
      if (!link.isUp) return own.take(limits, partition);
      if (this.#isFull()) return exact.take(limits, partition);
      const now = performance.now();
      const lacking = limits.filter((limit) => {
        const lease = this.#live(limit, now);
        return limit.limit <= 0 || lease === undefined || isLackingIn(lease, limit);
      });
      const first = lacking.find((limit) => this.#asked.has(idOf(limit)));
      if (first !== undefined) {
        await this.#asked.get(idOf(first));
        continue;
      }
      // Whoever asked goes on before those who wait for the same, so that each turn admits somebody.
      const counts = await this.#ask(lacking, partition);
      if (counts === undefined) return own.take(limits, partition);
      const refusing = lacking[counts.refusedBy];
      if (refusing !== undefined) return this.#told(limits, limits.indexOf(refusing), performance.now());
    }
  }

  #ask(lacking: readonly Limit[], partition: string): Promise<Counts | undefined> {
    const asking = this.#fetch(lacking, partition);
    // A limit of nothing is a look, and is leased to nobody.
    const ids = lacking.filter(({ limit }) => limit > 0).map(idOf);
    for (const id of ids) this.#asked.set(id, asking);
    return asking;
  }

  async #fetch(lacking: readonly Limit[], partition: string): Promise<Counts | undefined> {
    const { link, keys, percent } = this.#options;
    const base = keys.base(partition);
    const wanted = ({ limit }: Limit): number => Math.max(1, Math.floor((limit * percent) / 100));
    const sentAt = performance.now();
    try {
      const names = lacking.map((limit) => keys.of(base, limit));
      const counts = await link.ask(`${base}probe`, (client) => takeCounts(client, names, lacking, wanted));
      for (const [index, limit] of lacking.entries()) {
        if (limit.limit <= 0) continue;
        const used = counts.used[index] ?? 0;
        const left = counts.refusedBy < 0 ? Math.min(wanted(limit), limit.limit - used) : 0;
        const until = sentAt + (counts.resetMs[index] ?? 0);
        this.#leases.set(idOf(limit), { left, used: used + left, until });
      }
      return counts;
    } catch {
      return undefined;
    } finally {
      for (const limit of lacking) this.#asked.delete(idOf(limit));
    }
  }

  #live(limit: Limit, now: number): Lease | undefined {
    const lease = this.#leases.get(idOf(limit));
    return lease !== undefined && now < lease.until ? lease : undefined;
  }

  #told(limits: readonly Limit[], refusedBy: number, now: number): Taken {
    const remaining: number[] = [];
    const resetMs: number[] = [];
    for (const limit of limits) {
      const lease = this.#live(limit, now);
      remaining.push(Math.max(0, limit.limit - (lease?.used ?? 0)) + (lease?.left ?? 0));
      resetMs.push(lease === undefined ? limit.periodMs : Math.ceil(lease.until - now));
    }
    return { refusedBy, remaining, resetMs };
  }

  /** Forgets what has ended, when there is twice as much as the last time. */
  #isFull(): boolean {
    if (this.#leases.size < this.#sweepAt) return false;
    const now = performance.now();
    for (const [id, { until }] of this.#leases) if (until <= now) this.#leases.delete(id);
    this.#sweepAt = Math.min(maxLeases, Math.max(1000, 2 * this.#leases.size));
    return this.#leases.size >= maxLeases;
  }
}

/** Under another limit the same count is another lease: what was taken under a higher one must not be spent. */
function idOf({ key, limit, periodMs }: Limit): string {
  return `${limit} ${periodMs} ${key}`;
}

/** Whether nothing is in hand, but may be had. */
function isLackingIn({ left, used }: Lease, { limit }: Limit): boolean {
  return left === 0 && used < limit;
}

function hasTwice(limits: readonly Limit[]): boolean {
  for (let at = 1; at < limits.length; at += 1) {
    const one = limits[at];
    for (let before = 0; before < at; before += 1) {
      const other = limits[before];
      if (one?.key === other?.key && one?.periodMs === other?.periodMs) return true;
    }
  }
  return false;
}
