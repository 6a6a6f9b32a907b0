import { isIP } from 'node:net';
import type { HttpClient, HttpTarget, TargetLease } from '#sdk';
import type { Endpoint } from './endpoint.ts';
import { authority } from './probe.ts';

/** How requests of an API get to a member. */
export interface Lane {
  readonly scheme: 'http' | 'https';
  /** What the certificate of a member given by address must be for; the address itself when undefined. */
  readonly servername: string | undefined;
  /** The same for lanes that are the same. */
  readonly key: string;
}

export function laneOf(scheme: 'http' | 'https', hostHeader: string | undefined): Lane {
  const servername =
    scheme === 'https' ? hostHeader?.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1') : undefined;
  return { scheme, servername, key: `${scheme} ${servername ?? ''}` };
}

/** A member's address as one configuration uses it, with the connections to it. */
export class Peer {
  readonly endpoint: Endpoint;
  /** `Host` where the caller sent none. */
  readonly host: string;
  readonly #name: string | undefined;
  readonly #client: HttpClient;
  readonly #leases = new Map<string, TargetLease>();

  constructor(member: string, endpoint: Endpoint, client: HttpClient) {
    this.endpoint = endpoint;
    this.host = authority(member, endpoint.port);
    this.#name = isIP(member) === 0 ? member.replace(/\.$/, '') : undefined;
    this.#client = client;
  }

  target(lane: Lane): HttpTarget {
    return (this.#leases.get(lane.key) ?? this.#open(lane)).target;
  }

  release(): void {
    for (const lease of this.#leases.values()) lease.release();
    this.#leases.clear();
  }

  #open({ scheme, servername, key }: Lane): TargetLease {
    const { address, port } = this.endpoint;
    const origin = `${scheme}://${authority(address, port)}`;
    // The name of a member, not what the caller says the host is: that would let the caller choose who is trusted.
    const lease = this.#client.lease(
      origin,
      scheme === 'https' ? (this.#name ?? servername ?? address) : undefined,
    );
    this.#leases.set(key, lease);
    return lease;
  }
}
