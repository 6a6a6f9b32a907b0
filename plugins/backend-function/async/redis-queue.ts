import type { Clock, Log } from '#sdk';
import { type RedisScript, RedisLink, type StorePlan, runScript } from '#sdk/redis';
import type { Bounds, DueCall, NewCall, Outcome, Queue, Taken, Tidied, Wanted } from './queue.ts';
import { addScript, renewScript, settleScript, takeScript, tidyScript } from './redis-scripts.ts';
import { tellRisks } from './redis-risks.ts';

/** What a call takes beside its event: its hash, and its places in sorted sets. */
const rowBytes = 1000;
const mostTidied = 1000;
const connectTimeoutMs = 5000;
const closed = 'the queue is closed';

/** Where the queue is, and how long a gateway may be silent. Holds secrets: never log it. */
export interface RedisPlace {
  readonly store: StorePlan;
  readonly prefix: string;
  readonly leaseMs: number;
  /** Longest wait for an answer. */
  readonly timeoutMs: number;
}

/** A call that was taken and not settled. */
interface Held {
  readonly token: string;
  readonly function: string;
  /** Whether its lease is to be renewed: not when it is settled just now, or somebody else has it. */
  isOurs: boolean;
}

/**
 * Calls in a Redis that gateways share. Whoever takes a call has a lease on it, which is renewed until the call is
 * settled; when that runs out, because its gateway died or hangs, the next one that asks gets the call. Each step is one
 * script, so that no other gateway and no crash comes in between.
 */
export class RedisQueue implements Queue {
  readonly #place: RedisPlace;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #link: RedisLink;
  readonly #base: string;
  readonly #taken = new Map<number, Held>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #renewal: NodeJS.Timeout;
  #isClosed = false;
  #areRisksTold = false;

  constructor(place: RedisPlace, log: Log, clock: Clock) {
    this.#place = place;
    this.#log = log;
    this.#clock = clock;
    this.#base = baseOf(place.prefix);
    const { store, timeoutMs } = place;
    this.#link = new RedisLink(
      {
        store,
        timeoutMs,
        connectTimeoutMs,
        probeKey: `${this.#base}:probe`,
        // A write that a full server takes: it must learn what was done, or it would stay full.
        probe: (client, key) => client.del(key),
        outage: 'the queue of functions is out of reach: calls for later are refused',
        recovery: 'the queue of functions is within reach again',
      },
      log,
    );
    void this.#link.open();
    this.#renewal = setInterval(() => void this.#renew(), place.leaseMs / 3);
  }

  async add(call: NewCall, maxBytes: number): Promise<boolean> {
    const { requestId, function: name, api, environment, timeoutMs = '', event } = call;
    const bytes = Buffer.byteLength(event) + rowBytes;
    const fields = [requestId, name, api, environment, timeoutMs, event];
    return (await this.#run(addScript, [maxBytes, bytes, ...fields])) === 1;
  }

  async take({ now, functions, concurrency }: Wanted): Promise<Taken> {
    const running = new Map<string, number>();
    for (const { function: name } of this.#taken.values()) running.set(name, (running.get(name) ?? 0) + 1);
    const free = functions
      .map((name) => [name, concurrency - (running.get(name) ?? 0)] as const)
      .filter(([, count]) => count > 0);
    if (free.length === 0) return { calls: [], nextDueAt: undefined };
    const answer = await this.#run(takeScript, [this.#place.leaseMs, ...free.flat()]);
    const [waitMs, ...rows] = answer as readonly [number, ...(string | number)[][]];
    const calls = rows.map((row) => {
      const call = toCall(row, now);
      this.#taken.set(call.id, { token: String(row[1]), function: call.function, isOurs: true });
      return call;
    });
    if (!this.#areRisksTold) this.#tellRisks();
    return { calls, nextDueAt: waitMs < 0 ? undefined : now + waitMs };
  }

  async settle(id: number, outcome: Outcome): Promise<void> {
    const held = this.#taken.get(id);
    if (held === undefined) return;
    const { kind, at, attempts, reason } = { at: 0, attempts: 0, reason: '', ...outcome };
    const waitMs = Math.max(0, Math.ceil(at - this.#clock.now()));
    const before = held.isOurs;
    held.isOurs = false;
    try {
      await this.#run(settleScript, [id, held.token, kind, waitMs, attempts, reason]);
      this.#taken.delete(id);
    } finally {
      held.isOurs = before;
    }
  }

  async tidy({ now, bornAfter, deadAfter, deadBytes }: Bounds): Promise<Tidied> {
    const ages = [now - bornAfter, now - deadAfter];
    const answer = await this.#run(tidyScript, [...ages, deadBytes, mostTidied]);
    const [expired, dropped] = answer as [number, number];
    return { expired, dropped };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#renewal);
    await Promise.allSettled(this.#pending);
    // Others need not wait until the leases run out.
    const tokens = this.#tokens();
    if (tokens.length > 0) await this.#ask(renewScript, [0, ...tokens]).catch(() => undefined);
    this.#link.close();
  }

  #run(script: RedisScript, args: readonly (string | number)[]): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new Error(closed));
    const answer = this.#ask(script, args).finally(() => this.#pending.delete(answer));
    this.#pending.add(answer);
    return answer;
  }

  async #ask(script: RedisScript, args: readonly (string | number)[]): Promise<unknown> {
    await this.#link.open();
    return this.#link.ask(`${this.#base}:probe`, async (client) => {
      try {
        return await runScript(client, script, [this.#base], args);
      } catch (error) {
        // It is within reach, and has no room: only `addScript` is told so.
        if (error instanceof Error && error.message.startsWith('OOM')) return 0;
        throw error;
      }
    });
  }

  #tokens(): (string | number)[] {
    return [...this.#taken].flatMap(([id, { token, isOurs }]) => (isOurs ? [id, token] : []));
  }

  /** What fails is tried again well before the lease runs out. */
  async #renew(): Promise<void> {
    const tokens = this.#tokens();
    if (tokens.length === 0) return;
    try {
      const lost = (await this.#run(renewScript, [this.#place.leaseMs, ...tokens])) as string[];
      const taken = lost.map((id) => this.#taken.get(Number(id))).filter((held) => held?.isOurs === true);
      for (const held of taken) if (held !== undefined) held.isOurs = false;
      if (taken.length === 0) return;
      const count = taken.length;
      this.#log.warn({ count }, 'calls of functions were taken over: this gateway was silent for too long');
    } catch {
      // The link has told it.
    }
  }

  #tellRisks(): void {
    this.#areRisksTold = true;
    void this.#link
      .ask(`${this.#base}:probe`, (client) => tellRisks(client, this.#log))
      .catch(() => undefined);
  }
}

/** What the names of all keys of the queue begin with; the braces keep them in one slot of a Cluster. */
export function baseOf(prefix: string): string {
  return `${prefix}{async-calls}`;
}

/** @param row as `takeScript` answers it */
function toCall(row: readonly (string | number)[], now: number): DueCall {
  const [
    id,
    ,
    ageMs,
    attempts,
    requestId = '',
    name = '',
    api = '',
    environment = '',
    timeoutMs,
    event = '',
  ] = row.map(String);
  return {
    id: Number(id),
    attempts: Number(attempts),
    requestId,
    function: name,
    api,
    environment,
    timeoutMs: timeoutMs === '' ? undefined : Number(timeoutMs),
    event,
    // By this machine's clock: its age is what counts.
    acceptedAt: now - Number(ageMs),
  };
}
