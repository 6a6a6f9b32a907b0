import {
  type ChannelUse,
  type HttpTarget,
  type Log,
  type Outbound,
  type RefusalKind,
  type Reply,
  type Timeouts,
  type Clock,
  refuse,
} from '#sdk';
import type { Balancer, PeerSlot } from './balancer.ts';
import type { Calls } from './calls.ts';
import type { Endpoint } from './endpoint.ts';
import type { Algorithm, EjectionConfig } from './options.ts';
import { hashOf } from './hash.ts';
import { type Lane, laneOf } from './peer.ts';

/** RFC 9110 section 9.2.2, as far as the guide retries: sending these twice does no more than sending them once. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** What says something about the member; other refusals are about the request. */
const failures: ReadonlySet<RefusalKind | undefined> = new Set<RefusalKind>([
  'backend-unavailable',
  'backend-timeout',
  'backend-name-unresolved',
]);

/** What all targets of a channel share. */
export interface Spread {
  readonly channel: string;
  readonly algorithm: Algorithm;
  readonly ejection: EjectionConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined where nobody asks how busy a member is. */
  readonly calls: Calls | undefined;
}

/** Sends each request to a member of a channel, and to another one when that fails and it is safe. */
export class ChannelTarget implements HttpTarget {
  readonly origin: string;
  readonly #spread: Spread;
  readonly #balancer: Balancer;
  readonly #lane: Lane;
  readonly #hostHeader: string | undefined;
  readonly #retries: number;

  constructor(spread: Spread, balancer: Balancer, use: ChannelUse) {
    this.#spread = spread;
    this.#balancer = balancer;
    this.#lane = laneOf(use.scheme, use.hostHeader);
    this.#hostHeader = use.hostHeader;
    this.#retries = use.retries < 0 ? 1 : use.retries;
    this.origin = `${use.scheme}://${spread.channel}`;
  }

  async send(outbound: Outbound, timeouts: Timeouts): Promise<Reply> {
    const balancer = this.#balancer;
    const key = this.#keyOf(outbound);
    const host = outbound.host ?? this.#hostHeader ?? outbound.exchange.headers.get('host');
    let slot = balancer.pick(null, key);
    if (slot === undefined) return this.#noMember();
    let tried: Endpoint[] | null = null;
    let isRefused = true;
    for (let left = this.#retries; ; left -= 1) {
      const answer = await this.#attempt(slot, outbound, host, timeouts);
      if (!isFailure(answer)) return answer;
      isRefused &&= isRefusal(answer);
      (tried ??= []).push(slot.endpoint);
      const next: PeerSlot | undefined =
        left > 0 && mayRetry(answer, outbound) ? balancer.pick(tried, key) : undefined;
      if (next === undefined) return isRefused && !balancer.hasOther(tried) ? this.#noMember() : answer;
      slot = next;
    }
  }

  #keyOf(outbound: Outbound): number {
    const { algorithm } = this.#spread;
    if (algorithm === 'source-hash') return hashOf(outbound.exchange.clientAddress);
    return algorithm === 'uri-hash' ? hashOf(outbound.path) : 0;
  }

  async #attempt(
    slot: PeerSlot,
    outbound: Outbound,
    host: string | undefined,
    timeouts: Timeouts,
  ): Promise<Reply> {
    const { exchange } = outbound;
    const { endpoint, peer } = slot;
    const { calls } = this.#spread;
    let answer: Reply | undefined;
    endpoint.begin();
    calls?.begin(exchange, endpoint);
    try {
      const target = peer.target(this.#lane);
      outbound.origin = target.origin;
      outbound.host = host ?? peer.host;
      answer = await target.send(outbound, timeouts);
    } finally {
      if (answer?.refusal !== undefined || answer === undefined) calls?.failed(exchange, endpoint);
      this.#note(slot, answer, exchange.isAborted);
    }
    return answer;
  }

  /** What an attempt says about its member. */
  #note(slot: PeerSlot, answer: Reply | undefined, isAborted: boolean): void {
    const { endpoint, peer } = slot;
    if (answer !== undefined && answer.refusal === undefined) {
      endpoint.succeeded();
      return;
    }
    if (answer === undefined || isAborted || !isFailure(answer)) {
      endpoint.abandoned();
      return;
    }
    const { channel, clock, ejection, log } = this.#spread;
    if (!endpoint.failed(clock, ejection, () => !this.#balancer.hasOther([endpoint]))) return;
    const where = { channel, member: peer.host, address: endpoint.address };
    const { cause } = answer.refusal ?? {};
    log.warn(
      { ...where, cause, seconds: ejection.seconds },
      'a member of a channel is left out: calls to it failed',
    );
  }

  #noMember(): Reply {
    return refuse('backend-no-member', { cause: `channel ${this.#spread.channel}` });
  }
}

/** No connection could be had: the member is as good as not there. */
function isRefusal({ refusal }: Reply): boolean {
  return refusal?.kind === 'backend-unavailable' && refusal.isUnsent === true;
}

function isFailure({ refusal }: Reply): boolean {
  return failures.has(refusal?.kind);
}

/** Never what cannot be sent again as it was, and what may have been done already only where doing it twice is as good. */
function mayRetry({ refusal }: Reply, outbound: Outbound): boolean {
  if (outbound.exchange.isAborted || !outbound.isReplayable) return false;
  return refusal?.isUnsent === true || idempotent.has(outbound.method);
}
